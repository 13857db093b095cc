// Background duties: what the product does by itself while clients work (`--duties`): healing,
// scrubbing, reclaiming with compaction, the metadata journal; and the drives' lives. Put together
// as src/server does, with periods so short that every history sees all of their steps.
//
// Healer and scrubber run on their own; reclaiming cycles and rounds of the journal are begun by
// the history. Any of it may fail: it is the checkers who judge what is left behind. Load once,
// before the store is written to; then Start once, Stop once.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "chunk_server/chunk_store.h"
#include "cluster/drive_states.h"
#include "cluster/healer.h"
#include "cluster/scrubber.h"
#include "lifecycle_worker/metadata_journal.h"
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
  uint64_t drives_replaced = 0;
  uint64_t drives_drained = 0;
  uint64_t journal_rounds = 0;  // that ended well
  DutyCounts& operator+=(const DutyCounts& other);
};

class BackgroundDuties {
 public:
  struct Dependencies {
    metadata_db::OrderedStore& rows;
    metadata_db::MetadataDb& metadata;
    object_service::ObjectService& objects;
    std::vector<chunk_server::ChunkStore*> stores;  // by DriveId
    cluster::PlacementMap& placement;
    const erasure_encoder::ErasureEncoder& encoder;
    BufferPool& buffers;
    SimExecutor& executor;
    Random& random;
    // As cluster::DriveStates wants it.
    std::function<Task<Status>(DriveId, cluster::DriveStates::Settings)> make_drive;
    Duration heal_wait{};
    std::vector<std::string> journaled_settings;
  };
  explicit BackgroundDuties(Dependencies dependencies);

  Task<Status> Load() { return drives_.Load(); }
  void Start();
  Task<void> Stop();
  Task<Status> ReclaimCycle() { return reclaimer_.RunCycle(); }
  Task<Status> ScrubRound() { return scrubber_.StartRound(); }
  Task<Status> JournalRound();
  // As `ashlar admin drive` does.
  Task<Status> Replace(DriveId drive);
  Task<Status> Drain(DriveId drive);
  Task<Status> Activate(DriveId drive) { return drives_.Activate(drive); }
  std::vector<cluster::DriveView> Drives() { return drives_.View(); }
  bool Idle() const { return healer_.Status().idle && !scrubber_.GetStatus().running; }
  DutyCounts Counts() const;

 private:
  SimExecutor& executor_;
  metadata_db::ExtentCatalog catalog_;
  cluster::DriveStates drives_;
  cluster::Healer healer_;
  cluster::Scrubber scrubber_;
  lifecycle_worker::Reclaimer reclaimer_;
  lifecycle_worker::MetadataJournal journal_;
  DutyCounts counts_;  // those that nobody else counts
  bool started_ = false;
};

}  // namespace ashlar::sim
