// DeleteObject: 204 whether the key was there or not.
#include "api_gateway/operations/common/errors.h"
#include "api_gateway/operations/common/lookups.h"
#include "api_gateway/operations/common/responses.h"
#include "api_gateway/operations/operations.h"

namespace ashlar::api_gateway::operations {

Task<Answer> DeleteObject(S3Context& context) {
  auto conditions = ParseWriteConditions(context.request());
  if (!conditions.ok()) co_return conditions.error();
  if (conditions->if_none_match_any) {
    co_return S3Error(S3Code::kNotImplemented).With("Header", "If-None-Match");
  }
  auto bucket = co_await LoadBucket(context);
  if (!bucket.ok()) co_return bucket.error();
  auto version_id = ParseVersionId(context.request(), **bucket);
  if (!version_id.ok()) co_return version_id.error();

  auto bypass = MayBypassGovernance(context, context.address.key);
  if (!bypass.ok()) co_return bypass.error();

  std::vector<metadata_db::DeleteObjectChange> changes(1);
  changes[0].key = context.address.key;
  changes[0].version_id = *version_id;
  changes[0].etag_match = conditions->if_match;
  changes[0].bypass_governance = *bypass;
  auto outcomes = co_await context.objects.DeleteObjects(*bucket, std::move(changes));
  CHECK(outcomes.size() == 1);
  if (!outcomes[0].ok()) {
    co_return WriteFailure(outcomes[0].status(), *conditions, context.address.bucket,
                           context.address.key);
  }
  const metadata_db::DeleteOutcome& outcome = *outcomes[0];
  ResponseHead head;
  head.status = 204;
  if ((*bucket)->versioning != model::Versioning::kNever) {
    if (outcome.created_delete_marker || outcome.deleted_delete_marker) {
      head.Add("x-amz-delete-marker", "true");
    }
    if (!outcome.version_id.empty()) head.Add("x-amz-version-id", outcome.version_id);
  }
  co_return co_await SendEmpty(context, std::move(head));
}

}  // namespace ashlar::api_gateway::operations
