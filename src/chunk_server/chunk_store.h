// ChunkStore: one drive's worth of shards, as a port. `LocalChunkStore` keeps them in volume files
// of a local drive; a remote one will speak the chunk protocol to another machine.
//
// Contract
//  1. A shard is durable when WriteShard or ShardWriter::Finish returned ok: data, record header
//     and, for a new volume, the file's name.
//  2. Every byte that ReadShard gives out has been verified: leaf digest -> leaf list -> root. What
//     does not verify is kCorrupt; a record that is not where the location says is kNotFound; a
//     device error is kIoError; a drive that is gone is kUnavailable. None of them ever means
//     "delete".
//  3. No file is created, renamed or unlinked for a shard (volumes are opened ahead).
//  4. After a failed write or sync the volume is sealed, never appended to again.
// Calls may run concurrently and from any executor. Buffers stay valid until the call returns.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/digest.h"
#include "base/ids.h"
#include "base/status.h"
#include "model/extent.h"
#include "runtime/disk.h"
#include "runtime/task.h"

namespace ashlar::chunk_server {

// Identity and geometry of a shard to be written.
struct ShardSpec {
  ExtentId extent;
  uint8_t shard_index = 0;
  uint8_t data_shards = 0;
  uint8_t parity_shards = 0;
  model::Tier tier = model::Tier::kStandard;
  uint32_t generation = 0;
  uint64_t body_bytes = 0;
  uint64_t payload_bytes = 0;
  uint32_t directory_bytes = 0;
  uint32_t unit_bytes = model::kUnitBytes;
};

// A shard that arrives in pieces. Append in order; then Finish once, or let it die (the space
// becomes a gap that compaction reclaims).
class ShardWriter {
 public:
  virtual ~ShardWriter() = default;
  // All pieces but the last are multiples of model::kLeafBytes.
  virtual Task<Status> Append(ByteSpan piece) = 0;
  // `leaves`: SHA-256 of each leaf of the whole body, made by the caller while the bytes were hot.
  // Durable on return.
  virtual Task<Result<model::ShardLocation>> Finish(std::span<const Sha256Digest> leaves) = 0;
};

// What a read needs to know; all of it stands in the extent row.
struct ShardAddress {
  ExtentId extent;
  uint8_t shard_index = 0;
  uint64_t body_bytes = 0;
  model::ShardLocation location;
  Sha256Digest root{};
};

enum class DriveState : uint8_t { kOnline, kSuspect, kOffline };
struct DriveStatus {
  DriveState state = DriveState::kOnline;
  std::string reason;  // for people, when not online
  SpaceInfo space;
  uint64_t volumes = 0;
  uint64_t io_errors = 0;
};

class ChunkStore {
 public:
  virtual ~ChunkStore() = default;
  virtual DriveId drive() const = 0;

  // A whole small shard, durable on return. `leaves` as in ShardWriter::Finish.
  virtual Task<Result<model::ShardLocation>> WriteShard(const ShardSpec& spec, ByteSpan body,
                                                        std::span<const Sha256Digest> leaves) = 0;
  // Reserves room for a large one. kNoSpace, kUnavailable.
  virtual Task<Result<std::unique_ptr<ShardWriter>>> OpenShard(const ShardSpec& spec) = 0;
  // Fills `out` with the body's bytes [offset, offset + out.size()).
  virtual Task<Status> ReadShard(const ShardAddress& address, uint64_t offset,
                                 MutableByteSpan out) = 0;
  virtual DriveStatus GetStatus() const = 0;
  // Writes, syncs, reads back a few bytes: "can this drive really take data now?" A drive that was
  // gone and is back at its path is opened again by this call.
  virtual Task<Status> Probe() = 0;
  // Waits for the store's background work. Awaited once, before the destructor, when no other call
  // runs and no ShardWriter is alive.
  virtual Task<void> Close() { co_return; }
};

}  // namespace ashlar::chunk_server
