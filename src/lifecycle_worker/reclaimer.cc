#include "lifecycle_worker/reclaimer.h"

#include <algorithm>
#include <array>
#include <mutex>

#include "base/log.h"
#include "lifecycle_worker/compaction/extent_compactor.h"
#include "lifecycle_worker/compaction/throttle.h"
#include "lifecycle_worker/compaction/volume_compactor.h"
#include "lifecycle_worker/compaction/volume_usage.h"
#include "lifecycle_worker/reclaiming/dead_extents.h"
#include "lifecycle_worker/reclaiming/dead_shards.h"
#include "lifecycle_worker/reclaiming/decisions.h"
#include "lifecycle_worker/reclaiming/purger.h"
#include "lifecycle_worker/reclaiming/reclaim_clock.h"
#include "runtime/metrics.h"
#include "runtime/sync.h"

namespace ashlar::lifecycle_worker {
namespace {

constexpr char kEpochSetting[] = "reclaim.epoch";
// What is known of the scan that kScanCompletedSetting tells of: CompletedScan.
constexpr char kScanEndedSetting[] = "reclaim.scan_ended_ms";
constexpr char kScanNotedSetting[] = "reclaim.scan_noted_s";
constexpr Duration kStopTick = std::chrono::milliseconds(100);
constexpr Duration kCyclePauseMin = std::chrono::seconds(1);
constexpr Duration kCyclePauseMax = std::chrono::minutes(1);
constexpr Duration kVolumePauseMax = std::chrono::hours(1);
// Sparse extents are gathered for so long in a cycle; then it is the turn of purging again.
constexpr Duration kCompactionSlice = std::chrono::seconds(20);
// A pass over many waiting records costs time: it gets at most one part in so many.
constexpr int kIdleFactor = 10;
constexpr std::array<const char*, kReclaimPhases> kPhaseNames{"dead", "seen", "trash"};

struct ReclaimMetrics {
  prometheus::Gauge& braked =
      MetricGauge("ashlar_reclaim_braked", "1 while the brake holds back a purge.");
  prometheus::Gauge& suspended = MetricGauge(
      "ashlar_reclaim_suspended", "1 while reclaiming pauses because the wall clock jumped.");
  prometheus::Gauge& oldest =
      MetricGauge("ashlar_reclaim_oldest_seconds", "How long the oldest dead extent waits.");
  prometheus::Gauge& refused = MetricGauge(
      "ashlar_reclaim_refused", "Dead extents or shards that were refused in the last cycle.");
  prometheus::Counter& purged_bytes =
      MetricCounter("ashlar_reclaim_purged_bytes_total", "Bytes of shard records destroyed.");
  prometheus::Counter& purged_shards =
      MetricCounter("ashlar_reclaim_purged_shards_total", "Shard records destroyed.");
  prometheus::Counter& removed_volumes =
      MetricCounter("ashlar_reclaim_removed_volumes_total", "Volume files removed.");
  prometheus::Counter& compacted_bytes = MetricCounter(
      "ashlar_compaction_bytes_total", "Bytes moved to give back space.", {{"kind", "extents"}});
  prometheus::Counter& moved_bytes = MetricCounter(
      "ashlar_compaction_bytes_total", "Bytes moved to give back space.", {{"kind", "volumes"}});
};
ReclaimMetrics& Metrics() {
  static ReclaimMetrics metrics;
  return metrics;
}

prometheus::Gauge& WaitingGauge(size_t cause, size_t phase) {
  return MetricGauge(
      "ashlar_reclaim_waiting_bytes", "Bytes on the drives that wait to be given back.",
      {{"cause", std::string(model::ReclaimCauseName(static_cast<model::ReclaimCause>(cause)))},
       {"phase", kPhaseNames[phase]}});
}

}  // namespace

struct Reclaimer::Impl {
  Impl(Dependencies services, ReclaimerOptions settings)
      : deps(std::move(services)),
        options(std::move(settings)),
        periods{options.grace, options.trash_period, options.orphan_grace},
        clock(deps.metadata, deps.clock),
        purger(deps.stores),
        dead_extents(deps.metadata, purger),
        dead_shards(deps.metadata, purger),
        brake({options.brake_floor_bytes, options.brake_live_share, options.brake_mean_factor}),
        throttle(deps.clock, {options.compaction_bytes_per_second, options.busy_share,
                              options.foreground_busy}),
        extent_compactor(deps.metadata, deps.objects, deps.clock, throttle,
                         {options.sparse_live_share, options.sparse_age_min}),
        volume_compactor(deps.metadata, deps.stores, purger, throttle, options.sparse_live_share) {}

