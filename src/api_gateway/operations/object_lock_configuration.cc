// PutObjectLockConfiguration and GetObjectLockConfiguration. Object lock can be turned on for any
// versioned bucket, and never off again.
#include "api_gateway/documents/object_lock.h"
#include "api_gateway/operations/common/errors.h"
#include "api_gateway/operations/common/lookups.h"
#include "api_gateway/operations/common/responses.h"
#include "api_gateway/operations/operations.h"

namespace ashlar::api_gateway::operations {

Task<Answer> PutObjectLockConfiguration(S3Context& context) {
  auto bucket = co_await LoadBucket(context);
  if (!bucket.ok()) co_return bucket.error();
  auto body = co_await context.verified.ReadSmallBody(kObjectLockBytesMax, false);
  if (!body.ok()) co_return body.error();
  auto parsed = ParseObjectLockConfiguration(*body);
  if (!parsed.ok()) co_return parsed.error();
  const model::DefaultRetention retention = *parsed;
  auto changed =
      co_await context.objects.ChangeBucket((*bucket)->name, [retention](model::Bucket& row) {
        if (row.versioning != model::Versioning::kEnabled) {
          return Status(Code::kPreconditionFailed, "not versioned");
        }
        row.object_lock = true;
        row.default_retention = retention;
        return Status::Ok();
      });
  if (!changed.ok()) {
    if (changed.code() == Code::kPreconditionFailed) {
      co_return S3Error(S3Code::kInvalidBucketState,
                        "Versioning must be 'Enabled' on the bucket to apply a Object Lock "
                        "configuration");
    }
    co_return BucketFailure(changed.status(), context.address.bucket);
  }
  co_return co_await SendEmpty(context, ResponseHead());
}

Task<Answer> GetObjectLockConfiguration(S3Context& context) {
  auto bucket = co_await LoadBucket(context);
  if (!bucket.ok()) co_return bucket.error();
  if (!(*bucket)->object_lock) {
    co_return S3Error(S3Code::kObjectLockConfigurationNotFoundError)
        .With("BucketName", context.address.bucket);
  }
  co_return co_await SendXml(context, RenderObjectLockConfiguration((*bucket)->default_retention));
}

}  // namespace ashlar::api_gateway::operations
