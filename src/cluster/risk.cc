// Two cursors in the order of extent ids: rows and repair orders, merged. How it fails: what the
// metadata answers; there is no partial report.
#include "cluster/risk.h"

#include <deque>
#include <optional>

#include "cluster/healing/extent_health.h"

namespace ashlar::cluster {
namespace {

constexpr uint32_t kPageEntries = 1024;

// The repair orders, asked for in ascending order of extents.
class OrderCursor {
 public:
  explicit OrderCursor(metadata_db::ExtentCatalog& catalog) : catalog_(catalog) {}

  Task<Result<ShardMask>> MaskFor(ExtentId extent) {
    ShardMask mask = 0;
    while (true) {
      if (orders_.empty() && !at_end_) CO_RETURN_IF_ERROR(co_await Fill());
      if (orders_.empty() || orders_.front().extent > extent) co_return mask;
      const model::RepairOrder& order = orders_.front();
      if (order.extent == extent && order.shard.value < 64) mask |= MaskOf(order.shard.value);
      orders_.pop_front();
    }
  }

 private:
  Task<Status> Fill() {
    CO_ASSIGN_OR_RETURN(const std::vector<model::RepairOrder> page,
                        co_await catalog_.ListRepairs(after_, kPageEntries));
    at_end_ = page.size() < kPageEntries;
    if (!page.empty()) after_ = page.back();
    orders_.assign(page.begin(), page.end());
    co_return Status::Ok();
  }

  metadata_db::ExtentCatalog& catalog_;
  std::optional<model::RepairOrder> after_;
  std::deque<model::RepairOrder> orders_;
  bool at_end_ = false;
};

void CountExtent(const model::Extent& extent, ShardMask ordered,
                 const std::vector<DriveView>& drives, RiskReport* report) {
  const ExtentHealth health = AssessExtent(extent, ordered, drives);
  const uint64_t bytes =
      model::ExtentLayout(extent.data_shards, extent.unit_bytes, extent.payload_bytes)
          .shard_bytes();
  std::vector<int> on_drive(drives.size(), 0);  // good shards that the drive's loss would take
  for (size_t i = 0; i < health.shards.size(); ++i) {
    const size_t drive = extent.locations[i].drive.value;
    if (drive >= drives.size()) continue;
    ++report->drives[drive].shards;
    report->drives[drive].bytes += bytes;
    if (health.shards[i] <= ShardCondition::kStray) ++on_drive[drive];
  }
  ++report->extents;
  report->now.Add(health.remaining);
  for (size_t i = 0; i < drives.size(); ++i) {
    report->drives[i].without.Add(health.remaining - on_drive[i]);
  }
}

}  // namespace

void RiskCounts::Add(int remaining) {
  if (remaining < 0) {
    ++unreadable;
    return;
  }
  const auto index = static_cast<size_t>(remaining);
  if (by_remaining.size() <= index) by_remaining.resize(index + 1, 0);
  ++by_remaining[index];
}

Task<Result<RiskReport>> AssessRisk(metadata_db::ExtentCatalog& catalog,
                                    std::vector<DriveView> drives) {
  RiskReport report;
  for (const DriveView& drive : drives) {
    report.drives.emplace_back();
    report.drives.back().drive = drive.drive;
  }
  OrderCursor orders(catalog);
  ExtentId after;
  while (true) {
    CO_ASSIGN_OR_RETURN(const auto page, co_await catalog.ListExtents(after, kPageEntries));
    for (const metadata_db::ExtentPtr& extent : page) {
      CO_ASSIGN_OR_RETURN(const ShardMask ordered, co_await orders.MaskFor(extent->id));
      CountExtent(*extent, ordered, drives, &report);
    }
    if (page.size() < kPageEntries) co_return report;
    after = page.back()->id;
  }
}

}  // namespace ashlar::cluster
