// Reclaimer: gives back the space of what nothing refers to any more, and of volumes and extents in
// which little lives. A background service; one a store.
//
// A cycle: advance the reclaim clock; take dead extents and dead shards a step further and purge
// what is due (reclaiming/); gather sparse extents and empty sparse volumes (compaction/). Purging
// comes first: it needs no space, compaction needs some.
//
// Invariants (G1 to G10 of the design notes)
//  1. An extent is purged only after dead -> seen -> grace -> trash -> trash period, by the wall
//     clock and by the reclaimer's own; each step looks again whether anything refers to it.
//  2. Only the Purger destroys, and leaves a line in the log for all it does.
//  3. A cycle that wants to purge unusually much stops and waits for Release().
//  4. Orphans stay while a drive is away, the metadata are frozen (kFrozenSetting), or the scan
//     that found them has not seen all drives to its end (kScanCompletedSetting).
//  5. Reads never change the state of reclaiming.
// How it fails: errors end the cycle; the next one begins anew from what the metadata database
// says.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "chunk_server/chunk_store.h"
#include "metadata_db/metadata_db.h"
#include "model/object_version.h"
#include "object_service/object_service.h"
#include "runtime/clock.h"
#include "runtime/executor.h"
#include "runtime/task.h"

namespace ashlar::lifecycle_worker {

// Present and not empty: metadata were rebuilt or restored; orphans stay until it is cleared.
inline constexpr char kFrozenSetting[] = "reclaim.frozen";

struct ReclaimerOptions {
  Duration grace = std::chrono::hours(24);         // dead extents and moved shards
  Duration trash_period = std::chrono::hours(72);  // behind the grace
  Duration orphan_grace = std::chrono::hours(7 * 24);
  // The brake holds a cycle that wants to purge more than each of the three.
  uint64_t brake_floor_bytes = 64ULL << 30;
  double brake_live_share = 0.01;
  double brake_mean_factor = 3.0;
  // With less than this share of a drive free the trash goes early, oldest first.
  double pressure_free_share = 0.05;
  // Extents and volumes of which at most this share lives are compacted.
  double sparse_live_share = 0.5;
  Duration sparse_age_min = std::chrono::minutes(1);
  uint64_t compaction_bytes_per_second = 64ULL << 20;
  double busy_share = 0.25;               // of the rate, while clients are served
  std::function<bool()> foreground_busy;  // empty: never
};

struct ReclaimStatus {
  struct Waiting {
    model::ReclaimCause cause = model::ReclaimCause::kDeleted;
    model::ReclaimPhase phase = model::ReclaimPhase::kDead;
    uint64_t items = 0;  // extents; single shards for kMoved, kOrphan and failed copies
    uint64_t bytes = 0;  // on the drives
  };
  std::vector<Waiting> waiting;         // none of them empty
  int64_t oldest_waiting_since_ms = 0;  // 0: nothing waits

  uint64_t cycles = 0;
  int64_t last_cycle_ms = 0;  // wall clock
  std::string last_error;     // of the last cycle; empty: it went through
  std::string suspended;      // why the last cycle did nothing (clock); empty: it did
  std::string orphans_stay;   // why; empty: they may go
  bool braked = false;
  uint64_t wanted_bytes = 0;  // what the last cycle wanted to purge
  uint64_t brake_limit_bytes = 0;
  uint64_t refused = 0;  // in the last cycle: something refers to it, or a drive said no
  uint64_t waiting_for_drives = 0;

  // Since the start of the process.
  uint64_t purged_shards = 0;
  uint64_t purged_bytes = 0;
  uint64_t forgotten_extents = 0;
  uint64_t compacted_extents = 0;
  uint64_t compacted_bytes = 0;
  uint64_t removed_volumes = 0;
  uint64_t moved_shards = 0;
  uint64_t moved_bytes = 0;
  uint64_t sparse_extents = 0;  // found by the last pass
  uint64_t live_bytes = 0;      // records of living extents, by the last pass over them
};

class Reclaimer {
 public:
  struct Dependencies {
    metadata_db::MetadataDb& metadata;
    object_service::ObjectService& objects;
    std::vector<chunk_server::ChunkStore*> stores;  // by DriveId
    Clock& clock;
    // A drive that was drained and removed is no part of the store: nobody waits for it.
    std::function<bool(DriveId)> removed = nullptr;  // null: none ever is
  };
  Reclaimer(Dependencies dependencies, ReclaimerOptions options);
  ~Reclaimer();

  // Runs cycles on `executor` until Stop, which is awaited once before destruction (also when it
  // was never started).
  void Start(Executor& executor);
  Task<void> Stop();
  // One cycle, for who has a schedule of his own (simulation, tests). Never beside Start.
  Task<Status> RunCycle();

  // A person has looked at why the brake holds: what the last cycle wanted may be purged.
  // Thread-safe.
  void Release();
  // A person has looked at what a rebuild or restore could not bring back: orphans may go again
  // when their grace is over. Durable.
  Task<Status> Unfreeze();
  // Thread-safe.
  ReclaimStatus GetStatus() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ashlar::lifecycle_worker
