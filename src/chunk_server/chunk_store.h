// ChunkStore: one drive's worth of shards, as a port. `LocalChunkStore` keeps them in volume files
// of a local drive; a remote one will speak the chunk protocol to another machine.
//
// Contract
//  1. A shard is durable when WriteShard or ShardWriter::Finish returned ok: data, record header
//     and, for a new volume, the file's name. With ShardSpec::patience too: it only comes later.
//  2. Every byte that ReadShard gives out has been verified: leaf digest -> leaf list -> root. What
//     does not verify is kCorrupt; a record that is not where the location says is kNotFound; a
//     device error is kIoError; a drive that is gone is kUnavailable. None of them ever means
//     "delete".
//  3. No file is created, renamed or unlinked for a shard (volumes are opened ahead).
//  4. After a failed write or sync the volume is sealed, never appended to again.
//  5. PurgeShards and RemoveVolume are the only calls that destroy anything. Both refuse what they
//     cannot prove to be what the caller means.
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
#include "runtime/executor.h"
#include "runtime/task.h"

namespace ashlar::chunk_server {

// Identity and geometry of a shard to be written, and how urgent it is.
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
  // How long the shard, written by then, may wait for a sync that others cause before it causes
  // one.
  Duration patience = Duration::zero();
};

// A shard that arrives in pieces. Append in order; then Finish once, or let it die (the space
// becomes a gap that compaction reclaims).
class ShardWriter {
 public:
  virtual ~ShardWriter() = default;
  // The next bytes of the body, of one write to the drive. All calls but the last bring multiples
  // of model::kLeafBytes. `pieces` stay until it returns.
  virtual Task<Status> Append(std::span<const ByteSpan> pieces) = 0;
  Task<Status> AppendPiece(ByteSpan piece) {
    co_return co_await Append(std::span<const ByteSpan>(&piece, 1));
  }
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

// ---- walking: scrubbing, orphan scan, volume compaction

struct VolumeInfo {
  uint32_t number = 0;
  // The active or the next one, or one with unfinished records: not to be compacted or removed.
  bool takes_records = false;
  uint64_t file_bytes = 0;
  uint64_t allocated_bytes = 0;  // of the drive: without holes
};
struct WalkOptions {
  bool verify_bodies = false;  // reads every body and checks it leaf by leaf against its header
  // A page ends after the record that reaches one of these; holes and damage count as bytes too.
  uint32_t records_max = 1024;
  uint64_t bytes_max = 16ULL << 20;
};
// A record whose header is whole. `verified`: ok; kCorrupt or kIoError with verify_bodies when its
// body is not.
struct WalkedShard {
  ShardSpec spec;
  model::ShardLocation location;
  Sha256Digest root{};
  uint64_t record_bytes = 0;
  Status verified;
};
struct WalkPage {
  std::vector<WalkedShard> shards;  // in the order of the volume
  uint64_t next_offset = 0;         // where the next page begins
  bool at_end = false;
  uint64_t dead_bytes = 0;     // purged records and holes passed over
  uint64_t damaged_bytes = 0;  // neither records nor zeros: damage, torn or abandoned writes
  uint64_t unreadable_bytes = 0;
};

// ---- purging

// One shard to be destroyed, named so that nothing else can be meant.
struct ShardPurge {
  ExtentId extent;
  uint8_t shard_index = 0;
  model::ShardLocation location;
  // Of the reclaimer that decided: one that was overtaken by a newer one is refused (fencing).
  uint64_t epoch = 0;
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
  // All volumes, ascending.
  virtual Task<Result<std::vector<VolumeInfo>>> ListVolumes() = 0;
  // The records of a volume from `offset` on (0: its beginning; else a next_offset), up to what was
  // complete when the call began. kNotFound: no such volume. kIoError: a long run cannot be read at
  // all; the caller may go on behind it.
  virtual Task<Result<WalkPage>> WalkVolume(uint32_t volume, uint64_t offset,
                                            WalkOptions options) = 0;
  // Destroys shards: each record is marked dead in place (eight bytes, inside one sector), whole
  // pages of it are given back, and the volume is synced; one answer each, in order. kNotFound:
  // nothing of that name is there (any more): nothing at all, or another shard. kConflict: an older
  // generation lies there, it is being written, a newer epoch was seen, or the extent is younger
  // than the store's purge_age_min_ms. kCorrupt: the record's header is damaged; its space comes
  // back with the volume. kInvalidArgument: not a place of this drive. Else nothing is known: ask
  // again. Works on a full drive.
  virtual Task<std::vector<Status>> PurgeShards(std::vector<ShardPurge> purges) = 0;
  // Removes the file of a volume. kConflict: it holds a record that is not dead, cannot be read as
  // a whole, takes records, or is the newest one; or a newer epoch was seen. The caller has made
  // sure that no extent row names it.
  virtual Task<Status> RemoveVolume(uint32_t volume, uint64_t epoch) = 0;
  // Waits for the store's background work. Awaited once, before the destructor, when no other call
  // runs and no ShardWriter is alive.
  virtual Task<void> Close() { co_return; }
};

}  // namespace ashlar::chunk_server
