#include "object_service/checksums.h"

namespace ashlar::object_service {

using model::ChecksumAlgorithm;
using model::ChecksumType;

namespace {

uint64_t LoadBig(std::string_view raw) {
  uint64_t value = 0;
  for (const char byte : raw) value = value << 8 | static_cast<uint8_t>(byte);
  return value;
}

size_t RawBytes(ChecksumAlgorithm algorithm) {
  switch (algorithm) {
    case ChecksumAlgorithm::kNone: return 0;
    case ChecksumAlgorithm::kCrc32:
    case ChecksumAlgorithm::kCrc32c: return 4;
    case ChecksumAlgorithm::kCrc64Nvme: return 8;
    case ChecksumAlgorithm::kSha1: return 20;
    case ChecksumAlgorithm::kSha256: return 32;
  }
  return 0;
}

Result<std::string> FullObject(ChecksumAlgorithm algorithm, const std::vector<std::string>& raw,
                               const std::vector<PartChecksumValue>& parts) {
  uint64_t crc = 0;
  for (size_t i = 0; i < raw.size(); ++i) {
    const uint64_t part = LoadBig(raw[i]);
    switch (algorithm) {
      case ChecksumAlgorithm::kCrc32:
        crc = Crc32Combine(static_cast<uint32_t>(crc), static_cast<uint32_t>(part), parts[i].size);
        break;
      case ChecksumAlgorithm::kCrc32c:
        crc = Crc32cCombine(static_cast<uint32_t>(crc), static_cast<uint32_t>(part), parts[i].size);
        break;
      case ChecksumAlgorithm::kCrc64Nvme: crc = Crc64NvmeCombine(crc, part, parts[i].size); break;
      default:
        return Status(Code::kInvalidArgument, "this algorithm has no checksum of the full object");
    }
  }
  return algorithm == ChecksumAlgorithm::kCrc64Nvme ? EncodeCrc64(crc)
                                                    : EncodeCrc32(static_cast<uint32_t>(crc));
}

}  // namespace

size_t ChecksumTextBytes(ChecksumAlgorithm algorithm) { return (RawBytes(algorithm) + 2) / 3 * 4; }

std::string EncodeCrc32(uint32_t crc) {
  const uint32_t big = __builtin_bswap32(crc);
  return Base64Encode({reinterpret_cast<const uint8_t*>(&big), sizeof(big)});
}

std::string EncodeCrc64(uint64_t crc) {
  const uint64_t big = __builtin_bswap64(crc);
  return Base64Encode({reinterpret_cast<const uint8_t*>(&big), sizeof(big)});
}

ChecksumHasher::ChecksumHasher(ChecksumAlgorithm algorithm) : algorithm_(algorithm) {
  switch (algorithm) {
    case ChecksumAlgorithm::kNone: break;
    case ChecksumAlgorithm::kCrc32:
    case ChecksumAlgorithm::kCrc32c: state_ = uint32_t{0}; break;
    case ChecksumAlgorithm::kCrc64Nvme: state_ = uint64_t{0}; break;
    case ChecksumAlgorithm::kSha1: state_.emplace<Sha1Hasher>(); break;
    case ChecksumAlgorithm::kSha256: state_.emplace<Sha256Hasher>(); break;
  }
}

void ChecksumHasher::Update(ByteSpan bytes) {
  switch (algorithm_) {
    case ChecksumAlgorithm::kNone: break;
    case ChecksumAlgorithm::kCrc32:
      std::get<uint32_t>(state_) = Crc32(std::get<uint32_t>(state_), bytes);
      break;
    case ChecksumAlgorithm::kCrc32c:
      std::get<uint32_t>(state_) = Crc32c(std::get<uint32_t>(state_), bytes);
      break;
    case ChecksumAlgorithm::kCrc64Nvme:
      std::get<uint64_t>(state_) = Crc64Nvme(std::get<uint64_t>(state_), bytes);
      break;
    case ChecksumAlgorithm::kSha1: std::get<Sha1Hasher>(state_).Update(bytes); break;
    case ChecksumAlgorithm::kSha256: std::get<Sha256Hasher>(state_).Update(bytes); break;
  }
}

std::string ChecksumHasher::Finish() {
  switch (algorithm_) {
    case ChecksumAlgorithm::kNone: return {};
    case ChecksumAlgorithm::kCrc32:
    case ChecksumAlgorithm::kCrc32c: return EncodeCrc32(std::get<uint32_t>(state_));
    case ChecksumAlgorithm::kCrc64Nvme: return EncodeCrc64(std::get<uint64_t>(state_));
    case ChecksumAlgorithm::kSha1: return Base64Encode(std::get<Sha1Hasher>(state_).Finish());
    case ChecksumAlgorithm::kSha256: return Base64Encode(std::get<Sha256Hasher>(state_).Finish());
  }
  return {};
}

Result<model::Checksum> CombinePartChecksums(ChecksumAlgorithm algorithm, ChecksumType type,
                                             const std::vector<PartChecksumValue>& parts) {
  std::vector<std::string> raw(parts.size());
  for (size_t i = 0; i < parts.size(); ++i) {
    if (!Base64Decode(parts[i].base64, &raw[i]) || raw[i].size() != RawBytes(algorithm)) {
      return Status(Code::kInvalidArgument, "a part has no checksum of the upload's algorithm");
    }
  }
  model::Checksum checksum;
  checksum.algorithm = algorithm;
  checksum.type = type;
  if (type == ChecksumType::kFullObject) {
    ASSIGN_OR_RETURN(checksum.value, FullObject(algorithm, raw, parts));
    return checksum;
  }
  ChecksumHasher hasher(algorithm);
  for (const std::string& value : raw) hasher.Update(AsBytes(value));
  checksum.value = hasher.Finish() + "-" + std::to_string(parts.size());
  return checksum;
}

}  // namespace ashlar::object_service
