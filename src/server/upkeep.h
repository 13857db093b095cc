// Upkeep: what keeps the store whole in the background, built and run together: states of the
// drives, healer, scrubber.
#pragma once

#include <memory>

#include "cluster/drive_states.h"
#include "cluster/healer.h"
#include "cluster/scrubber.h"
#include "erasure_encoder/erasure_encoder.h"
#include "metadata_db/extent_catalog.h"
#include "metadata_db/metadata_db.h"
#include "runtime/buffer_pool.h"
#include "runtime/event_loop.h"
#include "server/drive_registry.h"
#include "server/options.h"

namespace ashlar::server {

// Requests are being answered: background work takes less.
[[nodiscard]] bool ClientsAreServed();

class Upkeep {
 public:
  struct Dependencies {
    EventLoopGroup& loops;
    const ServerOptions& options;
    metadata_db::MetadataDb& metadata;
    OpenedDrives& drives;
    std::vector<cluster::PlacementTarget> targets;  // by DriveId
    cluster::PlacementMap& placement;
    const erasure_encoder::ErasureEncoder& encoder;
    BufferPool& buffers;
  };
  explicit Upkeep(Dependencies dependencies);

  // Sets the placement. Before anything is written.
  Status Load();
  void Start();
  // After Start, before destruction.
  void Stop();

  cluster::DriveStates& drives() { return *drives_; }
  cluster::Healer& healer() { return *healer_; }
  cluster::Scrubber& scrubber() { return *scrubber_; }
  metadata_db::ExtentCatalog& catalog() { return catalog_; }

 private:
  EventLoopGroup& loops_;
  metadata_db::ExtentCatalog catalog_;
  std::unique_ptr<cluster::DriveStates> drives_;
  std::unique_ptr<cluster::Healer> healer_;
  std::unique_ptr<cluster::Scrubber> scrubber_;
  bool started_ = false;
};

}  // namespace ashlar::server
