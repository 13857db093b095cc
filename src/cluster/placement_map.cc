#include "cluster/placement_map.h"

#include <algorithm>
#include <set>

namespace ashlar::cluster {
namespace {

// SplitMix64's finaliser: a well-mixed weight for a (partition, drive) pair.
uint64_t Weight(uint64_t partition, uint64_t drive) {
  uint64_t x = (partition << 32 | drive) + 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

std::vector<DriveId> Choose(std::vector<PlacementTarget> targets, uint64_t partition, int count) {
  std::sort(targets.begin(), targets.end(),
            [partition](const PlacementTarget& a, const PlacementTarget& b) {
              const uint64_t weight_a = Weight(partition, a.drive.value);
              const uint64_t weight_b = Weight(partition, b.drive.value);
              return weight_a != weight_b ? weight_a > weight_b : a.drive < b.drive;
            });
  std::vector<DriveId> chosen;
  // Rounds: each takes at most one drive of a failure domain, so domains fill up evenly.
  while (static_cast<int>(chosen.size()) < count) {
    std::set<std::string> used;
    std::vector<PlacementTarget> rest;
    for (PlacementTarget& target : targets) {
      if (static_cast<int>(chosen.size()) < count && used.insert(target.failure_domain).second) {
        chosen.push_back(target.drive);
      } else {
        rest.push_back(std::move(target));
      }
    }
    targets = std::move(rest);
  }
  return chosen;
}

}  // namespace

Result<PlacementMap> PlacementMap::Create(std::vector<PlacementTarget> targets,
                                          int shards_per_extent) {
  if (static_cast<int>(targets.size()) < shards_per_extent) {
    return Status(Code::kInvalidArgument, "the code needs " + std::to_string(shards_per_extent) +
                                              " drives, there are " +
                                              std::to_string(targets.size()));
  }
  PlacementMap map;
  for (size_t partition = 0; partition < kPartitionCount; ++partition) {
    map.partitions_[partition] = Choose(targets, partition, shards_per_extent);
  }
  return map;
}

int PlacementMap::PartitionOf(const ExtentId& extent) {
  return static_cast<int>(std::hash<ExtentId>()(extent) >> 56);
}

std::span<const DriveId> PlacementMap::DrivesOf(const ExtentId& extent) const {
  return partitions_[static_cast<size_t>(PartitionOf(extent))];
}

}  // namespace ashlar::cluster
