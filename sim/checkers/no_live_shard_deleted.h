// No live shard deleted (I8): what is referred to is not up for reclaiming, and a shard that was
// seen on a drive that never lied stays (there or, moved, elsewhere) as long as something refers to
// its extent.
#pragma once

#include <set>

#include "checkers/drive_records.h"
#include "checkers/storage.h"

namespace ashlar::sim {

class NoLiveShardDeleted {
 public:
  void Check(World& world, const StorageView& view, const std::set<size_t>& liars, Judge* judge);

 private:
  std::set<ShardName> seen_;
};

}  // namespace ashlar::sim
