// DriveStates: the life of the drives of a store.
//
//   active ---Drain---> draining ---its shards have moved away---> removed
//     ^  ^----Activate-----'                                          |
//     '-------------------------Replace (a new, empty drive)----------'
// Whether a drive is online is observed, never stored.
//
// Invariants
//  1. A role is durable before anything follows from it. New shards go to active drives only, and
//     there are always at least k+m of them.
//  2. A drive that was replaced is refilling until every extent that names it has been looked at. A
//     drive that is draining becomes removed only after a whole pass over all extents found none
//     that names it.
//  3. Progress of a refill or drain belongs to one change of the drive (its number); progress of an
//     older one is ignored. Losing progress costs time, never data.
//  4. One change at a time: another one is told kConflict.
// A slow write that began before a drain may still commit a shard on the drive afterwards: it stays
// readable there, the scrubber notes it, and the healer moves it.
// Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "chunk_server/chunk_store.h"
#include "cluster/placement_map.h"
#include "metadata_db/metadata_db.h"
#include "runtime/clock.h"
#include "runtime/executor.h"
#include "runtime/task.h"

namespace ashlar::cluster {

enum class DriveRole : uint8_t { kActive = 0, kDraining = 1, kRemoved = 2 };
[[nodiscard]] const char* DriveRoleName(DriveRole role);

// How far the pass over all extents has come that fills or empties a drive.
struct SweepProgress {
  ExtentId cursor;            // extents up to this one have been seen
  uint64_t shards_total = 0;  // 0: not counted yet
  uint64_t bytes_total = 0;
  uint64_t shards_done = 0;
  uint64_t bytes_done = 0;
  bool operator==(const SweepProgress&) const = default;
};

struct DriveView {
  DriveId drive;
  DriveRole role = DriveRole::kActive;
  bool refilling = false;  // replaced by an empty drive; its shards are being rebuilt
  uint64_t change = 0;     // number of the last change of role or identity
  int64_t changed_ms = 0;  // when that was
  SweepProgress sweep;     // of a refilling or draining drive
  chunk_server::DriveStatus status;
  bool overdue = false;  // offline for longer than the transient wait

  bool online() const { return status.state == chunk_server::DriveState::kOnline; }
  bool readable() const { return status.state != chunk_server::DriveState::kOffline; }
  bool takes_shards() const { return role == DriveRole::kActive && online(); }
};

class DriveStates {
 public:
  using Settings = std::vector<std::pair<std::string, std::string>>;
  struct Dependencies {
    metadata_db::MetadataDb& metadata;
    std::vector<chunk_server::ChunkStore*> stores;  // by DriveId
    std::vector<PlacementTarget> targets;           // by DriveId
    PlacementMap& placement;
    int shards_per_extent = 0;
    Clock& clock;
    // Gives the drive a new identity, committed together with `settings`; then makes it at the
    // drive's path and puts its store in the place of the old one. What it could not finish after
    // its commit the next start of the process continues.
    std::function<Task<Status>(DriveId, Settings)> make_drive;
  };
  // A drive that is away for less than `transient_wait` is expected back.
  DriveStates(Dependencies dependencies, Duration transient_wait);

  // Reads what is stored and sets the placement. Before anything is written to the store.
  Task<Status> Load();

  // A new, empty drive takes the place of one that is lost, and is filled again. kConflict: the
  // drive is there and works.
  Task<Status> Replace(DriveId drive);
  // Takes no new shards from now on; those it has move to others. kConflict: too few active drives
  // would be left.
  Task<Status> Drain(DriveId drive);
  // Breaks off a drain: the drive takes shards again, and a refill that was under way goes on.
  Task<Status> Activate(DriveId drive);

  // All drives, as they are now. Call it now and then: it notices when a drive goes away.
  std::vector<DriveView> View();
  // Drained to its end; it may be taken out of the machine.
  bool IsRemoved(DriveId drive) const;
  const PlacementMap& placement() const { return deps_.placement; }

  // ---- for the healer; `change` as it was in the view, anything else is kConflict
  Task<Status> SaveSweep(DriveId drive, uint64_t change, SweepProgress progress);
  Task<Status> FinishSweep(DriveId drive, uint64_t change);

 private:
  struct Entry {
    DriveRole role = DriveRole::kActive;
    bool refilling = false;
    uint64_t change = 0;
    int64_t changed_ms = 0;
    SweepProgress sweep;
    int64_t offline_since_ns = -1;
  };
  class Turn;

  Task<Status> LoadDrive(size_t index);
  Task<Status> Save(DriveId drive, Entry entry);
  Result<Entry> Find(DriveId drive) const;
  Status SetPlacement();
  size_t ActiveCount() const;
  static std::string EncodeEntry(const Entry& entry);

  const Dependencies deps_;
  const int64_t transient_wait_ns_;
  mutable std::mutex mutex_;
  std::vector<Entry> entries_;  // by DriveId
  bool changing_ = false;
};

}  // namespace ashlar::cluster
