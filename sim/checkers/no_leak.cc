#include "checkers/no_leak.h"

#include "checkers/drive_records.h"

namespace ashlar::sim {
namespace {

constexpr char kChecker[] = "no_leak";

}  // namespace

Task<bool> CheckNoLeak(World* world, Process* process, const StorageView* view, uint64_t cut_off,
                       Judge* judge) {
  std::set<ExtentId> extents;
  for (const ShardName& shard : FindAllShards(*world, {})) extents.insert(shard.first);
  uint64_t orphans = 0;
  for (const ExtentId& id : extents) {
    if (view->live.contains(id) || view->reclaims.contains(id)) continue;
    const auto row = co_await process->metadata().GetExtent(id);
    if (row.ok()) {
      judge->Report(kChecker, "extent " + id.ToHex() +
                                  " has a row, but nothing refers to it and nobody reclaims it");
    } else if (row.code() == Code::kNotFound) {
      ++orphans;
    }
  }
  if (orphans > cut_off) {
    judge->Report(kChecker, std::to_string(orphans) + " orphans after " + std::to_string(cut_off) +
                                " writes that were cut off");
  }
  co_return true;
}

}  // namespace ashlar::sim
