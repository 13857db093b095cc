// Settled: some time after the last fault, with all drives there and nobody at work, every extent
// that is referred to has all its shards, whole, on drives that may have lied before too; no repair
// order and no reclaim record is left; and what lies on the drives is referred to, also on those
// where what was purged came back.
#pragma once

#include <set>

#include "checkers/storage.h"
#include "judge.h"
#include "process.h"

namespace ashlar::sim {

void CheckSettled(World& world, const StorageView& view, const std::set<size_t>& liars,
                  Judge* judge);

}  // namespace ashlar::sim
