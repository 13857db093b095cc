// PutObject. Everything that can be refused is refused before the first byte of the body is read;
// the object becomes visible only when the whole body came and was verified.
#include "api_gateway/operations/common/attributes.h"
#include "api_gateway/operations/common/checksums.h"
#include "api_gateway/operations/common/errors.h"
#include "api_gateway/operations/common/lookups.h"
#include "api_gateway/operations/common/object_access.h"
#include "api_gateway/operations/common/responses.h"
#include "api_gateway/operations/operations.h"

namespace ashlar::api_gateway::operations {

Task<Answer> PutObject(S3Context& context) {
  auto conditions = ParseWriteConditions(context.request());
  if (!conditions.ok()) co_return conditions.error();
  auto attributes = CollectAttributes(context.request(), context.clock.WallMilliseconds());
  if (!attributes.ok()) co_return attributes.error();
  auto bucket = co_await LoadBucket(context);
  if (!bucket.ok()) co_return bucket.error();
  if (auto error = CheckAttributes(**bucket, *attributes)) co_return error;
  if (auto error = SetOwnerAndAcl(context, &attributes->extras)) co_return error;
  const BodyOptions options;
  auto body = context.verified.OpenBody(options);
  if (!body.ok()) co_return body.error();

  object_service::PutObjectRequest put;
  put.bucket = *bucket;
  put.key = context.address.key;
  put.attributes = *std::move(attributes);
  put.condition = ToWriteCondition(*conditions);
  auto stored = co_await context.objects.PutObject(std::move(put), **body);
  if (!stored.ok()) {
    if ((*body)->error()) co_return *(*body)->error();
    co_return WriteFailure(stored.status(), *conditions, context.address.bucket,
                           context.address.key);
  }
  const model::ObjectVersion& version = **stored;
  ResponseHead head;
  head.Add("ETag", Quoted(version.etag));
  AddChecksumHeaders(version.checksum, true, &head);
  // A suspended bucket's null version is not named here, unlike in reads.
  if ((*bucket)->versioning == model::Versioning::kEnabled) {
    head.Add("x-amz-version-id", version.version_id);
  }
  co_return co_await SendEmpty(context, std::move(head));
}

}  // namespace ashlar::api_gateway::operations
