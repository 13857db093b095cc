// GetBucketAcl, PutBucketAcl, GetObjectAcl, PutObjectAcl.
#include "api_gateway/documents/acl.h"
#include "api_gateway/operations/common/authorization.h"
#include "api_gateway/operations/common/errors.h"
#include "api_gateway/operations/common/lookups.h"
#include "api_gateway/operations/common/object_access.h"
#include "api_gateway/operations/common/responses.h"
#include "api_gateway/operations/operations.h"

namespace ashlar::api_gateway::operations {
namespace {

// By header or by document, one of them.
Task<S3Result<iam::Acl>> ReadNewAcl(S3Context& context, std::string owner) {
  auto by_header = ParseAclHeaders(
      context.request(), {owner, OwnerOf(*context.bucket, context.directory)}, context.directory);
  if (!by_header.ok()) co_return by_header.error();
  auto body = co_await context.verified.ReadSmallBody(kAclBytesMax, false);
  if (!body.ok()) co_return body.error();
  std::optional<iam::Acl> acl = *std::move(by_header);
  if (acl && !body->empty()) co_return S3Error(S3Code::kUnexpectedContent);
  if (!acl) {
    if (body->empty()) {
      co_return S3Error(S3Code::kMissingSecurityHeader).With("MissingHeaderName", "x-amz-acl");
    }
    auto parsed = ParseAcl(*body, owner, context.directory);
    if (!parsed.ok()) co_return parsed.error();
    acl = *std::move(parsed);
  }
  if (context.access->ownership == iam::Ownership::kBucketOwnerEnforced) {
    co_return S3Error(S3Code::kAccessControlListNotSupported);
  }
  if (auto error = CheckNewAcl(context, *acl)) co_return *std::move(error);
  co_return *std::move(acl);
}

S3Result<iam::Acl> AclOf(const model::ObjectExtras& extras, std::string_view owner) {
  auto acl = iam::DecodeAcl(extras.acl, owner);
  if (!acl.ok()) return S3Error(S3Code::kInternalError);
  return *std::move(acl);
}

}  // namespace

Task<Answer> GetBucketAcl(S3Context& context) {
  if (context.access->unreadable) co_return S3Error(S3Code::kInternalError);
  co_return co_await SendXml(
      context, RenderAcl(context.access->acl, OwnerOf(*context.bucket, context.directory),
                         context.directory));
}

Task<Answer> PutBucketAcl(S3Context& context) {
  const std::string owner(OwnerOf(*context.bucket, context.directory));
  auto acl = co_await ReadNewAcl(context, owner);
  if (!acl.ok()) co_return acl.error();
  const std::string text = iam::EncodeAcl(*acl, owner);
  const auto changed =
      co_await context.objects.ChangeBucket(context.bucket->name, [&text](model::Bucket& row) {
        row.configurations.erase(iam::kAclConfiguration);
        if (!text.empty()) row.configurations[iam::kAclConfiguration] = text;
        return Status::Ok();
      });
  if (!changed.ok()) co_return BucketFailure(changed.status(), context.address.bucket);
  co_return co_await SendEmpty(context, ResponseHead());
}

Task<Answer> GetObjectAcl(S3Context& context) {
  auto object = co_await FindObject(context);
  if (!object.ok()) co_return object.error();
  const model::ObjectExtras& extras = object->version->extras;
  const std::string_view owner =
      OwnerOf(extras, *object->bucket, *context.access, context.directory);
  auto acl = AclOf(extras, owner);
  if (!acl.ok()) co_return acl.error();
  ResponseHead head;
  AddVersionHeader(*object->bucket, *object->version, &head);
  co_return co_await SendXmlWith(context, std::move(head),
                                 RenderAcl(*acl, owner, context.directory));
}

Task<Answer> PutObjectAcl(S3Context& context) {
  auto object = co_await FindObject(context);
  if (!object.ok()) {
    // Unlike a read, a key whose newest version is a delete marker is not "not found".
    if (object.error().code == S3Code::kNoSuchKey && !context.error_headers.empty()) {
      co_return DeleteMarkerNamed(context.request());
    }
    co_return object.error();
  }
  const std::string owner(
      OwnerOf(object->version->extras, *object->bucket, *context.access, context.directory));
  auto acl = co_await ReadNewAcl(context, owner);
  if (!acl.ok()) co_return acl.error();
  const std::string text = iam::EncodeAcl(*acl, owner);
  const Sequence version = object->version->sequence;
  auto changed = co_await context.objects.ChangeExtras(
      object->bucket, context.address.key, object->version->version_id,
      [&](const model::Bucket&, const model::ObjectVersion& now, model::ObjectExtras& extras) {
        // A null version that was written meanwhile is another object, with another owner.
        if (now.sequence != version) return Status(Code::kConflict, "overwritten meanwhile");
        extras.acl = text;
        return Status::Ok();
      });
  if (!changed.ok()) co_return ExtrasFailure(changed.status(), context.address.key);
  ResponseHead head;
  AddVersionHeader(*object->bucket, *object->version, &head);
  co_return co_await SendEmpty(context, std::move(head));
}

}  // namespace ashlar::api_gateway::operations
