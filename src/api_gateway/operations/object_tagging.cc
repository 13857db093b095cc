// GetObjectTagging, PutObjectTagging, DeleteObjectTagging: tags of a version, changed in place.
#include "api_gateway/documents/tagging.h"
#include "api_gateway/operations/common/errors.h"
#include "api_gateway/operations/common/lookups.h"
#include "api_gateway/operations/common/responses.h"
#include "api_gateway/operations/operations.h"

namespace ashlar::api_gateway::operations {
namespace {

// Unlike a read, the tags of a key whose newest version is a delete marker are not "not found".
Task<S3Result<FoundObject>> FindTagged(S3Context& context) {
  auto object = co_await FindObject(context);
  if (!object.ok() && object.error().code == S3Code::kNoSuchKey && !context.error_headers.empty()) {
    co_return DeleteMarkerNamed(context.request());
  }
  co_return object;
}

Task<Answer> SetTags(S3Context& context, const FoundObject& object, model::HeaderList tags,
                     int status) {
  auto changed = co_await context.objects.ChangeExtras(
      object.bucket, context.address.key, object.version->version_id,
      [&tags](const model::Bucket&, const model::ObjectVersion&, model::ObjectExtras& extras) {
        extras.tags = tags;
        return Status::Ok();
      });
  if (!changed.ok()) co_return ExtrasFailure(changed.status(), context.address.key);
  ResponseHead head;
  head.status = status;
  AddVersionHeader(*object.bucket, *object.version, &head);
  co_return co_await SendEmpty(context, std::move(head));
}

}  // namespace

Task<Answer> GetObjectTagging(S3Context& context) {
  auto object = co_await FindTagged(context);
  if (!object.ok()) co_return object.error();
  ResponseHead head;
  AddVersionHeader(*object->bucket, *object->version, &head);
  co_return co_await SendXmlWith(context, std::move(head),
                                 RenderTagging(object->version->extras.tags));
}

Task<Answer> PutObjectTagging(S3Context& context) {
  auto object = co_await FindTagged(context);
  if (!object.ok()) co_return object.error();
  auto body = co_await context.verified.ReadSmallBody(kTaggingBytesMax, false);
  if (!body.ok()) co_return body.error();
  auto tags = ParseTagging(*body, TagsOf::kObject);
  if (!tags.ok()) co_return tags.error();
  co_return co_await SetTags(context, *object, *std::move(tags), 200);
}

Task<Answer> DeleteObjectTagging(S3Context& context) {
  auto object = co_await FindTagged(context);
  if (!object.ok()) co_return object.error();
  co_return co_await SetTags(context, *object, {}, 204);
}

}  // namespace ashlar::api_gateway::operations
