#include "api_gateway/operations/common/cors.h"

#include "api_gateway/protocol/bucket_name.h"

namespace ashlar::api_gateway {
namespace {

// Caches have to keep apart what differs by these.
constexpr std::string_view kVary =
    "Origin, Access-Control-Request-Headers, Access-Control-Request-Method";

PooledString Joined(const std::vector<std::string>& names) {
  PooledString text;
  for (const std::string& name : names) {
    if (!text.empty()) text += ", ";
    text += name;
  }
  return text;
}

}  // namespace

std::vector<CorsRule> CorsRulesOf(const model::Bucket& bucket) {
  const auto kept = bucket.configurations.find("cors");
  if (kept == bucket.configurations.end()) return {};
  auto rules = ParseCors(kept->second);
  // Who kept the document had read it; one that a later version no longer reads allows nothing.
  return rules.ok() ? *std::move(rules) : std::vector<CorsRule>();
}

ResponseHeaders CorsHeaders(const CorsRule& rule, const CorsQuestion& question) {
  ResponseHeaders headers;
  const bool any = rule.AllowsAnyOrigin();
  headers.emplace_back("Access-Control-Allow-Origin", any ? "*" : question.origin);
  headers.emplace_back("Access-Control-Allow-Methods", Joined(rule.methods));
  if (!question.headers.empty()) {
    headers.emplace_back("Access-Control-Allow-Headers", Joined(question.headers));
  }
  if (!rule.expose_headers.empty()) {
    headers.emplace_back("Access-Control-Expose-Headers", Joined(rule.expose_headers));
  }
  if (rule.max_age_seconds) {
    headers.emplace_back("Access-Control-Max-Age", std::to_string(*rule.max_age_seconds));
  }
  // Browsers send no credentials to whoever lets everybody in.
  if (!any) headers.emplace_back("Access-Control-Allow-Credentials", "true");
  headers.emplace_back("Vary", kVary);
  return headers;
}

Task<void> AddCorsHeaders(HttpExchange& exchange, object_service::ObjectService& objects,
                          std::string_view bucket) {
  const HttpRequest& request = exchange.request();
  CorsQuestion question;
  question.origin = request.Find("origin").value_or("");
  if (question.origin.empty() || !IsValidBucketName(bucket)) co_return;
  const auto found = co_await objects.GetBucket(bucket);
  if (!found.ok()) co_return;
  const std::vector<CorsRule> rules = CorsRulesOf(**found);
  if (rules.empty()) co_return;
  question.method = request.Find("access-control-request-method").value_or(request.method);
  question.headers =
      SplitRequestedHeaders(request.Find("access-control-request-headers").value_or(""));
  const CorsRule* rule = FindCorsRule(rules, question);
  if (rule != nullptr) exchange.AddResponseHeaders(CorsHeaders(*rule, question));
}

}  // namespace ashlar::api_gateway
