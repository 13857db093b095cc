// Throttle: how fast background work may move bytes, and less while clients are being served.
//
// A bucket of one second's worth. Whoever takes more than it holds waits until the debt is paid, so
// one large piece is followed by a long pause, not by a refusal. One user at a time.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

#include "runtime/clock.h"
#include "runtime/executor.h"
#include "runtime/task.h"

namespace ashlar::lifecycle_worker {

struct ThrottleOptions {
  uint64_t bytes_per_second = 64ULL << 20;
  double busy_share = 0.25;               // of the rate, while clients are served
  std::function<bool()> foreground_busy;  // empty: never
};

class Throttle {
 public:
  Throttle(Clock& clock, ThrottleOptions options);
  // Before `bytes` are moved. Ends early when `stopping` becomes true.
  Task<void> Take(uint64_t bytes, const std::atomic<bool>& stopping);

 private:
  void Refill();

  Clock& clock_;
  ThrottleOptions options_;
  double credit_;
  int64_t refilled_at_ns_;
};

}  // namespace ashlar::lifecycle_worker
