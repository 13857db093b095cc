// What reclaiming may do and when: pure functions on values. Rules G2 to G8 of the design notes.
//
// Invariants
//  1. A period is over only when the wall clock and the reclaim clock both say so. One alone may
//     jump; a jump forward must not purge, a jump back only delays.
//  2. dead -> seen -> trash -> purge, one step at a time; space pressure shortens the last one
//     only.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "model/object_version.h"
#include "runtime/executor.h"

namespace ashlar::lifecycle_worker {

// Now, as both clocks tell it.
struct ReclaimTime {
  int64_t wall_ms = 0;
  int64_t clock_s = 0;  // ReclaimClock: whole seconds of observed uptime
};

struct ReclaimPeriods {
  Duration grace = std::chrono::hours(24);
  Duration trash = std::chrono::hours(72);
  Duration orphan_grace = std::chrono::hours(7 * 24);
};

// `since_s` was rounded down, so one second more has to pass.
[[nodiscard]] bool PeriodOver(const ReclaimTime& now, int64_t since_ms, int64_t since_s,
                              Duration period);

enum class ExtentStep { kWait, kNote, kTrash, kPurge };
[[nodiscard]] ExtentStep NextStep(const model::ReclaimRecord& record, const ReclaimTime& now,
                                  const ReclaimPeriods& periods);

// The last scan that compared every record of every drive with the rows, and came to its end.
struct CompletedScan {
  int64_t ended_ms = 0;  // wall clock; 0: there was none yet
  int64_t noted_s = 0;   // of the reclaim clock, when the reclaimer heard of it
};
// Was the shard found by that scan or an earlier one? What only a scan has found that is under way,
// or was broken off, stays. Both clocks have to say so: one may have been set.
[[nodiscard]] bool FoundBy(const CompletedScan& scan, const model::DeadShard& shard);

struct OrphanGate {
  bool open = false;  // see WhyOrphansStay
  CompletedScan scan;
};

// kWaitForScan: everything else would let it go.
enum class ShardStep { kWait, kNote, kWaitForScan, kPurge };
[[nodiscard]] ShardStep NextStep(const model::DeadShard& shard, const ReclaimTime& now,
                                 const ReclaimPeriods& periods, const OrphanGate& gate);

// Absence of a row proves nothing while metadata may be incomplete or drives are away.
struct OrphanConditions {
  bool all_drives_online = false;
  bool frozen = false;  // metadata were rebuilt or restored, and nobody has cleared that since
};
// Empty: they may go.
[[nodiscard]] std::string WhyOrphansStay(const OrphanConditions& conditions);

// A trash record that space pressure may purge before its time.
struct EarlyCandidate {
  ExtentId extent;
  int64_t trash_since_ms = 0;
  uint64_t bytes = 0;
  std::vector<std::pair<DriveId, uint64_t>> by_drive;
};
// By drive: how many bytes are wanted back. Oldest first, only what helps a drive in need.
[[nodiscard]] std::vector<ExtentId> ChooseEarly(std::vector<EarlyCandidate> candidates,
                                                std::vector<uint64_t> wanted_by_drive);

struct BrakeOptions {
  uint64_t floor_bytes = 64ULL << 30;
  double live_share = 0.01;
  double mean_factor = 3.0;
};
// Stops a cycle that wants to purge unusually much (G8). Not thread-safe.
class Brake {
 public:
  explicit Brake(BrakeOptions options) : options_(options) {}

  [[nodiscard]] uint64_t Limit(uint64_t live_bytes) const;
  // True: this much must not be purged now.
  [[nodiscard]] bool Holds(uint64_t wanted_bytes, uint64_t live_bytes) const;
  // A person looked at it: what was wanted last may go, on top of the limit.
  void Release() { released_bytes_ = last_wanted_bytes_; }
  // Ends each cycle.
  void CycleEnded(uint64_t wanted_bytes, uint64_t purged_bytes);

 private:
  static constexpr size_t kCyclesRemembered = 32;
  BrakeOptions options_;
  std::deque<uint64_t> purged_;  // of the last cycles that purged something
  uint64_t last_wanted_bytes_ = 0;
  uint64_t released_bytes_ = 0;
};

}  // namespace ashlar::lifecycle_worker
