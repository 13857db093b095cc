// Fields that several rows share, on top of Encoder and Decoder. Every length that is read is
// compared with a bound before anything is allocated; a bound that is broken fails the decoder.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/ids.h"
#include "model/object_version.h"

namespace ashlar::model::internal {

inline constexpr uint8_t kRowFormat = 1;
inline constexpr size_t kTextBytesMax = 1 << 20;
inline constexpr uint64_t kHeadersMax = 1 << 16;

inline std::string TakeText(Decoder& in) {
  const std::string_view text = in.Text();
  if (text.size() > kTextBytesMax) {
    in.Fail();
    return {};
  }
  return std::string(text);
}

inline UniqueId TakeId(Decoder& in) { return UniqueId::FromView(in.Raw(16)); }

inline uint32_t TakeVarint32(Decoder& in) {
  const uint64_t value = in.Varint();
  if (value > UINT32_MAX) in.Fail();
  return static_cast<uint32_t>(value);
}

inline bool TakeBool(Decoder& in) {
  const uint8_t value = in.U8();
  if (value > 1) in.Fail();
  return value == 1;
}

template <typename Enum>
Enum TakeEnum(Decoder& in, Enum last) {
  const uint8_t value = in.U8();
  if (value > static_cast<uint8_t>(last)) {
    in.Fail();
    return Enum{};
  }
  return static_cast<Enum>(value);
}

inline void PutMilliseconds(Encoder& out, int64_t value) {
  out.Varint(static_cast<uint64_t>(value));
}
inline int64_t TakeMilliseconds(Decoder& in) { return static_cast<int64_t>(in.Varint()); }

inline void PutChecksum(Encoder& out, const Checksum& checksum) {
  out.U8(static_cast<uint8_t>(checksum.algorithm));
  out.U8(static_cast<uint8_t>(checksum.type));
  out.Text(checksum.value);
}
inline Checksum TakeChecksum(Decoder& in) {
  Checksum checksum;
  checksum.algorithm = TakeEnum(in, ChecksumAlgorithm::kSha256);
  checksum.type = TakeEnum(in, ChecksumType::kComposite);
  checksum.value = TakeText(in);
  return checksum;
}

inline void PutSlice(Encoder& out, const Slice& slice) {
  out.Raw(slice.extent.bytes);
  out.Varint(slice.offset);
  out.Varint(slice.length);
}
inline Slice TakeSlice(Decoder& in) {
  Slice slice;
  slice.extent = TakeId(in);
  slice.offset = in.Varint();
  slice.length = in.Varint();
  if (slice.offset > UINT64_MAX - slice.length) in.Fail();
  return slice;
}

void PutHeaders(Encoder& out, const HeaderList& headers);
HeaderList TakeHeaders(Decoder& in);

// Mask (1 byte: 1 owner, 2 ACL, 4 tags, 8 lock, 16 website redirect), then the fields of its bits
// in this order. A lock is mode (1) | legal hold (1) | retained until (varint of milliseconds).
void PutExtras(Encoder& out, const ObjectExtras& extras);
ObjectExtras TakeExtras(Decoder& in);

// Ok when all was read and nothing is left over.
Status Finish(const Decoder& in, const char* what);

}  // namespace ashlar::model::internal
