// SimExecutor: one thread, virtual time. Runs coroutines for tests until nothing is left to do, or
// one step at a time, so that a test can stop the world between any two steps.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <utility>

#include "base/check.h"
#include "runtime/clock.h"
#include "runtime/executor.h"
#include "runtime/task.h"

namespace ashlar::chunk_server {

class SimExecutor final : public Executor, public Clock {
 public:
  // The thread's executor from now on; worlds may nest.
  SimExecutor() : outer_(Executor::Current()) { SetCurrent(this); }
  ~SimExecutor() override { SetCurrent(outer_); }

  void Post(std::coroutine_handle<> handle) override;
  void PostFunction(std::function<void()> function) override;
  void PostAfter(Duration delay, std::coroutine_handle<> handle) override;
  void PostFunctionAfter(Duration delay, std::function<void()> function) override;

  int64_t WallMilliseconds() override { return 1'700'000'000'000 + now_ / 1'000'000; }
  int64_t MonotonicNanoseconds() override { return now_; }
  void Advance(Duration by) { now_ += by.count(); }

  // Resumes one thing; time jumps to the next timer when nothing else is ready. False: nothing
  // left.
  bool Step();
  void RunUntilIdle() {
    while (Step()) {
    }
  }

  // Runs until `task` is done and gives its value. Background work may be left over.
  template <typename T>
  T Run(Task<T> task) {
    std::optional<T> value;
    Start(std::move(task), &value);
    while (!value.has_value()) CHECK(Step());
    return std::move(*value);
  }
  void Run(Task<void> task);
  // Starts `task`; its value appears in `out`.
  template <typename T>
  void Start(Task<T> task, std::optional<T>* out) {
    Launch(std::move(task), out);
  }

 private:
  struct Detached {
    struct promise_type {
      Detached get_return_object() { return {}; }
      std::suspend_never initial_suspend() noexcept { return {}; }
      std::suspend_never final_suspend() noexcept { return {}; }
      void return_void() {}
      [[noreturn]] void unhandled_exception() noexcept { std::abort(); }
    };
  };
  template <typename T>
  static Detached Launch(Task<T> task, std::optional<T>* out) {
    const Task<T> owned = std::move(task);
    out->emplace(co_await owned);
  }

  Executor* const outer_;
  int64_t now_ = 1'000'000'000;
  uint64_t order_ = 0;
  std::deque<std::function<void()>> ready_;
  std::map<std::pair<int64_t, uint64_t>, std::function<void()>> timers_;
};

}  // namespace ashlar::chunk_server
