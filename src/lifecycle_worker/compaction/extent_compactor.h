// ExtentCompactor: gathers what lives of sparse extents into new ones, so that the old ones die.
//
// Invariants
//  1. New extents are durable before anything refers to them; a referrer gets its new slices only
//     if it still holds those that were found (one transaction). Who changed meanwhile is left out.
//  2. The old extent dies by itself, when the last slice has gone, and waits like any other: a
//     reader that began before goes on.
// A crash before the commit leaves shards without a row (orphans). Extents that cannot be read now
// are left alone for a while.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "lifecycle_worker/compaction/throttle.h"
#include "metadata_db/extent_catalog.h"
#include "object_service/object_service.h"
#include "runtime/clock.h"
#include "runtime/task.h"

namespace ashlar::lifecycle_worker {

struct ExtentCompactorOptions {
  double live_share_max = 0.5;  // extents of which more lives are left alone (at most 0.5)
  Duration age_min = std::chrono::minutes(1);
  Duration retry_after = std::chrono::minutes(10);
};
struct ExtentCompactionCount {
  uint64_t extents = 0;     // emptied, as far as nobody was faster
  uint64_t bytes = 0;       // of data, moved
  uint64_t sparse = 0;      // found in the last pass
  uint64_t unreadable = 0;  // left alone for now
};

class ExtentCompactor {
 public:
  ExtentCompactor(metadata_db::MetadataDb& metadata, object_service::ObjectService& objects,
                  Clock& clock, Throttle& throttle, ExtentCompactorOptions options)
      : metadata_(metadata),
        catalog_(metadata),
        objects_(objects),
        clock_(clock),
        throttle_(throttle),
        options_(options) {}

  // One pass over the sparse extents, until done or `time_max` is over. kNoSpace and kOverloaded
  // end it early.
  Task<Status> Run(Duration time_max, const std::atomic<bool>& stopping,
                   ExtentCompactionCount* count);

 private:
  // Sparse extents that will share a new one.
  struct Group {
    std::vector<ExtentId> extents;
    std::vector<model::Slice> runs;
    std::vector<metadata_db::ExtentReferrer> referrers;
    uint64_t bytes = 0;
  };
  bool IsDue(const metadata_db::ExtentUse& use) const;
  // Adds the extent; true when the group is full.
  Task<Result<bool>> Collect(ExtentId id, Group* group);
  Task<Status> Flush(Group group, const std::atomic<bool>& stopping, ExtentCompactionCount* count);
  Task<Status> Move(Group group, ExtentCompactionCount* count);

  metadata_db::MetadataDb& metadata_;
  metadata_db::ExtentCatalog catalog_;
  object_service::ObjectService& objects_;
  Clock& clock_;
  Throttle& throttle_;
  ExtentCompactorOptions options_;
  ExtentId cursor_;
  std::map<ExtentId, int64_t> failed_;  // until when they are left alone, monotonic
};

}  // namespace ashlar::lifecycle_worker
