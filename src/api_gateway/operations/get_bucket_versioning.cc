// GetBucketVersioning.
#include "api_gateway/documents/versioning.h"
#include "api_gateway/operations/common/lookups.h"
#include "api_gateway/operations/common/responses.h"
#include "api_gateway/operations/operations.h"

namespace ashlar::api_gateway::operations {

Task<Answer> GetBucketVersioning(S3Context& context) {
  auto bucket = co_await LoadBucket(context);
  if (!bucket.ok()) co_return bucket.error();
  co_return co_await SendXml(context, RenderVersioning((*bucket)->versioning));
}

}  // namespace ashlar::api_gateway::operations
