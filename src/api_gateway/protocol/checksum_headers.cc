#include "api_gateway/protocol/checksum_headers.h"

#include <array>

#include "api_gateway/protocol/percent.h"
#include "base/check.h"

namespace ashlar::api_gateway {
namespace {

constexpr std::array<ChecksumNames, kChecksumAlgorithmCount> kNames = {{
    {"CRC32", "crc32", "x-amz-checksum-crc32", "ChecksumCRC32", 4},
    {"CRC32C", "crc32c", "x-amz-checksum-crc32c", "ChecksumCRC32C", 4},
    {"CRC64NVME", "crc64nvme", "x-amz-checksum-crc64nvme", "ChecksumCRC64NVME", 8},
    {"SHA1", "sha1", "x-amz-checksum-sha1", "ChecksumSHA1", 20},
    {"SHA256", "sha256", "x-amz-checksum-sha256", "ChecksumSHA256", 32},
}};

template <typename Matches>
std::optional<ChecksumAlgorithm> FindBy(Matches matches) {
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (matches(kNames[i])) return static_cast<ChecksumAlgorithm>(i);
  }
  return std::nullopt;
}

S3Error Invalid(std::string message) {
  return S3Error(S3Code::kInvalidRequest, std::move(message));
}

S3Error SingleChecksumOnly() {
  return Invalid(
      "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.");
}

template <typename Integer>
std::string BigEndian(Integer value) {
  std::string raw(sizeof value, '\0');
  for (size_t i = 0; i < sizeof value; ++i) {
    raw[i] = static_cast<char>(value >> 8 * (sizeof value - 1 - i));
  }
  return raw;
}

uint64_t FromBigEndian(std::string_view raw) {
  uint64_t value = 0;
  for (const char c : raw) value = value << 8 | static_cast<uint8_t>(c);
  return value;
}

template <typename Digest>
std::string Raw(const Digest& digest) {
  return std::string(AsText(ByteSpan(digest)));
}

// Headers of the family that say something about a checksum instead of holding one.
bool IsChecksumOption(std::string_view header) {
  return header == "x-amz-checksum-algorithm" || header == "x-amz-checksum-type" ||
         header == "x-amz-checksum-mode";
}

}  // namespace

const ChecksumNames& NamesOf(ChecksumAlgorithm algorithm) {
  return kNames[static_cast<size_t>(algorithm)];
}

std::string_view ChecksumTypeName(ChecksumType type) {
  return type == ChecksumType::kFullObject ? "FULL_OBJECT" : "COMPOSITE";
}

std::optional<ChecksumAlgorithm> FindChecksumAlgorithm(std::string_view name) {
  return FindBy([name](const ChecksumNames& row) { return EqualsIgnoreCase(row.name, name); });
}
std::optional<ChecksumAlgorithm> FindChecksumHeader(std::string_view header) {
  return FindBy(
      [header](const ChecksumNames& row) { return EqualsIgnoreCase(row.header, header); });
}
std::optional<ChecksumAlgorithm> FindChecksumElement(std::string_view element) {
  return FindBy([element](const ChecksumNames& row) { return row.xml_element == element; });
}

S3Result<std::string> ParseChecksumValue(ChecksumAlgorithm algorithm, std::string_view base64) {
  std::string raw;
  if (!Base64Decode(TrimBlanks(base64), &raw) || raw.size() != NamesOf(algorithm).size) {
    return Invalid("Value for " + std::string(NamesOf(algorithm).header) + " header is invalid.");
  }
  return raw;
}

