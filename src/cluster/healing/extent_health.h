// What is wrong with an extent, and where its shards may go: pure decisions on values.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "cluster/drive_states.h"
#include "model/extent.h"

namespace ashlar::cluster {

// When the extent was begun, in milliseconds since 1970: its id is time-ordered.
[[nodiscard]] int64_t CreatedMs(const ExtentId& extent);

// A set of shards of one extent, bit i for shard i.
using ShardMask = uint64_t;
constexpr ShardMask MaskOf(size_t shard) { return ShardMask{1} << shard; }

enum class ShardCondition : uint8_t {
  kGood,     // as far as is known
  kStray,    // good, but its drive shall be emptied
  kAway,     // its drive is offline
  kDamaged,  // never written, ordered to be repaired, or its drive was replaced or removed
};

struct ExtentHealth {
  std::vector<ShardCondition> shards;
  // Further shards that may be lost: m when all is well, negative when it cannot be read.
  int remaining = 0;
};

// `ordered`: shards that have a repair order.
[[nodiscard]] ExtentHealth AssessExtent(const model::Extent& extent, ShardMask ordered,
                                        const std::vector<DriveView>& drives);

// Where a shard that must be made goes: its own drive when that is active and takes shards; for a
// drive that is draining, removed or overdue the best of the others that hold none of the extent.
// Empty: nowhere now. `taken`: drives that were promised to other shards of the extent.
[[nodiscard]] std::optional<DriveId> DestinationOf(const model::Extent& extent, size_t shard,
                                                   const std::vector<DriveView>& drives,
                                                   const std::vector<DriveId>& rank,
                                                   const std::vector<DriveId>& taken);

}  // namespace ashlar::cluster
