#include "background_duties.h"

#include <chrono>
#include <string>
#include <utility>

namespace ashlar::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

cluster::DriveStates::Dependencies ForStates(const BackgroundDuties::Dependencies& deps) {
  std::vector<cluster::PlacementTarget> targets;
  for (size_t i = 0; i < deps.stores.size(); ++i) {
    targets.push_back({DriveId{static_cast<uint16_t>(i)}, std::to_string(i)});
  }
  return {deps.metadata,
          deps.stores,
          std::move(targets),
          deps.placement,
          deps.encoder.code().total(),
          deps.executor,
          deps.make_drive};
}

cluster::HealerOptions HealOptions() {
  cluster::HealerOptions options;
  options.tick = milliseconds(20);
  options.rescan_after = milliseconds(100);
  options.retry_after = seconds(1);
  return options;
}

cluster::ScrubberOptions ScrubOptions() {
  cluster::ScrubberOptions options;
  options.round = seconds(5);
  options.tick = milliseconds(50);
  options.orphan_grace = kReclaimGrace;
  return options;
}

lifecycle_worker::ReclaimerOptions ReclaimOptions() {
  lifecycle_worker::ReclaimerOptions options;
  options.grace = kReclaimGrace;
  options.trash_period = seconds(1);
  options.orphan_grace = seconds(4);
  options.sparse_age_min = milliseconds(500);
  options.pressure_free_share = 0;
  return options;
}

lifecycle_worker::MetadataJournalOptions JournalOptions(std::vector<std::string> settings) {
  lifecycle_worker::MetadataJournalOptions options;
  options.events_max = 64;
  options.piece_bytes_max = 8 * 1024;
  options.checkpoint_bytes_min = 64 * 1024;
  options.settings = std::move(settings);
  return options;
}

}  // namespace

BackgroundDuties::BackgroundDuties(Dependencies deps)
    : executor_(deps.executor),
      catalog_(deps.metadata),
      drives_(ForStates(deps), deps.heal_wait),
      healer_({deps.metadata,
               catalog_,
               drives_,
               deps.stores,
               deps.encoder,
               deps.buffers,
               deps.executor,
               {}},
              HealOptions()),
      scrubber_({deps.metadata,
                 catalog_,
                 drives_,
                 deps.stores,
                 deps.encoder,
                 deps.buffers,
                 deps.executor,
                 {}},
                ScrubOptions()),
      reclaimer_({deps.metadata, deps.objects, deps.stores, deps.executor,
                  [this](DriveId drive) { return drives_.IsRemoved(drive); }},
                 ReclaimOptions()),
      journal_({deps.rows, deps.metadata, deps.objects, deps.executor, deps.random},
               JournalOptions(deps.journaled_settings)) {}

DutyCounts& DutyCounts::operator+=(const DutyCounts& other) {
  shards_healed += other.shards_healed;
  shards_purged += other.shards_purged;
  extents_compacted += other.extents_compacted;
  volumes_removed += other.volumes_removed;
  drives_replaced += other.drives_replaced;
  drives_drained += other.drives_drained;
  journal_rounds += other.journal_rounds;
  return *this;
}

DutyCounts BackgroundDuties::Counts() const {
  const lifecycle_worker::ReclaimStatus reclaimed = reclaimer_.GetStatus();
  DutyCounts counts = counts_;
  counts.shards_healed = healer_.Status().shards_made;
  counts.shards_purged = reclaimed.purged_shards;
  counts.extents_compacted = reclaimed.compacted_extents;
  counts.volumes_removed = reclaimed.removed_volumes;
  return counts;
}

Task<Status> BackgroundDuties::JournalRound() {
  const Status status = co_await journal_.CatchUp();
  if (status.ok()) ++counts_.journal_rounds;
  co_return status;
}

Task<Status> BackgroundDuties::Replace(DriveId drive) {
  const Status status = co_await drives_.Replace(drive);
  if (status.ok()) ++counts_.drives_replaced;
  co_return status;
}

Task<Status> BackgroundDuties::Drain(DriveId drive) {
  const Status status = co_await drives_.Drain(drive);
  if (status.ok()) ++counts_.drives_drained;
  co_return status;
}

void BackgroundDuties::Start() {
  healer_.Start({&executor_});
  scrubber_.Start(executor_);
  started_ = true;
}

Task<void> BackgroundDuties::Stop() {
  if (started_) {
    co_await healer_.Stop();
    co_await scrubber_.Stop();
  }
  co_await reclaimer_.Stop();
}

}  // namespace ashlar::sim
