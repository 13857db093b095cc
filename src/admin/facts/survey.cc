// How it fails: what the metadata cannot answer ends the survey; the result before it is kept.
#include "admin/facts/survey.h"

#include <utility>

namespace ashlar::admin {
namespace {

constexpr uint32_t kPageEntries = 1000;

}  // namespace

Survey::Survey(metadata_db::MetadataDb& metadata, metadata_db::ExtentCatalog& catalog,
               cluster::DriveStates& drives, Clock& clock)
    : metadata_(metadata), catalog_(catalog), drives_(drives), clock_(clock) {}

void Survey::Start(Executor& executor) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_.load() || std::exchange(view_.running, true)) return;
    view_.versions_seen = 0;
  }
  scope_.Spawn(executor, Run());
}

Survey::View Survey::Look() const {
  const std::lock_guard lock(mutex_);
  return view_;
}

Task<void> Survey::Shutdown() {
  stopping_.store(true);
  co_await scope_.Join();
}

Task<void> Survey::Run() {
  Result<SurveyResult> result = co_await Count();
  const std::lock_guard lock(mutex_);
  view_.running = false;
  view_.error = result.ok() ? std::string() : result.status().message();
  if (result.ok()) view_.last = std::move(*result);
}

Task<Result<SurveyResult>> Survey::Count() {
  SurveyResult result;
  result.began_ms = clock_.WallMilliseconds();
  std::string after;
  while (true) {
    CO_ASSIGN_OR_RETURN(const std::vector<model::Bucket> page,
                        co_await metadata_.ListBuckets("", after, kPageEntries));
    for (const model::Bucket& bucket : page) {
      CO_ASSIGN_OR_RETURN(BucketUsage usage, co_await CountBucket(bucket));
      result.buckets.push_back(std::move(usage));
    }
    if (page.size() < kPageEntries) break;
    after = page.back().name;
  }
  CO_ASSIGN_OR_RETURN(result.risk, co_await cluster::AssessRisk(catalog_, drives_.View()));
  result.ended_ms = clock_.WallMilliseconds();
  co_return result;
}

Task<Result<BucketUsage>> Survey::CountBucket(model::Bucket bucket) {
  BucketUsage usage;
  usage.name = bucket.name;
  usage.internal = bucket.name.starts_with('.');
  metadata_db::ListVersionsRequest request;
  request.bucket = bucket.id;
  request.max_entries = kPageEntries;
  while (true) {
    if (stopping_.load()) co_return Status(Code::kUnavailable, "the server stops");
    CO_ASSIGN_OR_RETURN(const metadata_db::ListVersionsPage page,
                        co_await metadata_.ListVersions(request));
    for (const metadata_db::VersionEntry& entry : page.versions) {
      if (entry.version.kind != model::ObjectKind::kData) continue;
      ++usage.versions;
      usage.version_bytes += entry.version.size;
      if (!entry.is_latest) continue;
      ++usage.objects;
      usage.bytes += entry.version.size;
    }
    {
      const std::lock_guard lock(mutex_);
      view_.versions_seen += page.versions.size();
    }
    if (!page.truncated) co_return usage;
    request.key_marker = page.next_key_marker;
    request.version_id_marker.reset();
    if (!page.next_version_id_marker.empty()) {
      request.version_id_marker = page.next_version_id_marker;
    }
  }
}

}  // namespace ashlar::admin
