#include "admin/readiness.h"

#include <utility>

namespace ashlar::admin {

Readiness::Readiness(Probe probe, Duration ttl, Duration timeout, Clock& clock)
    : probe_(std::move(probe)), ttl_(ttl), timeout_(timeout), clock_(clock) {}

Task<Status> Readiness::Check() {
  const auto waiter = std::make_shared<Waiter>();
  bool start = false;
  {
    const std::lock_guard lock(mutex_);
    if (last_.has_value() && clock_.MonotonicNanoseconds() - last_at_ < ttl_.count()) {
      co_return *last_;
    }
    waiters_.push_back(waiter);
    start = !std::exchange(running_, true);
  }
  Executor& here = *Executor::Current();
  if (start) scope_.Spawn(here, RunProbe());
  here.PostFunctionAfter(timeout_, [weak = std::weak_ptr<Waiter>(waiter)] {
    if (const auto late = weak.lock()) {
      late->Answer(Status(Code::kDeadlineExceeded, "the probe has not come back in time"));
    }
  });
  Status status = co_await waiter->answer;
  const std::lock_guard lock(mutex_);
  std::erase(waiters_, waiter);  // still there when it was late
  co_return status;
}

Task<void> Readiness::RunProbe() {
  Status status = co_await probe_();
  std::vector<std::shared_ptr<Waiter>> waiters;
  {
    const std::lock_guard lock(mutex_);
    last_ = status;
    last_at_ = clock_.MonotonicNanoseconds();
    running_ = false;
    waiters.swap(waiters_);
  }
  for (const auto& waiter : waiters) waiter->Answer(status);
}

Task<void> Readiness::Shutdown() { co_await scope_.Join(); }

}  // namespace ashlar::admin
