// DeadExtents: takes extents without references through dead -> seen -> trash -> purged ->
// forgotten.
//
// Invariants
//  1. Each step is a transaction that looks again (ExtentCatalog); right before the purge it is
//     looked at once more. Anything that refers to the extent stops it and is reported.
//  2. The extent's row stays until every shard is gone: a drive that is away keeps it waiting.
// A crash between any two steps repeats the last one: purging what is gone is done already.
#pragma once

#include <array>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "lifecycle_worker/reclaiming/decisions.h"
#include "lifecycle_worker/reclaiming/purger.h"
#include "metadata_db/extent_catalog.h"
#include "runtime/task.h"

namespace ashlar::lifecycle_worker {

inline constexpr size_t kReclaimCauses = 8;
inline constexpr size_t kReclaimPhases = 3;

struct WaitingCount {
  uint64_t items = 0;  // extents, or single shards
  uint64_t bytes = 0;  // of their records on the drives
};
// What waits, and why: [cause][phase].
struct WaitingTable {
  std::array<std::array<WaitingCount, kReclaimPhases>, kReclaimCauses> counts;
  int64_t oldest_since_ms = 0;  // 0: nothing waits
  void Add(model::ReclaimCause cause, model::ReclaimPhase phase, uint64_t bytes, int64_t since_ms);
};

struct PurgeCount {
  uint64_t extents = 0;
  uint64_t shards = 0;
  uint64_t bytes = 0;
  uint64_t refused = 0;  // shards or extents that somebody said no to
  uint64_t waiting_for_drives = 0;
};

// Bytes of the extent's records on all drives.
[[nodiscard]] uint64_t StoredBytes(const model::Extent& extent);

class DeadExtents {
 public:
  DeadExtents(metadata_db::MetadataDb& metadata, Purger& purger)
      : metadata_(metadata), catalog_(metadata), purger_(purger) {}

  // A pass over all records: takes the steps that are due, but the last, and finds what is due to
  // be purged. `wanted_by_drive`: bytes that drives under space pressure want back.
  Task<Status> Survey(ReclaimTime now, ReclaimPeriods periods,
                      std::vector<uint64_t> wanted_by_drive);

  // Of the last Survey.
  const WaitingTable& waiting() const { return waiting_; }
  // Extents that wait, ascending; complete unless there are more than kWaitingIdsMax.
  const std::vector<ExtentId>& waiting_ids() const { return waiting_ids_; }
  uint64_t due_bytes() const { return due_bytes_; }
  bool more_is_due() const { return more_is_due_; }

  // Purges what the last Survey found due (at most kDueMax extents).
  Task<Status> PurgeDue(PurgeCount* count);

  static constexpr size_t kDueMax = 4096;
  static constexpr size_t kWaitingIdsMax = 1'000'000;

 private:
  struct Due {
    metadata_db::ExtentPtr extent;
    model::ReclaimCause cause = model::ReclaimCause::kDeleted;
  };
  Task<Status> SurveyPage(std::vector<model::ReclaimRecord> records, ReclaimTime now,
                          ReclaimPeriods periods, bool pressed);
  Task<Status> Advance(std::vector<model::ReclaimRecord> records, model::ReclaimPhase to,
                       int64_t clock_s);
  void AddDue(metadata_db::ExtentPtr extent, model::ReclaimCause cause);
  Task<Status> PurgeSome(std::vector<Due> due, PurgeCount* count);
  // Ok: nothing refers to it.
  Task<Status> LookAgain(ExtentId id);

  metadata_db::MetadataDb& metadata_;
  metadata_db::ExtentCatalog catalog_;
  Purger& purger_;
  WaitingTable waiting_;
  std::vector<ExtentId> waiting_ids_;
  std::vector<Due> due_;
  uint64_t due_bytes_ = 0;
  bool more_is_due_ = false;
  std::vector<EarlyCandidate> early_;
  std::unordered_map<ExtentId, model::ReclaimCause> early_cause_;
  // Shards of extents that wait for a drive, so that the others are not purged again each time.
  std::unordered_map<ExtentId, uint32_t> purged_shards_;
  uint64_t refused_ = 0;
};

}  // namespace ashlar::lifecycle_worker
