// Task<T>: our one coroutine type. Lazy: it starts when awaited; the awaiter gets the value.
//
// Invariants
//  1. A Task is awaited at most once, by one awaiter, and is destroyed after it finished or before
//     it started. Who starts a Task waits for it: nothing runs detached except what a TaskScope or
//     Executor::Spawn owns.
//  2. A child that finishes without suspending continues its parent without growing the stack, so
//     loops over ready work are safe at every optimisation level. (Parent and child settle by one
//     atomic exchange who continues: the child may finish on another thread.)
//  3. Exceptions do not cross a Task: one that escapes ends the process.
#pragma once

#include <atomic>
#include <coroutine>
#include <cstdlib>
#include <optional>
#include <utility>

#include "base/check.h"
#include "runtime/frame_pool.h"

namespace ashlar {

template <typename T>
class Task;

namespace internal {

struct TaskPromiseBase : PooledFrame {
  std::coroutine_handle<> continuation;
  // Set by whichever of "parent suspended" and "child finished" comes first.
  std::atomic<bool> settled{false};

  struct FinalAwaiter {
    bool await_ready() noexcept { return false; }
    template <typename Promise>
    void await_suspend(std::coroutine_handle<Promise> handle) noexcept {
      TaskPromiseBase& promise = handle.promise();
      // The first of the two to arrive leaves; the second one resumes the parent.
      if (promise.settled.exchange(true, std::memory_order_acq_rel)) promise.continuation.resume();
    }
    void await_resume() noexcept {}
  };

  std::suspend_always initial_suspend() noexcept { return {}; }
  FinalAwaiter final_suspend() noexcept { return {}; }
  [[noreturn]] void unhandled_exception() noexcept { std::abort(); }
};

template <typename T>
struct TaskPromise : TaskPromiseBase {
  std::optional<T> value;
  Task<T> get_return_object();
  template <typename U>
  void return_value(U&& result) {
    value.emplace(std::forward<U>(result));
  }
};

template <>
struct TaskPromise<void> : TaskPromiseBase {
  Task<void> get_return_object();
  void return_void() {}
};

}  // namespace internal

template <typename T = void>
class [[nodiscard]] Task {
 public:
  using promise_type = internal::TaskPromise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  Task() = default;
  explicit Task(Handle handle) : handle_(handle) {}
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    if (this != &other) {
      if (handle_) handle_.destroy();
      handle_ = std::exchange(other.handle_, nullptr);
    }
    return *this;
  }
  ~Task() {
    if (handle_) handle_.destroy();
  }

  bool valid() const { return static_cast<bool>(handle_); }

  struct Awaiter {
    Handle handle;
    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> parent) noexcept {
      handle.promise().continuation = parent;
      handle.resume();
      // True: the child is still running and will resume us. False: it has finished, go on.
      return !handle.promise().settled.exchange(true, std::memory_order_acq_rel);
    }
    T await_resume() {
      if constexpr (!std::is_void_v<T>) {
        CHECK(handle.promise().value.has_value());
        return std::move(*handle.promise().value);
      }
    }
  };
  Awaiter operator co_await() const& noexcept {
    CHECK(handle_);
    return Awaiter{handle_};
  }

 private:
  Handle handle_;
};

template <typename T>
Task<T> internal::TaskPromise<T>::get_return_object() {
  return Task<T>(std::coroutine_handle<TaskPromise<T>>::from_promise(*this));
}
inline Task<void> internal::TaskPromise<void>::get_return_object() {
  return Task<void>(std::coroutine_handle<TaskPromise<void>>::from_promise(*this));
}

}  // namespace ashlar
