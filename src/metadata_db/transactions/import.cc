// Filling an empty store. References, live bytes and referrer rows are made by the same ledger as
// those of every commit, so the books of an imported store balance by construction.
#include <algorithm>
#include <set>
#include <utility>

#include "metadata_db/archive.h"
#include "metadata_db/transactions/change.h"
#include "metadata_db/transactions/schema.h"
#include "metadata_db/transactions/uploads.h"
#include "metadata_db/transactions/version_chain.h"

namespace ashlar::metadata_db {
namespace {

using Key = MetadataImport::Key;

bool IsNewer(const model::ObjectVersion& a, const model::ObjectVersion& b) {
  return a.sequence > b.sequence;
}

Status PrepareKey(Change& change, const Key& key) {
  if (!std::is_sorted(key.versions.begin(), key.versions.end(), IsNewer)) {
    return Status(Code::kInvalidArgument, "versions are not in their order");
  }
  std::set<std::string_view> ids;
  for (const model::ObjectVersion& version : key.versions) {
    if (!ids.insert(version.version_id).second) {
      return Status(Code::kInvalidArgument, "two versions of one id: " + key.name);
    }
    RETURN_IF_ERROR(change.ledger().PrepareAdd(version.parts));
  }
  return Status::Ok();
}

void ApplyKey(Change& change, Key& key) {
  for (model::ObjectVersion& version : key.versions) {
    change.ledger().Add(version.parts, VersionReferrer(key.bucket, key.name, version.sequence));
    // Data that is the newest is current; a marker hides all below it (version_chain.h, 1).
    const bool is_current =
        &version == &key.versions.front() && version.kind == model::ObjectKind::kData;
    PlaceVersion(change, key.bucket, key.name, std::move(version), is_current);
  }
}

Status AddUpload(Change& change, const MetadataImport::Upload& upload) {
  for (const ArchivedPart& part : upload.parts) {
    RETURN_IF_ERROR(change.ledger().PrepareAdd({&part.part.part, 1}));
  }
  change.rows().Put(UploadKey(upload.upload.bucket, upload.upload.key, upload.upload.id),
                    model::EncodeUpload(upload.upload));
  for (const ArchivedPart& part : upload.parts) {
    change.ledger().Add({&part.part.part, 1},
                        PartReferrer(upload.upload.id, part.part.part.number));
    WritePart(change, upload.upload.id, {.began = part.began, .part = part.part});
  }
  return Status::Ok();
}

Status AddBody(Change& change, const NewExtents& extents, std::vector<Key>& keys,
               const std::vector<MetadataImport::Upload>& uploads) {
  RETURN_IF_ERROR(change.AddExtents(extents));
  for (Key& key : keys) {
    std::sort(key.versions.begin(), key.versions.end(), IsNewer);
    RETURN_IF_ERROR(PrepareKey(change, key));
  }
  for (Key& key : keys) ApplyKey(change, key);
  for (const MetadataImport::Upload& upload : uploads) RETURN_IF_ERROR(AddUpload(change, upload));
  return change.Finish();
}

}  // namespace

struct MetadataImport::Impl : Surroundings {
  Impl(OrderedStore& store, Clock& clock) : Surroundings(store, clock, SystemRandom(), nullptr) {}
};

MetadataImport::MetadataImport(OrderedStore& store, Clock& clock)
    : impl_(std::make_unique<Impl>(store, clock)) {}
MetadataImport::~MetadataImport() = default;

Task<Status> MetadataImport::AddSettings(
    std::vector<std::pair<std::string, std::string>> settings) {
  TransactionBody body = [&](Transaction& transaction) {
    for (const auto& [name, value] : settings) {
      transaction.Put(TableKey(Table::kSetting, name), value);
    }
    return Status::Ok();
  };
  co_return co_await impl_->Submit(std::move(body));
}

Task<Status> MetadataImport::AddBuckets(std::vector<model::Bucket> buckets) {
  TransactionBody body = [&](Transaction& transaction) {
    for (const model::Bucket& bucket : buckets) {
      transaction.Put(TableKey(Table::kBucketName, bucket.name), BigEndian64(bucket.id.value));
      transaction.Put(BucketKey(Table::kBucket, bucket.id), model::EncodeBucket(bucket));
    }
    return Status::Ok();
  };
  co_return co_await impl_->Submit(std::move(body));
}

Task<Status> MetadataImport::Add(NewExtents extents, std::vector<Key> keys,
                                 std::vector<Upload> uploads) {
  TransactionBody body = [&](Transaction& transaction) {
    Change change(*impl_, transaction);
    return AddBody(change, extents, keys, uploads);
  };
  co_return co_await impl_->Submit(std::move(body));
}

Task<Status> MetadataImport::AddDeadExtents(std::vector<model::Extent> extents) {
  NewExtents dead;
  dead.extents = std::move(extents);
  return Add(std::move(dead), {}, {});
}

Task<Status> MetadataImport::Finish(Sequence last) {
  TransactionBody body = [&](Transaction& transaction) {
    transaction.Put(TableKey(Table::kCounter), BigEndian64(last.value));
    return Status::Ok();
  };
  co_return co_await impl_->Submit(std::move(body));
}

}  // namespace ashlar::metadata_db
