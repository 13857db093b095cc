#include "checkers/no_live_shard_deleted.h"

#include <utility>

namespace ashlar::sim {
namespace {

constexpr char kChecker[] = "no_live_shard_deleted";

}  // namespace

void NoLiveShardDeleted::Check(World& world, const StorageView& view, const std::set<size_t>& liars,
                               Judge* judge) {
  std::set<ShardName> now;
  for (const auto& [id, referred] : view.live) {
    if (view.reclaims.contains(id)) {
      judge->Report(kChecker, "extent " + id.ToHex() + " of " + referred.by +
                                  " is referred to and in a reclaim record");
    }
    if (referred.row == nullptr) continue;
    for (size_t shard = 0; shard < referred.row->locations.size(); ++shard) {
      const ShardName name{id, static_cast<uint8_t>(shard)};
      const model::ShardLocation& location = referred.row->locations[shard];
      if (liars.contains(location.drive.value)) continue;
      const bool there =
          location.present && InspectShard(world, *referred.row, shard, /*deep=*/false).empty();
      if (there) now.insert(name);
      if (!there && seen_.contains(name)) {
        judge->Report(kChecker, "shard " + std::to_string(shard) + " of extent " + id.ToHex() +
                                    " of " + referred.by + " was there and is gone");
      }
    }
  }
  seen_ = std::move(now);
}

}  // namespace ashlar::sim
