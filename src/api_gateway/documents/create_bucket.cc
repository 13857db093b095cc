#include "api_gateway/documents/create_bucket.h"

#include <optional>

#include "api_gateway/documents/tagging.h"
#include "api_gateway/protocol/xml_walk.h"

namespace ashlar::api_gateway {

S3Result<CreateBucketConfiguration> ParseCreateBucketConfiguration(std::string_view body) {
  CreateBucketConfiguration configuration;
  if (body.empty()) return configuration;
  pugi::xml_document document;
  if (!LoadXml(body, kCreateBucketBytesMax, "CreateBucketConfiguration", &document)) {
    return MalformedXml();
  }
  std::optional<std::string> location;
  bool has_tags = false;
  const bool known = EachXmlElement(document.document_element(),
                                    [&](std::string_view name, const pugi::xml_node& node) {
                                      if (name == "LocationConstraint" && !location)
                                        return XmlTextOf(node, &location.emplace());
                                      if (name != "Tags" || has_tags) return false;
                                      has_tags = true;
                                      return TakeTags(node, &configuration.tags);
                                    });
  if (!known) return MalformedXml();
  if (location) configuration.location_constraint = TrimXmlSpace(*location);
  if (auto error = CheckTags(configuration.tags, TagsOf::kNewBucket)) return *std::move(error);
  return configuration;
}

}  // namespace ashlar::api_gateway
