// VolumeUsage: which volumes the extent table names, and with how many bytes. Made by a pass over
// all extents, kept in memory only: a volume is a few dozen bytes here.
//
// The pass is not a snapshot: it says what is worth doing, never what is safe. The chunk store
// looks at the records themselves before it removes anything.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "metadata_db/extent_catalog.h"
#include "model/extent.h"
#include "runtime/task.h"

namespace ashlar::lifecycle_worker {

class VolumeUsage {
 public:
  struct Use {
    uint64_t shards = 0;         // that extent rows name
    uint64_t live_bytes = 0;     // of records whose extent is not dead
    uint64_t waiting_bytes = 0;  // of records whose extent waits to be purged
  };
  void Add(const model::Extent& extent, bool waiting);
  [[nodiscard]] Use Of(DriveId drive, uint32_t volume) const;
  // Records of extents that are not dead, on all drives.
  [[nodiscard]] uint64_t live_bytes() const { return live_bytes_; }

 private:
  std::map<std::pair<uint16_t, uint32_t>, Use> uses_;
  uint64_t live_bytes_ = 0;
};

// `waiting`: ids of dead extents, ascending. kCancelled when `stopping` became true.
Task<Result<VolumeUsage>> SurveyVolumes(metadata_db::ExtentCatalog& catalog,
                                        const std::vector<ExtentId>& waiting,
                                        const std::atomic<bool>& stopping);

}  // namespace ashlar::lifecycle_worker
