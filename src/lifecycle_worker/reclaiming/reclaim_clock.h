// ReclaimClock: seconds of uptime that the reclaimer has seen itself. Nobody can set it.
//
// Invariants
//  1. It advances by the monotonic clock while the process runs, and never otherwise. What was not
//     saved before a crash is lost: it can only be behind.
//  2. It is saved before a row may carry its value.
// A wall clock that jumped against the monotonic one since the last tick is reported, once.
#pragma once

#include <cstdint>

#include "base/status.h"
#include "lifecycle_worker/reclaiming/decisions.h"
#include "metadata_db/metadata_db.h"
#include "runtime/clock.h"
#include "runtime/task.h"

namespace ashlar::lifecycle_worker {

inline constexpr char kReclaimClockSetting[] = "reclaim.clock";
inline constexpr int64_t kClockJumpMsMax = 60'000;

// A whole number in a setting; `absent` when it was never set. kCorrupt when it is none.
Task<Result<uint64_t>> ReadNumberSetting(metadata_db::MetadataDb& metadata, std::string name,
                                         uint64_t absent);

class ReclaimClock {
 public:
  ReclaimClock(metadata_db::MetadataDb& metadata, Clock& clock)
      : metadata_(metadata), clock_(clock) {}

  // Once, before Tick.
  Task<Status> Load();
  struct Tick {
    ReclaimTime now;
    int64_t jump_ms = 0;  // of the wall clock, when more than kClockJumpMsMax; else 0
  };
  // Advances and saves.
  Task<Result<Tick>> Advance();

 private:
  metadata_db::MetadataDb& metadata_;
  Clock& clock_;
  int64_t saved_s_ = 0;
  int64_t observed_ns_ = 0;
  int64_t last_monotonic_ns_ = 0;
  int64_t last_wall_ms_ = 0;
};

}  // namespace ashlar::lifecycle_worker
