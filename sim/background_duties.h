// Background duties: what the product does by itself while clients work: healing, scrubbing,
// reclaiming with compaction (`--duties`). Put together as src/server does, with periods so short
// that every history sees all of their steps.
//
// Healer and scrubber run on their own; reclaiming cycles are begun by the history. Any of it may
// fail: it is the checkers who judge what is left behind. Start once, Stop once.
#pragma once

#include <memory>
#include <vector>

#include "chunk_server/chunk_store.h"
#include "cluster/drive_states.h"
#include "cluster/healer.h"
#include "cluster/scrubber.h"
#include "lifecycle_worker/reclaimer.h"
#include "metadata_db/extent_catalog.h"
#include "object_service/object_service.h"
#include "runtime/buffer_pool.h"
#include "runtime/sim_executor.h"

namespace ashlar::sim {

inline constexpr Duration kReclaimGrace = std::chrono::seconds(2);

// What they did in one life of the process.
struct DutyCounts {
  uint64_t shards_healed = 0;
  uint64_t shards_purged = 0;
  uint64_t extents_compacted = 0;
  uint64_t volumes_removed = 0;
  DutyCounts& operator+=(const DutyCounts& other);
};

class BackgroundDuties {
 public:
  struct Dependencies {
    metadata_db::MetadataDb& metadata;
    object_service::ObjectService& objects;
    std::vector<chunk_server::ChunkStore*> stores;  // by DriveId
    cluster::PlacementMap& placement;
    const erasure_encoder::ErasureEncoder& encoder;
    BufferPool& buffers;
    SimExecutor& executor;
  };
  explicit BackgroundDuties(Dependencies dependencies);

  Task<Status> Start();
  Task<void> Stop();
  Task<Status> ReclaimCycle() { return reclaimer_.RunCycle(); }
  Task<Status> ScrubRound() { return scrubber_.StartRound(); }
  bool Idle() const { return healer_.Status().idle && !scrubber_.GetStatus().running; }
  DutyCounts Counts() const;

 private:
  SimExecutor& executor_;
  metadata_db::ExtentCatalog catalog_;
  cluster::DriveStates drives_;
  cluster::Healer healer_;
  cluster::Scrubber scrubber_;
  lifecycle_worker::Reclaimer reclaimer_;
  bool started_ = false;
};

}  // namespace ashlar::sim