S3Result<ChecksumRequest> ParseChecksumHeaders(const HttpRequest& request) {
  ChecksumRequest checksum;
  constexpr std::string_view kPrefix = "x-amz-checksum-";
  for (const Header& header : request.headers) {
    if (!header.name.starts_with(kPrefix) || IsChecksumOption(header.name)) continue;
    if (checksum.algorithm) return SingleChecksumOnly();
    checksum.algorithm = FindChecksumHeader(header.name);
    if (!checksum.algorithm) {
      return Invalid("The algorithm type you specified in x-amz-checksum- header is invalid.");
    }
    auto value = ParseChecksumValue(*checksum.algorithm, header.value);
    if (!value.ok()) return value.error();
    checksum.value = *std::move(value);
  }
  if (const auto trailer = request.Find("x-amz-trailer")) {
    if (checksum.algorithm || request.Count("x-amz-trailer") > 1) return SingleChecksumOnly();
    checksum.algorithm = FindChecksumHeader(TrimBlanks(*trailer));
    if (!checksum.algorithm) {
      return Invalid("The value specified in the x-amz-trailer header is not supported");
    }
    checksum.in_trailer = true;
  }
  return checksum;
}

S3Error ChecksumMismatch(ChecksumAlgorithm algorithm, bool lower) {
  const ChecksumNames& names = NamesOf(algorithm);
  return S3Error(S3Code::kBadDigest, "The " + std::string(lower ? names.lower : names.name) +
                                         " you specified did not match the calculated checksum.");
}

S3Result<std::optional<MultipartChecksum>> ParseMultipartChecksum(const HttpRequest& request) {
  const auto algorithm_text = request.Find("x-amz-checksum-algorithm");
  const auto type_text = request.Find("x-amz-checksum-type");
  if (!algorithm_text) {
    if (!type_text) return std::optional<MultipartChecksum>();
    return Invalid(
        "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm "
        "header.");
  }
  const auto algorithm = FindChecksumAlgorithm(TrimBlanks(*algorithm_text));
  if (!algorithm) {
    return Invalid(
        "Checksum algorithm provided is unsupported. Please try again with any of the valid "
        "types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]");
  }
  MultipartChecksum checksum{*algorithm, ChecksumType::kComposite};
  if (*algorithm == ChecksumAlgorithm::kCrc64Nvme) checksum.type = ChecksumType::kFullObject;
  if (type_text) {
    const std::string_view type = TrimBlanks(*type_text);
    if (EqualsIgnoreCase(type, "FULL_OBJECT")) {
      checksum.type = ChecksumType::kFullObject;
    } else if (EqualsIgnoreCase(type, "COMPOSITE")) {
      checksum.type = ChecksumType::kComposite;
    } else {
      return Invalid("Value for x-amz-checksum-type header is invalid.");
    }
  }
  const bool is_sha =
      *algorithm == ChecksumAlgorithm::kSha1 || *algorithm == ChecksumAlgorithm::kSha256;
  const bool full = checksum.type == ChecksumType::kFullObject;
  if ((full && is_sha) || (!full && *algorithm == ChecksumAlgorithm::kCrc64Nvme)) {
    return Invalid("The " + std::string(ChecksumTypeName(checksum.type)) +
                   " checksum type cannot be used with the " +
                   std::string(NamesOf(*algorithm).lower) + " checksum algorithm.");
  }
  return std::optional(checksum);
}

ChecksumCalculator::ChecksumCalculator(ChecksumAlgorithm algorithm) : algorithm_(algorithm) {
  switch (algorithm) {
    case ChecksumAlgorithm::kCrc32:
    case ChecksumAlgorithm::kCrc32c: state_.emplace<uint32_t>(0); break;
    case ChecksumAlgorithm::kCrc64Nvme: state_.emplace<uint64_t>(0); break;
    case ChecksumAlgorithm::kSha1: state_.emplace<Sha1Hasher>(); break;
    case ChecksumAlgorithm::kSha256: state_.emplace<Sha256Hasher>(); break;
  }
}

void ChecksumCalculator::Update(ByteSpan bytes) {
  switch (algorithm_) {
    case ChecksumAlgorithm::kCrc32: {
      auto& crc = std::get<uint32_t>(state_);
      crc = Crc32(crc, bytes);
      break;
    }
    case ChecksumAlgorithm::kCrc32c: {
      auto& crc = std::get<uint32_t>(state_);
      crc = Crc32c(crc, bytes);
      break;
    }
    case ChecksumAlgorithm::kCrc64Nvme: {
      auto& crc = std::get<uint64_t>(state_);
      crc = Crc64Nvme(crc, bytes);
      break;
    }
    case ChecksumAlgorithm::kSha1: std::get<Sha1Hasher>(state_).Update(bytes); break;
    case ChecksumAlgorithm::kSha256: std::get<Sha256Hasher>(state_).Update(bytes); break;
  }
}

