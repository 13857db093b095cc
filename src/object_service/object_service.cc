// Life cycle of the service, and the operations that are the metadata database's alone.
#include "object_service/object_service.h"

#include <algorithm>

#include "base/log.h"
#include "object_service/internal/gathering.h"
#include "object_service/internal/service.h"
#include "runtime/metrics.h"

namespace ashlar::object_service {

ObjectService::ObjectService(Dependencies dependencies, ObjectServiceOptions options)
    : impl_(std::make_unique<Impl>(std::move(dependencies), options)) {}

ObjectService::~ObjectService() = default;

namespace {

prometheus::Gauge& DriveGauge(size_t index) {
  return MetricGauge("ashlar_drive_online", "1 while the drive takes and gives data.",
                     {{"drive", std::to_string(index + 1)}});
}

constexpr auto kWatchTick = std::chrono::milliseconds(250);
constexpr int kTicksBetweenTries = 20;
// Drives that are online are tried too, more rarely: nobody else would notice that one was pulled
// while the store is idle.
constexpr int kTicksBetweenRounds = 120;

Task<void> Watch(Core* core) {
  int tick = 0;
  while (!core->stopping.load(std::memory_order_relaxed)) {
    Sleep pause(kWatchTick);
    co_await pause;
    if (++tick % kTicksBetweenTries != 0) continue;
    for (chunk_server::ChunkStore* store : core->deps.stores) {
      const bool online = store->GetStatus().state == chunk_server::DriveState::kOnline;
      DriveGauge(store->drive().value).Set(online ? 1 : 0);
      if (online && tick % kTicksBetweenRounds != 0) continue;
      const Status status = co_await store->Probe();
      if (online || !status.ok()) continue;
      spdlog::info("msg=\"drive is back\" drive={}", store->drive().value + 1);
    }
  }
}

}  // namespace

void ObjectService::WatchDrives(Executor& executor) {
  impl_->core.background.Spawn(executor, Watch(&impl_->core));
}

Task<void> ObjectService::Shutdown() {
  impl_->core.stopping.store(true, std::memory_order_relaxed);
  return impl_->core.background.Join();
}

Task<Result<BucketPtr>> ObjectService::GetBucket(std::string_view name) {
  return impl_->core.deps.cache.GetBucket(name);
}

Task<Result<model::Bucket>> ObjectService::CreateBucket(
    std::string name, std::string owner, std::string region, ObjectLocking locking,
    std::map<std::string, std::string> configurations, SettingCheck owner_check) {
  model::Bucket bucket;
  bucket.name = std::move(name);
  bucket.owner = std::move(owner);
  bucket.region = std::move(region);
  bucket.configurations = std::move(configurations);
  bucket.object_lock = locking == ObjectLocking::kOn;
  if (bucket.object_lock) bucket.versioning = model::Versioning::kEnabled;
  return impl_->core.deps.metadata.CreateBucket(std::move(bucket), std::move(owner_check));
}

Task<Result<VersionPtr>> ObjectService::FindNewest(BucketPtr bucket, std::string key) {
  return impl_->core.deps.metadata.GetNewest(bucket->id, std::move(key));
}

Task<Status> ObjectService::DeleteBucket(std::string name) {
  return impl_->core.deps.metadata.DeleteBucket(std::move(name));
}

Task<Result<model::Bucket>> ObjectService::ChangeBucket(std::string name,
                                                        metadata_db::MetadataDb::BucketEdit edit) {
  return impl_->core.deps.metadata.ChangeBucket(std::move(name), std::move(edit));
}

Task<Result<VersionPtr>> ObjectService::ChangeExtras(BucketPtr bucket, std::string key,
                                                     std::optional<std::string> version_id,
                                                     metadata_db::MetadataDb::ExtrasEdit edit) {
  return impl_->core.deps.metadata.ChangeExtras(bucket->id, std::move(key), std::move(version_id),
                                                std::move(edit));
}

Task<Result<std::vector<model::Bucket>>> ObjectService::ListBuckets(std::string prefix,
                                                                    std::string start_after,
                                                                    uint32_t max_entries) {
  // Buckets of our own begin with a dot, and sort before all that a client can name.
  start_after = std::max(start_after, std::string("/"));
  return impl_->core.deps.metadata.ListBuckets(std::move(prefix), std::move(start_after),
                                               max_entries);
}

Task<Result<metadata_db::ListPage>> ObjectService::List(metadata_db::ListRequest request) {
  return impl_->core.deps.metadata.List(std::move(request));
}

Task<Result<metadata_db::ListVersionsPage>> ObjectService::ListVersions(
    metadata_db::ListVersionsRequest request) {
  return impl_->core.deps.metadata.ListVersions(std::move(request));
}

Task<std::vector<Result<metadata_db::DeleteOutcome>>> ObjectService::DeleteObjects(
    BucketPtr bucket, std::vector<metadata_db::DeleteObjectChange> changes) {
  return impl_->core.deps.metadata.DeleteObjects(bucket->id, std::move(changes));
}

Task<Result<model::Upload>> ObjectService::CreateUpload(CreateUploadRequest request) {
  model::Upload upload;
  upload.bucket = request.bucket->id;
  upload.key = std::move(request.key);
  upload.owner = std::move(request.owner);
  upload.storage_class = std::move(request.attributes.storage_class);
  upload.system_headers = std::move(request.attributes.system_headers);
  upload.user_metadata = std::move(request.attributes.user_metadata);
  upload.extras = std::move(request.attributes.extras);
  upload.checksum_algorithm = request.checksum_algorithm;
  upload.checksum_type = request.checksum_type;
  return impl_->core.deps.metadata.CreateUpload(std::move(upload));
}

Task<Result<model::Upload>> ObjectService::GetUpload(BucketPtr bucket, std::string key,
                                                     UniqueId upload_id) {
  return impl_->core.deps.metadata.GetUpload(bucket->id, std::move(key), upload_id);
}

Task<Result<metadata_db::MetadataDb::PartsPage>> ObjectService::ListParts(BucketPtr bucket,
                                                                          std::string key,
                                                                          UniqueId upload_id,
                                                                          uint32_t after_number,
                                                                          uint32_t max_parts) {
  return impl_->core.deps.metadata.ListParts(bucket->id, std::move(key), upload_id, after_number,
                                             max_parts);
}

Task<Result<metadata_db::ListUploadsPage>> ObjectService::ListUploads(
    metadata_db::ListUploadsRequest request) {
  return impl_->core.deps.metadata.ListUploads(std::move(request));
}

Task<Status> ObjectService::AbortUpload(BucketPtr bucket, std::string key, UniqueId upload_id) {
  return impl_->core.deps.metadata.AbortUpload(bucket->id, std::move(key), upload_id);
}

namespace {

Task<Status> ProbeStore(chunk_server::ChunkStore* store) { co_return co_await store->Probe(); }

}  // namespace

Task<Status> ObjectService::Probe() {
  Core& core = impl_->core;
  auto gathering = Gathering<Status>::Create(core.background);
  for (chunk_server::ChunkStore* store : core.deps.stores) gathering->Start(ProbeStore(store));
  auto never = [] { return false; };
  co_await gathering->Wait(never, std::chrono::seconds(5));
  std::string wrong;
  size_t bad = 0;
  for (size_t i = 0; i < gathering->size(); ++i) {
    const Status* result = gathering->result(i);
    if (result != nullptr && result->ok()) {
      DriveGauge(i).Set(1);
      continue;
    }
    ++bad;
    DriveGauge(i).Set(0);
    wrong += (wrong.empty() ? "drive " : "; drive ") + std::to_string(i + 1) + ": " +
             (result != nullptr ? result->message() : "does not answer within 5 s");
  }
  const auto drives = gathering->size();
  const auto needed = static_cast<size_t>(core.acknowledge_shards_min());
  const size_t spare = drives - static_cast<size_t>(core.total_shards());
  if (drives - bad < needed || bad > spare + static_cast<size_t>(core.total_shards()) - needed) {
    co_return Status(Code::kUnavailable,
                     "writes need " + std::to_string(needed) + " drives of each extent; " + wrong);
  }
  std::vector<std::pair<std::string, std::string>> settings;
  settings.emplace_back("probe", std::to_string(core.deps.clock.WallMilliseconds()));
  const Status committed = co_await core.deps.metadata.PutSettings(std::move(settings));
  if (!committed.ok()) {
    co_return Status(committed.code(), "metadata database: " + committed.message());
  }
  co_return Status(Code::kOk, wrong);
}

}  // namespace ashlar::object_service
