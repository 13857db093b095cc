#include "cluster/placement_map.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/check.h"

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
  auto ranks = std::make_shared<Table>();
  for (size_t partition = 0; partition < kPartitionCount; ++partition) {
    (*ranks)[partition] = Choose(targets, partition, static_cast<int>(targets.size()));
  }
  return PlacementMap(std::move(ranks), static_cast<size_t>(shards_per_extent));
}

void PlacementMap::Assign(const PlacementMap& other) {
  CHECK(other.shards_ == shards_);
  std::shared_ptr<const Table> ranks = other.Ranks();
  const std::lock_guard lock(mutex_);
  ranks_.swap(ranks);
}

std::shared_ptr<const PlacementMap::Table> PlacementMap::Ranks() const {
  const std::lock_guard lock(mutex_);
  return ranks_;
}

int PlacementMap::PartitionOf(const ExtentId& extent) {
  return static_cast<int>(std::hash<ExtentId>()(extent) >> 56);
}

std::vector<DriveId> PlacementMap::DrivesOf(const ExtentId& extent) const {
  const std::shared_ptr<const Table> ranks = Ranks();
  const std::vector<DriveId>& rank = (*ranks)[static_cast<size_t>(PartitionOf(extent))];
  return {rank.begin(), rank.begin() + static_cast<std::ptrdiff_t>(shards_)};
}

std::vector<DriveId> PlacementMap::RankOf(const ExtentId& extent) const {
  return (*Ranks())[static_cast<size_t>(PartitionOf(extent))];
}

}  // namespace ashlar::cluster
