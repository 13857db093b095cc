#include "chunk_server/tests/test_shards.h"

#include <algorithm>
#include <cstring>
#include <random>

#include "model/shard_record.h"

namespace ashlar::chunk_server {

TestShard MakeShard(uint64_t seed, uint64_t body_bytes) {
  TestShard shard;
  std::mt19937_64 random(seed * 0x9e3779b97f4a7c15ULL + body_bytes);
  shard.body.resize(body_bytes);
  for (uint64_t i = 0; i < body_bytes; i += 8) {
    const uint64_t word = random();
    std::memcpy(shard.body.data() + i, &word, std::min<uint64_t>(8, body_bytes - i));
  }
  // Object bytes may look like anything, also like the beginning of a record.
  if (body_bytes > 300 && seed % 3 == 0) std::memcpy(shard.body.data() + 96, "ASHSHRD1\1\0", 10);
  StoreLittle64(shard.spec.extent.bytes.data(), seed);
  StoreLittle64(shard.spec.extent.bytes.data() + 8, random());
  shard.spec.shard_index = static_cast<uint8_t>(seed % 14);
  shard.spec.data_shards = 10;
  shard.spec.parity_shards = 4;
  shard.spec.generation = static_cast<uint32_t>(seed % 5);
  shard.spec.body_bytes = body_bytes;
  shard.spec.payload_bytes = body_bytes * 10;
  for (uint64_t at = 0; at < body_bytes; at += model::kLeafBytes) {
    shard.leaves.push_back(Sha256(
        ByteSpan(shard.body).subspan(at, std::min<uint64_t>(model::kLeafBytes, body_bytes - at))));
  }
  return shard;
}

TestShard MakeShardOf(int64_t made_at_ms, uint64_t seed, uint64_t body_bytes) {
  TestShard shard = MakeShard(seed, body_bytes);
  for (int i = 0; i < 6; ++i) {
    shard.spec.extent.bytes[static_cast<size_t>(i)] =
        static_cast<uint8_t>(made_at_ms >> (40 - 8 * i));
  }
  return shard;
}

ShardPurge PurgeOf(const TestShard& shard, const model::ShardLocation& location, uint64_t epoch) {
  ShardPurge purge;
  purge.extent = shard.spec.extent;
  purge.shard_index = shard.spec.shard_index;
  purge.location = location;
  purge.epoch = epoch;
  return purge;
}

Task<Result<WalkPage>> WalkAll(ChunkStore& store, uint32_t volume, WalkOptions options) {
  WalkPage all;
  while (!all.at_end) {
    CO_ASSIGN_OR_RETURN(WalkPage page, co_await store.WalkVolume(volume, all.next_offset, options));
    all.shards.insert(all.shards.end(), page.shards.begin(), page.shards.end());
    all.next_offset = page.next_offset;
    all.at_end = page.at_end;
    all.dead_bytes += page.dead_bytes;
    all.damaged_bytes += page.damaged_bytes;
    all.unreadable_bytes += page.unreadable_bytes;
  }
  co_return all;
}

ShardAddress TestShard::AddressAt(const model::ShardLocation& location) const {
  ShardAddress address;
  address.extent = spec.extent;
  address.shard_index = spec.shard_index;
  address.body_bytes = spec.body_bytes;
  address.location = location;
  address.root = model::ShardRoot(leaves);
  return address;
}

DriveIdentity TestIdentity() {
  DriveIdentity identity;
  for (uint8_t i = 0; i < 16; ++i) {
    identity.cluster_id.bytes[i] = static_cast<uint8_t>(0xc0 + i);
    identity.drive_uuid.bytes[i] = static_cast<uint8_t>(0x30 + i);
  }
  identity.drive.value = 7;
  return identity;
}

LocalChunkStoreOptions TestOptions(const std::string& path) {
  LocalChunkStoreOptions options;
  options.path = path;
  options.identity = TestIdentity();
  options.volume_bytes = 512 * 1024;
  options.allocate_step_bytes = 64 * 1024;
  options.checkpoint_step_bytes = 32 * 1024;
  options.reserved_free_bytes = 0;
  options.leaf_cache_bytes = 64 * 1024;
  return options;
}

Task<Result<model::ShardLocation>> WriteInPieces(ChunkStore& store, const TestShard& shard,
                                                 uint64_t piece_bytes) {
  Result<std::unique_ptr<ShardWriter>> writer = co_await store.OpenShard(shard.spec);
  if (!writer.ok()) co_return writer.status();
  for (uint64_t at = 0; at < shard.body.size(); at += piece_bytes) {
    const ByteSpan piece =
        ByteSpan(shard.body).subspan(at, std::min<uint64_t>(piece_bytes, shard.body.size() - at));
    CO_RETURN_IF_ERROR(co_await (*writer)->AppendPiece(piece));
  }
  co_return co_await (*writer)->Finish(shard.leaves);
}

Task<Status> ReadBack(ChunkStore& store, const TestShard& shard, model::ShardLocation location) {
  co_return co_await ReadRangeBack(store, shard, location, 0, shard.body.size());
}

Task<Status> ReadRangeBack(ChunkStore& store, const TestShard& shard, model::ShardLocation location,
                           uint64_t offset, uint64_t size) {
  std::vector<uint8_t> out(size, 0xee);
  const ShardAddress address = shard.AddressAt(location);
  CO_RETURN_IF_ERROR(co_await store.ReadShard(address, offset, MutableByteSpan(out)));
  if (std::equal(out.begin(), out.end(), shard.body.begin() + static_cast<ptrdiff_t>(offset))) {
    co_return Status::Ok();
  }
  co_return Status(Code::kInternal, "wrong bytes were served");
}

}  // namespace ashlar::chunk_server
