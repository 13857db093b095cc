#include "background_duties.h"

#include <chrono>
#include <string>
#include <utility>

namespace ashlar::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// No drive is replaced here.
Task<Status> MakeNoDrive(DriveId, cluster::DriveStates::Settings) {
  co_return Status(Code::kUnavailable, "no drives are made in this simulation");
}

cluster::DriveStates::Dependencies ForStates(const BackgroundDuties::Dependencies& deps) {
  std::vector<cluster::PlacementTarget> targets;
  for (size_t i = 0; i < deps.stores.size(); ++i) {
    targets.push_back({DriveId{static_cast<uint16_t>(i)}, std::to_string(i)});
  }
  return {
      deps.metadata, deps.stores, std::move(targets), deps.placement, deps.encoder.code().total(),
      deps.executor, &MakeNoDrive};
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

}  // namespace

BackgroundDuties::BackgroundDuties(Dependencies deps)
    : executor_(deps.executor),
      catalog_(deps.metadata),
      drives_(ForStates(deps), /*transient_wait=*/std::chrono::hours(1)),
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
      reclaimer_({deps.metadata, deps.objects, deps.stores, deps.executor}, ReclaimOptions()) {}

DutyCounts& DutyCounts::operator+=(const DutyCounts& other) {
  shards_healed += other.shards_healed;
  shards_purged += other.shards_purged;
  extents_compacted += other.extents_compacted;
  volumes_removed += other.volumes_removed;
  return *this;
}

DutyCounts BackgroundDuties::Counts() const {
  const lifecycle_worker::ReclaimStatus reclaimed = reclaimer_.GetStatus();
  return {.shards_healed = healer_.Status().shards_made,
          .shards_purged = reclaimed.purged_shards,
          .extents_compacted = reclaimed.compacted_extents,
          .volumes_removed = reclaimed.removed_volumes};
}

Task<Status> BackgroundDuties::Start() {
  CO_RETURN_IF_ERROR(co_await drives_.Load());
  healer_.Start({&executor_});
  scrubber_.Start(executor_);
  started_ = true;
  co_return Status::Ok();
}

Task<void> BackgroundDuties::Stop() {
  if (started_) {
    co_await healer_.Stop();
    co_await scrubber_.Stop();
  }
  co_await reclaimer_.Stop();
}

}  // namespace ashlar::sim
