#include "checkers/shard_count.h"

#include <algorithm>

#include "checkers/drive_records.h"

namespace ashlar::sim {
namespace {

constexpr char kChecker[] = "shard_count";

// A write may be acknowledged with so many shards: all but two, but more than the code needs.
size_t AcknowledgedMin(const model::Extent& extent) {
  const int all_but_two = extent.data_shards + extent.parity_shards - 2;
  return static_cast<size_t>(std::max(all_but_two, extent.data_shards + 1));
}

void CheckExtent(World& world, const StorageView& view, const model::Extent& extent,
                 const FaultPlan& faults, bool deep, Judge* judge) {
  const auto present = static_cast<size_t>(
      std::count_if(extent.locations.begin(), extent.locations.end(),
                    [](const model::ShardLocation& location) { return location.present; }));
  if (present < AcknowledgedMin(extent)) {
    judge->Report(kChecker, "extent " + extent.id.ToHex() + " was acknowledged with " +
                                std::to_string(present) + " shards");
  }
  for (size_t shard = 0; shard < extent.locations.size(); ++shard) {
    const model::ShardLocation& location = extent.locations[shard];
    const std::string where =
        "extent " + extent.id.ToHex() + " shard " + std::to_string(shard) + ": ";
    const bool ordered = view.repairs.contains({extent.id, static_cast<uint8_t>(shard)});
    if (!location.present) {
      if (!ordered) judge->Report(kChecker, where + "not written, and no repair order");
      if (!faults.bad_drives().contains(location.drive.value)) {
        judge->Report(kChecker, where + "not written, though its drive was never bad");
      }
      continue;
    }
    if (faults.liars().contains(location.drive.value)) continue;
    const std::string wrong = InspectShard(world, extent, shard, deep);
    if (!wrong.empty()) judge->Report(kChecker, where + wrong);
  }
}

}  // namespace

void CheckShardCount(World& world, const StorageView& view, const FaultPlan& faults, bool deep,
                     Judge* judge) {
  for (const auto& [id, referred] : view.live) {
    const std::string where = "extent " + id.ToHex() + " of " + referred.by + ": ";
    if (referred.row == nullptr) {
      judge->Report(kChecker, where + "has no row");
      continue;
    }
    const auto bytes = view.live_bytes.find(id);
    if (bytes == view.live_bytes.end() || bytes->second != referred.bytes) {
      judge->Report(kChecker, where + "live bytes are not " + std::to_string(referred.bytes));
    }
    CheckExtent(world, view, *referred.row, faults, deep, judge);
  }
}

}  // namespace ashlar::sim
