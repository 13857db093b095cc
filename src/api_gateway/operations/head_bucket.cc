// HeadBucket: whether a bucket is there, and in which region.
#include "api_gateway/operations/common/lookups.h"
#include "api_gateway/operations/common/responses.h"
#include "api_gateway/operations/operations.h"

namespace ashlar::api_gateway::operations {

Task<Answer> HeadBucket(S3Context& context) {
  auto bucket = co_await LoadBucket(context);
  if (!bucket.ok()) co_return bucket.error();
  ResponseHead head;
  head.Add("x-amz-bucket-region", (*bucket)->region);
  head.Add("x-amz-bucket-arn", "arn:aws:s3:::" + (*bucket)->name);
  head.Add("x-amz-access-point-alias", "false");
  head.Add("Content-Type", "application/xml");
  co_return co_await SendEmpty(context, std::move(head));
}

}  // namespace ashlar::api_gateway::operations
