// Shard count (I8, I10): each extent that something refers to has a row, live bytes that add up,
// and all of its shards: where the row says, or else not written (on a bad drive) and a repair
// order for
// it. Shards on drives that lied are declared losses, at most m of an extent. No extent was
// acknowledged with fewer shards than a write needs.
#pragma once

#include "checkers/storage.h"
#include "faults.h"

namespace ashlar::sim {

// `deep`: every byte is verified.
void CheckShardCount(World& world, const StorageView& view, const FaultPlan& faults, bool deep,
                     Judge* judge);

}  // namespace ashlar::sim
