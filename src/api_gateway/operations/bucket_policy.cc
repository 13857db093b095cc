// GetBucketPolicy, PutBucketPolicy, DeleteBucketPolicy, GetBucketPolicyStatus. The document is kept
// and returned as it was sent; what it says was understood before it was kept.
#include "api_gateway/operations/common/bucket_configurations.h"
#include "api_gateway/operations/common/responses.h"
#include "api_gateway/operations/operations.h"

namespace ashlar::api_gateway::operations {
namespace {

constexpr uint64_t kPolicyBytesMax = 20 * 1024;

const std::string* FindPolicy(const S3Context& context) {
  const auto found = context.bucket->configurations.find(iam::kPolicyConfiguration);
  return found == context.bucket->configurations.end() ? nullptr : &found->second;
}

S3Error NoPolicy(const S3Context& context) {
  return S3Error(S3Code::kNoSuchBucketPolicy).With("BucketName", context.address.bucket);
}

}  // namespace

Task<Answer> GetBucketPolicy(S3Context& context) {
  const std::string* const policy = FindPolicy(context);
  if (policy == nullptr) co_return NoPolicy(context);
  ResponseHead head;
  head.Add("Content-Type", "application/json");
  (void)co_await context.exchange.Respond(std::move(head), *policy);
  co_return std::nullopt;
}

Task<Answer> PutBucketPolicy(S3Context& context) {
  auto body = co_await context.verified.ReadSmallBody(kPolicyBytesMax, false);
  if (!body.ok()) {
    if (body.error().code != S3Code::kMaxMessageLengthExceeded) co_return body.error();
    co_return S3Error(S3Code::kMalformedPolicy,
                      "Policies must be at most " + std::to_string(kPolicyBytesMax) + " bytes");
  }
  const auto policy = iam::Policy::Parse(*body, iam::PolicyKind::kBucket, context.address.bucket);
  if (!policy.ok()) co_return S3Error(S3Code::kMalformedPolicy, policy.status().message());
  if (context.access->block.block_public_policy && (*policy)->IsPublic()) {
    co_return S3Error(S3Code::kAccessDenied);
  }
  co_return co_await KeepBucketConfiguration(context, iam::kPolicyConfiguration, *std::move(body),
                                             204);
}

Task<Answer> DeleteBucketPolicy(S3Context& context) {
  return DropBucketConfiguration(context, iam::kPolicyConfiguration);
}

Task<Answer> GetBucketPolicyStatus(S3Context& context) {
  if (FindPolicy(context) == nullptr) co_return NoPolicy(context);
  if (context.access->policy == nullptr) co_return S3Error(S3Code::kInternalError);
  const bool is_public = context.access->policy->IsPublic();
  co_return co_await SendXml(context, XmlDocument("PolicyStatus", [is_public](XmlWriter& xml) {
                               xml.Bool("IsPublic", is_public);
                             }));
}

}  // namespace ashlar::api_gateway::operations
