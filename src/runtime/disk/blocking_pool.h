// BlockingPool: threads for system calls that block and are not on the hot path (open, rename,
// directory sync), and for all file operations where there is no io_uring. Private to runtime.
#pragma once

#include <condition_variable>
#include <coroutine>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "base/check.h"
#include "runtime/executor.h"

namespace ashlar {

class BlockingPool {
 public:
  explicit BlockingPool(int threads);
  ~BlockingPool();
  static BlockingPool& Shared();

  // co_await pool.Run(f): runs f on a pool thread, continues on the executor of the caller.
  template <typename Function>
  struct Call {
    BlockingPool* pool;
    Function function;
    Executor* executor = nullptr;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiter) {
      executor = Executor::Current();
      CHECK(executor != nullptr);
      pool->Enqueue([this, waiter] {
        function();
        executor->Post(waiter);
      });
    }
    void await_resume() const noexcept {}
  };
  template <typename Function>
  Call<Function> Run(Function function) {
    return Call<Function>{this, std::move(function)};
  }

 private:
  void Enqueue(std::function<void()> job);
  void Work();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> jobs_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace ashlar
