// Bytes: spans over memory, and the little- and big-endian codecs that disk and key formats use.
//
// `Encoder` appends to a std::string, `Decoder` reads with bounds checks and remembers the first
// failure, so that a decoding function reads all fields and asks `ok()` once.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace ashlar {

static_assert(std::endian::native == std::endian::little, "formats are written as little-endian");

using ByteSpan = std::span<const uint8_t>;
using MutableByteSpan = std::span<uint8_t>;

inline ByteSpan AsBytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}
inline std::string_view AsText(ByteSpan bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline void StoreLittle32(uint8_t* to, uint32_t value) { std::memcpy(to, &value, 4); }
inline void StoreLittle64(uint8_t* to, uint64_t value) { std::memcpy(to, &value, 8); }
inline uint32_t LoadLittle32(const uint8_t* from) {
  uint32_t value;
  std::memcpy(&value, from, 4);
  return value;
}
inline uint64_t LoadLittle64(const uint8_t* from) {
  uint64_t value;
  std::memcpy(&value, from, 8);
  return value;
}

// Appends fields. Integers are little-endian, or varints (LEB128); texts carry a varint length.
class Encoder {
 public:
  explicit Encoder(std::string* out) : out_(out) {}
  void U8(uint8_t value) { out_->push_back(static_cast<char>(value)); }
  void U32(uint32_t value) { out_->append(reinterpret_cast<const char*>(&value), 4); }
  void U64(uint64_t value) { out_->append(reinterpret_cast<const char*>(&value), 8); }
  void BigEndian64(uint64_t value) { U64(__builtin_bswap64(value)); }
  void Varint(uint64_t value) {
    while (value >= 0x80) {
      U8(static_cast<uint8_t>(value) | 0x80);
      value >>= 7;
    }
    U8(static_cast<uint8_t>(value));
  }
  void Raw(ByteSpan bytes) {
    out_->append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  void Text(std::string_view text) {
    Varint(text.size());
    out_->append(text);
  }

 private:
  std::string* out_;
};

// Reads what Encoder wrote. After the first read beyond the end every read gives zero or empty.
class Decoder {
 public:
  explicit Decoder(std::string_view in) : in_(in) {}
  bool ok() const { return ok_; }
  bool AtEnd() const { return in_.empty(); }
  size_t remaining() const { return in_.size(); }
  void Fail() {
    ok_ = false;
    in_ = {};
  }

  uint8_t U8() {
    if (!Need(1)) return 0;
    const auto value = static_cast<uint8_t>(in_[0]);
    in_.remove_prefix(1);
    return value;
  }
  uint32_t U32() {
    if (!Need(4)) return 0;
    const uint32_t value = LoadLittle32(reinterpret_cast<const uint8_t*>(in_.data()));
    in_.remove_prefix(4);
    return value;
  }
  uint64_t U64() {
    if (!Need(8)) return 0;
    const uint64_t value = LoadLittle64(reinterpret_cast<const uint8_t*>(in_.data()));
    in_.remove_prefix(8);
    return value;
  }
  uint64_t BigEndian64() { return __builtin_bswap64(U64()); }
  uint64_t Varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const uint8_t byte = U8();
      if (!ok_) return 0;
      if (shift == 63 && byte > 1) break;
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) return value;
    }
    Fail();
    return 0;
  }
  std::string_view Raw(size_t size) {
    if (!Need(size)) return {};
    const std::string_view bytes = in_.substr(0, size);
    in_.remove_prefix(size);
    return bytes;
  }
  std::string_view Text() {
    const uint64_t size = Varint();
    if (size > in_.size()) {
      Fail();
      return {};
    }
    return Raw(static_cast<size_t>(size));
  }

 private:
  bool Need(size_t size) {
    if (in_.size() >= size) return true;
    Fail();
    return false;
  }

  std::string_view in_;
  bool ok_ = true;
};

[[nodiscard]] std::string HexEncode(ByteSpan bytes);
// Lower- or upper-case hex digits to bytes; empty `out` and false when it is not hex of even
// length.
[[nodiscard]] bool HexDecode(std::string_view text, std::string* out);
// Standard alphabet with padding.
[[nodiscard]] std::string Base64Encode(ByteSpan bytes);
// Strict: right length, right padding, no white space. False when it is not base64.
[[nodiscard]] bool Base64Decode(std::string_view text, std::string* out);

}  // namespace ashlar
