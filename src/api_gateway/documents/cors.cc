#include "api_gateway/documents/cors.h"

#include <algorithm>
#include <limits>
#include <set>

#include "api_gateway/http/head_parser.h"
#include "api_gateway/operations/common/responses.h"
#include "api_gateway/protocol/percent.h"
#include "api_gateway/protocol/xml_walk.h"

namespace ashlar::api_gateway {
namespace {

constexpr size_t kIdCharactersMax = 255;
constexpr std::string_view kMethods[] = {"GET", "PUT", "POST", "DELETE", "HEAD"};

S3Error InvalidRequest(std::string message) {
  return S3Error(S3Code::kInvalidRequest, std::move(message));
}

bool HasManyWildcards(std::string_view text) {
  return std::count(text.begin(), text.end(), '*') > 1;
}

bool TakeMaxAge(std::string_view text, CorsRule* rule) {
  unsigned long long seconds = 0;
  if (rule->max_age_seconds || !ParseUnsigned(TrimXmlSpace(text), &seconds) ||
      seconds > static_cast<unsigned long long>(std::numeric_limits<int32_t>::max())) {
    return false;
  }
  rule->max_age_seconds = static_cast<uint32_t>(seconds);
  return true;
}

// The form of one rule; its values are checked once all rules are known to have the form.
bool TakeRule(const pugi::xml_node& node, CorsRule* rule) {
  const bool known = EachXmlField(node, [rule](std::string_view name, std::string& text) {
    if (name == "AllowedOrigin") {
      rule->origins.push_back(std::move(text));
    } else if (name == "AllowedMethod") {
      rule->methods.push_back(std::move(text));
    } else if (name == "AllowedHeader") {
      rule->headers.push_back(std::move(text));
    } else if (name == "ExposeHeader") {
      // It goes into a header of every answer.
      if (!IsFieldValue(text)) return false;
      rule->expose_headers.push_back(std::move(text));
    } else if (name == "ID" && !rule->id) {
      rule->id = std::move(text);
    } else {
      return name == "MaxAgeSeconds" && TakeMaxAge(text, rule);
    }
    return true;
  });
  return known && !rule->origins.empty() && !rule->methods.empty();
}

std::optional<S3Error> CheckRule(const CorsRule& rule) {
  for (const std::string& method : rule.methods) {
    if (IsCorsMethod(method)) continue;
    return InvalidRequest("Found unsupported HTTP method in CORS config. Unsupported method is " +
                          method);
  }
  for (const std::string& origin : rule.origins) {
    if (!HasManyWildcards(origin)) continue;
    return InvalidRequest("AllowedOrigin \"" + origin + "\" can not have more than one wildcard.");
  }
  for (const std::string& header : rule.headers) {
    if (!HasManyWildcards(header)) continue;
    return InvalidRequest("AllowedHeader \"" + header + "\" can not have more than one wildcard.");
  }
  for (const std::string& header : rule.expose_headers) {
    if (header.find('*') == std::string::npos) continue;
    return InvalidRequest("ExposeHeader \"" + header +
                          "\" contains wildcard. We currently do not support wildcard for "
                          "ExposeHeader.");
  }
  return std::nullopt;
}

std::optional<S3Error> CheckRules(const std::vector<CorsRule>& rules) {
  if (rules.size() > kCorsRulesMax) {
    return InvalidRequest("The number of CORS rules should not exceed allowed limit of " +
                          std::to_string(kCorsRulesMax) + " rules.");
  }
  std::set<std::string_view> ids;
  for (const CorsRule& rule : rules) {
    if (auto error = CheckRule(rule)) return error;
    if (!rule.id) continue;
    if (CountCodePoints(*rule.id) > kIdCharactersMax) {
      return S3Error(S3Code::kInvalidArgument, "ID length should not exceed allowed limit of 255");
    }
    if (!rule.id->empty() && !ids.insert(*rule.id).second) {
      return S3Error(S3Code::kInvalidArgument,
                     "Rule ID must be unique. Found same ID for more than one rule");
    }
  }
  return std::nullopt;
}

// `value` in any case when `pattern` is in lower case and so is `value`.
bool Matches(std::string_view pattern, std::string_view value) {
  const size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == value;
  const std::string_view before = pattern.substr(0, star);
  const std::string_view after = pattern.substr(star + 1);
  return value.size() >= before.size() + after.size() && value.starts_with(before) &&
         value.ends_with(after);
}

bool Allows(const CorsRule& rule, const CorsQuestion& question) {
  const auto is_method = [&](const std::string& method) { return method == question.method; };
  const auto is_origin = [&](const std::string& origin) {
    return Matches(origin, question.origin);
  };
  const auto is_header = [&](const std::string& header) {
    return std::any_of(rule.headers.begin(), rule.headers.end(), [&](const std::string& pattern) {
      return Matches(ToLower(pattern), header);
    });
  };
  return std::any_of(rule.methods.begin(), rule.methods.end(), is_method) &&
         std::any_of(rule.origins.begin(), rule.origins.end(), is_origin) &&
         std::all_of(question.headers.begin(), question.headers.end(), is_header);
}

void WriteAll(XmlWriter& xml, std::string_view element, const std::vector<std::string>& values) {
  for (const std::string& value : values) xml.Text(element, value);
}

}  // namespace

bool CorsRule::AllowsAnyOrigin() const {
  return std::find(origins.begin(), origins.end(), "*") != origins.end();
}

S3Result<std::vector<CorsRule>> ParseCors(std::string_view body) {
  pugi::xml_document document;
  if (!LoadXml(body, kCorsBytesMax, "CORSConfiguration", &document)) return MalformedXml();
  std::vector<CorsRule> rules;
  const bool known = EachXmlElement(
      document.document_element(), [&rules](std::string_view name, const pugi::xml_node& child) {
        return name == "CORSRule" && TakeRule(child, &rules.emplace_back());
      });
  if (!known || rules.empty()) return MalformedXml();
  if (auto error = CheckRules(rules)) return *std::move(error);
  return rules;
}

std::string RenderCors(const std::vector<CorsRule>& rules) {
  return XmlDocument("CORSConfiguration", [&rules](XmlWriter& xml) {
    for (const CorsRule& rule : rules) {
      xml.Open("CORSRule");
      if (rule.id) xml.Text("ID", *rule.id);
      WriteAll(xml, "AllowedHeader", rule.headers);
      WriteAll(xml, "AllowedMethod", rule.methods);
      WriteAll(xml, "AllowedOrigin", rule.origins);
      WriteAll(xml, "ExposeHeader", rule.expose_headers);
      if (rule.max_age_seconds) xml.Number("MaxAgeSeconds", *rule.max_age_seconds);
      xml.Close("CORSRule");
    }
  });
}

bool IsCorsMethod(std::string_view method) {
  return std::find(std::begin(kMethods), std::end(kMethods), method) != std::end(kMethods);
}

std::vector<std::string> SplitRequestedHeaders(std::string_view list) {
  std::vector<std::string> names;
  while (!list.empty()) {
    const size_t comma = list.find(',');
    const std::string_view name = TrimBlanks(list.substr(0, comma));
    list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
    if (!name.empty()) names.push_back(ToLower(name));
  }
  return names;
}

const CorsRule* FindCorsRule(const std::vector<CorsRule>& rules, const CorsQuestion& question) {
  for (const CorsRule& rule : rules) {
    if (Allows(rule, question)) return &rule;
  }
  return nullptr;
}

}  // namespace ashlar::api_gateway
