// Digests and checksums: what S3 speaks (MD5, SHA-1, SHA-256, CRC32, CRC32C, CRC64NVME, HMAC) and
// what shards are verified with (SHA-256 of many leaves at once).
//
// Incremental classes are single-threaded values. `Sha256Many` and `UpdateTogether` hash several
// inputs side by side in one thread, because one stream waits for the latency of its own rounds.
// Measured on Zen 5, in speeds of OpenSSL's single stream: SHA-256 with SHA-NI two streams 1.55,
// three 1.7, four 1.85 (2.0 is the bound of its unit), sixteen lanes of AVX-512 2.5; MD5 of four
// streams 2.2, of sixteen 8.5; with SHA-256 beside it, up to four streams no slower than MD5
// alone, and eight in 1.1 times the time of four. The source of each kernel stands in its file.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/bytes.h"

namespace ashlar {

using Sha256Digest = std::array<uint8_t, 32>;
using Md5Digest = std::array<uint8_t, 16>;
using Sha1Digest = std::array<uint8_t, 20>;

[[nodiscard]] Sha256Digest Sha256(ByteSpan bytes);
[[nodiscard]] Md5Digest Md5(ByteSpan bytes);
[[nodiscard]] Sha1Digest Sha1(ByteSpan bytes);
[[nodiscard]] Sha256Digest HmacSha256(ByteSpan key, ByteSpan message);
// Same time whatever the first differing byte is; false at once when the sizes differ.
[[nodiscard]] bool ConstantTimeEqual(ByteSpan a, ByteSpan b);

// digests[i] = SHA-256(inputs[i]). Sizes may differ; equal sizes run fastest.
void Sha256Many(std::span<const ByteSpan> inputs, std::span<Sha256Digest> digests);
// The same by OpenSSL one by one: the twin that the kernels are compared with.
void Sha256ManyPortable(std::span<const ByteSpan> inputs, std::span<Sha256Digest> digests);

// CRCs take and give the finished value (0 for no bytes), so that calls can be chained:
// Crc32(Crc32(0, a), b) == Crc32(0, a + b).
[[nodiscard]] uint32_t Crc32(uint32_t crc, ByteSpan bytes);      // ISO-HDLC, as in zlib
[[nodiscard]] uint32_t Crc32c(uint32_t crc, ByteSpan bytes);     // Castagnoli, as in iSCSI
[[nodiscard]] uint64_t Crc64Nvme(uint64_t crc, ByteSpan bytes);  // NVMe, as in S3
[[nodiscard]] uint64_t Crc64NvmePortable(uint64_t crc, ByteSpan bytes);
// CRC of a + b from the CRCs of a and b and the length of b. O(log size_b).
[[nodiscard]] uint32_t Crc32Combine(uint32_t crc_a, uint32_t crc_b, uint64_t size_b);
[[nodiscard]] uint32_t Crc32cCombine(uint32_t crc_a, uint32_t crc_b, uint64_t size_b);
[[nodiscard]] uint64_t Crc64NvmeCombine(uint64_t crc_a, uint64_t crc_b, uint64_t size_b);

// Incremental MD5, SHA-1 and SHA-256. Update any number of times, Finish once.
struct HasherStates;  // for UpdateTogether
class Md5Hasher {
 public:
  Md5Hasher();
  void Update(ByteSpan bytes);
  Md5Digest Finish();

 private:
  friend HasherStates;
  alignas(8) std::array<uint8_t, 96> state_;  // MD5_CTX
};
class Sha1Hasher {
 public:
  Sha1Hasher();
  void Update(ByteSpan bytes);
  Sha1Digest Finish();

 private:
  alignas(8) std::array<uint8_t, 96> state_;  // SHA_CTX
};
class Sha256Hasher {
 public:
  Sha256Hasher();
  void Update(ByteSpan bytes);
  Sha256Digest Finish();

 private:
  friend HasherStates;
  alignas(8) std::array<uint8_t, 112> state_;  // SHA256_CTX
};

// The next bytes of one stream, for its hashers.
struct HashWork {
  Md5Hasher* md5 = nullptr;
  Sha256Hasher* sha256 = nullptr;  // or null
  ByteSpan bytes;
};
// As if every hasher had been given Update(bytes), but with the streams side by side in vector
// lanes, and MD5 and SHA-256 of a stream at once. No hasher may occur twice. Streams of equal
// length run fastest; one alone gains only where it has both hashes.
void UpdateTogether(std::span<const HashWork> work);
// The same by OpenSSL one by one: the twin that the kernels are compared with.
void UpdateTogetherPortable(std::span<const HashWork> work);

}  // namespace ashlar
