#include "server/upkeep.h"

#include <utility>

#include "runtime/metrics.h"

namespace ashlar::server {

bool ClientsAreServed() {
  static prometheus::Gauge& requests =
      MetricGauge("ashlar_http_requests_in_flight", "Requests being answered");
  return requests.Value() > 0;
}

Upkeep::Upkeep(Dependencies deps) : loops_(deps.loops), catalog_(deps.metadata) {
  std::vector<chunk_server::ChunkStore*> stores;
  for (const auto& store : deps.drives.stores) stores.push_back(store.get());
  auto make_drive = [metadata = &deps.metadata, options = &deps.options, drives = &deps.drives](
                        DriveId drive, cluster::DriveStates::Settings settings) {
    return MakeDriveAnew(HostDisk(), SystemClock(), SystemRandom(), *metadata, *options, *drives,
                         drive, std::move(settings));
  };
  drives_ = std::make_unique<cluster::DriveStates>(
      cluster::DriveStates::Dependencies{deps.metadata, stores, std::move(deps.targets),
                                         deps.placement, deps.encoder.code().total(), SystemClock(),
                                         std::move(make_drive)},
      std::chrono::seconds(deps.options.heal_wait_seconds));
  cluster::HealerOptions heal;
  heal.bytes_per_second = deps.options.heal_bytes_per_second;
  healer_ = std::make_unique<cluster::Healer>(
      cluster::Healer::Dependencies{deps.metadata, catalog_, *drives_, stores, deps.encoder,
                                    deps.buffers, SystemClock(), ClientsAreServed},
      heal);
  cluster::ScrubberOptions scrub;
  scrub.round = std::chrono::hours(24 * deps.options.scrub_days);
  scrubber_ = std::make_unique<cluster::Scrubber>(
      cluster::Scrubber::Dependencies{deps.metadata, catalog_, *drives_, stores, deps.encoder,
                                      deps.buffers, SystemClock(), ClientsAreServed},
      scrub);
}

Status Upkeep::Load() { return RunBlocking(loops_, drives_->Load()); }

void Upkeep::Start() {
  std::vector<Executor*> executors;
  for (size_t i = 0; i < loops_.size(); ++i) executors.push_back(&loops_.loop(i));
  started_ = true;
  healer_->Start(std::move(executors));
  scrubber_->Start(loops_.Next());
}

void Upkeep::Stop() {
  if (!std::exchange(started_, false)) return;
  loops_.RunToCompletion(healer_->Stop());
  loops_.RunToCompletion(scrubber_->Stop());
}

}  // namespace ashlar::server
