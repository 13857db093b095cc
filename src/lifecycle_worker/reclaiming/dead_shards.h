// DeadShards: single shard records that no extent row names. Moved ones (rebuilt elsewhere, or
// copied by a compaction that lost a race) wait for the grace period, orphans for their longer one.
//
// Invariants
//  1. That no row names the place is confirmed twice, one grace apart: when the row was written,
//     and in a transaction right before the purge (G6).
//  2. Orphans go only while all drives are online and the metadata are not frozen, and after a scan
//     of all drives has come to its end that saw them (or a later one).
#pragma once

#include <cstdint>
#include <vector>

#include "lifecycle_worker/reclaiming/dead_extents.h"
#include "lifecycle_worker/reclaiming/decisions.h"
#include "lifecycle_worker/reclaiming/purger.h"
#include "metadata_db/extent_catalog.h"
#include "runtime/task.h"

namespace ashlar::lifecycle_worker {

class DeadShards {
 public:
  DeadShards(metadata_db::MetadataDb& metadata, Purger& purger)
      : catalog_(metadata), purger_(purger) {}

  // A pass over all rows: notes those that are new, finds those that are due.
  Task<Status> Survey(ReclaimTime now, ReclaimPeriods periods, OrphanGate gate);
  // Of the last Survey. Phase: kDead until noted, then kSeen.
  const WaitingTable& waiting() const { return waiting_; }
  uint64_t due_bytes() const { return due_bytes_; }
  bool more_is_due() const { return more_is_due_; }
  uint64_t waiting_for_scan() const { return waiting_for_scan_; }
  // Purges what the last Survey found due (at most kDueMax).
  Task<Status> PurgeDue(PurgeCount* count);

  static constexpr size_t kDueMax = 16'384;

 private:
  Task<Status> PurgeSome(std::vector<model::DeadShard> shards, PurgeCount* count);

  metadata_db::ExtentCatalog catalog_;
  Purger& purger_;
  WaitingTable waiting_;
  std::vector<model::DeadShard> due_;
  uint64_t due_bytes_ = 0;
  uint64_t waiting_for_scan_ = 0;
  bool more_is_due_ = false;
};

}  // namespace ashlar::lifecycle_worker
