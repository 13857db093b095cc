// Reading what was never set. Tools ask for policy, tags or encryption as a matter of course; since
// none of it can be set yet (those operations answer 501), "there is none" is the truth. Once an
// operation that sets one of these is built, its row here has to go: a test compares the two.
#include "api_gateway/operations/common/lookups.h"
#include "api_gateway/operations/common/responses.h"
#include "api_gateway/operations/operations.h"

namespace ashlar::api_gateway::operations {
namespace {

struct Unset {
  std::string_view operation;
  // Either the error that says so, or the document that holds nothing.
  std::optional<S3Code> error;
  std::string_view root = {};
  std::string_view element = {};
  std::string_view value = {};
};

constexpr Unset kOfBuckets[] = {
    {"GetBucketPolicy", S3Code::kNoSuchBucketPolicy},
    {"GetBucketPolicyStatus", S3Code::kNoSuchBucketPolicy},
    {"GetBucketLifecycleConfiguration", S3Code::kNoSuchLifecycleConfiguration},
    {"GetBucketEncryption", S3Code::kServerSideEncryptionConfigurationNotFoundError},
    {"GetBucketWebsite", S3Code::kNoSuchWebsiteConfiguration},
    {"GetBucketReplication", S3Code::kReplicationConfigurationNotFoundError},
    {"GetPublicAccessBlock", S3Code::kNoSuchPublicAccessBlockConfiguration},
    {"GetBucketOwnershipControls", S3Code::kOwnershipControlsNotFoundError},
    {"GetBucketRequestPayment", std::nullopt, "RequestPaymentConfiguration", "Payer",
     "BucketOwner"},
    {"GetBucketLogging", std::nullopt, "BucketLoggingStatus"},
    {"GetBucketAccelerateConfiguration", std::nullopt, "AccelerateConfiguration"},
    {"GetBucketNotificationConfiguration", std::nullopt, "NotificationConfiguration"},
};

std::string Render(const Unset& unset) {
  return XmlDocument(unset.root, [&unset](XmlWriter& xml) {
    if (!unset.element.empty()) xml.Text(unset.element, unset.value);
  });
}

}  // namespace

Task<Answer> GetUnsetOfBucket(S3Context& context) {
  auto bucket = co_await LoadBucket(context);
  if (!bucket.ok()) co_return bucket.error();
  for (const Unset& unset : kOfBuckets) {
    if (unset.operation != context.route.operation) continue;
    if (unset.error) {
      co_return S3Error(*unset.error).With("BucketName", context.address.bucket);
    }
    co_return co_await SendXml(context, Render(unset));
  }
  co_return S3Error(S3Code::kNotImplemented);
}

}  // namespace ashlar::api_gateway::operations
