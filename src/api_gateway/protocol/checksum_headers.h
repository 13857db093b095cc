// The additional checksums of S3: CRC32, CRC32C, CRC64NVME, SHA1, SHA256.
//
// Values travel as base64; here they are raw big-endian bytes in a std::string ("raw value").
// Which request may carry what, and the texts of the refusals, are those AWS gives.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "api_gateway/http/http_request.h"
#include "base/digest.h"
#include "model/object_version.h"

namespace ashlar::api_gateway {

enum class ChecksumAlgorithm { kCrc32, kCrc32c, kCrc64Nvme, kSha1, kSha256 };
inline constexpr int kChecksumAlgorithmCount = 5;
enum class ChecksumType { kFullObject, kComposite };

struct ChecksumNames {
  std::string_view name;         // "CRC32", as in <ChecksumAlgorithm>
  std::string_view lower;        // "crc32"
  std::string_view header;       // "x-amz-checksum-crc32"
  std::string_view xml_element;  // "ChecksumCRC32"
  size_t size;                   // bytes of a raw value
};
[[nodiscard]] const ChecksumNames& NamesOf(ChecksumAlgorithm algorithm);
// As objects keep it.
[[nodiscard]] model::ChecksumAlgorithm StoredAlgorithm(ChecksumAlgorithm algorithm);
// nullopt for kNone.
[[nodiscard]] std::optional<ChecksumAlgorithm> NamedAlgorithm(model::ChecksumAlgorithm algorithm);
[[nodiscard]] std::string_view ChecksumTypeName(ChecksumType type);  // "FULL_OBJECT", "COMPOSITE"
// By name, letter case ignored.
[[nodiscard]] std::optional<ChecksumAlgorithm> FindChecksumAlgorithm(std::string_view name);
[[nodiscard]] std::optional<ChecksumAlgorithm> FindChecksumHeader(std::string_view header);
[[nodiscard]] std::optional<ChecksumAlgorithm> FindChecksumElement(std::string_view element);

// Base64 of exactly the algorithm's size, as a raw value; InvalidRequest naming the header.
[[nodiscard]] S3Result<std::string> ParseChecksumValue(ChecksumAlgorithm algorithm,
                                                       std::string_view base64);

// The checksum that a body must have.
struct ChecksumRequest {
  std::optional<ChecksumAlgorithm> algorithm;  // nullopt: the client sent none
  std::optional<std::string> value;            // raw; nullopt while it is still to come
  bool in_trailer = false;                     // announced by x-amz-trailer
};
// InvalidRequest: two checksums, a header and a trailer, a value that is not one, an algorithm we
// do not have, x-amz-sdk-checksum-algorithm without its value or with that of another algorithm.
[[nodiscard]] S3Result<ChecksumRequest> ParseChecksumHeaders(const HttpRequest& request);

// BadDigest; `lower` for CompleteMultipartUpload, which spells the name in lower case.
[[nodiscard]] S3Error ChecksumMismatch(ChecksumAlgorithm algorithm, bool lower = false);

// What CreateMultipartUpload fixes for an upload: x-amz-checksum-algorithm and x-amz-checksum-type.
struct MultipartChecksum {
  ChecksumAlgorithm algorithm = ChecksumAlgorithm::kCrc64Nvme;
  ChecksumType type = ChecksumType::kFullObject;
};
// nullopt: neither header ("null" mode).
[[nodiscard]] S3Result<std::optional<MultipartChecksum>> ParseMultipartChecksum(
    const HttpRequest& request);

// Feeds bytes in order; Finish once. Not thread-safe.
class ChecksumCalculator {
 public:
  explicit ChecksumCalculator(ChecksumAlgorithm algorithm);
  void Update(ByteSpan bytes);
  [[nodiscard]] std::string Finish();  // raw value
  ChecksumAlgorithm algorithm() const { return algorithm_; }

 private:
  ChecksumAlgorithm algorithm_;
  std::variant<uint32_t, uint64_t, Sha1Hasher, Sha256Hasher> state_;
};

struct PartChecksum {
  std::string value;  // raw
  uint64_t size = 0;  // bytes of the part
};
// COMPOSITE: "<base64 of the checksum over the parts' raw values>-<number of parts>".
[[nodiscard]] std::string CompositeChecksum(ChecksumAlgorithm algorithm,
                                            std::span<const PartChecksum> parts);
// FULL_OBJECT of a multipart object from its parts, raw. CHECKs that it is one of the CRCs, the
// only ones that combine, and that every value has the algorithm's size.
[[nodiscard]] std::string CombineChecksums(ChecksumAlgorithm algorithm,
                                           std::span<const PartChecksum> parts);

}  // namespace ashlar::api_gateway
