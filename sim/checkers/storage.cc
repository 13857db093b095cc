#include "checkers/storage.h"

#include "metadata_db/extent_catalog.h"

namespace ashlar::sim {
namespace {

constexpr char kChecker[] = "shard_count";
constexpr uint32_t kAll = 1'000'000;

void AddSlices(const model::Part& part, const std::string& by, StorageView* view) {
  for (const model::Slice& slice : part.slices) {
    StorageView::Referred& referred = view->live[slice.extent];
    referred.bytes += slice.length;
    referred.by = by;
  }
}

Task<Status> CollectBucket(Process* process, std::string name, BucketId bucket, StorageView* view) {
  metadata_db::MetadataDb& metadata = process->metadata();
  metadata_db::ListVersionsRequest request;
  request.bucket = bucket;
  request.max_entries = kAll;
  CO_ASSIGN_OR_RETURN(const auto page, co_await metadata.ListVersions(request));
  for (const metadata_db::VersionEntry& entry : page.versions) {
    if (entry.version.kind == model::ObjectKind::kDeleteMarker) continue;
    CO_ASSIGN_OR_RETURN(const auto version,
                        co_await metadata.GetVersion(bucket, entry.key, entry.version.version_id));
    const std::string by = name + "/" + entry.key + "@" + version->version_id;
    for (const model::Part& part : version->parts) AddSlices(part, by, view);
  }
  metadata_db::ListUploadsRequest uploads;
  uploads.bucket = bucket;
  uploads.max_entries = kAll;
  CO_ASSIGN_OR_RETURN(const auto open, co_await metadata.ListUploads(uploads));
  for (const model::Upload& upload : open.uploads) {
    CO_ASSIGN_OR_RETURN(const auto parts,
                        co_await metadata.ListParts(bucket, upload.key, upload.id, 0, kAll));
    const std::string by = name + "/" + upload.key + " upload " + upload.id.ToHex();
    for (const model::UploadPart& part : parts.parts) AddSlices(part.part, by, view);
  }
  co_return Status::Ok();
}

Task<Status> Collect(Process* process, StorageView* view) {
  metadata_db::MetadataDb& metadata = process->metadata();
  CO_ASSIGN_OR_RETURN(const auto buckets, co_await metadata.ListBuckets("", "", kAll));
  for (const model::Bucket& bucket : buckets) {
    CO_RETURN_IF_ERROR(co_await CollectBucket(process, bucket.name, bucket.id, view));
  }
  for (auto& [id, referred] : view->live) {
    const auto row = co_await metadata.GetExtent(id);
    if (row.ok()) referred.row = *row;
    const auto bytes = co_await metadata.LiveBytes(id);
    if (bytes.ok()) view->live_bytes[id] = *bytes;
  }
  metadata_db::ExtentCatalog catalog(metadata);
  CO_ASSIGN_OR_RETURN(const auto reclaims, co_await catalog.ListReclaims(ExtentId(), kAll));
  for (const model::ReclaimRecord& record : reclaims) view->reclaims.insert(record.extent);
  CO_ASSIGN_OR_RETURN(const auto repairs, co_await catalog.ListRepairs(std::nullopt, kAll));
  for (const model::RepairOrder& order : repairs) {
    view->repairs.emplace(order.extent, order.shard.value);
  }
  co_return Status::Ok();
}

}  // namespace

Task<bool> CollectStorage(Process* process, Judge* judge, const bool* process_ended,
                          StorageView* view) {
  const Status status = co_await Collect(process, view);
  if (*process_ended) co_return false;
  if (status.ok()) co_return true;
  judge->Report(kChecker, "the metadata cannot be read: " + status.ToString());
  co_return false;
}

}  // namespace ashlar::sim
