// DeleteObjects: up to 1,000 keys in one request and one commit. Each key has its own outcome; what
// one of them asks for in vain does not keep the others from being deleted.
#include "api_gateway/operations/common/authorization.h"
#include "api_gateway/operations/common/errors.h"
#include "api_gateway/operations/common/lookups.h"
#include "api_gateway/operations/common/responses.h"
#include "api_gateway/operations/operations.h"

namespace ashlar::api_gateway::operations {
namespace {

using metadata_db::DeleteObjectChange;
using metadata_db::DeleteOutcome;

// Why this entry cannot be tried at all; nullopt: it can.
std::optional<S3Error> RefuseEntry(const ObjectToDelete& entry, const model::Bucket& bucket) {
  if (entry.key.size() > kKeyBytesMax) return S3Error(S3Code::kKeyTooLongError);
  if (entry.version_id && !IsVersionIdOf(*entry.version_id, bucket)) {
    return S3Error(S3Code::kNoSuchVersion);
  }
  if (entry.last_modified_time || entry.size || entry.etag == "*") {
    return S3Error(S3Code::kNotImplemented);
  }
  return std::nullopt;
}

S3Error EntryFailure(const Status& status) {
  WriteConditions conditions;
  conditions.if_match = "";
  return WriteFailure(status, conditions, {}, {});
}

void WriteDeleted(XmlWriter& xml, const ObjectToDelete& entry, const DeleteOutcome& outcome) {
  xml.Open("Deleted");
  xml.Text("Key", entry.key);
  if (entry.version_id) xml.Text("VersionId", *entry.version_id);
  if (outcome.created_delete_marker || outcome.deleted_delete_marker) {
    xml.Bool("DeleteMarker", true);
    xml.Text("DeleteMarkerVersionId", outcome.version_id);
  }
  xml.Close("Deleted");
}

void WriteError(XmlWriter& xml, const ObjectToDelete& entry, const S3Error& error) {
  xml.Open("Error");
  xml.Text("Key", entry.key);
  if (entry.version_id) xml.Text("VersionId", *entry.version_id);
  xml.Text("Code", S3CodeName(error.code));
  xml.Text("Message", error.message);
  xml.Close("Error");
}

}  // namespace

Task<Answer> DeleteObjects(S3Context& context) {
  auto bucket = co_await LoadBucket(context);
  if (!bucket.ok()) co_return bucket.error();
  // Before anything is deleted; which keys it may be used for is asked for each.
  if (auto bypass = MayBypassGovernance(context, {}); !bypass.ok()) co_return bypass.error();
  auto body = co_await context.verified.ReadSmallBody(kDeleteObjectsBytesMax, true);
  if (!body.ok()) co_return body.error();
  auto request = ParseDeleteObjects(*body);
  if (!request.ok()) co_return request.error();

  std::vector<std::optional<S3Error>> refusals;
  std::vector<DeleteObjectChange> changes;
  for (const ObjectToDelete& entry : request->objects) {
    refusals.push_back(RefuseEntry(entry, **bucket));
    if (!refusals.back() && !MayDelete(context, entry.key, entry.version_id.has_value())) {
      refusals.back() = S3Error(S3Code::kAccessDenied);
    }
    if (refusals.back()) continue;
    DeleteObjectChange change;
    change.key = entry.key;
    change.version_id = entry.version_id;
    change.etag_match = entry.etag;
    change.bypass_governance = *MayBypassGovernance(context, entry.key);
    changes.push_back(std::move(change));
  }
  std::vector<Result<DeleteOutcome>> outcomes;
  if (!changes.empty()) {
    outcomes = co_await context.objects.DeleteObjects(*bucket, std::move(changes));
  }
  std::string document = XmlDocument("DeleteResult", [&](XmlWriter& xml) {
    size_t next = 0;
    for (size_t i = 0; i < request->objects.size(); ++i) {
      const ObjectToDelete& entry = request->objects[i];
      if (refusals[i]) {
        WriteError(xml, entry, *refusals[i]);
        continue;
      }
      CHECK(next < outcomes.size());
      const Result<DeleteOutcome>& outcome = outcomes[next++];
      if (!outcome.ok()) {
        WriteError(xml, entry, EntryFailure(outcome.status()));
      } else if (!request->quiet) {
        WriteDeleted(xml, entry, *outcome);
      }
    }
  });
  co_return co_await SendXml(context, std::move(document));
}

}  // namespace ashlar::api_gateway::operations
