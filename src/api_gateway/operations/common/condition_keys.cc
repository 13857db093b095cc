#include "api_gateway/operations/common/condition_keys.h"

#include <algorithm>

#include "api_gateway/documents/tagging.h"
#include "api_gateway/protocol/http_date.h"
#include "api_gateway/protocol/percent.h"

namespace ashlar::api_gateway {
namespace {

struct Named {
  std::string_view sent;
  std::string_view key;
};
constexpr Named kGlobalHeaders[] = {
    {"user-agent", "aws:useragent"},
    {"referer", "aws:referer"},
};
constexpr Named kHeaders[] = {
    {"x-amz-acl", "s3:x-amz-acl"},
    {"x-amz-content-sha256", "s3:x-amz-content-sha256"},
    {"x-amz-copy-source", "s3:x-amz-copy-source"},
    {"x-amz-grant-full-control", "s3:x-amz-grant-full-control"},
    {"x-amz-grant-read", "s3:x-amz-grant-read"},
    {"x-amz-grant-read-acp", "s3:x-amz-grant-read-acp"},
    {"x-amz-grant-write", "s3:x-amz-grant-write"},
    {"x-amz-grant-write-acp", "s3:x-amz-grant-write-acp"},
    {"x-amz-metadata-directive", "s3:x-amz-metadata-directive"},
    {"x-amz-object-lock-legal-hold", "s3:object-lock-legal-hold"},
    {"x-amz-object-lock-mode", "s3:object-lock-mode"},
    {"x-amz-object-lock-retain-until-date", "s3:object-lock-retain-until-date"},
    {"x-amz-object-ownership", "s3:x-amz-object-ownership"},
    {"x-amz-server-side-encryption", "s3:x-amz-server-side-encryption"},
    {"x-amz-storage-class", "s3:x-amz-storage-class"},
    {"x-amz-website-redirect-location", "s3:x-amz-website-redirect-location"},
    {"if-match", "s3:if-match"},
    {"if-none-match", "s3:if-none-match"},
};
constexpr Named kParameters[] = {
    {"delimiter", "s3:delimiter"},
    {"max-keys", "s3:max-keys"},
    {"prefix", "s3:prefix"},
    {"versionId", "s3:versionid"},
};

// "127.0.0.1" of "127.0.0.1:9000", "::1" of "[::1]:9000".
std::string_view AddressOf(std::string_view peer) {
  std::string_view address = peer.substr(0, peer.rfind(':'));
  if (address.size() >= 2 && address.front() == '[') {
    address = address.substr(1, address.size() - 2);
  }
  // An IPv4 client of a socket that listens for both.
  constexpr std::string_view kMapped = "::ffff:";
  if (address.starts_with(kMapped) && address.find('.') != std::string_view::npos) {
    address.remove_prefix(kMapped.size());
  }
  return address;
}

}  // namespace

ConditionKeys::ConditionKeys(const HttpRequest& request, const iam::Identity* caller,
                             std::string_view region, int64_t now_seconds) {
  keys_.reserve(24);
  Add("aws:sourceip", AddressOf(request.peer));
  Add("aws:securetransport", request.tls ? "true" : "false");
  Add("aws:requestedregion", region);
  // Nobody but a client asks us.
  Add("aws:viaawsservice", "false");
  Add("aws:principalisawsservice", "false");
  AddTime(now_seconds);
  AddCaller(caller);
  for (const Named& header : kGlobalHeaders) AddHeader(request, header.sent, header.key);
}

ConditionKeys::ConditionKeys(const S3Context& context)
    : ConditionKeys(context.request(), context.caller(), context.settings.region,
                    context.NowSeconds()) {
  const HttpRequest& request = context.request();
  if (context.caller() != nullptr) {
    Add("s3:signatureversion", "AWS4-HMAC-SHA256");
    const Verified& identity = context.verified.identity();
    const std::string_view request_type =
        identity.is_presigned ? "REST-QUERY-STRING" : "REST-HEADER";
    Add("s3:authtype", identity.is_form ? std::string_view("POST") : request_type);
  }
  // There is one region, and no bucket is made in another one.
  if (context.settings.region != "us-east-1") Add("s3:locationconstraint", context.settings.region);
  // What we accept at least; a condition that asks for more refuses too much rather than too
  // little.
  if (request.tls) Add("s3:tlsversion", "1.2");
  AddSignatureAge(context);
  for (const Named& header : kHeaders) AddHeader(request, header.sent, header.key);
  AddQuery(request);
  AddRequestTags(request);
}

void ConditionKeys::Add(std::string_view name, std::string_view value) {
  keys_.push_back({name, value});
}

void ConditionKeys::AddOwned(std::string name, std::string value) {
  const std::string& kept_name = texts_.emplace_back(std::move(name));
  const std::string& kept_value = texts_.emplace_back(std::move(value));
  keys_.push_back({kept_name, kept_value});
}

void ConditionKeys::AddTime(int64_t now_seconds) {
  AddOwned("aws:currenttime", FormatIso8601Seconds(now_seconds));
  AddOwned("aws:epochtime", std::to_string(now_seconds));
}

void ConditionKeys::AddCaller(const iam::Identity* caller) {
  if (caller == nullptr) {
    Add("aws:principaltype", "Anonymous");
    Add("aws:userid", "anonymous");
    return;
  }
  Add("aws:principaltype", caller->is_account_root() ? "Account" : "User");
  Add("aws:principalaccount", caller->account_id);
  Add("aws:principalarn", caller->arn);
  Add("aws:userid", caller->user_id);
  if (!caller->is_account_root()) Add("aws:username", caller->user_name);
}

// Milliseconds since the request was signed, also of a URL that was signed long ago.
void ConditionKeys::AddSignatureAge(const S3Context& context) {
  if (context.caller() == nullptr) return;
  auto date = context.request().FindQuery("X-Amz-Date");
  if (!date) date = context.request().Find("x-amz-date");
  auto signed_at = date ? ParseAmzDate(TrimBlanks(*date)) : std::nullopt;
  if (!signed_at) {
    const auto plain = context.request().Find("date");
    signed_at = plain ? ParseHttpDate(TrimBlanks(*plain)) : std::nullopt;
  }
  if (!signed_at) return;
  const int64_t age_seconds = std::max<int64_t>(context.NowSeconds() - *signed_at, 0);
  AddOwned("s3:signatureage", std::to_string(age_seconds * 1000));
}

void ConditionKeys::AddResourceAccount(std::string_view account_id) {
  Add("aws:resourceaccount", account_id);
  Add("s3:resourceaccount", account_id);
}

void ConditionKeys::AddHeader(const HttpRequest& request, std::string_view name,
                              std::string_view key) {
  if (const auto value = request.Find(name)) Add(key, TrimBlanks(*value));
}

void ConditionKeys::AddQuery(const HttpRequest& request) {
  for (const Named& parameter : kParameters) {
    if (const auto value = request.FindQuery(parameter.sent)) Add(parameter.key, *value);
  }
}

void ConditionKeys::AddRequestTags(const HttpRequest& request) {
  const auto header = request.Find("x-amz-tagging");
  if (!header) return;
  const auto tags = ParseTaggingHeader(*header);
  if (!tags.ok()) return;  // the operation refuses it
  for (const auto& [key, value] : *tags) {
    AddOwned("s3:requestobjecttag/" + ToLower(key), value);
    AddOwned("s3:requestobjecttagkeys", key);
  }
}

void ConditionKeys::AddExistingTags(const model::HeaderList& tags) {
  for (const auto& [key, value] : tags) AddOwned("s3:existingobjecttag/" + ToLower(key), value);
}

}  // namespace ashlar::api_gateway
