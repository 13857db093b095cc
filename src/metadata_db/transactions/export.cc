// Reading in bulk, for the journal: single versions as they are now, and all rows of a frozen view.
//
// The walk goes over the tables in the byte order of the store. One row of 'o' or 'v' costs a
// second read only when its manifest lies apart.
#include <array>
#include <utility>

#include "metadata_db/archive.h"
#include "metadata_db/transactions/schema.h"
#include "metadata_db/transactions/uploads.h"
#include "metadata_db/transactions/version_chain.h"

namespace ashlar::metadata_db {
namespace {

constexpr std::array kTables = {Table::kBucket, Table::kExtent, Table::kCurrent,
                                Table::kPart,   Table::kUpload, Table::kVersion};

// Bytes that the version takes in memory and in an archive, about.
uint64_t Weight(const model::ObjectVersion& version) {
  uint64_t bytes = 200;
  for (const auto& [name, value] : version.system_headers) bytes += name.size() + value.size();
  for (const auto& [name, value] : version.user_metadata) bytes += name.size() + value.size();
  for (const auto& [name, value] : version.extras.tags) bytes += name.size() + value.size();
  for (const model::Part& part : version.parts) bytes += 32 + 40 * part.slices.size();
  return bytes;
}

// Bucket and object key of a row of 'o' or 'v'.
Result<ArchivedVersion> ReadArchived(View& view, std::string_view key, std::string_view value) {
  ArchivedVersion found;
  std::string_view rest;
  if (key.size() < kBucketPrefixBytes) return Status(Code::kCorrupt, "key of a version row");
  const auto bucket = ReadBigEndian64(key.substr(1, 8));
  const auto name = UnescapeKey(key.substr(kBucketPrefixBytes), &rest);
  if (!bucket || !name) return Status(Code::kCorrupt, "key of a version row");
  found.bucket = BucketId{*bucket};
  found.key = *name;
  ASSIGN_OR_RETURN(StoredVersion stored, DecodeVersionRow(value));
  RETURN_IF_ERROR(LoadManifest(view, found.bucket, found.key, &stored));
  found.version = std::move(stored.version);
  return found;
}

Status ReadVersionsBody(View& view, const std::vector<VersionName>& names, uint64_t bytes_max,
                        std::vector<std::optional<model::ObjectVersion>>* versions) {
  versions->clear();
  uint64_t bytes = 0;
  for (const VersionName& name : names) {
    if (bytes >= bytes_max && !versions->empty()) break;
    ASSIGN_OR_RETURN(auto found, FindVersionBySequence(view, name.bucket, name.key, name.sequence));
    bytes += name.key.size();
    if (found) {
      bytes += Weight(found->stored.version);
      versions->emplace_back(std::move(found->stored.version));
    } else {
      bytes += 64;
      versions->emplace_back(std::nullopt);
    }
  }
  return Status::Ok();
}

}  // namespace

Task<Result<std::vector<std::optional<model::ObjectVersion>>>> ReadVersions(
    OrderedStore& store, std::vector<VersionName> names, uint64_t bytes_max) {
  std::vector<std::optional<model::ObjectVersion>> versions;
  ReadBody body = [&](Snapshot& snapshot) {
    return ReadVersionsBody(snapshot, names, bytes_max, &versions);
  };
  CO_RETURN_IF_ERROR(co_await store.Read(std::move(body)));
  co_return versions;
}

struct MetadataExport::Impl {
  explicit Impl(OrderedStore& store) : store(store), view(store.NewSnapshot()) {}

  Status ReadPage(uint64_t bytes_max, BucketId skipped, Page* page);
  Status TakeRow(std::string_view key, std::string_view value, BucketId skipped, Page* page,
                 uint64_t* bytes);

  OrderedStore& store;
  std::unique_ptr<Snapshot> view;
  size_t table = 0;
  std::string position;  // where the next page begins; empty: at the beginning of the table
};

Status MetadataExport::Impl::TakeRow(std::string_view key, std::string_view value, BucketId skipped,
                                     Page* page, uint64_t* bytes) {
  *bytes += key.size() + value.size();
  switch (kTables[table]) {
    case Table::kExtent: {
      page->extents.push_back(UniqueId::FromView(key.substr(1)));
      *bytes -= value.size();
      return Status::Ok();
    }
    case Table::kBucket: {
      ASSIGN_OR_RETURN(model::Bucket bucket, model::DecodeBucket(value));
      if (bucket.id != skipped) page->buckets.push_back(std::move(bucket));
      return Status::Ok();
    }
    case Table::kUpload: {
      ASSIGN_OR_RETURN(model::Upload upload, model::DecodeUpload(value));
      if (upload.bucket != skipped) page->uploads.push_back(std::move(upload));
      return Status::Ok();
    }
    case Table::kPart: {
      ASSIGN_OR_RETURN(StoredPart stored, DecodeStoredPart(value));
      if (key.size() != 21) return Status(Code::kCorrupt, "key of a part row");
      page->parts.push_back({.upload = UniqueId::FromView(key.substr(1, 16)),
                             .began = stored.began,
                             .part = std::move(stored.part)});
      return Status::Ok();
    }
    default: {
      ASSIGN_OR_RETURN(ArchivedVersion found, ReadArchived(*view, key, value));
      if (found.bucket == skipped) return Status::Ok();
      *bytes += Weight(found.version);
      page->versions.push_back(std::move(found));
      return Status::Ok();
    }
  }
}

Status MetadataExport::Impl::ReadPage(uint64_t bytes_max, BucketId skipped, Page* page) {
  const auto cursor = view->NewCursor();
  uint64_t bytes = 0;
  for (; table < kTables.size(); ++table, position.clear()) {
    const std::string prefix = TableKey(kTables[table]);
    cursor->Seek(position.empty() ? prefix : position);
    for (; cursor->Valid() && cursor->key().starts_with(prefix); cursor->Next()) {
      if (bytes >= bytes_max) {
        position = cursor->key();
        return Status::Ok();
      }
      RETURN_IF_ERROR(TakeRow(cursor->key(), cursor->value(), skipped, page, &bytes));
    }
    RETURN_IF_ERROR(cursor->status());
  }
  page->at_end = true;
  return Status::Ok();
}

MetadataExport::MetadataExport(OrderedStore& store) : impl_(std::make_unique<Impl>(store)) {}
MetadataExport::~MetadataExport() = default;

Task<Result<Sequence>> MetadataExport::Through() {
  Sequence through;
  // Where blocking harms nobody; the view that counts is our own.
  ReadBody body = [&](Snapshot&) -> Status {
    ASSIGN_OR_RETURN(const auto row, impl_->view->Get(TableKey(Table::kCounter)));
    if (!row) return Status::Ok();
    const auto last = ReadBigEndian64(*row);
    if (!last) return Status(Code::kCorrupt, "the row of the last sequence");
    through = Sequence{*last};
    return Status::Ok();
  };
  CO_RETURN_IF_ERROR(co_await impl_->store.Read(std::move(body)));
  co_return through;
}

Task<Result<MetadataExport::Page>> MetadataExport::Next(uint64_t bytes_max,
                                                        BucketId bucket_skipped) {
  Page page;
  ReadBody body = [&](Snapshot&) { return impl_->ReadPage(bytes_max, bucket_skipped, &page); };
  CO_RETURN_IF_ERROR(co_await impl_->store.Read(std::move(body)));
  co_return page;
}

}  // namespace ashlar::metadata_db
