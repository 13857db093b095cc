#include "admin/api/json.h"

namespace ashlar::admin {
namespace {

using cluster::SweepStatus;

const char* StateName(chunk_server::DriveState state) {
  switch (state) {
    case chunk_server::DriveState::kOnline: return "online";
    case chunk_server::DriveState::kSuspect: return "suspect";
    case chunk_server::DriveState::kOffline: return "offline";
  }
  return "unknown";
}

const char* PathName(PathFinding finding) {
  switch (finding) {
    case PathFinding::kNotAsked: return "";
    case PathFinding::kMissing: return "missing";
    case PathFinding::kEmpty: return "empty";
    case PathFinding::kForeign: return "foreign";
    case PathFinding::kOtherDrive: return "other_drive";
    case PathFinding::kItself: return "present";
  }
  return "";
}

const char* KindName(SweepStatus::Kind kind) {
  switch (kind) {
    case SweepStatus::Kind::kRefill: return "refill";
    case SweepStatus::Kind::kDrain: return "drain";
    case SweepStatus::Kind::kEvacuate: return "evacuate";
  }
  return "unknown";
}

const char* PhaseText(model::ReclaimPhase phase) {
  switch (phase) {
    case model::ReclaimPhase::kDead: return "dead";
    case model::ReclaimPhase::kSeen: return "grace";
    case model::ReclaimPhase::kTrash: return "trash";
  }
  return "unknown";
}

// Below zero means "not known yet".
Json Eta(double seconds) { return seconds < 0 ? Json(nullptr) : Json(seconds); }

Json RiskAsJson(const cluster::RiskCounts& risk) {
  return {{"unreadable", risk.unreadable}, {"by_parities_left", risk.by_remaining}};
}

}  // namespace

Json DrivesAsJson(const StoreFacts& facts) {
  Json list = Json::array();
  for (const DriveFacts& drive : facts.drives) {
    const cluster::DriveView& view = drive.view;
    const SpaceInfo& space = view.status.space;
    list.push_back({{"drive", view.drive.value + 1},
                    {"path", drive.path},
                    {"state", StateName(view.status.state)},
                    {"reason", view.status.reason},
                    {"role", cluster::DriveRoleName(view.role)},
                    {"refilling", view.refilling},
                    {"at_path", PathName(drive.at_path)},
                    {"total_bytes", space.total_bytes},
                    {"used_bytes", space.total_bytes - space.available_bytes},
                    {"free_bytes", space.available_bytes},
                    {"volumes", view.status.volumes},
                    {"io_errors", view.status.io_errors},
                    {"changed_ms", view.changed_ms}});
  }
  return list;
}

Json HealAsJson(const StoreFacts& facts) {
  const cluster::HealStatus& heal = facts.heal;
  bool drives_change = false;
  for (const DriveFacts& drive : facts.drives) {
    drives_change |= drive.view.refilling || drive.view.role == cluster::DriveRole::kDraining;
  }
  Json sweeps = Json::array();
  for (const SweepStatus& sweep : heal.sweeps) {
    sweeps.push_back({{"kind", KindName(sweep.kind)},
                      {"drive", sweep.drive.value + 1},
                      {"shards_done", sweep.progress.shards_done},
                      {"shards_total", sweep.progress.shards_total},
                      {"bytes_done", sweep.progress.bytes_done},
                      {"bytes_total", sweep.progress.bytes_total},
                      {"eta_seconds", Eta(sweep.eta_seconds)}});
  }
  return {{"done", heal.idle && !facts.repairs_pending && !drives_change},
          {"idle", heal.idle},
          {"repairs_pending", facts.repairs_pending},
          {"drives_changing", drives_change},
          {"orders", heal.orders},
          {"order_bytes", heal.order_bytes},
          {"orders_eta_seconds", Eta(heal.orders_eta_seconds)},
          {"extents_by_parities_left", heal.extents_by_remaining},
          {"unreadable_extents", heal.unrecoverable_now},
          {"waiting_for_drive", heal.waiting_for_drive},
          {"waiting_for_replacement", heal.waiting_for_replacement},
          {"shards_made", heal.shards_made},
          {"bytes_made", heal.bytes_made},
          {"shards_found_whole", heal.shards_found_whole},
          {"failures", heal.failures},
          {"last_failure", heal.last_failure},
          {"bytes_per_second", heal.bytes_per_second},
          {"sweeps", std::move(sweeps)}};
}

Json ScrubAsJson(const StoreFacts& facts) {
  const cluster::ScrubStatus& scrub = facts.scrub;
  const cluster::ScrubFindings& found = scrub.findings;
  Json drives = Json::array();
  for (const cluster::ScrubDriveStatus& drive : scrub.drives) {
    drives.push_back({{"drive", drive.drive.value + 1},
                      {"volumes", drive.volumes},
                      {"volumes_verified", drive.volumes_verified},
                      {"oldest_verified_ms", drive.oldest_verified_ms},
                      {"skipped", drive.skipped}});
  }
  return {{"running", scrub.running},
          {"paused", scrub.paused},
          {"round_began_ms", scrub.round_began_ms},
          {"round_ended_ms", scrub.round_ended_ms},
          {"bytes_done", scrub.bytes_done},
          {"bytes_total", scrub.bytes_total},
          {"bytes_per_second", scrub.bytes_per_second},
          {"eta_seconds", Eta(scrub.eta_seconds)},
          {"oldest_verified_ms", scrub.oldest_verified_ms},
          {"findings",
           {{"records", found.records},
            {"whole", found.whole},
            {"corrupt", found.corrupt},
            {"missing", found.missing},
            {"stale", found.stale},
            {"duplicate", found.duplicate},
            {"misplaced", found.misplaced},
            {"orphans", found.orphans},
            {"young_strays", found.young_strays},
            {"damaged_bytes", found.damaged_bytes},
            {"unreadable_bytes", found.unreadable_bytes}}},
          {"drives", std::move(drives)}};
}

Json ReclaimAsJson(const StoreFacts& facts) {
  const lifecycle_worker::ReclaimStatus& reclaim = facts.reclaim;
  Json waiting = Json::array();
  for (const auto& item : reclaim.waiting) {
    waiting.push_back({{"cause", model::ReclaimCauseName(item.cause)},
                       {"phase", PhaseText(item.phase)},
                       {"items", item.items},
                       {"bytes", item.bytes}});
  }
  return {{"braked", reclaim.braked},
          {"wanted_bytes", reclaim.wanted_bytes},
          {"brake_limit_bytes", reclaim.brake_limit_bytes},
          {"suspended", reclaim.suspended},
          {"orphans_stay", reclaim.orphans_stay},
          {"last_error", reclaim.last_error},
          {"cycles", reclaim.cycles},
          {"last_cycle_ms", reclaim.last_cycle_ms},
          {"oldest_waiting_since_ms", reclaim.oldest_waiting_since_ms},
          {"refused", reclaim.refused},
          {"waiting_for_drives", reclaim.waiting_for_drives},
          {"purged_shards", reclaim.purged_shards},
          {"purged_bytes", reclaim.purged_bytes},
          {"compacted_bytes", reclaim.compacted_bytes},
          {"removed_volumes", reclaim.removed_volumes},
          {"live_bytes", reclaim.live_bytes},
          {"waiting", std::move(waiting)}};
}

Json FindingsAsJson(const std::vector<Finding>& findings) {
  Json list = Json::array();
  for (const Finding& finding : findings) {
    list.push_back({{"severity", SeverityName(finding.severity)},
                    {"id", finding.id},
                    {"what", finding.what},
                    {"why", finding.why},
                    {"action", finding.action}});
  }
  return list;
}

Json SurveyAsJson(const Survey::View& survey) {
  Json json = {{"running", survey.running},
               {"versions_seen", survey.versions_seen},
               {"error", survey.error},
               {"result", nullptr}};
  if (!survey.last) return json;
  const SurveyResult& last = *survey.last;
  Json buckets = Json::array();
  for (const BucketUsage& bucket : last.buckets) {
    buckets.push_back({{"name", bucket.name},
                       {"internal", bucket.internal},
                       {"objects", bucket.objects},
                       {"bytes", bucket.bytes},
                       {"versions", bucket.versions},
                       {"version_bytes", bucket.version_bytes}});
  }
  Json drives = Json::array();
  for (const cluster::DriveRisk& drive : last.risk.drives) {
    drives.push_back({{"drive", drive.drive.value + 1},
                      {"shards", drive.shards},
                      {"shard_bytes", drive.bytes},
                      {"if_lost", RiskAsJson(drive.without)}});
  }
  json["result"] = {{"began_ms", last.began_ms},
                    {"ended_ms", last.ended_ms},
                    {"buckets", std::move(buckets)},
                    {"extents", last.risk.extents},
                    {"extents_now", RiskAsJson(last.risk.now)},
                    {"drives", std::move(drives)}};
  return json;
}

std::string Dump(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace ashlar::admin
