#include "api_gateway/documents/fixed_settings.h"

#include <algorithm>
#include <initializer_list>
#include <optional>

#include "api_gateway/protocol/xml_walk.h"

namespace ashlar::api_gateway {
namespace {

bool Among(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// A document of one field with two values.
S3Result<bool> ReadField(const pugi::xml_node& root, std::string_view field, std::string_view holds,
                         std::string_view other) {
  std::optional<std::string> value;
  const bool known = EachXmlField(root, [&](std::string_view name, std::string& text) {
    if (name != field || value) return false;
    value = std::move(text);
    return true;
  });
  if (!known || !value || !Among(*value, {holds, other})) return MalformedXml();
  return *value == holds;
}

// A document in which nothing stands when nothing is wanted.
S3Result<bool> ReadEmpty(const pugi::xml_node& root,
                         std::initializer_list<std::string_view> wanted) {
  bool empty = true;
  const bool known = EachXmlElement(root, [&](std::string_view name, const pugi::xml_node&) {
    empty = false;
    return Among(name, wanted);
  });
  if (!known) return MalformedXml();
  return empty;
}

std::string_view RootOf(FixedSetting setting) {
  switch (setting) {
    case FixedSetting::kRequestPayment: return "RequestPaymentConfiguration";
    case FixedSetting::kAcceleration: return "AccelerateConfiguration";
    case FixedSetting::kLogging: return "BucketLoggingStatus";
    case FixedSetting::kNotification: return "NotificationConfiguration";
  }
  return {};
}

}  // namespace

S3Result<bool> AsksForWhatHolds(FixedSetting setting, std::string_view body) {
  pugi::xml_document document;
  if (!LoadXml(body, kFixedSettingBytesMax, RootOf(setting), &document)) return MalformedXml();
  const pugi::xml_node root = document.document_element();
  switch (setting) {
    case FixedSetting::kRequestPayment: return ReadField(root, "Payer", "BucketOwner", "Requester");
    case FixedSetting::kAcceleration: return ReadField(root, "Status", "Suspended", "Enabled");
    case FixedSetting::kLogging: return ReadEmpty(root, {"LoggingEnabled"});
    case FixedSetting::kNotification:
      return ReadEmpty(root, {"TopicConfiguration", "QueueConfiguration",
                              "CloudFunctionConfiguration", "EventBridgeConfiguration"});
  }
  return MalformedXml();
}

}  // namespace ashlar::api_gateway
