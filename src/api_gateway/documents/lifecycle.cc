#include "api_gateway/documents/lifecycle.h"

#include <limits>

#include "api_gateway/operations/common/responses.h"
#include "api_gateway/protocol/http_date.h"
#include "api_gateway/protocol/percent.h"
#include "api_gateway/protocol/xml_walk.h"
#include "base/digest.h"

namespace ashlar::api_gateway {
namespace {

constexpr size_t kMadeIdBytes = 16;
constexpr std::string_view kMidnight = "T00:00:00Z";

// ---- values of elements: false when there is one already, or it has another type

bool TakeNumber(const pugi::xml_node& node, int64_t most, std::optional<int64_t>* out) {
  std::string text;
  if (out->has_value() || !XmlTextOf(node, &text)) return false;
  std::string_view digits = TrimXmlSpace(text);
  const bool negative = digits.starts_with('-');
  if (negative) digits.remove_prefix(1);
  unsigned long long number = 0;
  if (!ParseUnsigned(digits, &number) || number > static_cast<unsigned long long>(most)) {
    return false;
  }
  *out = negative ? -static_cast<int64_t>(number) : static_cast<int64_t>(number);
  return true;
}

bool TakeInt(const pugi::xml_node& node, std::optional<int64_t>* out) {
  return TakeNumber(node, std::numeric_limits<int32_t>::max(), out);
}

bool TakeLong(const pugi::xml_node& node, std::optional<int64_t>* out) {
  return TakeNumber(node, std::numeric_limits<int64_t>::max(), out);
}

bool TakeText(const pugi::xml_node& node, std::optional<std::string>* out) {
  if (out->has_value()) return false;
  return XmlTextOf(node, &out->emplace());
}

bool TakeBool(const pugi::xml_node& node, std::optional<bool>* out) {
  std::optional<std::string> text;
  if (out->has_value() || !TakeText(node, &text)) return false;
  const std::string_view value = TrimXmlSpace(*text);
  if (value != "true" && value != "false") return false;
  *out = value == "true";
  return true;
}

// A day, or a moment of one.
bool TakeDate(const pugi::xml_node& node, std::optional<int64_t>* out) {
  std::optional<std::string> text;
  if (out->has_value() || !TakeText(node, &text)) return false;
  std::string value(TrimXmlSpace(*text));
  if (value.find('T') == std::string::npos) value += kMidnight;
  *out = ParseRfc3339(value);
  return out->has_value();
}

// ---- parts of a rule: false when the form is another one

bool TakeTag(const pugi::xml_node& node, model::HeaderList* tags) {
  std::optional<std::string> key;
  std::optional<std::string> value;
  const bool known = EachXmlElement(node, [&](std::string_view name, const pugi::xml_node& child) {
    if (name == "Key") return TakeText(child, &key);
    return name == "Value" && TakeText(child, &value);
  });
  if (!known || !key || !value) return false;
  tags->emplace_back(*std::move(key), *std::move(value));
  return true;
}

// Counts what it took.
bool TakePredicates(const pugi::xml_node& node, LifecycleFilter* filter, size_t* count) {
  return EachXmlElement(node, [&](std::string_view name, const pugi::xml_node& child) {
    ++*count;
    if (name == "Prefix") return TakeText(child, &filter->prefix);
    if (name == "Tag") return TakeTag(child, &filter->tags);
    if (name == "ObjectSizeGreaterThan") return TakeLong(child, &filter->size_greater_than);
    return name == "ObjectSizeLessThan" && TakeLong(child, &filter->size_less_than);
  });
}

// Nothing, one predicate, or an <And> of at least two.
bool TakeFilter(const pugi::xml_node& node, std::optional<LifecycleFilter>* out) {
  if (out->has_value()) return false;
  LifecycleFilter& filter = out->emplace();
  const pugi::xml_node joined = node.child("And");
  size_t count = 0;
  if (!joined) return TakePredicates(node, &filter, &count) && count <= 1;
  filter.joined = true;
  size_t children = 0;
  const bool alone = EachXmlElement(
      node, [&](std::string_view, const pugi::xml_node&) { return ++children == 1; });
  return alone && TakePredicates(joined, &filter, &count) && count >= 2;
}

bool TakeExpiration(const pugi::xml_node& node, std::optional<LifecycleExpiration>* out) {
  if (out->has_value()) return false;
  LifecycleExpiration& expiration = out->emplace();
  const bool known = EachXmlElement(node, [&](std::string_view name, const pugi::xml_node& child) {
    if (name == "Days") return TakeInt(child, &expiration.days);
    if (name == "Date") return TakeDate(child, &expiration.date_seconds);
    return name == "ExpiredObjectDeleteMarker" && TakeBool(child, &expiration.delete_marker);
  });
  return known && expiration.days.has_value() + expiration.date_seconds.has_value() +
                          expiration.delete_marker.has_value() ==
                      1;
}

bool TakeTransition(const pugi::xml_node& node, bool noncurrent,
                    std::vector<LifecycleTransition>* out) {
  LifecycleTransition& transition = out->emplace_back();
  std::optional<std::string> storage_class;
  const bool known = EachXmlElement(node, [&](std::string_view name, const pugi::xml_node& child) {
    if (name == "StorageClass") return TakeText(child, &storage_class);
    if (noncurrent) {
      if (name == "NoncurrentDays") return TakeInt(child, &transition.days);
      return name == "NewerNoncurrentVersions" && TakeInt(child, &transition.newer_versions);
    }
    if (name == "Days") return TakeInt(child, &transition.days);
    return name == "Date" && TakeDate(child, &transition.date_seconds);
  });
  if (!known || !storage_class) return false;
  transition.storage_class = TrimXmlSpace(*storage_class);
  return transition.days.has_value() != transition.date_seconds.has_value();
}

bool TakeNoncurrentExpiration(const pugi::xml_node& node,
                              std::optional<NoncurrentExpiration>* out) {
  if (out->has_value()) return false;
  NoncurrentExpiration& expiration = out->emplace();
  std::optional<int64_t> days;
  const bool known = EachXmlElement(node, [&](std::string_view name, const pugi::xml_node& child) {
    if (name == "NoncurrentDays") return TakeInt(child, &days);
    return name == "NewerNoncurrentVersions" && TakeInt(child, &expiration.newer_versions);
  });
  if (!known || !days) return false;
  expiration.days = *days;
  return true;
}

bool TakeAbort(const pugi::xml_node& node, std::optional<int64_t>* days) {
  if (days->has_value()) return false;
  const bool known = EachXmlElement(node, [&](std::string_view name, const pugi::xml_node& child) {
    return name == "DaysAfterInitiation" && TakeInt(child, days);
  });
  return known && days->has_value();
}

bool TakeRule(const pugi::xml_node& node, LifecycleRule* rule) {
  std::optional<std::string> id;
  std::optional<std::string> status;
  const bool known = EachXmlElement(node, [&](std::string_view name, const pugi::xml_node& child) {
    if (name == "ID") return TakeText(child, &id);
    if (name == "Status") return TakeText(child, &status);
    if (name == "Prefix") return TakeText(child, &rule->prefix);
    if (name == "Filter") return TakeFilter(child, &rule->filter);
    if (name == "Expiration") return TakeExpiration(child, &rule->expiration);
    if (name == "Transition") return TakeTransition(child, false, &rule->transitions);
    if (name == "NoncurrentVersionExpiration") {
      return TakeNoncurrentExpiration(child, &rule->noncurrent_expiration);
    }
    if (name == "NoncurrentVersionTransition") {
      return TakeTransition(child, true, &rule->noncurrent_transitions);
    }
    return name == "AbortIncompleteMultipartUpload" && TakeAbort(child, &rule->abort_upload_days);
  });
  if (!known || !status || rule->prefix.has_value() == rule->filter.has_value()) return false;
  const std::string_view state = TrimXmlSpace(*status);
  rule->enabled = state == "Enabled";
  rule->id = id.value_or("");
  return rule->enabled || state == "Disabled";
}

// ---- rendering

void WriteNumber(XmlWriter& xml, std::string_view name, const std::optional<int64_t>& value) {
  if (value) xml.Text(name, std::to_string(*value));
}

void WriteDate(XmlWriter& xml, const std::optional<int64_t>& seconds) {
  if (seconds) xml.Text("Date", FormatIso8601(*seconds * 1000));
}

void WriteFilter(XmlWriter& xml, const LifecycleFilter& filter) {
  xml.Open("Filter");
  if (filter.joined) xml.Open("And");
  if (filter.prefix) xml.Text("Prefix", *filter.prefix);
  for (const auto& [key, value] : filter.tags) {
    xml.Open("Tag");
    xml.Text("Key", key);
    xml.Text("Value", value);
    xml.Close("Tag");
  }
  WriteNumber(xml, "ObjectSizeGreaterThan", filter.size_greater_than);
  WriteNumber(xml, "ObjectSizeLessThan", filter.size_less_than);
  if (filter.joined) xml.Close("And");
  xml.Close("Filter");
}

void WriteTransitions(XmlWriter& xml, std::string_view element, std::string_view days_name,
                      const std::vector<LifecycleTransition>& transitions) {
  for (const LifecycleTransition& transition : transitions) {
    xml.Open(element);
    WriteNumber(xml, days_name, transition.days);
    WriteDate(xml, transition.date_seconds);
    xml.Text("StorageClass", transition.storage_class);
    WriteNumber(xml, "NewerNoncurrentVersions", transition.newer_versions);
    xml.Close(element);
  }
}

void WriteExpirations(XmlWriter& xml, const LifecycleRule& rule) {
  if (rule.expiration) {
    xml.Open("Expiration");
    WriteNumber(xml, "Days", rule.expiration->days);
    WriteDate(xml, rule.expiration->date_seconds);
    if (rule.expiration->delete_marker) {
      xml.Bool("ExpiredObjectDeleteMarker", *rule.expiration->delete_marker);
    }
    xml.Close("Expiration");
  }
  if (rule.noncurrent_expiration) {
    xml.Open("NoncurrentVersionExpiration");
    WriteNumber(xml, "NoncurrentDays", rule.noncurrent_expiration->days);
    WriteNumber(xml, "NewerNoncurrentVersions", rule.noncurrent_expiration->newer_versions);
    xml.Close("NoncurrentVersionExpiration");
  }
}

void WriteRule(XmlWriter& xml, const LifecycleRule& rule) {
  xml.Open("Rule");
  xml.Text("ID", rule.id);
  if (rule.prefix) xml.Text("Prefix", *rule.prefix);
  if (rule.filter) WriteFilter(xml, *rule.filter);
  xml.Text("Status", rule.enabled ? "Enabled" : "Disabled");
  WriteTransitions(xml, "Transition", "Days", rule.transitions);
  WriteTransitions(xml, "NoncurrentVersionTransition", "NoncurrentDays",
                   rule.noncurrent_transitions);
  WriteExpirations(xml, rule);
  if (rule.abort_upload_days) {
    xml.Open("AbortIncompleteMultipartUpload");
    WriteNumber(xml, "DaysAfterInitiation", rule.abort_upload_days);
    xml.Close("AbortIncompleteMultipartUpload");
  }
  xml.Close("Rule");
}

// Of the rule and its place: no two of a document get the same, and the same document always does.
std::string MakeId(const LifecycleRule& rule, size_t place) {
  const std::string text = std::to_string(place) + RenderLifecycle({rule});
  const Sha256Digest digest = Sha256(AsBytes(text));
  return HexEncode(ByteSpan(digest).first(kMadeIdBytes));
}

}  // namespace

S3Result<std::vector<LifecycleRule>> ParseLifecycle(std::string_view body) {
  pugi::xml_document document;
  if (!LoadXml(body, kLifecycleBytesMax, "LifecycleConfiguration", &document)) {
    return MalformedXml();
  }
  std::vector<LifecycleRule> rules;
  const bool known = EachXmlElement(document.document_element(),
                                    [&rules](std::string_view name, const pugi::xml_node& child) {
                                      return name == "Rule" && rules.size() < kLifecycleRulesMax &&
                                             TakeRule(child, &rules.emplace_back());
                                    });
  if (!known || rules.empty()) return MalformedXml();
  for (size_t i = 0; i < rules.size(); ++i) {
    if (rules[i].id.empty()) rules[i].id = MakeId(rules[i], i);
  }
  if (auto error = CheckLifecycle(rules)) return *std::move(error);
  return rules;
}

std::string RenderLifecycle(const std::vector<LifecycleRule>& rules) {
  return XmlDocument("LifecycleConfiguration", [&rules](XmlWriter& xml) {
    for (const LifecycleRule& rule : rules) WriteRule(xml, rule);
  });
}

S3Result<std::string> ParseMinimumSize(std::optional<std::string_view> header) {
  const std::string value(header.value_or(kMinimumSizeDefault));
  if (value == kMinimumSizeDefault || value == "varies_by_storage_class") return value;
  return S3Error(S3Code::kInvalidRequest,
                 "Invalid TransitionDefaultMinimumObjectSize found: " + value);
}

}  // namespace ashlar::api_gateway
