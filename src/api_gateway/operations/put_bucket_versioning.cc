// PutBucketVersioning. A bucket with object lock stays versioned for good.
#include "api_gateway/documents/versioning.h"
#include "api_gateway/operations/common/errors.h"
#include "api_gateway/operations/common/lookups.h"
#include "api_gateway/operations/common/responses.h"
#include "api_gateway/operations/operations.h"

namespace ashlar::api_gateway::operations {

Task<Answer> PutBucketVersioning(S3Context& context) {
  auto bucket = co_await LoadBucket(context);
  if (!bucket.ok()) co_return bucket.error();
  auto body = co_await context.verified.ReadSmallBody(kVersioningBytesMax, false);
  if (!body.ok()) co_return body.error();
  auto versioning = ParseVersioning(*body);
  if (!versioning.ok()) co_return versioning.error();
  const model::Versioning wanted = *versioning;
  auto changed =
      co_await context.objects.ChangeBucket((*bucket)->name, [wanted](model::Bucket& row) {
        if (row.object_lock && wanted != model::Versioning::kEnabled) {
          return Status(Code::kLocked, "object lock");
        }
        row.versioning = wanted;
        return Status::Ok();
      });
  if (!changed.ok()) {
    if (changed.code() == Code::kLocked) {
      co_return S3Error(S3Code::kInvalidBucketState,
                        "An Object Lock configuration is present on this bucket, so the versioning "
                        "state cannot be changed.");
    }
    co_return BucketFailure(changed.status(), context.address.bucket);
  }
  co_return co_await SendEmpty(context, ResponseHead());
}

}  // namespace ashlar::api_gateway::operations
