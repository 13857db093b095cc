// Shards with reproducible content, and a drive to put them on.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "chunk_server/local_chunk_store.h"
#include "runtime/executor.h"

namespace ashlar::chunk_server {

struct TestShard {
  ShardSpec spec;
  std::vector<uint8_t> body;
  std::vector<Sha256Digest> leaves;
  ShardAddress AddressAt(const model::ShardLocation& location) const;
};

// Content, extent id and shard index follow from the seed.
TestShard MakeShard(uint64_t seed, uint64_t body_bytes);
// The same with an extent id that says it was made then.
TestShard MakeShardOf(int64_t made_at_ms, uint64_t seed, uint64_t body_bytes);
// A purge that names the shard rightly.
ShardPurge PurgeOf(const TestShard& shard, const model::ShardLocation& location,
                   uint64_t epoch = 1);
// All records of the volume, page after page; counts summed up.
Task<Result<WalkPage>> WalkAll(ChunkStore& store, uint32_t volume, WalkOptions options);
DriveIdentity TestIdentity();
// Small volumes, so that every test meets their edges.
LocalChunkStoreOptions TestOptions(const std::string& path);

// Writes by OpenShard in pieces of `piece_bytes`.
Task<Result<model::ShardLocation>> WriteInPieces(ChunkStore& store, const TestShard& shard,
                                                 uint64_t piece_bytes);
// Ok when the whole shard reads back as it was written; kInternal when other bytes came back.
Task<Status> ReadBack(ChunkStore& store, const TestShard& shard, model::ShardLocation location);
Task<Status> ReadRangeBack(ChunkStore& store, const TestShard& shard, model::ShardLocation location,
                           uint64_t offset, uint64_t size);

}  // namespace ashlar::chunk_server
