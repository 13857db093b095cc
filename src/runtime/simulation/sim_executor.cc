// Time, order and chance of a simulation.
#include "runtime/sim_executor.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace ashlar {

SimRandom::SimRandom(uint64_t seed) {
  for (uint64_t& word : state_) {
    seed += 0x9e3779b97f4a7c15ULL;
    uint64_t z = (seed ^ (seed >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    word = z ^ (z >> 31);
  }
}

uint64_t SimRandom::Draw() {
  const uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

void SimRandom::Fill(MutableByteSpan out) {
  while (!out.empty()) {
    const uint64_t word = Draw();
    const size_t count = std::min(out.size(), sizeof word);
    std::memcpy(out.data(), &word, count);
    out = out.subspan(count);
  }
}

void SimExecutor::Post(std::coroutine_handle<> handle) {
  ready_.push_back({.handle = handle, .function = {}});
}

void SimExecutor::PostFunction(std::function<void()> function) {
  ready_.push_back({.handle = {}, .function = std::move(function)});
}

void SimExecutor::PostAfter(Duration delay, std::coroutine_handle<> handle) {
  AddTimer(delay, {.handle = handle, .function = {}});
}

void SimExecutor::PostFunctionAfter(Duration delay, std::function<void()> function) {
  AddTimer(delay, {.handle = {}, .function = std::move(function)});
}

void SimExecutor::AddTimer(Duration delay, Work work) {
  timers_.push_back({.due = now_ + delay.count(), .order = order_++, .work = std::move(work)});
  std::push_heap(timers_.begin(), timers_.end());
}

bool SimExecutor::Step() {
  if (ready_.empty()) {
    if (timers_.empty()) return false;
    std::pop_heap(timers_.begin(), timers_.end());
    now_ = std::max(now_, timers_.back().due);
    ready_.push_back(std::move(timers_.back().work));
    timers_.pop_back();
    hash_.Mix(static_cast<uint64_t>(now_));
  }
  if (random_ && ready_.size() > 1) {
    const uint64_t chosen = random_->Below(ready_.size());
    hash_.Mix(chosen);
    std::swap(ready_.front(), ready_[chosen]);
  }
  ++steps_;
  const Work next = std::move(ready_.front());
  ready_.pop_front();
  if (next.handle) {
    next.handle.resume();
  } else {
    next.function();
  }
  return true;
}

void SimExecutor::Run(Task<void> task) {
  static constexpr auto kWrap = [](Task<void> inner) -> Task<bool> {
    co_await inner;
    co_return true;
  };
  Run(kWrap(std::move(task)));
}

}  // namespace ashlar
