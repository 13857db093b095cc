// Treatment: what is done about one extent, from its row to shards that may be moved to.
#pragma once

#include <string>
#include <vector>

#include "cluster/healing/extent_rebuild.h"

namespace ashlar::cluster {

struct Case {
  metadata_db::ExtentPtr extent;
  ShardMask ordered = 0;  // have a repair order
  ShardMask suspect = 0;  // to be looked at, or moved away, without one
};

enum class Verdict : uint8_t {
  kStopped,                // not treated: the healer stops
  kWhole,                  // nothing was wrong (any more)
  kMade,                   // every shard that had to be made is durable: see moves
  kWaitingForDrive,        // a shard's drive is away or takes nothing now
  kWaitingForReplacement,  // ... for too long, and no other drive is free for it
  kFailed,                 // a drive failed or hung; later again
  kUnrecoverable,          // fewer than k shards can be read now; nothing was changed
};

struct CaseResult {
  Verdict verdict = Verdict::kStopped;
  ShardMask whole = 0;    // of those that were ordered or suspect
  ShardMask waiting = 0;  // nothing could be done about them
  std::vector<metadata_db::ShardMove> moves;
  std::vector<DamagedShard> damaged;  // found on the way
  std::string why;
};

// Does nothing by itself: is there a shard that can be looked at or made now? Else what it waits
// for.
[[nodiscard]] Verdict Foresee(const Case& item, const PlacementMap& placement,
                              const std::vector<DriveView>& drives);

// Looks whether the shards in question are whole, makes those that are not.
Task<CaseResult> Treat(RebuildTools& tools, const PlacementMap& placement,
                       const std::vector<DriveView>& drives, Case item);

}  // namespace ashlar::cluster
