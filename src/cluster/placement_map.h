// PlacementMap: which drives take the shards of a new extent.
//
// The id space is cut in 256 partitions; each partition has an ordered list of k+m drives, chosen
// by rendezvous hashing (highest random weight: Thaler and Ravishankar, 1998) with no failure
// domain taken twice while another one is free. Adding a drive moves only the partitions it wins.
// On one machine with exactly k+m drives every list is a permutation of them, so data and parity
// spread evenly.
//
// The map only says where new shards go. Where a shard lies is in the extent's row.
// Immutable after construction; thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/status.h"

namespace ashlar::cluster {

inline constexpr int kPartitionCount = 256;

struct PlacementTarget {
  DriveId drive;
  std::string failure_domain;  // host or drive; the same text shares its fate
};

class PlacementMap {
 public:
  // kInvalidArgument when there are fewer targets than shards.
  static Result<PlacementMap> Create(std::vector<PlacementTarget> targets, int shards_per_extent);

  // Partition 0..255 of an extent id.
  static int PartitionOf(const ExtentId& extent);
  // k+m drives, shard i goes to element i.
  std::span<const DriveId> DrivesOf(const ExtentId& extent) const;

 private:
  PlacementMap() = default;
  std::array<std::vector<DriveId>, kPartitionCount> partitions_;
};

}  // namespace ashlar::cluster
