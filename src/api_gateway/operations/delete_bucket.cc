// DeleteBucket: only an empty one. Open uploads do not keep it and go with it.
#include "api_gateway/operations/common/errors.h"
#include "api_gateway/operations/common/lookups.h"
#include "api_gateway/operations/common/responses.h"
#include "api_gateway/operations/operations.h"

namespace ashlar::api_gateway::operations {

Task<Answer> DeleteBucket(S3Context& context) {
  auto bucket = co_await LoadBucket(context);
  if (!bucket.ok()) co_return bucket.error();
  const std::string& name = context.address.bucket;
  const Status deleted = co_await context.objects.DeleteBucket(name);
  switch (deleted.code()) {
    case Code::kOk: break;
    case Code::kNotFound: co_return NoSuchBucket(name);
    case Code::kConflict: co_return S3Error(S3Code::kBucketNotEmpty).With("BucketName", name);
    default: co_return FromStatus(deleted);
  }
  ResponseHead head;
  head.status = 204;
  co_return co_await SendEmpty(context, std::move(head));
}

}  // namespace ashlar::api_gateway::operations