std::string ChecksumCalculator::Finish() {
  switch (algorithm_) {
    case ChecksumAlgorithm::kCrc32:
    case ChecksumAlgorithm::kCrc32c: return BigEndian(std::get<uint32_t>(state_));
    case ChecksumAlgorithm::kCrc64Nvme: return BigEndian(std::get<uint64_t>(state_));
    case ChecksumAlgorithm::kSha1: return Raw(std::get<Sha1Hasher>(state_).Finish());
    case ChecksumAlgorithm::kSha256: return Raw(std::get<Sha256Hasher>(state_).Finish());
  }
  CHECK(false);
  return {};
}

std::string CompositeChecksum(ChecksumAlgorithm algorithm, std::span<const PartChecksum> parts) {
  ChecksumCalculator calculator(algorithm);
  for (const PartChecksum& part : parts) calculator.Update(AsBytes(part.value));
  return Base64Encode(AsBytes(calculator.Finish())) + "-" + std::to_string(parts.size());
}

std::string CombineChecksums(ChecksumAlgorithm algorithm, std::span<const PartChecksum> parts) {
  CHECK(algorithm != ChecksumAlgorithm::kSha1 && algorithm != ChecksumAlgorithm::kSha256);
  uint64_t crc = 0;
  for (const PartChecksum& part : parts) {
    CHECK(part.value.size() == NamesOf(algorithm).size);
    const uint64_t next = FromBigEndian(part.value);
    if (algorithm == ChecksumAlgorithm::kCrc64Nvme) {
      crc = Crc64NvmeCombine(crc, next, part.size);
    } else {
      const auto left = static_cast<uint32_t>(crc);
      const auto right = static_cast<uint32_t>(next);
      crc = algorithm == ChecksumAlgorithm::kCrc32 ? Crc32Combine(left, right, part.size)
                                                   : Crc32cCombine(left, right, part.size);
    }
  }
  if (algorithm == ChecksumAlgorithm::kCrc64Nvme) return BigEndian(crc);
  return BigEndian(static_cast<uint32_t>(crc));
}

model::ChecksumAlgorithm StoredAlgorithm(ChecksumAlgorithm algorithm) {
  switch (algorithm) {
    case ChecksumAlgorithm::kCrc32: return model::ChecksumAlgorithm::kCrc32;
    case ChecksumAlgorithm::kCrc32c: return model::ChecksumAlgorithm::kCrc32c;
    case ChecksumAlgorithm::kCrc64Nvme: return model::ChecksumAlgorithm::kCrc64Nvme;
    case ChecksumAlgorithm::kSha1: return model::ChecksumAlgorithm::kSha1;
    case ChecksumAlgorithm::kSha256: return model::ChecksumAlgorithm::kSha256;
  }
  CHECK(false);
  return model::ChecksumAlgorithm::kNone;
}

std::optional<ChecksumAlgorithm> NamedAlgorithm(model::ChecksumAlgorithm algorithm) {
  switch (algorithm) {
    case model::ChecksumAlgorithm::kNone: return std::nullopt;
    case model::ChecksumAlgorithm::kCrc32: return ChecksumAlgorithm::kCrc32;
    case model::ChecksumAlgorithm::kCrc32c: return ChecksumAlgorithm::kCrc32c;
    case model::ChecksumAlgorithm::kCrc64Nvme: return ChecksumAlgorithm::kCrc64Nvme;
    case model::ChecksumAlgorithm::kSha1: return ChecksumAlgorithm::kSha1;
    case model::ChecksumAlgorithm::kSha256: return ChecksumAlgorithm::kSha256;
  }
  return std::nullopt;
}

}  // namespace ashlar::api_gateway
