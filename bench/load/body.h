// Object bodies that need no storage: the body of a key is a window into one large random ring, at
// an offset that is a hash of the key. Any byte of any object can be told from its key alone, so a
// GET is verified without remembering what was put, also by another process.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar::bench {

uint32_t Crc32c(uint32_t crc, std::string_view data);
// Base64 of the four bytes, most significant first: the text of x-amz-checksum-crc32c.
std::string Crc32cText(uint32_t crc);

// Immutable after construction; shared by all workers.
class BodyPool {
 public:
  static constexpr uint64_t kDefaultBytes = uint64_t{64} << 20;
  // `bytes` is a multiple of 8. The content depends on `bytes` alone.
  explicit BodyPool(uint64_t bytes = kDefaultBytes);

  // Where the body of `key` begins in the ring.
  uint64_t OffsetOf(std::string_view key) const;

  // The longest contiguous piece of the body that starts at `position`, at most `length` bytes.
  std::string_view Piece(uint64_t offset, uint64_t position, uint64_t length) const;

  bool Equals(uint64_t offset, uint64_t position, std::string_view data) const;
  uint32_t Checksum(uint64_t offset, uint64_t size) const;
  // SHA-256 of the body as lower-case hex.
  std::string Sha256Hex(uint64_t offset, uint64_t size) const;

 private:
  std::vector<uint64_t> words_;
  uint64_t bytes_;
};

// The bytes of one upload as they go over the wire, addressable from any position, so that a
// partial send resumes by arithmetic. Plain: the body. Framed: `aws-chunked` with unsigned chunks
// of kChunkBytes and a CRC32C trailer (STREAMING-UNSIGNED-PAYLOAD-TRAILER).
class BodyStream {
 public:
  static constexpr uint64_t kChunkBytes = 64 << 10;

  BodyStream() = default;
  static BodyStream Plain(const BodyPool* pool, uint64_t offset, uint64_t size);
  static BodyStream Framed(const BodyPool* pool, uint64_t offset, uint64_t size);

  uint64_t wire_bytes() const { return wire_bytes_; }
  // Length on the wire of a framed body of `size` bytes.
  static uint64_t FramedBytes(uint64_t size);
  // Fills up to `capacity` vectors with what follows wire position `position`; returns how many.
  // The memory stays valid while this stream and the pool do.
  int Gather(uint64_t position, iovec* vectors, int capacity) const;

 private:
  uint64_t full_chunks() const { return size_ / kChunkBytes; }

  const BodyPool* pool_ = nullptr;
  uint64_t offset_ = 0;
  uint64_t size_ = 0;
  uint64_t wire_bytes_ = 0;
  bool framed_ = false;
  std::string last_header_;  // of the short last chunk; empty when there is none
  std::string trailer_;      // zero chunk and checksum
};

}  // namespace ashlar::bench
