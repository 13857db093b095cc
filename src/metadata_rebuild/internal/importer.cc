#include "metadata_rebuild/internal/importer.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "lifecycle_worker/journal_segment.h"

namespace ashlar::metadata_rebuild {
namespace {

constexpr size_t kBatchRowsMax = 500;
constexpr size_t kBatchExtentsMax = 1000;
constexpr size_t kKeyIdBytes = 24;

int SpareShards(const model::Extent& extent) {
  const auto present = std::count_if(extent.locations.begin(), extent.locations.end(),
                                     [](const auto& location) { return location.present; });
  return static_cast<int>(present) - extent.data_shards;
}

}  // namespace

bool Importer::IsHidden(BucketId bucket) const {
  const auto found = buckets_.find(bucket);
  return found != buckets_.end() && found->second.name == lifecycle_worker::kJournalBucket;
}

Task<Result<bool>> Importer::TakeExtents(const std::vector<model::Part>& parts, int* spare_shards) {
  for (const model::Part& part : parts) {
    for (const model::Slice& slice : part.slices) {
      auto found = batch_.extents.find(slice.extent);
      if (found == batch_.extents.end()) {
        CO_ASSIGN_OR_RETURN(const auto row, co_await scratch_.Get(ExtentKey('x', slice.extent)));
        if (!row) co_return false;
        CO_ASSIGN_OR_RETURN(model::Extent extent, model::DecodeExtent(*row));
        found = batch_.extents.emplace(slice.extent, std::move(extent)).first;
      }
      const uint64_t data = found->second.data_bytes();
      if (slice.length == 0 || slice.offset > data || slice.length > data - slice.offset) {
        co_return false;
      }
      *spare_shards = std::min(*spare_shards, SpareShards(found->second));
    }
  }
  co_return true;
}

Task<Status> Importer::Commit() {
  if (batch_.rows == 0) co_return Status::Ok();
  metadata_db::NewExtents extents;
  RowWriter imported(scratch_);
  for (auto& [id, extent] : batch_.extents) {
    for (size_t shard = 0; shard < extent.locations.size(); ++shard) {
      if (extent.locations[shard].present) continue;
      extents.repairs.push_back({.extent = id,
                                 .shard = ShardIndex{static_cast<uint8_t>(shard)},
                                 .reason = model::RepairReason::kMissing,
                                 .noted_ms = clock_.WallMilliseconds()});
    }
    CO_RETURN_IF_ERROR(co_await imported.Put(ExtentKey('i', id), ""));
    extents.extents.push_back(std::move(extent));
  }
  // Extents that only a lost version named would be dead: they are left to ImportDeadExtents.
  CO_RETURN_IF_ERROR(
      co_await import_.Add(std::move(extents), std::move(batch_.keys), std::move(batch_.uploads)));
  batch_ = Batch();
  co_return co_await imported.Flush();
}

Task<Status> Importer::AddKey(metadata_db::MetadataImport::Key key) {
  const auto bucket = buckets_.find(key.bucket);
  if (bucket == buckets_.end()) co_return Status::Ok();  // deleted with all that was in it
  const std::string name = bucket->second.name + "/" + key.name;
  std::vector<model::ObjectVersion> there;
  for (model::ObjectVersion& version : key.versions) {
    int spare = INT32_MAX;
    CO_ASSIGN_OR_RETURN(const bool whole, co_await TakeExtents(version.parts, &spare));
    const std::string shown =
        version.version_id == "null" ? name : name + " (version " + version.version_id + ")";
    if (!whole) {
      report_.lost.Add(shown, options_.names_max);
      continue;
    }
    if (spare < 0) report_.unreadable.Add(shown, options_.names_max);
    there.push_back(std::move(version));
  }
  if (there.empty()) co_return Status::Ok();
  key.versions = std::move(there);
  batch_.rows += key.versions.size();
  if (!IsHidden(key.bucket)) {
    ++report_.keys;
    report_.versions += key.versions.size();
  }
  batch_.keys.push_back(std::move(key));
  if (batch_.rows >= kBatchRowsMax || batch_.extents.size() >= kBatchExtentsMax) {
    CO_RETURN_IF_ERROR(co_await Commit());
  }
  co_return Status::Ok();
}

Task<Status> Importer::ImportVersions() {
  metadata_db::MetadataImport::Key key;
  std::string key_id;
  uint64_t rows = 0;
  TableWalk walk(scratch_, 'v');
  for (; walk.Valid(); walk.Next()) {
    const std::string_view id = walk.key().substr(0, kKeyIdBytes);
    if (id != key_id) {
      if (!key_id.empty()) CO_RETURN_IF_ERROR(co_await AddKey(std::move(key)));
      key = {};
      key_id = id;
    }
    CO_ASSIGN_OR_RETURN(KeyVersion found, DecodeKeyVersion(walk.value()));
    key.bucket = BucketId{ReadBig(id.substr(0, 8))};
    key.name = std::move(found.key);
    key.versions.push_back(std::move(found.version));
    if (++rows % kBatchRowsMax == 0 && options_.progress) options_.progress({"import", rows, 0});
  }
  CO_RETURN_IF_ERROR(walk.status());
  if (!key_id.empty()) CO_RETURN_IF_ERROR(co_await AddKey(std::move(key)));
  co_return co_await Commit();
}

Task<Result<bool>> Importer::IsCompleted(const model::Upload& upload,
                                         const std::vector<metadata_db::ArchivedPart>& parts) {
  CO_ASSIGN_OR_RETURN(const auto finished, co_await scratch_.Get(ExtentKey('f', upload.id)));
  if (finished) co_return true;
  const std::string key_id = KeyId(upload.bucket, upload.key);
  for (const metadata_db::ArchivedPart& part : parts) {
    for (const model::Slice& slice : part.part.part.slices) {
      CO_ASSIGN_OR_RETURN(const auto owner, co_await scratch_.Get(SliceKey(slice)));
      if (owner && *owner == key_id) co_return true;
    }
  }
  co_return false;
}

Task<Status> Importer::AddUpload(model::Upload upload) {
  if (!buckets_.contains(upload.bucket)) co_return Status::Ok();
  std::vector<metadata_db::ArchivedPart> parts;
  TableWalk walk(scratch_, 'p', upload.id.View());
  for (; walk.Valid(); walk.Next()) {
    Decoder in(walk.value());
    metadata_db::ArchivedPart part{.upload = upload.id, .began = Sequence{in.Varint()}, .part = {}};
    CO_ASSIGN_OR_RETURN(part.part, model::DecodeUploadPart(
                                       walk.value().substr(walk.value().size() - in.remaining())));
    parts.push_back(std::move(part));
  }
  CO_RETURN_IF_ERROR(walk.status());
  CO_ASSIGN_OR_RETURN(const bool completed, co_await IsCompleted(upload, parts));
  if (completed) co_return Status::Ok();
  std::vector<metadata_db::ArchivedPart> there;
  for (metadata_db::ArchivedPart& part : parts) {
    int spare = INT32_MAX;
    const std::vector<model::Part> content(1, part.part.part);
    CO_ASSIGN_OR_RETURN(const bool whole, co_await TakeExtents(content, &spare));
    if (whole) {
      there.push_back(std::move(part));
    } else {
      report_.lost.Add(
          "part " + std::to_string(part.part.part.number) + " of an upload of " + upload.key,
          options_.names_max);
    }
  }
  ++report_.uploads;
  report_.parts += there.size();
  batch_.rows += there.size() + 1;
  batch_.uploads.push_back({.upload = std::move(upload), .parts = std::move(there)});
  if (batch_.rows >= kBatchRowsMax) CO_RETURN_IF_ERROR(co_await Commit());
  co_return Status::Ok();
}

Task<Status> Importer::ImportUploads() {
  TableWalk walk(scratch_, 'u');
  for (; walk.Valid(); walk.Next()) {
    CO_ASSIGN_OR_RETURN(model::Upload upload, model::DecodeUpload(walk.value()));
    CO_RETURN_IF_ERROR(co_await AddUpload(std::move(upload)));
  }
  CO_RETURN_IF_ERROR(walk.status());
  co_return co_await Commit();
}

Task<Status> Importer::ImportDeadExtents() {
  std::vector<model::Extent> dead;
  TableWalk walk(scratch_, 'x');
  for (; walk.Valid(); walk.Next()) {
    const ExtentId id = UniqueId::FromView(walk.key());
    CO_ASSIGN_OR_RETURN(const auto imported, co_await scratch_.Get(ExtentKey('i', id)));
    if (imported) continue;
    CO_ASSIGN_OR_RETURN(const auto undecided, co_await scratch_.Get(ExtentKey('n', id)));
    if (undecided) {
      ++report_.extents_orphaned;
      continue;
    }
    CO_ASSIGN_OR_RETURN(model::Extent extent, model::DecodeExtent(walk.value()));
    ++report_.extents_dead;
    dead.push_back(std::move(extent));
    if (dead.size() < kBatchExtentsMax) continue;
    CO_RETURN_IF_ERROR(co_await import_.AddDeadExtents(std::move(dead)));
    dead.clear();
  }
  CO_RETURN_IF_ERROR(walk.status());
  if (dead.empty()) co_return Status::Ok();
  co_return co_await import_.AddDeadExtents(std::move(dead));
}

Task<Status> Importer::Run(std::map<BucketId, model::Bucket> buckets, Sequence last) {
  buckets_ = std::move(buckets);
  std::vector<model::Bucket> rows;
  for (const auto& [id, bucket] : buckets_) {
    rows.push_back(bucket);
    if (!IsHidden(id)) ++report_.buckets;
  }
  CO_RETURN_IF_ERROR(co_await import_.AddBuckets(std::move(rows)));
  CO_RETURN_IF_ERROR(co_await ImportVersions());
  CO_RETURN_IF_ERROR(co_await ImportUploads());
  CO_RETURN_IF_ERROR(co_await ImportDeadExtents());
  co_return co_await import_.Finish(last);
}

}  // namespace ashlar::metadata_rebuild
