#include "chunk_server/tests/sim_executor.h"

#include <algorithm>

namespace ashlar::chunk_server {

void SimExecutor::Post(std::coroutine_handle<> handle) {
  ready_.push_back([handle] { handle.resume(); });
}

void SimExecutor::PostFunction(std::function<void()> function) {
  ready_.push_back(std::move(function));
}

void SimExecutor::PostAfter(Duration delay, std::coroutine_handle<> handle) {
  PostFunctionAfter(delay, [handle] { handle.resume(); });
}

void SimExecutor::PostFunctionAfter(Duration delay, std::function<void()> function) {
  timers_.emplace(std::pair(now_ + delay.count(), order_++), std::move(function));
}

bool SimExecutor::Step() {
  if (ready_.empty()) {
    if (timers_.empty()) return false;
    const auto first = timers_.begin();
    now_ = std::max(now_, first->first.first);
    ready_.push_back(std::move(first->second));
    timers_.erase(first);
  }
  const std::function<void()> next = std::move(ready_.front());
  ready_.pop_front();
  next();
  return true;
}

void SimExecutor::Run(Task<void> task) {
  static constexpr auto kWrap = [](Task<void> inner) -> Task<bool> {
    co_await inner;
    co_return true;
  };
  Run(kWrap(std::move(task)));
}

}  // namespace ashlar::chunk_server
