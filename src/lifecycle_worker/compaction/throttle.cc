#include "lifecycle_worker/compaction/throttle.h"

#include <algorithm>

namespace ashlar::lifecycle_worker {
namespace {

constexpr Duration kPauseMax = std::chrono::milliseconds(100);

}  // namespace

Throttle::Throttle(Clock& clock, ThrottleOptions options)
    : clock_(clock),
      options_(std::move(options)),
      credit_(static_cast<double>(options_.bytes_per_second)),
      refilled_at_ns_(clock.MonotonicNanoseconds()) {}

void Throttle::Refill() {
  const int64_t now_ns = clock_.MonotonicNanoseconds();
  const double seconds = static_cast<double>(now_ns - refilled_at_ns_) / 1e9;
  refilled_at_ns_ = now_ns;
  const bool busy = options_.foreground_busy && options_.foreground_busy();
  const auto rate = static_cast<double>(options_.bytes_per_second);
  credit_ = std::min(rate, credit_ + seconds * rate * (busy ? options_.busy_share : 1.0));
}

Task<void> Throttle::Take(uint64_t bytes, const std::atomic<bool>& stopping) {
  Refill();
  while (credit_ < 0 && !stopping.load(std::memory_order_relaxed)) {
    Sleep pause(kPauseMax);
    co_await pause;
    Refill();
  }
  credit_ -= static_cast<double>(bytes);
}

}  // namespace ashlar::lifecycle_worker
