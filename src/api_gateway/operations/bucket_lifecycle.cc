// PutBucketLifecycleConfiguration, GetBucketLifecycleConfiguration, DeleteBucketLifecycle. Rules
// are kept and given back; nothing carries them out yet.
#include "api_gateway/documents/lifecycle.h"
#include "api_gateway/operations/common/errors.h"
#include "api_gateway/operations/common/lookups.h"
#include "api_gateway/operations/common/responses.h"
#include "api_gateway/operations/operations.h"

namespace ashlar::api_gateway::operations {
namespace {

constexpr char kRules[] = "lifecycle";
// Absent: the default. Set and dropped with the rules, in one transaction.
constexpr char kMinimumSize[] = "lifecycle-minimum-size";

// Empty rules drop both.
Task<Answer> Change(S3Context& context, std::string rules, std::string minimum_size,
                    ResponseHead head) {
  auto changed =
      co_await context.objects.ChangeBucket(context.address.bucket, [&](model::Bucket& row) {
        row.configurations.erase(kRules);
        row.configurations.erase(kMinimumSize);
        if (!rules.empty()) row.configurations[kRules] = rules;
        if (!minimum_size.empty()) row.configurations[kMinimumSize] = minimum_size;
        return Status::Ok();
      });
  if (!changed.ok()) co_return BucketFailure(changed.status(), context.address.bucket);
  co_return co_await SendEmpty(context, std::move(head));
}

}  // namespace

Task<Answer> PutBucketLifecycleConfiguration(S3Context& context) {
  auto bucket = co_await LoadBucket(context);
  if (!bucket.ok()) co_return bucket.error();
  auto minimum_size = ParseMinimumSize(context.request().Find(kMinimumSizeHeader));
  if (!minimum_size.ok()) co_return minimum_size.error();
  auto body = co_await context.verified.ReadSmallBody(kLifecycleBytesMax, false);
  if (!body.ok()) co_return body.error();
  auto rules = ParseLifecycle(*body);
  if (!rules.ok()) co_return rules.error();
  ResponseHead head;
  head.Add(kMinimumSizeHeader, *minimum_size);
  if (*minimum_size == kMinimumSizeDefault) minimum_size->clear();
  co_return co_await Change(context, RenderLifecycle(*rules), *std::move(minimum_size),
                            std::move(head));
}

Task<Answer> GetBucketLifecycleConfiguration(S3Context& context) {
  auto bucket = co_await LoadBucket(context);
  if (!bucket.ok()) co_return bucket.error();
  const auto& kept = (*bucket)->configurations;
  const auto rules = kept.find(kRules);
  if (rules == kept.end()) {
    co_return S3Error(S3Code::kNoSuchLifecycleConfiguration)
        .With("BucketName", context.address.bucket);
  }
  const auto minimum_size = kept.find(kMinimumSize);
  ResponseHead head;
  head.Add(kMinimumSizeHeader, minimum_size == kept.end() ? kMinimumSizeDefault
                                                          : std::string_view(minimum_size->second));
  co_return co_await SendXmlWith(context, std::move(head), rules->second);
}

Task<Answer> DeleteBucketLifecycle(S3Context& context) {
  auto bucket = co_await LoadBucket(context);
  if (!bucket.ok()) co_return bucket.error();
  ResponseHead head;
  head.status = 204;
  co_return co_await Change(context, {}, {}, std::move(head));
}

}  // namespace ashlar::api_gateway::operations
