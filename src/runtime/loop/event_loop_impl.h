// One loop of the group: Asio for sockets and timers, a ring for files. Private to runtime.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <optional>
#include <thread>
#include <unordered_set>

#include "runtime/disk/uring.h"
#include "runtime/executor.h"

namespace ashlar {

class TcpStream;

class EventLoop final : public Executor {
 public:
  EventLoop();
  ~EventLoop() override;

  // On the CPU of this number among those of the process, if there is one.
  void Start(std::optional<size_t> cpu);
  void StopAndJoin();

  void Post(std::coroutine_handle<> handle) override;
  void PostFunction(std::function<void()> function) override;
  void PostAfter(Duration delay, std::coroutine_handle<> handle) override;
  void PostFunctionAfter(Duration delay, std::function<void()> function) override;

  boost::asio::io_context& io() { return io_; }
  // Null when the kernel gave us no io_uring: callers use the blocking pool.
  Uring* ring() { return ring_.get(); }
  // Coarse time for timeouts, nanoseconds, advanced once a sweep.
  int64_t sweep_time() const { return sweep_time_; }
  // Streams whose deadlines the sweep watches. Only on the loop.
  void Watch(TcpStream* stream) { streams_.insert(stream); }
  void Unwatch(TcpStream* stream) { streams_.erase(stream); }

  static EventLoop* CurrentLoop();

 private:
  void Run();
  void ScheduleSweep();

  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  boost::asio::steady_timer sweep_timer_;
  int64_t sweep_time_ = 0;
  std::unordered_set<TcpStream*> streams_;
  std::unique_ptr<Uring> ring_;
  std::thread thread_;
};

}  // namespace ashlar
