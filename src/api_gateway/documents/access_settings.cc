#include "api_gateway/documents/access_settings.h"

#include "api_gateway/operations/common/responses.h"
#include "api_gateway/protocol/percent.h"
#include "api_gateway/protocol/xml_walk.h"

namespace ashlar::api_gateway {
namespace {

struct Flag {
  std::string_view element;
  bool iam::PublicAccessBlock::*member;
};
constexpr Flag kFlags[] = {
    {"BlockPublicAcls", &iam::PublicAccessBlock::block_public_acls},
    {"IgnorePublicAcls", &iam::PublicAccessBlock::ignore_public_acls},
    {"BlockPublicPolicy", &iam::PublicAccessBlock::block_public_policy},
    {"RestrictPublicBuckets", &iam::PublicAccessBlock::restrict_public_buckets},
};

}  // namespace

S3Result<iam::PublicAccessBlock> ParsePublicAccessBlock(std::string_view body) {
  pugi::xml_document document;
  if (!LoadXml(body, kAccessSettingsBytesMax, "PublicAccessBlockConfiguration", &document)) {
    return MalformedXml();
  }
  iam::PublicAccessBlock block;
  const bool known =
      EachXmlField(document.document_element(), [&](std::string_view name, std::string& text) {
        const std::string value = ToLower(TrimXmlSpace(text));
        if (value != "true" && value != "false") return false;
        for (const Flag& flag : kFlags) {
          if (flag.element != name) continue;
          block.*flag.member = value == "true";
          return true;
        }
        return false;
      });
  if (!known) return MalformedXml();
  return block;
}

std::string RenderPublicAccessBlock(const iam::PublicAccessBlock& block) {
  return XmlDocument("PublicAccessBlockConfiguration", [&block](XmlWriter& xml) {
    for (const Flag& flag : kFlags) xml.Bool(flag.element, block.*flag.member);
  });
}

S3Result<iam::Ownership> ParseOwnershipControls(std::string_view body) {
  pugi::xml_document document;
  if (!LoadXml(body, kAccessSettingsBytesMax, "OwnershipControls", &document)) {
    return MalformedXml();
  }
  std::optional<iam::Ownership> ownership;
  size_t rules = 0;
  const auto take_value = [&](std::string_view name, std::string& text) {
    if (name != "ObjectOwnership" || ownership) return false;
    ownership = iam::ParseOwnership(text);
    return ownership.has_value();
  };
  const bool known = EachXmlElement(
      document.document_element(), [&](std::string_view name, const pugi::xml_node& node) {
        return name == "Rule" && ++rules == 1 && EachXmlField(node, take_value);
      });
  if (!known || !ownership) return MalformedXml();
  return *ownership;
}

std::string RenderOwnershipControls(iam::Ownership ownership) {
  return XmlDocument("OwnershipControls", [ownership](XmlWriter& xml) {
    xml.Open("Rule");
    xml.Text("ObjectOwnership", iam::OwnershipName(ownership));
    xml.Close("Rule");
  });
}

S3Result<std::optional<iam::Ownership>> ParseOwnershipHeader(const HttpRequest& request) {
  const auto header = request.Find("x-amz-object-ownership");
  if (!header) return std::optional<iam::Ownership>();
  const auto ownership = iam::ParseOwnership(TrimBlanks(*header));
  if (!ownership) {
    return S3Error(S3Code::kInvalidArgument,
                   "Invalid x-amz-object-ownership header: " + std::string(*header))
        .With("ArgumentName", "x-amz-object-ownership");
  }
  return ownership;
}

}  // namespace ashlar::api_gateway
