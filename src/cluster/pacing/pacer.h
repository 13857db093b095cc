// Pacer: how fast background work may go. A token bucket of bytes a second that gives way to
// requests of clients, and the rate that was reached.
//
// Who takes bytes waits until they are due; while `foreground_busy` says so, only a fraction of the
// rate is given out. Thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <utility>

#include "runtime/clock.h"
#include "runtime/executor.h"
#include "runtime/task.h"

namespace ashlar::cluster {

class Pacer {
 public:
  Pacer(Clock& clock, uint64_t bytes_per_second, std::function<bool()> foreground_busy,
        double busy_fraction);

  void SetRate(uint64_t bytes_per_second);
  // Returns when `bytes` may be moved; at once after Stop.
  Task<void> Take(uint64_t bytes);
  // Everybody who waits goes on.
  void Stop();
  // Bytes a second that were taken during the last ten seconds.
  double Rate() const;

 private:
  Clock& clock_;
  const std::function<bool()> foreground_busy_;
  const double busy_fraction_;
  mutable std::mutex mutex_;
  double rate_;
  bool stopped_ = false;
  int64_t free_at_ns_;  // when everything given out so far has been used up
  mutable std::deque<std::pair<int64_t, uint64_t>> taken_;  // by tenths of a second
};

}  // namespace ashlar::cluster
