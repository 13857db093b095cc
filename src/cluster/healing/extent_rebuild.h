// RebuildShards: makes some shards of one extent anew, at places of their own.
//
// Invariants
//  1. Every byte that goes in was verified against the root in the extent's row, or against the
//     shard's own digests when the row knows no root. What comes out is compared with the row's
//     root before its record is finished.
//  2. Nothing is overwritten or deleted: a new record of the next generation is written. The row
//     still names the old place; who calls moves it.
//  3. Memory: k + wanted columns of chunk_bytes from the pool.
//  4. With fewer than k readable shards nothing is written that anybody would use.
// A shard that is only moved is copied as long as it reads well, else decoded from k others. A
// drive that stays silent for longer than the patience ends the attempt; what hangs keeps its
// memory.
#pragma once

#include <memory>
#include <vector>

#include "chunk_server/chunk_store.h"
#include "cluster/healing/extent_health.h"
#include "cluster/pacing/pacer.h"
#include "erasure_encoder/erasure_encoder.h"
#include "metadata_db/extent_catalog.h"
#include "runtime/buffer_pool.h"
#include "runtime/sync.h"

namespace ashlar::cluster {

// What rebuilding works with; lives as long as the healer.
struct RebuildTools {
  std::vector<chunk_server::ChunkStore*> stores;  // by DriveId
  const erasure_encoder::ErasureEncoder& encoder;
  BufferPool& buffers;
  Pacer& pacer;
  TaskScope& scope;                 // of what hangs
  size_t chunk_bytes = 256 * 1024;  // of one shard at a time; a multiple of a leaf
  Duration buffer_patience = std::chrono::seconds(5);
  Duration read_patience = std::chrono::seconds(5);
  Duration write_patience = std::chrono::seconds(20);
};

struct WantedShard {
  uint8_t shard = 0;
  DriveId to;
  bool copy = false;  // its present place is expected to be whole
};

struct DamagedShard {
  uint8_t shard = 0;
  Code code = Code::kCorrupt;  // kNotFound, kCorrupt or kIoError
};

struct RebuildOutcome {
  // Of the extent as a whole. kUnavailable: fewer than k shards can be read now. kCorrupt: what was
  // decoded does not have the root of the row. kDeadlineExceeded: a drive hangs.
  Status status;
  std::vector<metadata_db::ShardMove> moves;  // durable; those that could be written
  std::vector<DamagedShard> damaged;          // met among the sources
  Status write_failure;                       // why a wanted shard is not among the moves
  bool unrecoverable = false;                 // status is kUnavailable for want of shards
};

// `wanted` ascends by shard. `doubtful`: shards to read from only when nothing else is left.
Task<RebuildOutcome> RebuildShards(RebuildTools& tools, metadata_db::ExtentPtr extent,
                                   std::vector<WantedShard> wanted, ShardMask doubtful);

// Reads the whole shard at the place that the row names. Ok: whole.
Task<Status> CheckShard(RebuildTools& tools, metadata_db::ExtentPtr extent, uint8_t shard);

}  // namespace ashlar::cluster
