// Executor: where coroutines run. One a core in production (EventLoop), one for everything in a
// simulation. A coroutine stays on its executor unless it says `co_await SwitchTo(other)`.
//
// Concurrency: Post may be called from any thread; everything else only on the executor itself.
#pragma once

#include <chrono>
#include <coroutine>
#include <cstdint>
#include <functional>
#include <utility>

#include "base/status.h"
#include "runtime/deadline.h"
#include "runtime/task.h"

namespace ashlar {

using Duration = std::chrono::nanoseconds;

class Executor {
 public:
  virtual ~Executor() = default;

  // Resumes `handle` on this executor, soon, in the order of posting. Never inline.
  virtual void Post(std::coroutine_handle<> handle) = 0;
  // Runs `function` on this executor. For the rare cases that are not a coroutine.
  virtual void PostFunction(std::function<void()> function) = 0;
  // Resumes `handle` once `delay` has passed (monotonic time).
  virtual void PostAfter(Duration delay, std::coroutine_handle<> handle) = 0;
  // Runs `function` once `delay` has passed; dropped without running when the executor ends first.
  virtual void PostFunctionAfter(Duration delay, std::function<void()> function) = 0;

  // The time that its timers go by.
  virtual int64_t MonotonicNanoseconds();

  // The executor that runs the calling thread; null outside of one.
  static Executor* Current();

 protected:
  static void SetCurrent(Executor* executor);

 private:
  friend class Deadline;
  DeadlineQueue deadlines_{*this};
};

// co_await SwitchTo(executor): go on over there. Free when already there.
struct SwitchTo {
  explicit SwitchTo(Executor& executor) : executor(executor) {}
  Executor& executor;
  bool await_ready() const noexcept { return Executor::Current() == &executor; }
  void await_suspend(std::coroutine_handle<> handle) const { executor.Post(handle); }
  void await_resume() const noexcept {}
};

// co_await Yield(): let others on this executor run first.
struct Yield {
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) const { Executor::Current()->Post(handle); }
  void await_resume() const noexcept {}
};

// co_await Sleep(duration).
struct Sleep {
  explicit Sleep(Duration delay) : delay(delay) {}
  Duration delay;
  bool await_ready() const noexcept { return delay.count() <= 0; }
  void await_suspend(std::coroutine_handle<> handle) const {
    Executor::Current()->PostAfter(delay, handle);
  }
  void await_resume() const noexcept {}
};

}  // namespace ashlar
