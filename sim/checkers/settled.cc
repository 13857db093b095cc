#include "checkers/settled.h"

#include <string>

#include "checkers/drive_records.h"

namespace ashlar::sim {
namespace {

constexpr char kChecker[] = "settled";

}  // namespace

void CheckSettled(World& world, const StorageView& view, const std::set<size_t>& liars,
                  Judge* judge) {
  for (const auto& [id, referred] : view.live) {
    if (referred.row == nullptr) continue;  // shard_count says so
    for (size_t shard = 0; shard < referred.row->locations.size(); ++shard) {
      const std::string where = "extent " + id.ToHex() + " shard " + std::to_string(shard) + ": ";
      if (!referred.row->locations[shard].present) {
        judge->Report(kChecker, where + "was never made");
        continue;
      }
      const std::string wrong = InspectShard(world, *referred.row, shard, /*deep=*/true);
      if (!wrong.empty()) judge->Report(kChecker, where + wrong);
    }
  }
  for (const auto& [extent, shard] : view.repairs) {
    judge->Report(kChecker, "a repair order is left: extent " + extent.ToHex() + " shard " +
                                std::to_string(shard));
  }
  for (const ExtentId& extent : view.reclaims) {
    judge->Report(kChecker, "never reclaimed: extent " + extent.ToHex());
  }
  for (const auto& [extent, shard] : FindAllShards(world, liars)) {
    if (view.live.contains(extent) || view.reclaims.contains(extent)) continue;
    judge->Report(kChecker, "leaked: extent " + extent.ToHex() + " shard " + std::to_string(shard));
  }
}

}  // namespace ashlar::sim
