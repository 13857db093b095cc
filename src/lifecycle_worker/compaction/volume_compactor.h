// VolumeCompactor: gives back the space of volumes in which little lives.
//
// A sealed volume of which at most half lives is emptied: each living shard is read (verified),
// written again on the same drive with the next generation, and its extent row moved to the copy;
// the old record becomes a dead shard and waits like any other. A volume that no row names any more
// is removed as soon as the chunk store finds nothing alive in it.
//
// Invariants
//  1. The copy is durable before the row names it, and a row is moved only if it still names what
//     was copied. What could not be moved stays where it is.
//  2. Only the Purger removes.
// A crash between copy and move leaves an orphan. A damaged shard is left to the healer, which
// moves it.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "chunk_server/chunk_store.h"
#include "lifecycle_worker/compaction/throttle.h"
#include "lifecycle_worker/compaction/volume_usage.h"
#include "lifecycle_worker/reclaiming/purger.h"
#include "metadata_db/extent_catalog.h"
#include "runtime/task.h"

namespace ashlar::lifecycle_worker {

struct VolumeCompactionCount {
  uint64_t volumes_removed = 0;
  uint64_t shards_moved = 0;
  uint64_t bytes_moved = 0;  // of bodies
};

// Worth emptying? `allocated_bytes`: what its file takes of the drive.
[[nodiscard]] bool IsSparse(const VolumeUsage::Use& use, uint64_t allocated_bytes,
                            double live_share_max);

class VolumeCompactor {
 public:
  VolumeCompactor(metadata_db::MetadataDb& metadata, std::vector<chunk_server::ChunkStore*> stores,
                  Purger& purger, Throttle& throttle, double live_share_max)
      : metadata_(metadata),
        catalog_(metadata),
        stores_(std::move(stores)),
        purger_(purger),
        throttle_(throttle),
        live_share_max_(live_share_max) {}

  // Removes what can be removed and empties what is sparse. Trouble with one drive does not keep
  // the others from their turn; the first error is returned at the end.
  Task<Status> Run(const VolumeUsage& usage, const std::vector<ExtentId>& waiting,
                   const std::atomic<bool>& stopping, VolumeCompactionCount* count);

 private:
  struct Copy;
  Task<Status> CompactDrive(chunk_server::ChunkStore* store, const VolumeUsage& usage,
                            const std::vector<ExtentId>& waiting, const std::atomic<bool>& stopping,
                            VolumeCompactionCount* count);
  Task<Status> EmptyVolume(chunk_server::ChunkStore* store, uint32_t volume,
                           const std::vector<ExtentId>& waiting, const std::atomic<bool>& stopping,
                           VolumeCompactionCount* count);
  Task<Status> MoveSome(chunk_server::ChunkStore* store, std::vector<Copy> copies,
                        VolumeCompactionCount* count);
  Task<Result<metadata_db::ShardMove>> CopyShard(chunk_server::ChunkStore* store,
                                                 metadata_db::ExtentPtr extent, uint8_t shard);
  Task<Status> NoteDamage(const Copy& copy, Code code);

  metadata_db::MetadataDb& metadata_;
  metadata_db::ExtentCatalog catalog_;
  std::vector<chunk_server::ChunkStore*> stores_;
  Purger& purger_;
  Throttle& throttle_;
  double live_share_max_;
};

}  // namespace ashlar::lifecycle_worker