  // Clock and epoch, before the first cycle.
  Task<Status> Prepare();
  Task<void> Loop();
  Task<Status> Cycle();
  Task<Status> Reclaim(ReclaimTime now);
  Task<Status> Compact();
  Task<Status> CompactVolumes();

  std::vector<uint64_t> SpaceWanted() const;
  Task<Result<std::string>> WhyOrphansStayNow() const;
  Task<Result<CompletedScan>> LastScan(ReclaimTime now) const;
  void Publish();

  Dependencies deps;
  ReclaimerOptions options;
  ReclaimPeriods periods;
  ReclaimClock clock;
  Purger purger;
  DeadExtents dead_extents;
  DeadShards dead_shards;
  Brake brake;
  Throttle throttle;
  ExtentCompactor extent_compactor;
  VolumeCompactor volume_compactor;

  bool prepared = false;
  bool more_is_due = false;
  uint64_t live_bytes = 0;
  std::optional<int64_t> volumes_at_ns;  // when volumes were compacted last
  Duration survey_took{0};
  PurgeCount purged;
  ExtentCompactionCount compacted;
  VolumeCompactionCount emptied;

  TaskScope background;
  std::atomic<bool> stopping{false};
  std::atomic<bool> release_asked{false};
  mutable std::mutex mutex;
  ReclaimStatus status;  // of the cycle that runs; its own
  ReclaimStatus shown;   // guarded by mutex
};

Task<Status> Reclaimer::Impl::Prepare() {
  CO_RETURN_IF_ERROR(co_await clock.Load());
  CO_ASSIGN_OR_RETURN(const uint64_t epoch,
                      co_await ReadNumberSetting(deps.metadata, kEpochSetting, 0));
  std::vector<std::pair<std::string, std::string>> settings;
  settings.emplace_back(kEpochSetting, std::to_string(epoch + 1));
  CO_RETURN_IF_ERROR(co_await deps.metadata.PutSettings(std::move(settings)));
  purger.SetEpoch(epoch + 1);
  prepared = true;
  co_return Status::Ok();
}

Task<void> Reclaimer::Impl::Loop() {
  const Duration pause = std::clamp<Duration>(std::min(periods.grace, periods.trash) / 8,
                                              kCyclePauseMin, kCyclePauseMax);
  while (!stopping.load(std::memory_order_relaxed)) {
    (void)co_await Cycle();
    Duration left = more_is_due && status.last_error.empty()
                        ? kStopTick
                        : std::max(pause, survey_took * kIdleFactor);
    while (left.count() > 0 && !stopping.load(std::memory_order_relaxed)) {
      if (release_asked.load(std::memory_order_relaxed)) break;
      Sleep tick(std::min(left, kStopTick));
      co_await tick;
      left -= kStopTick;
    }
  }
}

Task<Status> Reclaimer::Impl::Cycle() {
  Status result;
  if (!prepared) result = co_await Prepare();
  if (result.ok()) {
    const Result<ReclaimClock::Tick> tick = co_await clock.Advance();
    result = tick.status();
    if (tick.ok()) {
      status.suspended.clear();
      if (tick->jump_ms != 0) {
        status.suspended = "the wall clock jumped by " + std::to_string(tick->jump_ms / 1000) +
                           " s; nothing is reclaimed in this cycle";
        spdlog::error("msg=\"reclaiming pauses\" reason={}", LogValue(status.suspended));
      } else {
        result = co_await Reclaim(tick->now);
        // A full or failing store must not keep purging from its next turn.
        const Status compaction = co_await Compact();
        if (result.ok()) result = compaction;
      }
    }
  }
  ++status.cycles;
  status.last_cycle_ms = deps.clock.WallMilliseconds();
  status.last_error = result.ok() ? "" : result.ToString();
  if (!result.ok()) {
    spdlog::warn("msg=\"a cycle of reclaiming ended early\" reason={}",
                 LogValue(status.last_error));
  }
  Publish();
  co_return result;
}

std::vector<uint64_t> Reclaimer::Impl::SpaceWanted() const {
  std::vector<uint64_t> wanted;
  for (const chunk_server::ChunkStore* store : deps.stores) {
    const chunk_server::DriveStatus drive = store->GetStatus();
    const auto keep_free = static_cast<uint64_t>(static_cast<double>(drive.space.total_bytes) *
                                                 options.pressure_free_share);
    wanted.push_back(keep_free - std::min(keep_free, drive.space.available_bytes));
    if (drive.state == chunk_server::DriveState::kOffline) wanted.back() = 0;
  }
  return wanted;
}

Task<Result<std::string>> Reclaimer::Impl::WhyOrphansStayNow() const {
  const Result<std::string> frozen = co_await deps.metadata.GetSetting(kFrozenSetting);
  if (!frozen.ok() && frozen.code() != Code::kNotFound) co_return frozen.status();
  OrphanConditions conditions;
  conditions.frozen = frozen.ok() && !frozen->empty();
  conditions.all_drives_online = std::all_of(
      deps.stores.begin(), deps.stores.end(), [this](const chunk_server::ChunkStore* store) {
        return store->GetStatus().state == chunk_server::DriveState::kOnline ||
               (deps.removed != nullptr && deps.removed(store->drive()));
      });
  co_return WhyOrphansStay(conditions);
}

// Durable: what was noted stays noted at that time of the reclaim clock.
Task<Result<CompletedScan>> Reclaimer::Impl::LastScan(ReclaimTime now) const {
  CO_ASSIGN_OR_RETURN(
      const uint64_t completed_ms,
      co_await ReadNumberSetting(deps.metadata, metadata_db::kScanCompletedSetting, 0));
  CO_ASSIGN_OR_RETURN(const uint64_t ended_ms,
                      co_await ReadNumberSetting(deps.metadata, kScanEndedSetting, 0));
  CO_ASSIGN_OR_RETURN(const uint64_t noted_s,
                      co_await ReadNumberSetting(deps.metadata, kScanNotedSetting, 0));
  if (completed_ms == ended_ms) {
    co_return CompletedScan{static_cast<int64_t>(ended_ms), static_cast<int64_t>(noted_s)};
  }
  std::vector<std::pair<std::string, std::string>> settings;
  settings.emplace_back(kScanEndedSetting, std::to_string(completed_ms));
  settings.emplace_back(kScanNotedSetting, std::to_string(now.clock_s));
  CO_RETURN_IF_ERROR(co_await deps.metadata.PutSettings(std::move(settings)));
  co_return CompletedScan{static_cast<int64_t>(completed_ms), now.clock_s};
}

Task<Status> Reclaimer::Impl::Reclaim(ReclaimTime now) {
  const int64_t began_ns = deps.clock.MonotonicNanoseconds();
  more_is_due = false;
  purged.refused = 0;
  purged.waiting_for_drives = 0;
  CO_ASSIGN_OR_RETURN(status.orphans_stay, co_await WhyOrphansStayNow());
  CO_RETURN_IF_ERROR(co_await dead_extents.Survey(now, periods, SpaceWanted()));
  OrphanGate gate;
  gate.open = status.orphans_stay.empty();
  CO_ASSIGN_OR_RETURN(gate.scan, co_await LastScan(now));
  CO_RETURN_IF_ERROR(co_await dead_shards.Survey(now, periods, gate));
  if (dead_shards.waiting_for_scan() > 0) {
    status.orphans_stay = std::to_string(dead_shards.waiting_for_scan()) +
                          " orphans wait until the scrub round that found them, or a later one, "
                          "has read all drives to its end";
  }
  survey_took = Duration(deps.clock.MonotonicNanoseconds() - began_ns);

  if (release_asked.exchange(false)) {
    spdlog::warn("msg=\"the brake of reclaiming was released\" bytes={}", status.wanted_bytes);
    brake.Release();
  }
  const uint64_t wanted = dead_extents.due_bytes() + dead_shards.due_bytes();
  const bool was_braked = status.braked;
  status.wanted_bytes = wanted;
  status.brake_limit_bytes = brake.Limit(live_bytes);
  status.braked = brake.Holds(wanted, live_bytes);
  if (status.braked) {
    if (!was_braked) {
      spdlog::error(
          "msg=\"reclaiming is braked: it wants to purge unusually much; look why, then release "
          "it\" wanted_bytes={} limit_bytes={}",
          wanted, status.brake_limit_bytes);
    }
    brake.CycleEnded(wanted, 0);
    co_return Status::Ok();
  }
  const uint64_t purged_before = purged.bytes;
  Status done = co_await dead_extents.PurgeDue(&purged);
  if (done.ok()) done = co_await dead_shards.PurgeDue(&purged);
  brake.CycleEnded(wanted, purged.bytes - purged_before);
  more_is_due = dead_extents.more_is_due() || dead_shards.more_is_due();
  co_return done;
}

Task<Status> Reclaimer::Impl::Compact() {
  Status extents = co_await extent_compactor.Run(kCompactionSlice, stopping, &compacted);
  if (extents.code() == Code::kNoSpace || extents.code() == Code::kOverloaded) {
    extents = Status::Ok();  // later
  }
  const Status volumes = co_await CompactVolumes();
  co_return extents.ok() ? volumes : extents;
}

Task<Status> Reclaimer::Impl::CompactVolumes() {
  const int64_t now_ns = deps.clock.MonotonicNanoseconds();
  const Duration pause = std::clamp<Duration>(periods.grace, kCyclePauseMin, kVolumePauseMax);
  if (volumes_at_ns && now_ns - *volumes_at_ns < pause.count()) co_return Status::Ok();
  metadata_db::ExtentCatalog catalog(deps.metadata);
  const std::vector<ExtentId>& waiting = dead_extents.waiting_ids();
  Result<VolumeUsage> usage = co_await SurveyVolumes(catalog, waiting, stopping);
  if (usage.code() == Code::kCancelled) co_return Status::Ok();
  CO_RETURN_IF_ERROR(usage.status());
  live_bytes = usage->live_bytes();
  const Status done = co_await volume_compactor.Run(*usage, waiting, stopping, &emptied);
  volumes_at_ns = deps.clock.MonotonicNanoseconds();
  co_return done.code() == Code::kNoSpace ? Status::Ok() : done;
}

void Reclaimer::Impl::Publish() {
  status.waiting.clear();
  int64_t oldest_ms = 0;
  for (const WaitingTable* table : {&dead_extents.waiting(), &dead_shards.waiting()}) {
    if (table->oldest_since_ms != 0 && (oldest_ms == 0 || table->oldest_since_ms < oldest_ms)) {
      oldest_ms = table->oldest_since_ms;
    }
  }
  for (size_t cause = 0; cause < kReclaimCauses; ++cause) {
    for (size_t phase = 0; phase < kReclaimPhases; ++phase) {
      const WaitingCount& extents = dead_extents.waiting().counts[cause][phase];
      const WaitingCount& shards = dead_shards.waiting().counts[cause][phase];
      const ReclaimStatus::Waiting sum{static_cast<model::ReclaimCause>(cause),
                                       static_cast<model::ReclaimPhase>(phase),
                                       extents.items + shards.items, extents.bytes + shards.bytes};
      WaitingGauge(cause, phase).Set(static_cast<double>(sum.bytes));
      if (sum.items > 0) status.waiting.push_back(sum);
    }
  }
  Metrics().purged_bytes.Increment(static_cast<double>(purged.bytes - status.purged_bytes));
  Metrics().purged_shards.Increment(static_cast<double>(purged.shards - status.purged_shards));
  Metrics().removed_volumes.Increment(
      static_cast<double>(emptied.volumes_removed - status.removed_volumes));
  Metrics().compacted_bytes.Increment(
      static_cast<double>(compacted.bytes - status.compacted_bytes));
  Metrics().moved_bytes.Increment(static_cast<double>(emptied.bytes_moved - status.moved_bytes));
  status.oldest_waiting_since_ms = oldest_ms;
  status.refused = purged.refused;
  status.waiting_for_drives = purged.waiting_for_drives;
  status.purged_shards = purged.shards;
  status.purged_bytes = purged.bytes;
  status.forgotten_extents = purged.extents;
  status.compacted_extents = compacted.extents;
  status.compacted_bytes = compacted.bytes;
  status.sparse_extents = compacted.sparse;
  status.removed_volumes = emptied.volumes_removed;
  status.moved_shards = emptied.shards_moved;
  status.moved_bytes = emptied.bytes_moved;
  status.live_bytes = live_bytes;
  Metrics().braked.Set(status.braked ? 1 : 0);
  Metrics().suspended.Set(status.suspended.empty() ? 0 : 1);
  Metrics().refused.Set(static_cast<double>(status.refused));
  Metrics().oldest.Set(
      oldest_ms == 0 ? 0 : static_cast<double>(status.last_cycle_ms - oldest_ms) / 1000);
  const std::lock_guard lock(mutex);
  shown = status;
}

Reclaimer::Reclaimer(Dependencies dependencies, ReclaimerOptions options)
    : impl_(std::make_unique<Impl>(std::move(dependencies), std::move(options))) {}

Reclaimer::~Reclaimer() = default;

void Reclaimer::Start(Executor& executor) { impl_->background.Spawn(executor, impl_->Loop()); }

Task<void> Reclaimer::Stop() {
  impl_->stopping.store(true, std::memory_order_relaxed);
  return impl_->background.Join();
}

Task<Status> Reclaimer::RunCycle() { return impl_->Cycle(); }

void Reclaimer::Release() { impl_->release_asked.store(true, std::memory_order_relaxed); }

Task<Status> Reclaimer::Unfreeze() {
  std::vector<std::pair<std::string, std::string>> settings;
  settings.emplace_back(kFrozenSetting, "");
  co_return co_await impl_->deps.metadata.PutSettings(std::move(settings));
}

ReclaimStatus Reclaimer::GetStatus() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->shown;
}

}  // namespace ashlar::lifecycle_worker
