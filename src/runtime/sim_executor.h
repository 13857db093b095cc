// SimExecutor: one thread, virtual time, order from a seed. Runs coroutines until nothing is left
// to do, or one step at a time, so that a test can stop the world between any two steps.
//
// Invariants
//  1. Without a seed ready work runs in the order of posting; with one the next is drawn from all
//     that is ready. Either way the same program makes the same steps.
//  2. Time stands still while something is ready, then jumps to the next timer.
// Single-threaded. The wall clock is the virtual time behind a fixed date.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "base/check.h"
#include "runtime/clock.h"
#include "runtime/executor.h"
#include "runtime/task.h"

namespace ashlar {

// Chance from a seed: xoshiro256** (Blackman and Vigna, 2018), seeded by SplitMix64.
class SimRandom final : public Random {
 public:
  explicit SimRandom(uint64_t seed);
  void Fill(MutableByteSpan out) override;
  uint64_t Draw();
  // 0 .. bound-1; bound > 0.
  uint64_t Below(uint64_t bound) { return Draw() % bound; }
  // from .. to, both included.
  uint64_t Between(uint64_t from, uint64_t to) { return from + Below(to - from + 1); }
  bool Chance(double probability) {
    return static_cast<double>(Draw() >> 11) * 0x1p-53 < probability;
  }

 private:
  uint64_t state_[4];
};

// A running hash of whatever a simulation decides and sees, to compare two runs.
class RunHash {
 public:
  void Mix(uint64_t value) {
    hash_ = (hash_ ^ value) * 0x9e3779b97f4a7c15ULL;
    hash_ ^= hash_ >> 32;
  }
  uint64_t value() const { return hash_; }

 private:
  uint64_t hash_ = 0x243f6a8885a308d3ULL;
};

class SimExecutor final : public Executor, public Clock {
 public:
  // The thread's executor from now on; worlds may nest.
  SimExecutor() : outer_(Executor::Current()) { SetCurrent(this); }
  explicit SimExecutor(uint64_t seed) : SimExecutor() { random_.emplace(seed); }
  ~SimExecutor() override { SetCurrent(outer_); }

  void Post(std::coroutine_handle<> handle) override;
  void PostFunction(std::function<void()> function) override;
  void PostAfter(Duration delay, std::coroutine_handle<> handle) override;
  void PostFunctionAfter(Duration delay, std::function<void()> function) override;

  int64_t WallMilliseconds() override { return 1'700'000'000'000 + now_ / 1'000'000; }
  int64_t MonotonicNanoseconds() override { return now_; }  // of Executor and Clock
  void Advance(Duration by) { now_ += by.count(); }

  // Resumes one thing; time jumps to the next timer when nothing else is ready. False: nothing
  // left.
  bool Step();
  void RunUntilIdle() {
    while (Step()) {
    }
  }
  uint64_t steps() const { return steps_; }
  RunHash& hash() { return hash_; }

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
  // One of the two.
  struct Work {
    std::coroutine_handle<> handle;
    std::function<void()> function;
  };
  struct Timer {
    int64_t due = 0;
    uint64_t order = 0;
    Work work;
    bool operator<(const Timer& other) const {  // the earliest is on top of the heap
      return std::pair(due, order) > std::pair(other.due, other.order);
    }
  };
  void AddTimer(Duration delay, Work work);

  Executor* const outer_;
  std::optional<SimRandom> random_;
  RunHash hash_;
  int64_t now_ = 1'000'000'000;
  uint64_t order_ = 0;
  uint64_t steps_ = 0;
  std::deque<Work> ready_;
  std::vector<Timer> timers_;  // a heap
};

}  // namespace ashlar
