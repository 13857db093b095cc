// Buckets. A bucket's id is the sequence of its creation, so it is never given twice.
#include <algorithm>
#include <utility>

#include "metadata_db/transactions/decisions.h"
#include "metadata_db/transactions/impl.h"
#include "metadata_db/transactions/row_walk.h"
#include "metadata_db/transactions/schema.h"
#include "metadata_db/transactions/uploads.h"

namespace ashlar::metadata_db {
namespace {

// Parts that one transaction of DeleteBucket gives up at most.
constexpr size_t kPartsPerTransactionMax = 2'000;

Result<std::optional<BucketId>> FindBucketId(View& view, const std::string& name) {
  ASSIGN_OR_RETURN(const auto row, view.Get(TableKey(Table::kBucketName, name)));
  if (!row) return std::optional<BucketId>();
  const auto id = ReadBigEndian64(*row);
  if (!id) return Status(Code::kCorrupt, "bucket name row");
  return std::optional(BucketId{*id});
}

Result<model::Bucket> ReadBucketByName(View& view, const std::string& name) {
  ASSIGN_OR_RETURN(const auto id, FindBucketId(view, name));
  if (!id) return Status(Code::kNotFound, "no such bucket");
  ASSIGN_OR_RETURN(const auto row, view.Get(BucketKey(Table::kBucket, *id)));
  if (!row) return Status(Code::kCorrupt, "bucket " + name + " has a name but no row");
  return model::DecodeBucket(*row);
}

void EmitBucketEvent(Change& change, model::EventType type, const model::Bucket& bucket,
                     Sequence sequence) {
  model::OutboxEvent event;
  event.sequence = sequence;
  event.type = type;
  event.bucket = bucket.id;
  event.key = bucket.name;
  event.time_ms = change.now_ms();
  change.Emit(event);
}

Status CreateBucketBody(Change& change, model::Bucket* bucket) {
  ASSIGN_OR_RETURN(const auto existing, FindBucketId(change.rows(), bucket->name));
  if (existing) return Status(Code::kAlreadyExists, "there is a bucket of this name");
  bucket->id = BucketId{change.NextSequence().value};
  bucket->created_ms = change.now_ms();
  change.rows().Put(TableKey(Table::kBucketName, bucket->name), BigEndian64(bucket->id.value));
  change.rows().Put(BucketKey(Table::kBucket, bucket->id), model::EncodeBucket(*bucket));
  EmitBucketEvent(change, model::EventType::kBucketCreated, *bucket, Sequence{bucket->id.value});
  change.TellBucket(bucket->name, std::make_shared<const model::Bucket>(*bucket));
  return change.Finish();
}

Status ChangeBucketBody(Change& change, const MetadataDb::BucketEdit& edit, model::Bucket* bucket) {
  const model::Bucket before = *bucket;
  RETURN_IF_ERROR(edit(*bucket));
  if (*bucket == before) return Status::Ok();
  RETURN_IF_ERROR(CheckBucketChange(before, *bucket));
  change.rows().Put(BucketKey(Table::kBucket, bucket->id), model::EncodeBucket(*bucket));
  change.ForgetBucket(bucket->id);
  EmitBucketEvent(change, model::EventType::kBucketChanged, *bucket, change.NextSequence());
  change.TellBucket(bucket->name, std::make_shared<const model::Bucket>(*bucket));
  return change.Finish();
}

// One step of a deletion: gives up some parts, or, once no upload is left, the bucket itself.
Status DeleteBucketBody(Change& change, const std::string& name, bool* done) {
  ASSIGN_OR_RETURN(const model::Bucket bucket, ReadBucketByName(change.rows(), name));
  for (const Table table : {Table::kCurrent, Table::kVersion}) {
    ASSIGN_OR_RETURN(const bool used, HasRows(change.rows(), BucketKey(table, bucket.id)));
    if (used) return Status(Code::kConflict, "the bucket is not empty");
  }
  ASSIGN_OR_RETURN(*done, AbortSomeUploads(change, bucket.id, kPartsPerTransactionMax));
  if (*done) {
    change.rows().Delete(TableKey(Table::kBucketName, name));
    change.rows().Delete(BucketKey(Table::kBucket, bucket.id));
    EmitBucketEvent(change, model::EventType::kBucketDeleted, bucket, change.NextSequence());
    change.TellBucket(name, nullptr);
  }
  return change.Finish();
}

Status ListBucketsBody(View& view, const std::string& prefix, const std::string& start_after,
                       uint32_t max_entries, std::vector<model::Bucket>* buckets) {
  const std::string table_prefix = TableKey(Table::kBucketName, prefix);
  const auto cursor = view.NewCursor();
  cursor->Seek(std::max(table_prefix, TableKey(Table::kBucketName, start_after)));
  for (; cursor->Valid() && cursor->key().starts_with(table_prefix); cursor->Next()) {
    if (buckets->size() >= max_entries) break;
    const std::string name(cursor->key().substr(1));
    if (!start_after.empty() && name <= start_after) continue;
    ASSIGN_OR_RETURN(model::Bucket bucket, ReadBucketByName(view, name));
    buckets->push_back(std::move(bucket));
  }
  return cursor->status();
}

}  // namespace

Task<Result<model::Bucket>> MetadataDb::CreateBucket(std::string name, std::string owner,
                                                     std::string region) {
  model::Bucket bucket{.id = {},
                       .name = std::move(name),
                       .owner = std::move(owner),
                       .region = std::move(region),
                       .created_ms = 0,
                       .versioning = model::Versioning::kNever};
  return CreateBucket(std::move(bucket));
}

Task<Result<model::Bucket>> MetadataDb::CreateBucket(model::Bucket bucket, SettingCheck check) {
  TransactionBody body = [this, &bucket, &check](Transaction& transaction) -> Status {
    if (check.holds) {
      ASSIGN_OR_RETURN(const auto row, transaction.Get(TableKey(Table::kSetting, check.name)));
      RETURN_IF_ERROR(check.holds(row.value_or("")));
    }
    Change change(*impl_, transaction);
    return CreateBucketBody(change, &bucket);
  };
  CO_RETURN_IF_ERROR(co_await impl_->Submit(std::move(body)));
  co_return bucket;
}

Task<Result<std::shared_ptr<const model::Bucket>>> MetadataDb::GetBucket(std::string name) {
  std::optional<model::Bucket> bucket;
  // Both rows at once: the bucket may be deleted and made anew between two reads.
  ReadBody body = [&](Snapshot& snapshot) -> Status {
    ASSIGN_OR_RETURN(bucket, ReadBucketByName(snapshot, name));
    return Status::Ok();
  };
  CO_RETURN_IF_ERROR(co_await impl_->store.Read(std::move(body)));
  co_return std::make_shared<const model::Bucket>(std::move(*bucket));
}

Task<Result<model::Bucket>> MetadataDb::ChangeBucket(std::string name, BucketEdit edit) {
  std::optional<model::Bucket> bucket;
  TransactionBody body = [&](Transaction& transaction) -> Status {
    Change change(*impl_, transaction);
    ASSIGN_OR_RETURN(bucket, ReadBucketByName(transaction, name));
    return ChangeBucketBody(change, edit, &*bucket);
  };
  CO_RETURN_IF_ERROR(co_await impl_->Submit(std::move(body)));
  co_return std::move(*bucket);
}

Task<Result<model::Bucket>> MetadataDb::SetVersioning(std::string name,
                                                      model::Versioning versioning) {
  return ChangeBucket(std::move(name), [versioning](model::Bucket& bucket) {
    bucket.versioning = versioning;
    return Status::Ok();
  });
}

Task<Status> MetadataDb::DeleteBucket(std::string name) {
  for (bool done = false; !done;) {
    TransactionBody body = [this, &name, &done](Transaction& transaction) {
      Change change(*impl_, transaction);
      return DeleteBucketBody(change, name, &done);
    };
    CO_RETURN_IF_ERROR(co_await impl_->Submit(std::move(body)));
  }
  co_return Status::Ok();
}

Task<Result<std::vector<model::Bucket>>> MetadataDb::ListBuckets(std::string prefix,
                                                                 std::string start_after,
                                                                 uint32_t max_entries) {
  std::vector<model::Bucket> buckets;
  ReadBody body = [&](Snapshot& snapshot) {
    buckets.clear();
    return ListBucketsBody(snapshot, prefix, start_after, max_entries, &buckets);
  };
  CO_RETURN_IF_ERROR(co_await impl_->store.Read(std::move(body)));
  co_return buckets;
}

}  // namespace ashlar::metadata_db
