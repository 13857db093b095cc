// Reading a range of a shard so that every byte given out has been verified.
#pragma once

#include <cstdint>
#include <span>

#include "base/bytes.h"
#include "base/digest.h"
#include "base/status.h"
#include "chunk_server/chunk_store.h"
#include "chunk_server/drive/drive.h"
#include "chunk_server/shards/leaf_cache.h"
#include "runtime/disk.h"
#include "runtime/task.h"

namespace ashlar::chunk_server {

// Records up to this size are read from their header on, in one read.
inline constexpr uint64_t kSmallRecordBytes = 48 * 1024;

// Codes as ChunkStore::ReadShard. When it fails, `out` holds zeros and nothing else.
Task<Status> ReadShardRange(Drive& drive, DiskFile& file, LeafCache& cache,
                            const ShardAddress& address, uint64_t offset, MutableByteSpan out);

// Are these the bytes that the digests were made of? `body`: whole leaves from leaf `first` on (the
// last one of the shard may be short).
[[nodiscard]] Status VerifyLeaves(ByteSpan body, uint64_t first,
                                  std::span<const Sha256Digest> leaves);

// Is the record whose first bytes are `header` the one of `address`, at home where it was read?
// kNotFound: purged, another shard, another generation. kCorrupt: damaged, or written to a wrong
// place.
[[nodiscard]] Status CheckRecord(const ShardAddress& address, uint64_t drive_uuid_prefix,
                                 ByteSpan header);

}  // namespace ashlar::chunk_server
