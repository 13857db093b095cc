#include "api_gateway/operations/common/store_object.h"

#include "api_gateway/operations/common/attributes.h"
#include "api_gateway/operations/common/checksums.h"
#include "api_gateway/operations/common/errors.h"
#include "api_gateway/operations/common/lookups.h"
#include "api_gateway/operations/common/object_access.h"
#include "api_gateway/operations/common/responses.h"

namespace ashlar::api_gateway {
namespace {

Task<S3Result<std::unique_ptr<VerifiedBody>>> OpenContent(VerifiedRequest& request) {
  const BodyOptions options;
  if (request.form() != nullptr) co_return co_await request.OpenFile(options);
  co_return request.OpenBody(options);
}

}  // namespace

Task<S3Result<object_service::VersionPtr>> StoreObject(S3Context& context) {
  auto conditions = ParseWriteConditions(context.request());
  if (!conditions.ok()) co_return conditions.error();
  const MetadataFrom from =
      context.verified.form() == nullptr ? MetadataFrom::kHeaders : MetadataFrom::kForm;
  auto attributes = CollectAttributes(context.request(), context.clock.WallMilliseconds(), from);
  if (!attributes.ok()) co_return attributes.error();
  auto bucket = co_await LoadBucket(context);
  if (!bucket.ok()) co_return bucket.error();
  if (auto error = CheckAttributes(**bucket, *attributes)) co_return *std::move(error);
  if (auto error = SetOwnerAndAcl(context, &attributes->extras)) co_return *std::move(error);
  auto body = co_await OpenContent(context.verified);
  if (!body.ok()) co_return body.error();

  object_service::PutObjectRequest put;
  put.bucket = *bucket;
  put.key = context.address.key;
  put.attributes = *std::move(attributes);
  put.condition = ToWriteCondition(*conditions);
  auto stored = co_await context.objects.PutObject(std::move(put), **body);
  if (stored.ok()) co_return *std::move(stored);
  if ((*body)->error()) co_return *(*body)->error();
  co_return WriteFailure(stored.status(), *conditions, context.address.bucket, context.address.key);
}

ResponseHead StoredHead(const S3Context& context, const model::ObjectVersion& version) {
  ResponseHead head;
  head.Add("ETag", Quoted(version.etag));
  AddChecksumHeaders(version.checksum, true, &head);
  // A suspended bucket's null version is not named here, unlike in reads.
  if (context.bucket->versioning == model::Versioning::kEnabled) {
    head.Add("x-amz-version-id", version.version_id);
  }
  return head;
}

}  // namespace ashlar::api_gateway
