// GetBucketTagging, PutBucketTagging, DeleteBucketTagging. An empty set is the same as none.
#include "api_gateway/documents/tagging.h"
#include "api_gateway/operations/common/bucket_configurations.h"
#include "api_gateway/operations/common/lookups.h"
#include "api_gateway/operations/common/responses.h"
#include "api_gateway/operations/operations.h"

namespace ashlar::api_gateway::operations {

Task<Answer> GetBucketTagging(S3Context& context) {
  return SendBucketConfiguration(context, kTaggingConfiguration, S3Code::kNoSuchTagSet);
}

Task<Answer> PutBucketTagging(S3Context& context) {
  auto bucket = co_await LoadBucket(context);
  if (!bucket.ok()) co_return bucket.error();
  auto body = co_await context.verified.ReadSmallBody(kTaggingBytesMax, false);
  if (!body.ok()) co_return body.error();
  auto tags = ParseTagging(*body, TagsOf::kBucket);
  if (!tags.ok()) co_return tags.error();
  if (tags->empty()) co_return co_await DropBucketConfiguration(context, kTaggingConfiguration);
  co_return co_await KeepBucketConfiguration(context, kTaggingConfiguration, RenderTagging(*tags),
                                             204);
}

Task<Answer> DeleteBucketTagging(S3Context& context) {
  return DropBucketConfiguration(context, kTaggingConfiguration);
}

}  // namespace ashlar::api_gateway::operations
