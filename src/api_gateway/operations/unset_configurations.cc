// Reading and deleting what was never set. Tools ask for policy, website or encryption as a matter
// of course; since none of it can be set yet (those operations answer 501), "there is none" is the
// truth, and deleting it is done. Once an operation that sets one of these is built, its row here
// has to go: a test compares the two.
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
  // The configuration of the bucket that is sent when there is one.
  std::string_view kept = {};
};

constexpr Unset kOfBuckets[] = {
    // S3 shows AES256 for every bucket, because it encrypts all it stores.
    {"GetBucketEncryption", S3Code::kServerSideEncryptionConfigurationNotFoundError},
    {"GetBucketWebsite", S3Code::kNoSuchWebsiteConfiguration},
    {"GetBucketReplication", S3Code::kReplicationConfigurationNotFoundError},
    {"GetBucketRequestPayment", std::nullopt, "RequestPaymentConfiguration", "Payer",
     "BucketOwner"},
    {"GetBucketLogging", std::nullopt, "BucketLoggingStatus"},
    {.operation = "GetBucketAccelerateConfiguration",
     .error = std::nullopt,
     .root = "AccelerateConfiguration",
     .kept = "accelerate"},
    {"GetBucketNotificationConfiguration", std::nullopt, "NotificationConfiguration"},
    {"ListBucketAnalyticsConfigurations", std::nullopt, "ListBucketAnalyticsConfigurationResult",
     "IsTruncated", "false"},
    {"ListBucketIntelligentTieringConfigurations", std::nullopt,
     "ListBucketIntelligentTieringConfigurationsOutput", "IsTruncated", "false"},
    {"ListBucketInventoryConfigurations", std::nullopt, "ListInventoryConfigurationsResult",
     "IsTruncated", "false"},
    {"ListBucketMetricsConfigurations", std::nullopt, "ListMetricsConfigurationsResult",
     "IsTruncated", "false"},
};

std::string Render(const Unset& unset) {
  return XmlDocument(unset.root, [&unset](XmlWriter& xml) {
    if (!unset.element.empty()) xml.Text(unset.element, unset.value);
  });
}

std::string DocumentOf(const Unset& unset, const model::Bucket& bucket) {
  const auto kept = bucket.configurations.find(std::string(unset.kept));
  return kept == bucket.configurations.end() ? Render(unset) : kept->second;
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
    co_return co_await SendXml(context, DocumentOf(unset, **bucket));
  }
  co_return S3Error(S3Code::kNotImplemented);
}

Task<Answer> DeleteUnsetOfBucket(S3Context& context) {
  auto bucket = co_await LoadBucket(context);
  if (!bucket.ok()) co_return bucket.error();
  ResponseHead head;
  head.status = 204;
  co_return co_await SendEmpty(context, std::move(head));
}

Task<Answer> FindUnsetById(S3Context& context) {
  auto bucket = co_await LoadBucket(context);
  if (!bucket.ok()) co_return bucket.error();
  co_return S3Error(S3Code::kNoSuchConfiguration);
}

}  // namespace ashlar::api_gateway::operations
