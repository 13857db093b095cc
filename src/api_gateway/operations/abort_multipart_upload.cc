// AbortMultipartUpload: 204 once, then NoSuchUpload.
#include "api_gateway/operations/common/errors.h"
#include "api_gateway/operations/common/lookups.h"
#include "api_gateway/operations/common/responses.h"
#include "api_gateway/operations/operations.h"

namespace ashlar::api_gateway::operations {

Task<Answer> AbortMultipartUpload(S3Context& context) {
  auto bucket = co_await LoadBucket(context);
  if (!bucket.ok()) co_return bucket.error();
  const std::string_view text = context.request().FindQuery("uploadId").value_or("");
  const auto id = ParseUploadId(text);
  if (!id) co_return NoSuchUpload(text);
  const Status aborted = co_await context.objects.AbortUpload(*bucket, context.address.key, *id);
  if (!aborted.ok()) {
    co_return aborted.code() == Code::kNotFound ? NoSuchUpload(text) : FromStatus(aborted);
  }
  ResponseHead head;
  head.status = 204;
  co_return co_await SendEmpty(context, std::move(head));
}

}  // namespace ashlar::api_gateway::operations
