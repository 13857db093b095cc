// Encoding of volume headers and shard records; see shard_record.h for the offset tables.
//
// Decoders trust nothing: the CRC is compared first, then every length against its bound, so that
// no later arithmetic on the fields can overflow or allocate without limit. How it fails: kCorrupt
// with a text that names the field.
#include "model/shard_record.h"

#include <cstring>
#include <string>
#include <vector>

namespace ashlar::model {
namespace {

constexpr char kVolumeMagic[] = "ASHVOLM1";
constexpr char kRecordMagic[] = "ASHSHRD1";
constexpr uint32_t kVolumeFormat = 1;
constexpr uint16_t kRecordFormat = 1;
constexpr size_t kVolumeCrcOffset = 56;
constexpr size_t kRecordCrcOffset = 124;
constexpr uint8_t kShardsMax = 64;
// A shard of a whole extent on one data shard, with room for its directory.
constexpr uint64_t kBodyBytesMax = 2 * kExtentDataBytesMax;
constexpr uint32_t kUnitBytesMax = 16 * 1024 * 1024;

static_assert(sizeof(VolumeHeaderBytes) == 4096);
static_assert(sizeof(ShardRecordHeaderBytes) == 128);

void StoreLittle16(uint8_t* to, uint16_t value) { std::memcpy(to, &value, 2); }
uint16_t LoadLittle16(const uint8_t* from) {
  uint16_t value;
  std::memcpy(&value, from, 2);
  return value;
}

Status Corrupt(const char* what) { return Status(Code::kCorrupt, what); }

// What the CRC cannot know: a writer with a bug.
Status CheckRecordBounds(const ShardRecordHeader& header) {
  const int shards = header.data_shards + header.parity_shards;
  if (header.data_shards == 0 || shards > kShardsMax) return Corrupt("shard record: code");
  if (header.shard_index >= shards) return Corrupt("shard record: shard index");
  if (header.own_offset % kRecordAlignment != 0) return Corrupt("shard record: own offset");
  if (header.body_bytes > kBodyBytesMax) return Corrupt("shard record: body length");
  if (header.payload_bytes > header.body_bytes * header.data_shards) {
    return Corrupt("shard record: payload length");
  }
  if (header.directory_bytes > header.payload_bytes) {
    return Corrupt("shard record: directory length");
  }
  if (header.unit_bytes == 0 || header.unit_bytes > kUnitBytesMax ||
      header.unit_bytes % kTailAlignment != 0) {
    return Corrupt("shard record: unit length");
  }
  if (header.leaf_count != LeafCount(header.body_bytes)) {
    return Corrupt("shard record: leaf count");
  }
  return Status::Ok();
}

}  // namespace

void EncodeVolumeHeader(const VolumeHeader& header, VolumeHeaderBytes* out) {
  out->fill(0);
  uint8_t* to = out->data();
  std::memcpy(to, kVolumeMagic, 8);
  StoreLittle32(to + 8, kVolumeFormat);
  StoreLittle32(to + 12, header.volume);
  std::memcpy(to + 16, header.drive_uuid.bytes.data(), 16);
  std::memcpy(to + 32, header.cluster_id.bytes.data(), 16);
  StoreLittle64(to + 48, static_cast<uint64_t>(header.created_ms));
  StoreLittle32(to + kVolumeCrcOffset, Crc32c(0, ByteSpan(to, kVolumeCrcOffset)));
  StoreLittle64(to + kVolumeCheckpointOffset, header.checkpoint);
  StoreLittle32(to + kVolumeCheckpointOffset + 8,
                Crc32c(0, ByteSpan(to + kVolumeCheckpointOffset, 8)));
}

Result<VolumeHeader> DecodeVolumeHeader(ByteSpan bytes) {
  if (bytes.size() < kVolumeHeaderBytes) return Corrupt("volume header: too short");
  const uint8_t* from = bytes.data();
  if (std::memcmp(from, kVolumeMagic, 8) != 0) return Corrupt("volume header: magic");
  if (LoadLittle32(from + kVolumeCrcOffset) != Crc32c(0, bytes.first(kVolumeCrcOffset))) {
    return Corrupt("volume header: CRC");
  }
  if (LoadLittle32(from + 8) != kVolumeFormat) return Corrupt("volume header: unknown version");
  VolumeHeader header;
  header.volume = LoadLittle32(from + 12);
  std::memcpy(header.drive_uuid.bytes.data(), from + 16, 16);
  std::memcpy(header.cluster_id.bytes.data(), from + 32, 16);
  header.created_ms = static_cast<int64_t>(LoadLittle64(from + 48));
  const uint64_t checkpoint = LoadLittle64(from + kVolumeCheckpointOffset);
  const bool intact = LoadLittle32(from + kVolumeCheckpointOffset + 8) ==
                      Crc32c(0, bytes.subspan(kVolumeCheckpointOffset, 8));
  // The checkpoint is rewritten in place, so a torn one is expected; it is only a hint.
  header.checkpoint = intact && checkpoint >= kVolumeHeaderBytes ? checkpoint : kVolumeHeaderBytes;
  return header;
}

void EncodeShardRecordHeader(const ShardRecordHeader& header, ShardRecordHeaderBytes* out) {
  CHECK(CheckRecordBounds(header).ok());
  out->fill(0);
  uint8_t* to = out->data();
  std::memcpy(to, kRecordMagic, 8);
  StoreLittle16(to + 8, kRecordFormat);
  to[10] = header.shard_index;
  to[11] = header.data_shards;
  to[12] = header.parity_shards;
  to[13] = static_cast<uint8_t>(header.tier);
  std::memcpy(to + 16, header.extent.bytes.data(), 16);
  StoreLittle64(to + 32, header.own_offset);
  StoreLittle32(to + 40, header.volume);
  StoreLittle32(to + 44, header.generation);
  StoreLittle64(to + 48, header.body_bytes);
  StoreLittle64(to + 56, header.payload_bytes);
  StoreLittle32(to + 64, header.directory_bytes);
  StoreLittle32(to + 68, header.unit_bytes);
  StoreLittle32(to + 72, kLeafBytes);
  StoreLittle32(to + 76, header.leaf_count);
  std::memcpy(to + 80, header.root.data(), 32);
  StoreLittle64(to + 112, header.drive_uuid_prefix);
  StoreLittle32(to + kRecordCrcOffset, Crc32c(0, ByteSpan(to, kRecordCrcOffset)));
}

Result<ShardRecordHeader> DecodeShardRecordHeader(ByteSpan bytes) {
  if (bytes.size() < kRecordHeaderBytes) return Corrupt("shard record: too short");
  const uint8_t* from = bytes.data();
  if (std::memcmp(from, kRecordMagic, 8) != 0) return Corrupt("shard record: magic");
  if (LoadLittle32(from + kRecordCrcOffset) != Crc32c(0, bytes.first(kRecordCrcOffset))) {
    return Corrupt("shard record: CRC");
  }
  if (LoadLittle16(from + 8) != kRecordFormat) return Corrupt("shard record: unknown version");
  if (from[13] > static_cast<uint8_t>(Tier::kCold)) return Corrupt("shard record: tier");
  if (LoadLittle16(from + 14) != 0) return Corrupt("shard record: unknown flags");
  if (LoadLittle32(from + 72) != kLeafBytes) return Corrupt("shard record: leaf length");
  if (LoadLittle32(from + 120) != 0) return Corrupt("shard record: reserved field");
  ShardRecordHeader header;
  header.shard_index = from[10];
  header.data_shards = from[11];
  header.parity_shards = from[12];
  header.tier = static_cast<Tier>(from[13]);
  std::memcpy(header.extent.bytes.data(), from + 16, 16);
  header.own_offset = LoadLittle64(from + 32);
  header.volume = LoadLittle32(from + 40);
  header.generation = LoadLittle32(from + 44);
  header.body_bytes = LoadLittle64(from + 48);
  header.payload_bytes = LoadLittle64(from + 56);
  header.directory_bytes = LoadLittle32(from + 64);
  header.unit_bytes = LoadLittle32(from + 68);
  header.leaf_count = LoadLittle32(from + 76);
  std::memcpy(header.root.data(), from + 80, 32);
  header.drive_uuid_prefix = LoadLittle64(from + 112);
  RETURN_IF_ERROR(CheckRecordBounds(header));
  return header;
}

Result<ShardRecordHeader> DecodeDeadRecordHeader(ByteSpan bytes) {
  if (bytes.size() < kRecordHeaderBytes) return Corrupt("dead record: too short");
  if (std::memcmp(bytes.data(), kDeadMark.data(), kDeadMark.size()) != 0) {
    return Corrupt("dead record: magic");
  }
  ShardRecordHeaderBytes live;
  std::memcpy(live.data(), bytes.data(), live.size());
  std::memcpy(live.data(), kRecordMagic, 8);
  return DecodeShardRecordHeader(live);
}

Sha256Digest ShardRoot(std::span<const Sha256Digest> leaves) {
  // std::array<uint8_t, 32> has no padding: the digests lie one after the other.
  static_assert(sizeof(Sha256Digest) == 32);
  return Sha256(ByteSpan(reinterpret_cast<const uint8_t*>(leaves.data()), leaves.size_bytes()));
}

}  // namespace ashlar::model
