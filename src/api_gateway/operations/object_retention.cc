// PutObjectRetention, GetObjectRetention, PutObjectLegalHold and GetObjectLegalHold. What may be
// changed is decided inside the transaction, on the lock as it is then.
#include "api_gateway/documents/object_lock.h"
#include "api_gateway/operations/common/errors.h"
#include "api_gateway/operations/common/lookups.h"
#include "api_gateway/operations/common/responses.h"
#include "api_gateway/operations/operations.h"

namespace ashlar::api_gateway::operations {
namespace {

using metadata_db::MetadataDb;

S3Error NoObjectLock() {
  return S3Error(S3Code::kInvalidRequest, "Bucket is missing Object Lock Configuration");
}

// The object, in a bucket with object lock.
Task<S3Result<FoundObject>> FindLockable(S3Context& context) {
  auto object = co_await FindObject(context);
  if (object.ok() && !object->bucket->object_lock) co_return NoObjectLock();
  co_return object;
}

Task<Answer> ChangeLock(S3Context& context, const FoundObject& object,
                        MetadataDb::ExtrasEdit edit) {
  auto changed = co_await context.objects.ChangeExtras(object.bucket, context.address.key,
                                                       object.version->version_id, std::move(edit));
  if (!changed.ok()) co_return ExtrasFailure(changed.status(), context.address.key);
  ResponseHead head;
  AddVersionHeader(*object.bucket, *object.version, &head);
  co_return co_await SendEmpty(context, std::move(head));
}

}  // namespace

Task<Answer> PutObjectRetention(S3Context& context) {
  auto object = co_await FindLockable(context);
  if (!object.ok()) co_return object.error();
  auto bypass = MayBypassGovernance(context, context.address.key);
  if (!bypass.ok()) co_return bypass.error();
  auto body = co_await context.verified.ReadSmallBody(kObjectLockBytesMax, false);
  if (!body.ok()) co_return body.error();
  const int64_t now_ms = context.clock.WallMilliseconds();
  auto parsed = ParseRetention(*body, now_ms);
  if (!parsed.ok()) co_return parsed.error();
  const Retention wanted = *parsed;
  const bool may_bypass = *bypass;
  co_return co_await ChangeLock(
      context, *object,
      [wanted, may_bypass, now_ms](const model::Bucket&, const model::ObjectVersion& version,
                                   model::ObjectExtras& extras) {
        if (!MayReplaceRetention(version.extras.lock, wanted, now_ms, may_bypass)) {
          return Status(Code::kLocked, "the retention holds");
        }
        extras.lock.mode = wanted.mode;
        extras.lock.retain_until_ms = wanted.until_ms;
        return Status::Ok();
      });
}

Task<Answer> GetObjectRetention(S3Context& context) {
  auto object = co_await FindLockable(context);
  if (!object.ok()) co_return object.error();
  const model::ObjectLock& lock = object->version->extras.lock;
  if (lock.mode == model::RetentionMode::kNone) {
    co_return S3Error(S3Code::kNoSuchObjectLockConfiguration);
  }
  ResponseHead head;
  AddVersionHeader(*object->bucket, *object->version, &head);
  co_return co_await SendXmlWith(context, std::move(head), RenderRetention(lock));
}

Task<Answer> PutObjectLegalHold(S3Context& context) {
  auto object = co_await FindLockable(context);
  if (!object.ok()) co_return object.error();
  auto body = co_await context.verified.ReadSmallBody(kObjectLockBytesMax, false);
  if (!body.ok()) co_return body.error();
  auto parsed = ParseLegalHold(*body);
  if (!parsed.ok()) co_return parsed.error();
  const model::LegalHold hold = *parsed;
  co_return co_await ChangeLock(
      context, *object,
      [hold](const model::Bucket&, const model::ObjectVersion&, model::ObjectExtras& extras) {
        extras.lock.legal_hold = hold;
        return Status::Ok();
      });
}

Task<Answer> GetObjectLegalHold(S3Context& context) {
  auto object = co_await FindLockable(context);
  if (!object.ok()) co_return object.error();
  const model::LegalHold hold = object->version->extras.lock.legal_hold;
  if (hold == model::LegalHold::kNeverSet) {
    co_return S3Error(S3Code::kNoSuchObjectLockConfiguration);
  }
  ResponseHead head;
  AddVersionHeader(*object->bucket, *object->version, &head);
  co_return co_await SendXmlWith(context, std::move(head), RenderLegalHold(hold));
}

}  // namespace ashlar::api_gateway::operations
