// PlacementMap: which drives take the shards of a new extent.
//
// The id space is cut in 256 partitions; each partition ranks all drives by rendezvous hashing
// (highest random weight: Thaler and Ravishankar, 1998) with no failure domain taken twice while
// another one is free. The first k+m take the shards. Adding a drive moves only the partitions it
// wins. On one machine with exactly k+m drives every list is a permutation of them, so data and
// parity spread evenly.
//
// The map only says where new shards go. Where a shard lies is in the extent's row.
// Thread-safe; Assign exchanges its content while others ask.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
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
  PlacementMap(const PlacementMap& other) : ranks_(other.Ranks()), shards_(other.shards_) {}
  PlacementMap& operator=(const PlacementMap&) = delete;

  // Answers as `other` from now on; both are of the same code.
  void Assign(const PlacementMap& other);

  // Partition 0..255 of an extent id.
  static int PartitionOf(const ExtentId& extent);
  // k+m drives, shard i goes to element i.
  std::vector<DriveId> DrivesOf(const ExtentId& extent) const;
  // All drives, best first: where a shard goes when its own drive cannot take it.
  std::vector<DriveId> RankOf(const ExtentId& extent) const;

 private:
  using Table = std::array<std::vector<DriveId>, kPartitionCount>;
  PlacementMap(std::shared_ptr<const Table> ranks, size_t shards)
      : ranks_(std::move(ranks)), shards_(shards) {}
  std::shared_ptr<const Table> Ranks() const;

  mutable std::mutex mutex_;
  std::shared_ptr<const Table> ranks_;
  const size_t shards_;
};

}  // namespace ashlar::cluster
