// Sweeps: passes over all extents, in the order of their ids, that fill a replaced drive, empty a
// draining one, or rebuild elsewhere what lies on a drive that stays away. One pass serves all
// drives that need one; each has its own cursor, and the pass goes on from the lowest.
//
// The cursor of a refill passes an extent when its shard is whole again, or when a repair order
// keeps the matter; so nothing is forgotten by a crash. A drain begins again until a pass finds
// nothing on the drive. Dead extents are left to reclaiming. How it fails: the page is looked at
// again later.
#include <algorithm>

#include "base/log.h"
#include "cluster/healing/healer_impl.h"
#include "runtime/metrics.h"

namespace ashlar::cluster {

using metadata_db::ExtentPtr;

namespace {

constexpr uint32_t kCountedPerPage = 1024;
constexpr auto kPauseWithoutProgress = std::chrono::seconds(30);

uint64_t ShardBytes(const model::Extent& extent) {
  return model::ExtentLayout(extent.data_shards, extent.unit_bytes, extent.payload_bytes)
      .shard_bytes();
}

std::optional<SweepStatus::Kind> SweepNeeded(const DriveView& drive, bool spare_drives) {
  if (drive.role == DriveRole::kDraining) return SweepStatus::Kind::kDrain;
  if (drive.role != DriveRole::kActive) return std::nullopt;
  if (drive.refilling && drive.readable()) return SweepStatus::Kind::kRefill;
  if (drive.overdue && spare_drives) return SweepStatus::Kind::kEvacuate;
  return std::nullopt;
}

}  // namespace

void Healer::Impl::UpdateSweeps() {
  size_t present = 0;
  for (const DriveView& drive : drives) present += drive.role == DriveRole::kActive ? 1 : 0;
  const bool spare_drives = present > static_cast<size_t>(deps.encoder.code().total());
  for (const DriveView& drive : drives) {
    const auto kind = SweepNeeded(drive, spare_drives);
    const auto known = sweeps.find(drive.drive);
    if (known != sweeps.end() && kind == known->second.kind &&
        drive.change == known->second.change) {
      continue;
    }
    if (known != sweeps.end()) sweeps.erase(known);
    if (!kind) continue;
    Sweep sweep;
    sweep.kind = *kind;
    sweep.change = drive.change;
    if (*kind != SweepStatus::Kind::kEvacuate) sweep.progress = drive.sweep;
    sweep.found = sweep.progress.cursor.IsZero() ? 0 : 1;
    spdlog::info("msg=\"sweep begins\" drive={} kind={}", drive.drive.value + 1,
                 *kind == SweepStatus::Kind::kRefill  ? "refill"
                 : *kind == SweepStatus::Kind::kDrain ? "drain"
                                                      : "evacuate");
    sweeps.emplace(drive.drive, sweep);
  }
  const bool uncounted = std::any_of(sweeps.begin(), sweeps.end(), [](const auto& entry) {
    return !entry.second.over && entry.second.progress.shards_total == 0;
  });
  if (uncounted && !counting) {
    counting = true;
    scope.Spawn(*executors.front(), CountShards());
  }
  std::vector<SweepStatus> shown;
  for (const auto& [drive, sweep] : sweeps) {
    if (sweep.over) continue;
    SweepStatus one;
    one.kind = sweep.kind;
    one.drive = drive;
    one.progress = sweep.progress;
    shown.push_back(one);
  }
  const std::lock_guard lock(mutex);
  status.sweeps = std::move(shown);
}

// How many shards the swept drives have, so that progress can be told. An estimate: extents come
// and go meanwhile.
Task<void> Healer::Impl::CountShards() {
  std::map<DriveId, std::pair<uint64_t, uint64_t>> counts;
  std::map<DriveId, uint64_t> change_of;
  for (const auto& [drive, sweep] : sweeps) change_of[drive] = sweep.change;
  ExtentId after;
  bool complete = false;
  while (!stopping.load(std::memory_order_relaxed)) {
    const auto page = co_await deps.catalog.ListExtents(after, kCountedPerPage);
    if (!page.ok()) break;
    for (const ExtentPtr& extent : *page) {
      for (const model::ShardLocation& location : extent->locations) {
        auto& [shards, bytes] = counts[location.drive];
        ++shards;
        bytes += ShardBytes(*extent);
      }
    }
    complete = page->size() < kCountedPerPage;
    if (complete) break;
    after = page->back()->id;
  }
  for (auto& [drive, sweep] : sweeps) {
    const auto known = change_of.find(drive);
    if (!complete || known == change_of.end() || known->second != sweep.change) continue;
    sweep.progress.shards_total = std::max<uint64_t>(counts[drive].first, 1);
    sweep.progress.bytes_total = std::max<uint64_t>(counts[drive].second, 1);
  }
  counting = false;
}

// The shards of the extent that lie on a drive being swept whose cursor is before it.
ShardMask Healer::Impl::SuspectShards(const model::Extent& extent) const {
  ShardMask mask = 0;
  for (size_t i = 0; i < extent.locations.size(); ++i) {
    const auto entry = sweeps.find(extent.locations[i].drive);
    if (entry == sweeps.end() || entry->second.over) continue;
    if (extent.id > entry->second.progress.cursor) mask |= MaskOf(i);
  }
  return mask;
}

// True: something was done, go on at once.
Task<bool> Healer::Impl::SweepOnce() {
  std::optional<ExtentId> after;
  for (const auto& [drive, sweep] : sweeps) {
    if (sweep.over || Now() < sweep.not_before_ns) continue;
    if (!after || sweep.progress.cursor < *after) after = sweep.progress.cursor;
  }
  if (!after) co_return false;
  const auto limit = static_cast<uint32_t>(BatchSize());
  const auto page = co_await deps.catalog.ListExtents(*after, limit);
  if (!page.ok()) co_return false;
  if (page->empty()) {
    // Only those that have seen everything; a finished pass may change the map.
    for (const auto& [drive, view] : std::map<DriveId, Sweep>(sweeps)) {
      if (view.over || Now() < view.not_before_ns || view.progress.cursor < *after) continue;
      const auto entry = sweeps.find(drive);
      if (entry == sweeps.end()) continue;
      const bool finished = co_await FinishPass(drive, &entry->second);
      if (!finished) co_return false;
    }
    co_return true;
  }
  std::vector<ExtentId> ids;
  for (const ExtentPtr& extent : *page) ids.push_back(extent->id);
  const auto living = co_await deps.catalog.GetLivingExtents(std::move(ids));
  if (!living.ok()) co_return false;
  std::vector<TreatedCase> cases;
  for (size_t i = 0; i < page->size(); ++i) {
    TreatedCase treated;
    treated.item.extent = (*page)[i];
    treated.item.suspect = SuspectShards(*treated.item.extent);
    if (treated.item.suspect == 0) continue;
    if ((*living)[i] == nullptr) {
      // A shard that is made of it is refused, and lies there for a grace. A drain waits.
      CountSwept(treated);
    } else {
      cases.push_back(std::move(treated));
    }
  }
  if (!cases.empty()) {
    const ashlar::Status treated = co_await TreatBatch(&cases);
    if (!treated.ok()) co_return false;
  }
  const ashlar::Status settled = co_await SettleSweepPage(cases, page->back()->id);
  co_return settled.ok();
}

// The page is behind us: notes what failed, counts, moves the cursors on.
Task<Status> Healer::Impl::SettleSweepPage(const std::vector<TreatedCase>& cases, ExtentId last) {
  std::vector<model::RepairOrder> orders;
  for (const TreatedCase& treated : cases) {
    const CaseResult& result = treated.result;
    if (result.verdict == Verdict::kStopped) {
      co_return ashlar::Status(Code::kCancelled, "stopping");
    }
    const bool failed =
        result.verdict == Verdict::kFailed || result.verdict == Verdict::kUnrecoverable;
    ShardMask made = 0;
    for (const auto& move : result.moves) made |= MaskOf(move.shard_index);
    for (size_t i = 0; i < treated.item.extent->locations.size(); ++i) {
      const ShardMask bit = MaskOf(i);
      if ((treated.item.suspect & bit) == 0 || ((made | result.whole) & bit) != 0) continue;
      const auto entry = sweeps.find(treated.item.extent->locations[i].drive);
      if (entry == sweeps.end()) continue;
      const bool refill = entry->second.kind == SweepStatus::Kind::kRefill;
      if (refill && (result.waiting & bit) != 0) {
        entry->second.not_before_ns = Now() + options.rescan_after.count();
        co_return ashlar::Status(Code::kUnavailable, "the drive takes nothing now");
      }
      if (!refill && !(failed && entry->second.kind == SweepStatus::Kind::kEvacuate)) continue;
      model::RepairOrder order;
      order.extent = treated.item.extent->id;
      order.shard = ShardIndex{static_cast<uint8_t>(i)};
      order.reason = model::RepairReason::kMissing;
      order.noted_ms = deps.clock.WallMilliseconds();
      orders.push_back(order);
    }
  }
  if (!orders.empty()) {
    CO_RETURN_IF_ERROR(co_await deps.metadata.RecordRepairs(std::move(orders)));
    scan_at_ns = 0;
  }
  for (const TreatedCase& treated : cases) CountSwept(treated);
  for (auto& [drive, sweep] : sweeps) {
    if (sweep.over || !(sweep.progress.cursor < last)) continue;
    sweep.progress.cursor = last;
    if (sweep.kind == SweepStatus::Kind::kEvacuate) continue;
    // One that was changed meanwhile begins anew; losing this costs a second look.
    (void)co_await deps.drives.SaveSweep(drive, sweep.change, sweep.progress);
  }
  co_return ashlar::Status::Ok();
}

void Healer::Impl::CountSwept(const TreatedCase& treated) {
  const model::Extent& extent = *treated.item.extent;
  ShardMask settled = treated.result.whole;
  for (const auto& move : treated.result.moves) settled |= MaskOf(move.shard_index);
  for (size_t i = 0; i < extent.locations.size(); ++i) {
    if ((treated.item.suspect & MaskOf(i)) == 0) continue;
    const auto entry = sweeps.find(extent.locations[i].drive);
    if (entry == sweeps.end()) continue;
    Sweep& sweep = entry->second;
    ++sweep.found;
    if ((settled & MaskOf(i)) == 0) continue;
    sweep.made_any = true;
    ++sweep.progress.shards_done;
    sweep.progress.bytes_done += ShardBytes(extent);
  }
}

// False: try again later.
Task<bool> Healer::Impl::FinishPass(DriveId drive, Sweep* sweep) {
  if (sweep->kind == SweepStatus::Kind::kEvacuate) {
    sweep->over = true;
    spdlog::info(
        "msg=\"the shards of a drive that is away were rebuilt as far as possible\" "
        "drive={}",
        drive.value + 1);
    co_return true;
  }
  const uint64_t change = sweep->change;
  if (sweep->kind == SweepStatus::Kind::kDrain) {
    const int64_t since_ms = deps.clock.WallMilliseconds() - drives[drive.value].changed_ms;
    const bool settled = since_ms * 1'000'000 >= options.drain_settle.count();
    if (sweep->found > 0 || !settled) {
      const bool pause = !sweep->made_any;
      sweep->found = 0;
      sweep->made_any = false;
      sweep->progress.cursor = ExtentId();
      if (pause) {
        const Duration wait = settled ? Duration(kPauseWithoutProgress) : options.rescan_after;
        sweep->not_before_ns = Now() + wait.count();
      }
      co_return (co_await deps.drives.SaveSweep(drive, change, sweep->progress)).ok();
    }
  }
  const ashlar::Status finished = co_await deps.drives.FinishSweep(drive, change);
  if (finished.ok()) {
    spdlog::info("msg=\"sweep is complete\" drive={} shards={} bytes={}", drive.value + 1,
                 sweep->progress.shards_done, sweep->progress.bytes_done);
    sweeps.erase(drive);
  }
  co_return finished.ok();
}

}  // namespace ashlar::cluster
