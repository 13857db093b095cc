// Purging: destroying shards that nothing refers to any more. ChunkStore::PurgeShards of a local
// drive; purge.cc says how.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "base/status.h"
#include "chunk_server/chunk_store.h"
#include "chunk_server/drive/drive.h"
#include "chunk_server/shards/leaf_cache.h"
#include "chunk_server/volumes/volume_set.h"
#include "runtime/task.h"

namespace ashlar::chunk_server {

// The highest epoch that any deleter showed to this store. Thread-safe.
class EpochFence {
 public:
  // kConflict: a newer one was seen.
  Status Pass(uint64_t epoch);

 private:
  std::atomic<uint64_t> highest_{0};
};

// What a purge works on; all of it outlives the call.
struct PurgeContext {
  Drive& drive;
  VolumeSet& volumes;
  LeafCache& leaves;
  EpochFence& fence;
};

// One answer each, in order.
Task<std::vector<Status>> Purge(PurgeContext context, std::vector<ShardPurge> purges);

}  // namespace ashlar::chunk_server
