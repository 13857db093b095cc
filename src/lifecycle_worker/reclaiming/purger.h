// Purger: the one place in the product that destroys data (G9). Every purge leaves a line in the
// log.
//
// It decides nothing: who calls it has waited for the periods, looked again, and passed the brake.
// The chunk stores refuse what they cannot prove to be meant (identity, generation, age, epoch).
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "chunk_server/chunk_store.h"
#include "model/object_version.h"
#include "runtime/task.h"

namespace ashlar::lifecycle_worker {

struct PurgeItem {
  ExtentId extent;
  uint8_t shard_index = 0;
  model::ShardLocation location;
  model::ReclaimCause cause = model::ReclaimCause::kDeleted;
};

class Purger {
 public:
  explicit Purger(std::vector<chunk_server::ChunkStore*> stores) : stores_(std::move(stores)) {}
  // Fencing: raised durably at each start, before the first purge.
  void SetEpoch(uint64_t epoch) { epoch_ = epoch; }

  // One answer each: ok (it is gone, by this call or before), kUnavailable (its drive is away: try
  // later), kConflict (refused: something else lies there, or somebody newer works), others.
  Task<std::vector<Status>> Purge(std::vector<PurgeItem> items);
  // A sealed volume that no extent row names. kConflict: a record in it is not dead yet.
  Task<Status> RemoveVolume(DriveId drive, uint32_t volume);

 private:
  std::vector<chunk_server::ChunkStore*> stores_;
  uint64_t epoch_ = 0;
};

}  // namespace ashlar::lifecycle_worker
