#include "load/body.h"

#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>

#include "load/signer.h"

namespace ashlar::bench {
namespace {

constexpr std::string_view kFullChunkHeader = "10000\r\n";
static_assert(BodyStream::kChunkBytes == 0x10000);
constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kTrailerStart = "0\r\nx-amz-checksum-crc32c:";
constexpr uint64_t kTrailerBytes = kTrailerStart.size() + 8 + 4;

// The finaliser of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
uint64_t Mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

std::array<uint32_t, 256> MakeCrcTable() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78 : 0);
    table[i] = crc;
  }
  return table;
}

uint32_t CrcPortable(uint32_t crc, std::string_view data) {
  static const std::array<uint32_t, 256> table = MakeCrcTable();
  for (const char c : data) crc = table[(crc ^ static_cast<uint8_t>(c)) & 255] ^ (crc >> 8);
  return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) uint32_t CrcSse42(uint32_t crc, std::string_view data) {
  uint64_t state = crc;
  size_t at = 0;
  for (; at + 8 <= data.size(); at += 8) {
    uint64_t word;
    std::memcpy(&word, data.data() + at, 8);
    state = __builtin_ia32_crc32di(state, word);
  }
  auto tail = static_cast<uint32_t>(state);
  for (; at < data.size(); ++at) {
    tail = __builtin_ia32_crc32qi(tail, static_cast<uint8_t>(data[at]));
  }
  return tail;
}
#endif

std::string ChunkHeader(uint64_t size) {
  char text[24];
  std::snprintf(text, sizeof(text), "%llx\r\n", static_cast<unsigned long long>(size));
  return text;
}

}  // namespace

uint32_t Crc32c(uint32_t crc, std::string_view data) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("sse4.2")) return ~CrcSse42(~crc, data);
#endif
  return ~CrcPortable(~crc, data);
}

std::string Crc32cText(uint32_t crc) {
  static constexpr char kAlphabet[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  const uint64_t bits = uint64_t{crc} << 4;  // 32 bits and 4 of padding: six characters
  for (int shift = 30; shift >= 0; shift -= 6) text += kAlphabet[(bits >> shift) & 63];
  return text + "==";
}

BodyPool::BodyPool(uint64_t bytes) : words_(bytes / 8), bytes_(bytes / 8 * 8) {
  uint64_t state = 0x6173686c61720000 + bytes;
  for (uint64_t& word : words_) word = Mix(state += 0x9e3779b97f4a7c15);
}

uint64_t BodyPool::OffsetOf(std::string_view key) const {
  uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  for (const char c : key) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  return Mix(hash) % bytes_;
}

std::string_view BodyPool::Piece(uint64_t offset, uint64_t position, uint64_t length) const {
  const uint64_t at = (offset + position) % bytes_;
  return {reinterpret_cast<const char*>(words_.data()) + at, std::min(length, bytes_ - at)};
}

bool BodyPool::Equals(uint64_t offset, uint64_t position, std::string_view data) const {
  while (!data.empty()) {
    const std::string_view piece = Piece(offset, position, data.size());
    if (std::memcmp(piece.data(), data.data(), piece.size()) != 0) return false;
    data.remove_prefix(piece.size());
    position += piece.size();
  }
  return true;
}

uint32_t BodyPool::Checksum(uint64_t offset, uint64_t size) const {
  uint32_t crc = 0;
  for (uint64_t position = 0; position < size;) {
    const std::string_view piece = Piece(offset, position, size - position);
    crc = Crc32c(crc, piece);
    position += piece.size();
  }
  return crc;
}

std::string BodyPool::Sha256Hex(uint64_t offset, uint64_t size) const {
  SHA256_CTX context;
  SHA256_Init(&context);
  for (uint64_t position = 0; position < size;) {
    const std::string_view piece = Piece(offset, position, size - position);
    SHA256_Update(&context, piece.data(), piece.size());
    position += piece.size();
  }
  Sha256Digest digest;
  SHA256_Final(digest.data(), &context);
  const auto hex = Hex(digest);
  return {hex.data(), hex.size()};
}

BodyStream BodyStream::Plain(const BodyPool* pool, uint64_t offset, uint64_t size) {
  BodyStream stream;
  stream.pool_ = pool;
  stream.offset_ = offset;
  stream.size_ = size;
  stream.wire_bytes_ = size;
  return stream;
}

BodyStream BodyStream::Framed(const BodyPool* pool, uint64_t offset, uint64_t size) {
  BodyStream stream = Plain(pool, offset, size);
  stream.framed_ = true;
  stream.wire_bytes_ = FramedBytes(size);
  if (size % kChunkBytes != 0) stream.last_header_ = ChunkHeader(size % kChunkBytes);
  stream.trailer_.assign(kTrailerStart).append(Crc32cText(pool->Checksum(offset, size)));
  stream.trailer_.append("\r\n\r\n");
  return stream;
}

uint64_t BodyStream::FramedBytes(uint64_t size) {
  const uint64_t per_chunk = kFullChunkHeader.size() + kChunkBytes + kLineEnd.size();
  uint64_t total = size / kChunkBytes * per_chunk + kTrailerBytes;
  const uint64_t rest = size % kChunkBytes;
  if (rest != 0) total += ChunkHeader(rest).size() + rest + kLineEnd.size();
  return total;
}

int BodyStream::Gather(uint64_t position, iovec* vectors, int capacity) const {
  int used = 0;
  const auto add = [&](std::string_view piece) {
    vectors[used++] = {const_cast<char*>(piece.data()), piece.size()};
    position += piece.size();
  };
  if (!framed_) {
    while (used < capacity && position < size_)
      add(pool_->Piece(offset_, position, size_ - position));
    return used;
  }
  const uint64_t per_chunk = kFullChunkHeader.size() + kChunkBytes + kLineEnd.size();
  const uint64_t trailer_at = wire_bytes_ - trailer_.size();
  while (used < capacity && position < wire_bytes_) {
    if (position >= trailer_at) {
      add(std::string_view(trailer_).substr(position - trailer_at));
      continue;
    }
    const uint64_t chunk = position / per_chunk;
    const uint64_t within = position - chunk * per_chunk;
    const bool full = chunk < full_chunks();
    const std::string_view header = full ? kFullChunkHeader : std::string_view(last_header_);
    const uint64_t data_bytes = full ? kChunkBytes : size_ % kChunkBytes;
    if (within < header.size()) {
      add(header.substr(within));
    } else if (within < header.size() + data_bytes) {
      const uint64_t in_data = within - header.size();
      add(pool_->Piece(offset_, chunk * kChunkBytes + in_data, data_bytes - in_data));
    } else {
      add(kLineEnd.substr(within - header.size() - data_bytes));
    }
  }
  return used;
}

}  // namespace ashlar::bench
