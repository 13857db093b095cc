// Shard record: how one shard lies in a volume file. Volume: how the file begins.
//
// Volume header, 4096 bytes at offset 0, little-endian:
//   offset size
//        0    8  magic "ASHVOLM1"
//        8    4  format version (1)
//       12    4  volume number
//       16   16  drive id (UUID of the identity file)
//       32   16  cluster id
//       48    8  created, ms since 1970
//       56    4  CRC32C of bytes 0..55
//       60    4  zero
//       64    8  checkpoint: every record below this offset was synced when it was written (a hint)
//       72    4  CRC32C of bytes 64..71
//       76       zero to 4096
// Shard record, at a multiple of kRecordAlignment:
//        0    8  magic "ASHSHRD1"; of a purged record "ASHDEAD1" (below)
//        8    2  format version (1)
//       10    1  shard index
//       11    1  data shards k
//       12    1  parity shards m
//       13    1  tier
//       14    2  flags (0)
//       16   16  extent id
//       32    8  own offset in the volume
//       40    4  volume number
//       44    4  generation
//       48    8  body bytes (= shard bytes of the extent)
//       56    8  payload bytes of the extent
//       64    4  directory bytes of the extent
//       68    4  unit bytes
//       72    4  leaf bytes (16384)
//       76    4  leaf count
//       80   32  root: SHA-256 over the leaf digests
//      112    8  first half of the drive id (finds misdirected writes across drives)
//      120    4  zero
//      124    4  CRC32C of bytes 0..123, computed with the magic "ASHSHRD1"
//      128  32n  leaf digests, SHA-256 of each leaf of the body
//          body  zero padding up to kRecordAlignment; a body of kAlignedBodyBytesMin and more
//          begins at
//                the next multiple of 4096 in the file (BodyPosition), what it skips stays
//                unwritten
//
// A record is valid when magic, CRC, own offset, volume and drive agree. Its bytes are verified
// leaf by leaf: leaf -> leaf digests -> root, and the root against the extent row.
//
// Dead mark: a record is purged by overwriting its magic with "ASHDEAD1", and nothing else of its
// header. Records lie at multiples of 64, so the eight bytes are inside one sector and never torn.
// The CRC still vouches for the rest: a walker knows what lay there and how long it is. Whole pages
// of 4096 bytes inside the record behind its header may be holes (PagesToPunch).
#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.h"
#include "base/digest.h"
#include "base/ids.h"
#include "base/status.h"
#include "model/extent.h"

namespace ashlar::model {

inline constexpr uint32_t kVolumeHeaderBytes = 4096;
inline constexpr uint32_t kVolumeCheckpointOffset = 64;
inline constexpr uint32_t kRecordHeaderBytes = 128;
inline constexpr uint32_t kRecordAlignment = 64;

struct VolumeHeader {
  uint32_t volume = 0;
  UniqueId drive_uuid;
  UniqueId cluster_id;
  int64_t created_ms = 0;
  uint64_t checkpoint = kVolumeHeaderBytes;
};
using VolumeHeaderBytes = std::array<uint8_t, kVolumeHeaderBytes>;
void EncodeVolumeHeader(const VolumeHeader& header, VolumeHeaderBytes* out);
// kCorrupt says what is wrong. A torn checkpoint is not an error: it reads as "none".
[[nodiscard]] Result<VolumeHeader> DecodeVolumeHeader(ByteSpan bytes);

struct ShardRecordHeader {
  ExtentId extent;
  uint8_t shard_index = 0;
  uint8_t data_shards = 0;
  uint8_t parity_shards = 0;
  Tier tier = Tier::kStandard;
  uint64_t own_offset = 0;
  uint32_t volume = 0;
  uint32_t generation = 0;
  uint64_t body_bytes = 0;
  uint64_t payload_bytes = 0;
  uint32_t directory_bytes = 0;
  uint32_t unit_bytes = 0;
  uint32_t leaf_count = 0;
  Sha256Digest root{};
  uint64_t drive_uuid_prefix = 0;
  bool operator==(const ShardRecordHeader&) const = default;
};
using ShardRecordHeaderBytes = std::array<uint8_t, kRecordHeaderBytes>;
void EncodeShardRecordHeader(const ShardRecordHeader& header, ShardRecordHeaderBytes* out);
// kCorrupt when magic, version, CRC or a length is wrong (every length is bounded here), or the
// record is dead.
[[nodiscard]] Result<ShardRecordHeader> DecodeShardRecordHeader(ByteSpan bytes);
// The same for a record that was purged; kCorrupt when it is not dead.
[[nodiscard]] Result<ShardRecordHeader> DecodeDeadRecordHeader(ByteSpan bytes);
// What is written over the first bytes of a record to purge it.
inline constexpr std::array<uint8_t, 8> kDeadMark = {'A', 'S', 'H', 'D', 'E', 'A', 'D', '1'};

constexpr uint64_t AlignUp(uint64_t value, uint64_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}
constexpr uint32_t LeafCount(uint64_t body_bytes) {
  return static_cast<uint32_t>((body_bytes + kLeafBytes - 1) / kLeafBytes);
}
// Bodies of this size and more begin at a page of the file, so that their whole pages can be
// written past the page cache; the record has room for the shift.
inline constexpr uint64_t kAlignedBodyBytesMin = 1ULL << 20;
inline constexpr uint32_t kBodyAlignment = 4096;

// Where the body of the record at `record_offset` begins in the volume.
constexpr uint64_t BodyPosition(uint64_t record_offset, uint64_t body_bytes) {
  const uint64_t behind_leaves = record_offset + kRecordHeaderBytes + 32ULL * LeafCount(body_bytes);
  return body_bytes < kAlignedBodyBytesMin ? behind_leaves : AlignUp(behind_leaves, kBodyAlignment);
}
// Whole record: header, leaf digests, body, padding, and for large bodies room to shift them.
constexpr uint64_t RecordBytes(uint64_t body_bytes) {
  const uint64_t bytes = kRecordHeaderBytes + 32ULL * LeafCount(body_bytes) + body_bytes;
  const uint64_t shift = body_bytes < kAlignedBodyBytesMin ? 0 : kBodyAlignment - kRecordAlignment;
  return AlignUp(bytes, kRecordAlignment) + shift;
}
// Whole pages of a dead record that may be given back: none of them holds a byte of its header or
// of another record. Empty when begin == end.
struct PageRange {
  uint64_t begin = 0;
  uint64_t end = 0;
};
constexpr PageRange PagesToPunch(uint64_t record_offset, uint64_t record_bytes) {
  const uint64_t begin = AlignUp(record_offset + kRecordHeaderBytes, kBodyAlignment);
  const uint64_t end = (record_offset + record_bytes) / kBodyAlignment * kBodyAlignment;
  return {begin, end > begin ? end : begin};
}
// Root of a shard from its leaf digests.
[[nodiscard]] Sha256Digest ShardRoot(std::span<const Sha256Digest> leaves);

}  // namespace ashlar::model
