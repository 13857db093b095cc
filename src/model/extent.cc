// Extent rows and extent geometry.
//
// Row, version 1 (integers are LEB128 varints unless a size is given):
//   format (1 byte = 1) | extent id (16) | k (1) | m (1) | tier (1) | unit bytes | payload bytes |
//   directory bytes | k+m locations: flags (1; bit 0 = present) | drive | generation | volume |
//   offset / 64 | k+m roots (32 each)
// A location that is not present carries only flags and drive. 14 shards take about 620 bytes, most
// of them roots. How it fails: kCorrupt for anything that EncodeExtent would not have written.
#include "model/extent.h"

#include <algorithm>
#include <cstring>

#include "model/shard_record.h"

namespace ashlar::model {
namespace {

constexpr uint8_t kFormat = 1;
constexpr int kShardsMax = 64;
constexpr uint32_t kUnitBytesMax = 16 * 1024 * 1024;
constexpr uint64_t kPayloadBytesMax = 2 * kExtentDataBytesMax;

Status Corrupt(const char* what) { return Status(Code::kCorrupt, what); }

Status CheckExtent(const Extent& extent) {
  const size_t shards = static_cast<size_t>(extent.data_shards) + extent.parity_shards;
  if (extent.data_shards == 0 || shards > kShardsMax) return Corrupt("extent row: code");
  if (extent.locations.size() != shards || extent.roots.size() != shards) {
    return Corrupt("extent row: number of locations");
  }
  if (extent.unit_bytes == 0 || extent.unit_bytes > kUnitBytesMax ||
      extent.unit_bytes % kTailAlignment != 0) {
    return Corrupt("extent row: unit length");
  }
  if (extent.payload_bytes > kPayloadBytesMax) return Corrupt("extent row: payload length");
  if (extent.directory_bytes > extent.payload_bytes) {
    return Corrupt("extent row: directory length");
  }
  return Status::Ok();
}

uint32_t Narrow32(Decoder& in) {
  const uint64_t value = in.Varint();
  if (value > UINT32_MAX) in.Fail();
  return static_cast<uint32_t>(value);
}

ShardLocation DecodeLocation(Decoder& in) {
  ShardLocation location;
  const uint8_t flags = in.U8();
  if (flags > 1) in.Fail();
  location.present = flags == 1;
  const uint64_t drive = in.Varint();
  if (drive > UINT16_MAX) in.Fail();
  location.drive.value = static_cast<uint16_t>(drive);
  if (!location.present) return location;
  location.generation = Narrow32(in);
  location.volume = Narrow32(in);
  const uint64_t units = in.Varint();
  if (units > UINT64_MAX / kRecordAlignment) in.Fail();
  location.offset = units * kRecordAlignment;
  return location;
}

}  // namespace

std::string EncodeExtent(const Extent& extent) {
  CHECK(CheckExtent(extent).ok());
  std::string row;
  row.reserve(40 + extent.locations.size() * 44);
  Encoder out(&row);
  out.U8(kFormat);
  out.Raw(extent.id.bytes);
  out.U8(extent.data_shards);
  out.U8(extent.parity_shards);
  out.U8(static_cast<uint8_t>(extent.tier));
  out.Varint(extent.unit_bytes);
  out.Varint(extent.payload_bytes);
  out.Varint(extent.directory_bytes);
  for (const ShardLocation& location : extent.locations) {
    out.U8(location.present ? 1 : 0);
    out.Varint(location.drive.value);
    if (!location.present) continue;
    CHECK(location.offset % kRecordAlignment == 0);
    out.Varint(location.generation);
    out.Varint(location.volume);
    out.Varint(location.offset / kRecordAlignment);
  }
  for (const Sha256Digest& root : extent.roots) out.Raw(root);
  return row;
}

Result<Extent> DecodeExtent(std::string_view row) {
  Decoder in(row);
  if (in.U8() != kFormat) return Corrupt("extent row: unknown version");
  Extent extent;
  extent.id = UniqueId::FromView(in.Raw(16));
  extent.data_shards = in.U8();
  extent.parity_shards = in.U8();
  const uint8_t tier = in.U8();
  if (tier > static_cast<uint8_t>(Tier::kCold)) return Corrupt("extent row: tier");
  extent.tier = static_cast<Tier>(tier);
  extent.unit_bytes = Narrow32(in);
  extent.payload_bytes = in.Varint();
  extent.directory_bytes = Narrow32(in);
  const size_t shards = static_cast<size_t>(extent.data_shards) + extent.parity_shards;
  if (!in.ok() || shards > kShardsMax) return Corrupt("extent row: code");
  extent.locations.reserve(shards);
  for (size_t i = 0; i < shards; ++i) extent.locations.push_back(DecodeLocation(in));
  extent.roots.resize(shards);
  for (Sha256Digest& root : extent.roots) {
    const std::string_view bytes = in.Raw(root.size());
    if (bytes.size() == root.size()) std::memcpy(root.data(), bytes.data(), root.size());
  }
  if (!in.ok() || !in.AtEnd()) return Corrupt("extent row: length");
  RETURN_IF_ERROR(CheckExtent(extent));
  return extent;
}

ExtentLayout::ExtentLayout(int data_shards, uint32_t unit_bytes, uint64_t payload_bytes)
    : data_shards_(data_shards),
      unit_bytes_(unit_bytes),
      payload_bytes_(payload_bytes),
      stripe_bytes_(static_cast<uint64_t>(data_shards) * unit_bytes) {
  CHECK(data_shards > 0 && data_shards <= kShardsMax);
  CHECK(unit_bytes > 0 && unit_bytes % kTailAlignment == 0);
  full_stripes_ = payload_bytes / stripe_bytes_;
  const uint64_t rest = payload_bytes % stripe_bytes_;
  const uint64_t shards = static_cast<uint64_t>(data_shards);
  // At most unit_bytes, as unit_bytes is a multiple of the alignment.
  tail_unit_ = static_cast<uint32_t>(AlignUp((rest + shards - 1) / shards, kTailAlignment));
}

uint64_t ExtentLayout::StripePayload(uint64_t index) const {
  CHECK(index < stripe_count());
  return index < full_stripes_ ? stripe_bytes_ : payload_bytes_ % stripe_bytes_;
}

ExtentLayout::Run ExtentLayout::Locate(uint64_t payload_offset, uint64_t length_max) const {
  CHECK(payload_offset < payload_bytes_);
  const uint64_t stripe = payload_offset / stripe_bytes_;
  const uint64_t in_stripe = payload_offset % stripe_bytes_;
  const uint64_t unit = UnitBytes(stripe);
  const uint64_t in_unit = in_stripe % unit;
  const uint64_t length = std::min({length_max, unit - in_unit, payload_bytes_ - payload_offset});
  return Run{.stripe = stripe,
             .shard = static_cast<int>(in_stripe / unit),
             .shard_offset = stripe * unit_bytes_ + in_unit,
             .payload_offset = payload_offset,
             .length = length};
}

}  // namespace ashlar::model
