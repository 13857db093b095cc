// No leak (I9): an extent on the drives is referred to, or up for reclaiming. One without a row is
// an orphan: left by a write that was cut off, never by one that was answered. There are at most as
// many of them as such writes.
#pragma once

#include "checkers/storage.h"

namespace ashlar::sim {

// `cut_off`: writes so far that ended in a crash, an error or not at all.
Task<bool> CheckNoLeak(World* world, Process* process, const StorageView* view, uint64_t cut_off,
                       Judge* judge);

}  // namespace ashlar::sim
