// Checksums of stored objects: computing them over a reader, and combining those of parts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/digest.h"
#include "base/status.h"
#include "model/object_version.h"

namespace ashlar::object_service {

// Base64 of the big-endian value, as S3 writes it.
[[nodiscard]] std::string EncodeCrc32(uint32_t crc);
[[nodiscard]] std::string EncodeCrc64(uint64_t crc);
// Length of the base64 text of a checksum of the full object; 0 for kNone.
[[nodiscard]] size_t ChecksumTextBytes(model::ChecksumAlgorithm algorithm);

// Feeds bytes in order; Finish once. kNone computes nothing.
class ChecksumHasher {
 public:
  explicit ChecksumHasher(model::ChecksumAlgorithm algorithm);
  void Update(ByteSpan bytes);
  [[nodiscard]] std::string Finish();  // base64; empty for kNone

 private:
  model::ChecksumAlgorithm algorithm_;
  std::variant<std::monostate, uint32_t, uint64_t, Sha1Hasher, Sha256Hasher> state_;
};

struct PartChecksumValue {
  std::string base64;
  uint64_t size = 0;
};
// Checksum of a completed upload from those of its parts. Composite: the algorithm over the raw
// values, "-N". Full object: CRCs combined. kInvalidArgument when a value is missing or malformed,
// or the algorithm cannot be combined.
[[nodiscard]] Result<model::Checksum> CombinePartChecksums(
    model::ChecksumAlgorithm algorithm, model::ChecksumType type,
    const std::vector<PartChecksumValue>& parts);

}  // namespace ashlar::object_service
