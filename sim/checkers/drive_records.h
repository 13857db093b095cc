// DriveRecords: what lies on the drives, read from the raw bytes of the simulated disks by the
// format alone (model/shard_record.h), not by the code that is tested.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "model/extent.h"
#include "process.h"

namespace ashlar::sim {

using ShardName = std::pair<ExtentId, uint8_t>;

// Every shard that has a valid record header somewhere. On drives of `liars` only headers count
// that name the place where they lie: the others went astray, and nobody can know of them.
[[nodiscard]] std::set<ShardName> FindAllShards(World& world, const std::set<size_t>& liars);

// Empty: the shard of the extent's row lies where the row says; `deep`: and all its bytes verify.
// Else what is wrong.
[[nodiscard]] std::string InspectShard(World& world, const model::Extent& extent, size_t shard,
                                       bool deep);

}  // namespace ashlar::sim
