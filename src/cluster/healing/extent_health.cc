#include "cluster/healing/extent_health.h"

#include <algorithm>

namespace ashlar::cluster {
namespace {

// Not yet looked at since its drive was replaced.
bool LostByReplacement(const model::Extent& extent, const DriveView& drive) {
  return drive.refilling && extent.id > drive.sweep.cursor &&
         CreatedMs(extent.id) <= drive.changed_ms;
}

ShardCondition ConditionOf(const model::Extent& extent, size_t shard, bool ordered,
                           const std::vector<DriveView>& drives) {
  const model::ShardLocation& location = extent.locations[shard];
  if (!location.present || ordered || location.drive.value >= drives.size()) {
    return ShardCondition::kDamaged;
  }
  const DriveView& drive = drives[location.drive.value];
  if (LostByReplacement(extent, drive)) return ShardCondition::kDamaged;
  if (!drive.readable()) {
    return drive.role == DriveRole::kRemoved ? ShardCondition::kDamaged : ShardCondition::kAway;
  }
  return drive.role == DriveRole::kActive ? ShardCondition::kGood : ShardCondition::kStray;
}

}  // namespace

int64_t CreatedMs(const ExtentId& extent) {
  int64_t ms = 0;
  for (size_t i = 0; i < 6; ++i) ms = ms << 8 | extent.bytes[i];
  return ms;
}

ExtentHealth AssessExtent(const model::Extent& extent, ShardMask ordered,
                          const std::vector<DriveView>& drives) {
  ExtentHealth health;
  health.remaining = extent.parity_shards;
  for (size_t i = 0; i < extent.locations.size(); ++i) {
    health.shards.push_back(ConditionOf(extent, i, (ordered & MaskOf(i)) != 0, drives));
    if (health.shards.back() >= ShardCondition::kAway) --health.remaining;
  }
  return health;
}

std::optional<DriveId> DestinationOf(const model::Extent& extent, size_t shard,
                                     const std::vector<DriveView>& drives,
                                     const std::vector<DriveId>& rank,
                                     const std::vector<DriveId>& taken) {
  const DriveId home = extent.locations[shard].drive;
  if (home.value < drives.size()) {
    const DriveView& drive = drives[home.value];
    if (drive.takes_shards()) return home;
    const bool for_good = drive.role != DriveRole::kActive || drive.overdue;
    if (!for_good) return std::nullopt;
  }
  for (const DriveId candidate : rank) {
    if (!drives[candidate.value].takes_shards()) continue;
    const bool holds = std::any_of(
        extent.locations.begin(), extent.locations.end(),
        [&](const model::ShardLocation& location) { return location.drive == candidate; });
    if (holds || std::find(taken.begin(), taken.end(), candidate) != taken.end()) continue;
    return candidate;
  }
  return std::nullopt;
}

}  // namespace ashlar::cluster
