#include "api_gateway/operations/common/checksums.h"

#include "api_gateway/protocol/percent.h"

namespace ashlar::api_gateway {

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
