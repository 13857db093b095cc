#include "lifecycle_worker/compaction/volume_usage.h"

#include <algorithm>

#include "model/shard_record.h"
#include "runtime/executor.h"

namespace ashlar::lifecycle_worker {
namespace {

constexpr uint32_t kPageExtents = 1000;

}  // namespace

void VolumeUsage::Add(const model::Extent& extent, bool waiting) {
  const model::ExtentLayout layout(extent.data_shards, extent.unit_bytes, extent.payload_bytes);
  const uint64_t record_bytes = model::RecordBytes(layout.shard_bytes());
  for (const model::ShardLocation& location : extent.locations) {
    if (!location.present) continue;
    Use& use = uses_[{location.drive.value, location.volume}];
    ++use.shards;
    (waiting ? use.waiting_bytes : use.live_bytes) += record_bytes;
    if (!waiting) live_bytes_ += record_bytes;
  }
}

VolumeUsage::Use VolumeUsage::Of(DriveId drive, uint32_t volume) const {
  const auto use = uses_.find({drive.value, volume});
  return use == uses_.end() ? Use() : use->second;
}

Task<Result<VolumeUsage>> SurveyVolumes(metadata_db::ExtentCatalog& catalog,
                                        const std::vector<ExtentId>& waiting,
                                        const std::atomic<bool>& stopping) {
  VolumeUsage usage;
  ExtentId after;
  while (true) {
    if (stopping.load(std::memory_order_relaxed)) {
      co_return Status(Code::kCancelled, "stopping");
    }
    CO_ASSIGN_OR_RETURN(const std::vector<metadata_db::ExtentPtr> page,
                        co_await catalog.ListExtents(after, kPageExtents));
    if (page.empty()) co_return usage;
    after = page.back()->id;
    for (const metadata_db::ExtentPtr& extent : page) {
      usage.Add(*extent, std::binary_search(waiting.begin(), waiting.end(), extent->id));
    }
    Yield others;
    co_await others;
  }
}

}  // namespace ashlar::lifecycle_worker
