// What coroutines wait with: OneShot (a value set once, from any thread), WhenAll, and TaskScope
// (owner of background tasks).
//
// A waiter always continues on the executor on which it began to wait; setters may be on any
// thread.
#pragma once

#include <atomic>
#include <coroutine>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/check.h"
#include "runtime/executor.h"
#include "runtime/task.h"

namespace ashlar {

// Set once, awaited once. Lives where the waiter can see it until both are done; the setter touches
// nothing of it after Set returned the waiter to its executor.
template <typename T>
class OneShot {
 public:
  OneShot() = default;
  OneShot(const OneShot&) = delete;
  OneShot& operator=(const OneShot&) = delete;

  // From any thread, once.
  void Set(T value) {
    value_.emplace(std::move(value));
    // A waiter that is there stays suspended until the Post, so its fields are safe to read; when
    // there is none yet, nothing of *this may be touched after the exchange.
    if (state_.exchange(kSet, std::memory_order_acq_rel) == kWaiting) executor_->Post(waiter_);
  }
  bool IsSet() const { return state_.load(std::memory_order_acquire) == kSet; }

  bool await_ready() const noexcept { return IsSet(); }
  bool await_suspend(std::coroutine_handle<> waiter) noexcept {
    waiter_ = waiter;
    executor_ = Executor::Current();
    CHECK(executor_ != nullptr);
    uint8_t expected = kEmpty;
    return state_.compare_exchange_strong(expected, kWaiting, std::memory_order_acq_rel);
  }
  T await_resume() { return std::move(*value_); }

 private:
  enum : uint8_t { kEmpty, kWaiting, kSet };
  std::atomic<uint8_t> state_{kEmpty};
  std::optional<T> value_;
  std::coroutine_handle<> waiter_;
  Executor* executor_ = nullptr;
};

struct Unit {};

namespace internal {

// A coroutine that starts at once and destroys itself at its end.
struct FireAndForget {
  struct promise_type : PooledFrame {
    FireAndForget get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    [[noreturn]] void unhandled_exception() noexcept { std::abort(); }
  };
};

struct WhenAllState {
  explicit WhenAllState(size_t count) : remaining(count + 1) {}
  std::atomic<size_t> remaining;
  OneShot<Unit> done;
  void Arrive() {
    if (remaining.fetch_sub(1, std::memory_order_acq_rel) == 1) done.Set(Unit{});
  }
};

template <typename T>
FireAndForget RunOne(Task<T> task, std::optional<T>* result, WhenAllState* state) {
  {
    const Task<T> owned = std::move(task);
    result->emplace(co_await owned);
  }
  state->Arrive();
}

}  // namespace internal

// Starts all tasks on the calling executor, waits for all of them; results in the order given.
template <typename T>
Task<std::vector<T>> WhenAll(std::vector<Task<T>> tasks) {
  static_assert(!std::is_void_v<T>, "let the tasks return Status");
  internal::WhenAllState state(tasks.size());
  std::vector<std::optional<T>> slots(tasks.size());
  for (size_t i = 0; i < tasks.size(); ++i) {
    internal::RunOne(std::move(tasks[i]), &slots[i], &state);
  }
  state.Arrive();
  co_await state.done;
  std::vector<T> results;
  results.reserve(slots.size());
  for (auto& slot : slots) results.push_back(std::move(*slot));
  co_return results;
}

// Owns background tasks. Its owner must `co_await scope.Join()` before it is destroyed. Spawn from
// any thread; the task runs on the executor given.
class TaskScope {
 public:
  TaskScope() = default;
  ~TaskScope() { CHECK(joined_ || active_.load() == 1); }

  void Spawn(Executor& executor, Task<void> task) {
    active_.fetch_add(1, std::memory_order_relaxed);
    Run(this, &executor, std::move(task));
  }
  size_t active() const { return active_.load(std::memory_order_relaxed) - 1; }

  // Waits until every spawned task is done. Nothing may be spawned after it returned.
  Task<void> Join() {
    Finish();
    co_await done_;
    joined_ = true;
  }

 private:
  static internal::FireAndForget Run(TaskScope* scope, Executor* executor, Task<void> task) {
    SwitchTo there(*executor);
    co_await there;
    {
      const Task<void> owned = std::move(task);
      co_await owned;
    }
    scope->Finish();
  }
  void Finish() {
    if (active_.fetch_sub(1, std::memory_order_acq_rel) == 1) done_.Set(Unit{});
  }

  std::atomic<size_t> active_{1};
  OneShot<Unit> done_;
  bool joined_ = false;
};

}  // namespace ashlar
