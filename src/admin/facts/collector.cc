#include "admin/facts/collector.h"

#include "admin/admin_api.h"
#include "admin/facts/host_facts.h"
#include "chunk_server/local_chunk_store.h"
#include "runtime/metrics.h"

namespace ashlar::admin {
namespace {

using chunk_server::DrivePathReport;
using chunk_server::DrivePathState;

// A survey says something about now for a while that depends on how long it took.
constexpr int64_t kSurveyGoodMs = 60'000;
constexpr int64_t kSurveyGoodFactor = 20;

Task<Status> LookAtPath(const AdminSources* sources, DriveFacts* drive) {
  const Result<DrivePathReport> report =
      co_await chunk_server::InspectDrivePath(sources->disk, drive->path);
  if (!report.ok()) {
    drive->path_detail = report.status().message();
    co_return Status::Ok();
  }
  drive->path_detail = report->detail;
  switch (report->state) {
    case DrivePathState::kMissing: drive->at_path = PathFinding::kMissing; break;
    case DrivePathState::kEmpty: drive->at_path = PathFinding::kEmpty; break;
    case DrivePathState::kForeign: drive->at_path = PathFinding::kForeign; break;
    case DrivePathState::kIdentified: {
      const bool ours = report->identity.cluster_id == sources->cluster_id;
      const bool same = ours && report->identity.drive == drive->view.drive;
      drive->at_path = same ? PathFinding::kItself : PathFinding::kOtherDrive;
      if (!ours) drive->path_detail = "a drive of another store";
      if (ours && !same) {
        drive->path_detail = "drive " + std::to_string(report->identity.drive.value + 1);
      }
      break;
    }
  }
  co_return Status::Ok();
}

double MemoryRefusals() {
  static prometheus::Counter& refusals = MetricCounter(
      "ashlar_buffer_refusals_total", "Requests refused because the budget stayed used up.");
  return refusals.Value();
}

double JournalLag() {
  static prometheus::Gauge& lag =
      MetricGauge("ashlar_journal_lag_seconds",
                  "Age of the oldest change that is not in the metadata journal yet; 0: all are.");
  return lag.Value();
}

}  // namespace

Task<Result<StoreFacts>> CollectFacts(const AdminSources& sources, const Survey& survey) {
  StoreFacts facts;
  facts.now_ms = sources.clock.WallMilliseconds();
  facts.data_shards = sources.data_shards;
  facts.parity_shards = sources.parity_shards;
  for (cluster::DriveView& view : sources.drives.View()) {
    DriveFacts drive;
    drive.path = sources.drive_paths[view.drive.value];
    drive.view = std::move(view);
    if (!drive.view.online()) CO_RETURN_IF_ERROR(co_await LookAtPath(&sources, &drive));
    facts.drives.push_back(std::move(drive));
  }
  facts.heal = sources.healer.Status();
  CO_ASSIGN_OR_RETURN(const std::vector<model::RepairOrder> orders,
                      co_await sources.catalog.ListRepairs(std::nullopt, 1));
  facts.repairs_pending = !orders.empty();
  facts.scrub = sources.scrubber.GetStatus();
  facts.scrub_round_ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(sources.scrub_round).count();
  facts.reclaim = sources.reclaimer.GetStatus();
  facts.journal_lag_seconds = JournalLag();
  facts.memory_refusals = MemoryRefusals();
  const Result<SpaceInfo> space = co_await sources.disk.Space(sources.metadata_path);
  if (space.ok()) facts.metadata_space = *space;
  facts.host = ReadHostFacts(sources.token_path, sources.certificate_path);
  Survey::View surveyed = survey.Look();
  if (surveyed.last) {
    const int64_t took = surveyed.last->ended_ms - surveyed.last->began_ms;
    const int64_t age = facts.now_ms - surveyed.last->ended_ms;
    if (age <= std::max(kSurveyGoodMs, kSurveyGoodFactor * took)) {
      facts.risk = std::move(surveyed.last->risk);
    }
  }
  co_return facts;
}

}  // namespace ashlar::admin
