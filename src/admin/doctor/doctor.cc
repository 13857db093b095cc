#include "admin/doctor/doctor.h"

#include <algorithm>
#include <cstdio>

namespace ashlar::admin {
namespace {

using cluster::DriveRole;
using cluster::DriveView;
using Findings = std::vector<Finding>;

constexpr double kDriveFreeShareWarning = 0.10;
constexpr double kDriveFreeShareCritical = 0.03;
constexpr double kMetadataFreeShareWarning = 0.05;
constexpr uint64_t kMetadataFreeBytesWarning = 1ULL << 30;
constexpr uint64_t kMetadataFreeBytesCritical = 64ULL << 20;  // below 16 MiB it takes nothing more
constexpr double kJournalLagSecondsMax = 60;
constexpr uint64_t kOpenFilesMin = 4096;
constexpr int64_t kDaySeconds = 24 * 3600;
constexpr int64_t kCertificateDaysWarning = 30;
constexpr int64_t kCertificateDaysCritical = 3;

std::string NumberOf(const DriveFacts& drive) { return std::to_string(drive.view.drive.value + 1); }

std::string NameOf(const DriveFacts& drive) {
  return "drive " + NumberOf(drive) + " (" + drive.path + ")";
}

std::string Count(uint64_t count, const char* one, const char* many) {
  return std::to_string(count) + " " + (count == 1 ? one : many);
}

std::string Percent(double share) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %%", 100 * share);
  return text;
}

std::string MiB(uint64_t bytes) { return std::to_string(bytes >> 20) + " MiB"; }

double FreeShare(const SpaceInfo& space) {
  if (space.total_bytes == 0) return 1;
  return static_cast<double>(space.available_bytes) / static_cast<double>(space.total_bytes);
}

size_t OfflineDrives(const StoreFacts& facts) {
  return static_cast<size_t>(
      std::count_if(facts.drives.begin(), facts.drives.end(), [](const DriveFacts& drive) {
        return drive.view.role != DriveRole::kRemoved && !drive.view.readable();
      }));
}

Finding OfflineDrive(const DriveFacts& drive, bool no_parity_left) {
  const std::string replace = "ashlar admin drive replace " + NumberOf(drive);
  Finding finding;
  finding.severity = no_parity_left ? Severity::kCritical : Severity::kWarning;
  finding.id = "drive_offline";
  finding.what = NameOf(drive) + " is offline: ";
  finding.why =
      "Its shards are missing from every object that has one there; until they are back, "
      "those objects can lose that many fewer further drives.";
  switch (drive.at_path) {
    case PathFinding::kMissing:
      finding.what += "its folder is missing";
      finding.action =
          "Mount its disk again and it comes back by itself. If it is lost: " + replace;
      break;
    case PathFinding::kEmpty:
      finding.id = "drive_path_empty";
      finding.what += "its folder is empty; most likely its disk is not mounted";
      finding.action = "Mount it. If a new, empty disk is there for good: " + replace;
      break;
    case PathFinding::kForeign:
    case PathFinding::kOtherDrive:
      finding.id = "drive_path_foreign";
      finding.what += "something else is in its folder: " + drive.path_detail;
      finding.action =
          "Mount the right disk there. To give the drive up, empty the folder, then: " + replace;
      break;
    default:
      finding.what += drive.view.status.reason;
      finding.action =
          "Look at the kernel's log (dmesg) for this disk. If it is broken, take it out, "
          "then: " +
          replace;
      break;
  }
  return finding;
}

void CheckDriveSpace(const DriveFacts& drive, Findings* findings) {
  const double share = FreeShare(drive.view.status.space);
  if (share >= kDriveFreeShareWarning) return;
  Finding finding;
  finding.severity = share < kDriveFreeShareCritical ? Severity::kCritical : Severity::kWarning;
  finding.id = "drive_nearly_full";
  finding.what = NameOf(drive) + " has " + Percent(share) + " free (" +
                 MiB(drive.view.status.space.available_bytes) + ")";
  finding.why = "When drives are full, writes answer 507; reads and deletes go on.";
  finding.action = "Delete objects, or see what waits to be reclaimed: ashlar admin usage";
  findings->push_back(std::move(finding));
}

void CheckDrives(const StoreFacts& facts, Findings* findings) {
  const bool none_left = OfflineDrives(facts) >= static_cast<size_t>(facts.parity_shards);
  for (const DriveFacts& drive : facts.drives) {
    const DriveView& view = drive.view;
    if (view.role == DriveRole::kRemoved) continue;
    if (!view.readable()) {
      findings->push_back(OfflineDrive(drive, none_left));
      continue;
    }
    if (!view.online() || view.status.io_errors > 0) {
      Finding finding{Severity::kWarning, "drive_errors", NameOf(drive), "", ""};
      finding.what += view.online() ? " answered with " : " is suspect, with ";
      finding.what += Count(view.status.io_errors, "error", "errors") + " since the start";
      if (!view.status.reason.empty()) finding.what += ": " + view.status.reason;
      finding.why = "What it could not give was read from other drives, but it may be failing.";
      finding.action =
          "Look at the kernel's log (dmesg) and at smartctl. Read all of it: "
          "ashlar admin scrub --follow";
      findings->push_back(std::move(finding));
    }
    CheckDriveSpace(drive, findings);
  }
}

// What the survey counted over all extents.
void CheckRedundancy(const StoreFacts& facts, Findings* findings) {
  const auto unreadable =
      std::max(facts.heal.unrecoverable_now, facts.risk ? facts.risk->now.unreadable : uint64_t{0});
  if (unreadable > 0) {
    findings->push_back(
        {Severity::kCritical, "data_unreadable",
         Count(unreadable, "extent has", "extents have") + " fewer than " +
             std::to_string(facts.data_shards) + " readable shards",
         "Objects in them cannot be read now. Nothing of them is deleted; they are readable and "
         "healed again when enough drives come back.",
         "Bring lost drives back before anything else. Which objects: stop the server, then: "
         "ashlar "
         "fsck --data DIR --list"});
  }
  if (!facts.risk) return;
  const std::vector<uint64_t>& left = facts.risk->now.by_remaining;
  const auto parity = static_cast<size_t>(facts.parity_shards);
  for (size_t i = 0; i < std::min(left.size(), parity); ++i) {
    if (left[i] == 0) continue;
    const bool none = i == 0;
    findings->push_back({none ? Severity::kCritical : Severity::kWarning, "redundancy_reduced",
                         Count(left[i], "extent", "extents") + " of " +
                             std::to_string(facts.risk->extents) + " can lose only " +
                             std::to_string(i) + " further shards, not " + std::to_string(parity),
                         none ? "The loss of one more drive makes objects unreadable."
                              : "If one more drive goes, " + std::to_string(i - 1) +
                                    " are left; data are still "
                                    "readable.",
                         "Watch healing: ashlar admin heal --follow"});
    break;  // the worst is enough
  }
}

void CheckHealing(const StoreFacts& facts, Findings* findings) {
  const cluster::HealStatus& heal = facts.heal;
  if (heal.waiting_for_replacement > 0) {
    findings->push_back(
        {Severity::kWarning, "repairs_wait_for_replacement",
         Count(heal.waiting_for_replacement, "extent waits", "extents wait") +
             " for a drive to be replaced",
         "Every drive that works holds a shard of them already, so there is nowhere to put the "
         "missing one.",
         "Find the drive: ashlar admin drive list. Then: ashlar admin drive replace N"});
  }
  if (heal.waiting_for_drive > 0) {
    findings->push_back({Severity::kNotice, "repairs_wait_for_drive",
                         Count(heal.waiting_for_drive, "extent waits", "extents wait") +
                             " for a drive that is expected back",
                         "A drive that is away for less than --heal-wait is not healed around.",
                         "Bring the drive back, or wait"});
  }
  if (heal.failures > 0 && facts.repairs_pending && !heal.last_failure.empty()) {
    findings->push_back({Severity::kWarning, "repairs_fail",
                         Count(heal.failures, "attempt", "attempts") +
                             " to heal failed since the start; the last: " + heal.last_failure,
                         "They are tried again every minute, and at once when a drive comes back.",
                         "Look at the server's log; see ashlar admin heal"});
  }
}

void CheckScrub(const StoreFacts& facts, Findings* findings) {
  const cluster::ScrubStatus& scrub = facts.scrub;
  if (scrub.paused) {
    findings->push_back({Severity::kWarning, "scrub_paused", "scrubbing is paused",
                         "Damage on the drives is found only when somebody reads the object.",
                         "ashlar admin scrub --resume"});
  }
  const int64_t age_ms = facts.now_ms - scrub.oldest_verified_ms;
  if (scrub.oldest_verified_ms > 0 && facts.scrub_round_ms > 0 &&
      age_ms > 2 * facts.scrub_round_ms) {
    findings->push_back({Severity::kWarning, "scrub_overdue",
                         "some shards were last verified " +
                             std::to_string(age_ms / 1000 / kDaySeconds) + " days ago",
                         "Damage that nobody has found yet adds up with the next lost drive.",
                         "ashlar admin scrub --follow"});
  }
}

void CheckReclaim(const StoreFacts& facts, Findings* findings) {
  const lifecycle_worker::ReclaimStatus& reclaim = facts.reclaim;
  if (reclaim.braked) {
    findings->push_back(
        {Severity::kWarning, "reclaim_braked",
         "reclaiming is braked: " + MiB(reclaim.wanted_bytes) + " are to be destroyed, " +
             MiB(reclaim.brake_limit_bytes) + " in one cycle are usual",
         "Space does not come back. The brake is the last moment to notice a deletion that nobody "
         "wanted.",
         "If so much was really deleted: ashlar admin reclaim --release"});
  }
  if (!reclaim.suspended.empty()) {
    findings->push_back({Severity::kWarning, "clock_jumped",
                         "reclaiming is suspended: " + reclaim.suspended,
                         "Grace periods are counted by the clock. A clock that jumps may end them "
                         "too early, so nothing is destroyed meanwhile.",
                         "Look after the time service (chronyc tracking)"});
  }
  if (!reclaim.last_error.empty()) {
    findings->push_back({Severity::kWarning, "reclaim_fails",
                         "the last cycle of reclaiming failed: " + reclaim.last_error,
                         "Space of deleted objects does not come back; nothing else is harmed.",
                         "Look at the server's log; it is tried again by itself"});
  }
}

void CheckMetadata(const StoreFacts& facts, Findings* findings) {
  if (facts.journal_lag_seconds > kJournalLagSecondsMax) {
    findings->push_back(
        {Severity::kWarning, "journal_lags",
         "the copy of the metadata on the drives is " +
             std::to_string(static_cast<int64_t>(facts.journal_lag_seconds)) + " s behind",
         "If the metadata folder were lost now, changes of that time might be lost.",
         "Look at the server's log; are drives full or away?"});
  }
  const SpaceInfo& space = facts.metadata_space;
  const bool low = FreeShare(space) < kMetadataFreeShareWarning ||
                   space.available_bytes < kMetadataFreeBytesWarning;
  if (space.total_bytes > 0 && low) {
    const bool very_low = space.available_bytes < kMetadataFreeBytesCritical;
    findings->push_back({very_low ? Severity::kCritical : Severity::kWarning,
                         "metadata_disk_nearly_full",
                         "the disk of the metadata has " + MiB(space.available_bytes) + " free (" +
                             Percent(FreeShare(space)) + ")",
                         "Below 16 MiB the metadata take no change at all, deletes neither.",
                         "Make room on the disk that holds --data"});
  }
}

void CheckHost(const StoreFacts& facts, Findings* findings) {
  const HostFacts& host = facts.host;
  if (facts.memory_refusals > 0) {
    findings->push_back(
        {Severity::kWarning, "memory_refusals",
         Count(static_cast<uint64_t>(facts.memory_refusals), "request was", "requests were") +
             " answered 503 since the start, for want of memory",
         "Clients that try again see delays, others see errors.",
         "Give the server more: --memory-budget"});
  }
  if (host.certificate_seconds_left) {
    const int64_t days = *host.certificate_seconds_left / kDaySeconds;
    if (days < kCertificateDaysWarning) {
      const bool over = *host.certificate_seconds_left <= 0;
      findings->push_back(
          {days < kCertificateDaysCritical ? Severity::kCritical : Severity::kWarning,
           "certificate_ends",
           over
               ? std::string("the TLS certificate has expired")
               : "the TLS certificate ends in " + Count(static_cast<uint64_t>(days), "day", "days"),
           "Clients refuse to connect once it has expired.",
           "Renew it at --tls-cert, then restart the server"});
    }
  }
  if (host.token_readable_by_others) {
    findings->push_back(
        {Severity::kWarning, "token_readable",
         "the file admin-token can be read by other users of this machine",
         "Who has the token can replace and drain drives.",
         "chmod 600 admin-token in the data folder; if in doubt, remove the file and "
         "restart: a new one is made"});
  }
  if (host.open_files_limit > 0 && host.open_files_limit < kOpenFilesMin) {
    findings->push_back(
        {Severity::kWarning, "open_files_limit",
         "at most " + std::to_string(host.open_files_limit) + " files may be open at one time",
         "Every connection and every volume needs one.",
         "LimitNOFILE=1048576 in the systemd unit, or ulimit -Hn 1048576"});
  }
  if (host.runs_as_root) {
    findings->push_back({Severity::kNotice, "runs_as_root", "the server runs as root",
                         "It needs no such rights; a user of its own limits what a flaw can do.",
                         "Run it as a user that owns the data and drive folders"});
  }
}

}  // namespace

const char* SeverityName(Severity severity) {
  switch (severity) {
    case Severity::kNotice: return "notice";
    case Severity::kWarning: return "warning";
    case Severity::kCritical: return "critical";
  }
  return "unknown";
}

std::vector<Finding> Diagnose(const StoreFacts& facts) {
  Findings findings;
  CheckDrives(facts, &findings);
  CheckRedundancy(facts, &findings);
  CheckHealing(facts, &findings);
  CheckScrub(facts, &findings);
  CheckReclaim(facts, &findings);
  CheckMetadata(facts, &findings);
  CheckHost(facts, &findings);
  std::stable_sort(findings.begin(), findings.end(),
                   [](const Finding& a, const Finding& b) { return a.severity > b.severity; });
  return findings;
}

const char* HealthOf(const std::vector<Finding>& findings) {
  Severity worst = Severity::kNotice;
  for (const Finding& finding : findings) worst = std::max(worst, finding.severity);
  switch (worst) {
    case Severity::kNotice: return "healthy";
    case Severity::kWarning: return "degraded";
    case Severity::kCritical: return "critical";
  }
  return "critical";
}

}  // namespace ashlar::admin
