// Healer: makes the shards again that are missing, damaged or in the wrong place, until every
// extent has all k+m of them.
//
// Where its work comes from
//   repair orders      those extents first that can lose the fewest further shards
//   a replaced drive   all extents that name it, in the order of their ids, from a durable cursor
//   a draining drive   the same; shards are copied to drives that hold none of the extent
//   a drive away for longer than the transient wait, when others are free for its shards
// Invariants
//  1. New shards are written beside the old; the extent's row then names the new place in one
//     transaction (ExtentCatalog::MoveShards). Nothing is overwritten or deleted here.
//  2. A shard that is ordered to be repaired is looked at first: when it is whole after all, the
//     order is dismissed.
//  3. With fewer than k readable shards nothing is changed: it is counted, logged as an error, and
//     tried again when a drive comes back.
//  4. It works at no more than its rate, at a fraction of that while clients are served.
// One control task on the first executor; extents are treated on all of them. Start once, Stop
// once.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cluster/drive_states.h"
#include "erasure_encoder/erasure_encoder.h"
#include "metadata_db/extent_catalog.h"
#include "runtime/buffer_pool.h"

namespace ashlar::cluster {

struct HealerOptions {
  uint64_t bytes_per_second = 200'000'000;  // of shards made, moved or looked at
  double busy_fraction = 0.25;              // of it while clients are served
  size_t extents_in_flight = 16;
  size_t batch_extents = 256;  // treated together, moved in one commit
  size_t queue_extents_max = 8192;
  Duration tick = std::chrono::milliseconds(250);
  Duration rescan_after = std::chrono::seconds(5);  // at least; never more than a tenth of the time
  Duration retry_after = std::chrono::seconds(60);  // what failed, unless a drive comes back
  Duration drain_settle = std::chrono::seconds(60);  // writes under way when a drain began
};

struct SweepStatus {
  enum class Kind : uint8_t { kRefill, kDrain, kEvacuate } kind = Kind::kRefill;
  DriveId drive;
  SweepProgress progress;
  double eta_seconds = -1;  // below zero: not known yet
};

struct HealStatus {
  // Extents with repair orders, as the last scan found them, by the number of further shards that
  // they can lose: element 0: none. Size m + 1.
  std::vector<uint64_t> extents_by_remaining;
  uint64_t unrecoverable_now = 0;        // extents of which fewer than k shards can be read
  uint64_t waiting_for_drive = 0;        // extents with a shard whose drive is expected back
  uint64_t waiting_for_replacement = 0;  // ... and with no other drive that could take it
  uint64_t orders = 0;                   // repair orders in the last scan
  uint64_t order_bytes = 0;              // of shards that they ask for
  // Since the start.
  uint64_t shards_made = 0;
  uint64_t bytes_made = 0;
  uint64_t shards_found_whole = 0;
  uint64_t failures = 0;
  double bytes_per_second = 0;
  double orders_eta_seconds = -1;
  std::vector<SweepStatus> sweeps;
  // Nothing is left to do now; what is left waits for a drive or is unrecoverable.
  bool idle = false;
  std::string last_failure;
};

class Healer {
 public:
  struct Dependencies {
    metadata_db::MetadataDb& metadata;
    metadata_db::ExtentCatalog& catalog;
    DriveStates& drives;
    std::vector<chunk_server::ChunkStore*> stores;  // by DriveId
    const erasure_encoder::ErasureEncoder& encoder;
    BufferPool& buffers;
    Clock& clock;
    std::function<bool()> foreground_busy;  // may be empty
  };
  Healer(Dependencies dependencies, HealerOptions options);
  ~Healer();

  void Start(std::vector<Executor*> executors);
  // Waits for what is under way. Before destruction, when Start was called.
  Task<void> Stop();

  HealStatus Status() const;
  void SetRate(uint64_t bytes_per_second);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ashlar::cluster
