// Objects: put, copy, delete, read one. The work on a key's versions is in version_chain.h.
#include <utility>

#include "metadata_db/transactions/decisions.h"
#include "metadata_db/transactions/impl.h"
#include "metadata_db/transactions/schema.h"
#include "metadata_db/transactions/version_chain.h"

namespace ashlar::metadata_db {
namespace {

using SharedVersion = std::shared_ptr<const model::ObjectVersion>;

Result<SharedVersion> PutOne(Change& change, PutObjectChange& put) {
  ASSIGN_OR_RETURN(auto bucket, change.FindBucket(put.bucket));
  ASSIGN_OR_RETURN(const PutPlan plan,
                   PreparePut(change, std::move(bucket), put.key, put.version.parts));
  RETURN_IF_ERROR(EvaluateCondition(put.condition, plan.state.current_version()));
  return ApplyPut(change, plan, put.version);
}

Status PutObjectsBody(Change& change, const NewExtents& extents, std::vector<PutObjectChange>& puts,
                      std::vector<Result<SharedVersion>>* results) {
  results->clear();
  RETURN_IF_ERROR(change.AddExtents(extents));
  for (PutObjectChange& put : puts) results->push_back(PutOne(change, put));
  return change.Finish();
}

Status CopyObjectBody(Change& change, const MetadataDb::CopySource& source, PutObjectChange& put,
                      SharedVersion* result) {
  RETURN_IF_ERROR(TakeSlices(change.rows(), source, put.version.parts));
  ASSIGN_OR_RETURN(*result, PutOne(change, put));
  return change.Finish();
}

Status DeleteObjectsBody(Change& change, BucketId bucket_id,
                         const std::vector<DeleteObjectChange>& requests,
                         std::vector<Result<DeleteOutcome>>* results) {
  results->clear();
  ASSIGN_OR_RETURN(const auto bucket, change.FindBucket(bucket_id));
  for (const DeleteObjectChange& request : requests) {
    results->push_back(DeleteVersion(change, *bucket, request));
  }
  return change.Finish();
}

Status ChangeExtrasBody(Change& change, BucketId bucket_id, const std::string& key,
                        const std::optional<std::string>& version_id,
                        const MetadataDb::ExtrasEdit& edit, SharedVersion* result) {
  ASSIGN_OR_RETURN(const auto bucket, change.FindBucket(bucket_id));
  std::optional<FoundVersion> found;
  if (version_id) {
    ASSIGN_OR_RETURN(found, FindVersion(change.rows(), bucket_id, key, *version_id));
  } else {
    ASSIGN_OR_RETURN(KeyState state, ReadKey(change.rows(), *bucket, key));
    if (state.current) found = FoundVersion{std::move(*state.current), true};
  }
  if (!found || found->stored.version.kind == model::ObjectKind::kDeleteMarker) {
    return Status(Code::kNotFound, "no such version");
  }
  model::ObjectVersion& version = found->stored.version;
  model::ObjectExtras extras = version.extras;
  RETURN_IF_ERROR(edit(*bucket, version, extras));
  if (extras.owner != version.extras.owner) {
    return Status(Code::kInvalidArgument, "a version keeps its owner");
  }
  const bool same = extras == version.extras;
  version.extras = std::move(extras);
  *result = std::make_shared<const model::ObjectVersion>(version);
  if (same) return Status::Ok();
  RewriteVersion(change, bucket_id, key, *std::move(found), model::EventType::kExtrasChanged);
  return change.Finish();
}

// Current version from the store's fast path; `apart`: its manifest needs a second read.
Result<SharedVersion> DecodeCurrent(std::string_view row, bool* apart) {
  ASSIGN_OR_RETURN(StoredVersion stored, DecodeVersionRow(row));
  *apart = stored.manifest_apart;
  return std::make_shared<const model::ObjectVersion>(std::move(stored.version));
}

}  // namespace

Task<Result<SharedVersion>> MetadataDb::GetCurrent(BucketId bucket, std::string key) {
  const std::string row_key = ObjectKey(Table::kCurrent, bucket, key);
  CO_ASSIGN_OR_RETURN(const auto row, co_await impl_->store.Get(row_key));
  if (!row) co_return Status(Code::kNotFound, "no such object");
  bool apart = false;
  auto version = DecodeCurrent(*row, &apart);
  if (!version.ok() || !apart) co_return version;

  // Row and manifest at one point of time: the version may be overwritten between two reads.
  std::optional<StoredVersion> stored;
  ReadBody body = [&](Snapshot& snapshot) -> Status {
    ASSIGN_OR_RETURN(const auto again, snapshot.Get(row_key));
    if (!again) return Status(Code::kNotFound, "no such object");
    ASSIGN_OR_RETURN(stored, DecodeVersionRow(*again));
    return LoadManifest(snapshot, bucket, key, &*stored);
  };
  CO_RETURN_IF_ERROR(co_await impl_->store.Read(std::move(body)));
  co_return std::make_shared<const model::ObjectVersion>(std::move(stored->version));
}

Task<Result<SharedVersion>> MetadataDb::GetVersion(BucketId bucket, std::string key,
                                                   std::string version_id) {
  std::optional<FoundVersion> found;
  ReadBody body = [&](Snapshot& snapshot) -> Status {
    ASSIGN_OR_RETURN(found, FindVersion(snapshot, bucket, key, version_id));
    return Status::Ok();
  };
  CO_RETURN_IF_ERROR(co_await impl_->store.Read(std::move(body)));
  if (!found) co_return Status(Code::kNotFound, "no such version");
  co_return std::make_shared<const model::ObjectVersion>(std::move(found->stored.version));
}

Task<Result<SharedVersion>> MetadataDb::GetNewest(BucketId bucket, std::string key) {
  SharedVersion newest;
  ReadBody body = [&](Snapshot& snapshot) -> Status {
    ASSIGN_OR_RETURN(KeyState state, ReadKeyOfAnyBucket(snapshot, bucket, key));
    std::optional<StoredVersion>& found = state.current ? state.current : state.marker;
    if (!found) return Status(Code::kNotFound, "no version of this key");
    newest = std::make_shared<const model::ObjectVersion>(std::move(found->version));
    return Status::Ok();
  };
  CO_RETURN_IF_ERROR(co_await impl_->store.Read(std::move(body)));
  co_return newest;
}

Task<std::vector<Result<SharedVersion>>> MetadataDb::PutObjects(
    NewExtents extents, std::vector<PutObjectChange> changes, Duration patience) {
  std::vector<Result<SharedVersion>> results;
  TransactionBody body = [&](Transaction& transaction) {
    Change change(*impl_, transaction);
    return PutObjectsBody(change, extents, changes, &results);
  };
  const Status status = co_await impl_->Submit(std::move(body), patience);
  if (!status.ok()) results.assign(changes.size(), Result<SharedVersion>(status));
  co_return results;
}

Task<Result<SharedVersion>> MetadataDb::CopyObject(CopySource source, PutObjectChange change) {
  SharedVersion version;
  TransactionBody body = [&](Transaction& transaction) {
    Change copy(*impl_, transaction);
    return CopyObjectBody(copy, source, change, &version);
  };
  CO_RETURN_IF_ERROR(co_await impl_->Submit(std::move(body)));
  co_return version;
}

Task<Result<SharedVersion>> MetadataDb::ChangeExtras(BucketId bucket, std::string key,
                                                     std::optional<std::string> version_id,
                                                     ExtrasEdit edit) {
  SharedVersion version;
  TransactionBody body = [&](Transaction& transaction) {
    Change change(*impl_, transaction);
    return ChangeExtrasBody(change, bucket, key, version_id, edit, &version);
  };
  CO_RETURN_IF_ERROR(co_await impl_->Submit(std::move(body)));
  co_return version;
}

Task<std::vector<Result<DeleteOutcome>>> MetadataDb::DeleteObjects(
    BucketId bucket, std::vector<DeleteObjectChange> changes) {
  std::vector<Result<DeleteOutcome>> results;
  TransactionBody body = [&](Transaction& transaction) {
    Change change(*impl_, transaction);
    return DeleteObjectsBody(change, bucket, changes, &results);
  };
  const Status status = co_await impl_->Submit(std::move(body));
  if (!status.ok()) results.assign(changes.size(), Result<DeleteOutcome>(status));
  co_return results;
}

}  // namespace ashlar::metadata_db
