#include "cluster/pacing/pacer.h"

#include <algorithm>

namespace ashlar::cluster {
namespace {

constexpr int64_t kBurstNs = 100'000'000;
constexpr int64_t kWindowNs = 10'000'000'000;
constexpr int64_t kStepNs = 100'000'000;

void DropOld(std::deque<std::pair<int64_t, uint64_t>>* taken, int64_t now) {
  while (!taken->empty() && taken->front().first < now - kWindowNs) taken->pop_front();
}

}  // namespace

Pacer::Pacer(Clock& clock, uint64_t bytes_per_second, std::function<bool()> foreground_busy,
             double busy_fraction)
    : clock_(clock),
      foreground_busy_(std::move(foreground_busy)),
      busy_fraction_(std::clamp(busy_fraction, 0.01, 1.0)),
      rate_(static_cast<double>(std::max<uint64_t>(bytes_per_second, 1))),
      free_at_ns_(clock.MonotonicNanoseconds()) {}

void Pacer::SetRate(uint64_t bytes_per_second) {
  const std::lock_guard lock(mutex_);
  rate_ = static_cast<double>(std::max<uint64_t>(bytes_per_second, 1));
}

void Pacer::Stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
}

Task<void> Pacer::Take(uint64_t bytes) {
  const bool busy = foreground_busy_ && foreground_busy_();
  int64_t due;
  {
    const std::lock_guard lock(mutex_);
    const int64_t now = clock_.MonotonicNanoseconds();
    const double rate = busy ? rate_ * busy_fraction_ : rate_;
    due = std::max(free_at_ns_, now - kBurstNs);
    free_at_ns_ = due + static_cast<int64_t>(static_cast<double>(bytes) * 1e9 / rate);
    DropOld(&taken_, now);
    if (taken_.empty() || taken_.back().first < now - kStepNs) taken_.emplace_back(now, 0);
    taken_.back().second += bytes;
  }
  while (true) {
    const int64_t now = clock_.MonotonicNanoseconds();
    {
      const std::lock_guard lock(mutex_);
      if (stopped_ || now >= due) co_return;
    }
    Sleep pause(std::chrono::nanoseconds(std::min(due - now, kStepNs)));
    co_await pause;
  }
}

double Pacer::Rate() const {
  const std::lock_guard lock(mutex_);
  const int64_t now = clock_.MonotonicNanoseconds();
  DropOld(&taken_, now);
  if (taken_.empty()) return 0;
  uint64_t sum = 0;
  for (const auto& [when, bytes] : taken_) sum += bytes;
  const int64_t span = std::max(now - taken_.front().first, int64_t{1'000'000'000});
  return static_cast<double>(sum) * 1e9 / static_cast<double>(span);
}

}  // namespace ashlar::cluster
