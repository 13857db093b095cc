#include "api_gateway/operations/common/checksums.h"

#include "api_gateway/protocol/percent.h"
#include "base/check.h"

namespace ashlar::api_gateway {

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

model::ChecksumType StoredType(ChecksumType type) {
  return type == ChecksumType::kFullObject ? model::ChecksumType::kFullObject
                                           : model::ChecksumType::kComposite;
}

std::string_view TypeName(model::ChecksumType type) {
  return ChecksumTypeName(type == model::ChecksumType::kFullObject ? ChecksumType::kFullObject
                                                                   : ChecksumType::kComposite);
}

bool AsksForChecksums(const HttpRequest& request) {
  const auto mode = request.Find("x-amz-checksum-mode");
  return mode && EqualsIgnoreCase(TrimBlanks(*mode), "ENABLED");
}

void AddChecksumHeaders(const model::Checksum& checksum, bool with_type, ResponseHead* head) {
  const auto algorithm = NamedAlgorithm(checksum.algorithm);
  if (!algorithm) return;
  head->Add(NamesOf(*algorithm).header, checksum.value);
  if (with_type) head->Add("x-amz-checksum-type", TypeName(checksum.type));
}

void WriteChecksum(XmlWriter& xml, const model::Checksum& checksum, bool with_type) {
  const auto algorithm = NamedAlgorithm(checksum.algorithm);
  if (!algorithm) return;
  xml.Text(NamesOf(*algorithm).xml_element, checksum.value);
  if (with_type) xml.Text("ChecksumType", TypeName(checksum.type));
}

}  // namespace ashlar::api_gateway
