// PutBucketCors, GetBucketCors, DeleteBucketCors, and the preflight that a browser sends before a
// page of another origin may call: unsigned, about a call that is still to come.
#include "api_gateway/documents/cors.h"
#include "api_gateway/operations/common/bucket_configurations.h"
#include "api_gateway/operations/common/cors.h"
#include "api_gateway/operations/common/errors.h"
#include "api_gateway/operations/common/lookups.h"
#include "api_gateway/operations/common/responses.h"
#include "api_gateway/operations/operations.h"
#include "api_gateway/protocol/bucket_name.h"

namespace ashlar::api_gateway::operations {
namespace {

constexpr std::string_view kName = "cors";
constexpr std::string_view kBucketType = "BUCKET";

// The spelling is that of S3.
constexpr std::string_view kNotAllowed =
    "CORSResponse: This CORS request is not allowed. This is usually because the evalution of "
    "Origin, request method / Access-Control-Request-Method or Access-Control-Request-Headers are "
    "not whitelisted by the resource's CORS spec.";

S3Error AccessForbidden(std::string_view message, std::string_view method,
                        std::string_view resource_type) {
  return S3Error(S3Code::kAccessForbidden, std::string(message))
      .With("Method", method)
      .With("ResourceType", resource_type);
}

Task<S3Result<object_service::BucketPtr>> FindBucket(S3Context& context, std::string_view method) {
  const S3Error absent = AccessForbidden("CORSResponse: Bucket not found", method, kBucketType);
  if (!IsValidBucketName(context.address.bucket)) co_return absent;
  auto bucket = co_await context.objects.GetBucket(context.address.bucket);
  if (bucket.ok()) co_return *std::move(bucket);
  if (bucket.code() == Code::kNotFound) co_return absent;
  co_return ReadFailure(bucket.status());
}

}  // namespace

Task<Answer> GetBucketCors(S3Context& context) {
  return SendBucketConfiguration(context, kName, S3Code::kNoSuchCorsConfiguration);
}

Task<Answer> PutBucketCors(S3Context& context) {
  auto bucket = co_await LoadBucket(context);
  if (!bucket.ok()) co_return bucket.error();
  auto body = co_await context.verified.ReadSmallBody(kCorsBytesMax, false);
  if (!body.ok()) co_return body.error();
  auto rules = ParseCors(*body);
  if (!rules.ok()) co_return rules.error();
  co_return co_await KeepBucketConfiguration(context, kName, RenderCors(*rules), 200);
}

Task<Answer> DeleteBucketCors(S3Context& context) {
  return DropBucketConfiguration(context, kName);
}

Task<Answer> Options(S3Context& context) {
  const HttpRequest& request = context.request();
  CorsQuestion question;
  question.origin = request.Find("origin").value_or("");
  if (question.origin.empty()) {
    co_return S3Error(S3Code::kBadRequest,
                      "Insufficient information. Origin request header needed.");
  }
  const auto wanted = request.Find("access-control-request-method");
  question.method = wanted.value_or("OPTIONS");
  auto bucket = co_await FindBucket(context, question.method);
  if (!bucket.ok()) co_return bucket.error();
  const std::vector<CorsRule> rules = CorsRulesOf(**bucket);
  if (rules.empty()) {
    co_return AccessForbidden("CORSResponse: CORS is not enabled for this bucket.", question.method,
                              kBucketType);
  }
  if (!wanted || !IsCorsMethod(*wanted)) {
    co_return S3Error(S3Code::kBadRequest, "Invalid Access-Control-Request-Method: " +
                                               std::string(wanted.value_or("null")));
  }
  question.headers =
      SplitRequestedHeaders(request.Find("access-control-request-headers").value_or(""));
  const CorsRule* rule = FindCorsRule(rules, question);
  if (rule == nullptr) {
    co_return AccessForbidden(kNotAllowed, question.method,
                              context.address.key.empty() ? kBucketType : "OBJECT");
  }
  ResponseHead head;
  head.headers = CorsHeaders(*rule, question);
  co_return co_await SendEmpty(context, std::move(head));
}

}  // namespace ashlar::api_gateway::operations
