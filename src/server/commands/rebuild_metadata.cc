// `ashlar rebuild-metadata`: makes a lost metadata folder anew from the drives; see
// metadata_rebuild/metadata_rebuild.h.
//
// The new database is made in <data>/metadata.new and gets its name by one rename, the last thing
// that happens: whatever breaks off before leaves nothing that a server would start from, and is
// begun anew by the next run.
#include <algorithm>
#include <cstdio>

#include "erasure_encoder/erasure_encoder.h"
#include "lifecycle_worker/reclaimer.h"
#include "metadata_db/archive.h"
#include "metadata_db/ordered_store.h"
#include "metadata_rebuild/metadata_rebuild.h"
#include "runtime/event_loop.h"
#include "server/commands/command.h"
#include "server/commands/offline_store.h"
#include "server/drive_registry.h"

namespace ashlar::server {
namespace {

using metadata_rebuild::RebuildReport;

struct RebuildSettings : OfflineStoreOptions {
  std::string code;
};

constexpr char kFooter[] =
    "The drives are only read. Exit code 0: all was restored; 1: the report names what was not;\n"
    "3: nothing was made.";

Task<Status> RefuseExistingMetadata(std::string path) {
  const auto names = co_await HostDisk().List(path);
  if (names.code() == Code::kNotFound || (names.ok() && names->empty())) co_return Status::Ok();
  co_return Status(Code::kAlreadyExists, path + " is there. If it is lost beyond repair, move it " +
                                             "away first:  mv " + path + " " + path + ".lost");
}

// --drive, or all folders of the data folder that are named like drives.
Task<Result<std::vector<std::string>>> FindDrivePaths(const OfflineStoreOptions* options) {
  if (!options->drives.empty()) co_return options->drives;
  std::vector<std::string> paths;
  CO_ASSIGN_OR_RETURN(const auto names, co_await HostDisk().List(options->data));
  for (const std::string& name : names) {
    if (name.starts_with("drive-")) paths.push_back(options->data + "/" + name);
  }
  co_return paths;
}

// The registration that the journal kept, with the drives as they are; else what the drives say.
Result<Settings> RegisterDrives(const RebuildSettings& settings, const RebuildReport& report) {
  const std::string code = settings.code.empty() ? report.code : settings.code;
  DriveRegistration registration = RegistrationFrom(report.settings);
  if (registration.cluster_id.IsZero()) registration.cluster_id = report.cluster_id;
  if (registration.cluster_id != report.cluster_id) {
    return Status(Code::kCorrupt, "the journal is of another store than the drives");
  }
  if (registration.code.empty()) registration.code = code;
  if (registration.code.empty()) {
    return Status(Code::kInvalidArgument,
                  "the drives hold nothing that tells the erasure code; give it by --code");
  }
  ASSIGN_OR_RETURN(const auto parsed, erasure_encoder::ParseCode(registration.code));
  const size_t drives = std::max(
      {registration.drives.size(), report.drive_uuids.size(), static_cast<size_t>(parsed.total())});
  registration.drives.resize(drives);
  for (size_t i = 0; i < drives; ++i) {
    const bool found = i < report.drive_uuids.size() && !report.drive_uuids[i].IsZero();
    if (found) registration.drives[i] = report.drive_uuids[i];
    // A drive of which nothing is known: it counts as lost.
    if (registration.drives[i].IsZero()) {
      registration.drives[i] = NewUniqueId(SystemClock(), SystemRandom());
    }
  }
  return EncodeRegistration(registration);
}

bool IsComplete(const RebuildReport& report) {
  return report.journal_found && report.journal_problems.empty() && report.lost.count == 0 &&
         report.unreadable.count == 0 && report.buckets_made_up.count == 0;
}

Settings StartingSettings(const RebuildReport& report, Settings registration) {
  Settings result = report.settings;
  // Later ones win.
  result.insert(result.end(), registration.begin(), registration.end());
  // What could not be decided must not be purged as orphaned.
  if (!IsComplete(report) || report.extents_orphaned > 0 || report.refused.count > 0) {
    result.emplace_back(lifecycle_worker::kFrozenSetting, "the metadata were rebuilt");
  }
  return result;
}

Result<RebuildReport> Rebuild(EventLoopGroup& loops, const RebuildSettings& settings,
                              const std::string& scratch_path, const std::string& target_path) {
  metadata_rebuild::RebuildOptions options;
  ASSIGN_OR_RETURN(options.drives, RunBlocking(loops, FindDrivePaths(&settings)));
  metadata_db::RocksDbOptions store_options;
  store_options.path = scratch_path;
  ASSIGN_OR_RETURN(const auto scratch, metadata_db::OpenRocksDbStore(store_options));
  store_options.path = target_path;
  ASSIGN_OR_RETURN(const auto target, metadata_db::OpenRocksDbStore(store_options));
  ProgressLine line(settings.progress);
  options.progress = [&line](const metadata_rebuild::RebuildProgress& progress) {
    line.Show(progress.phase, progress.done, progress.total);
  };
  ASSIGN_OR_RETURN(RebuildReport report,
                   RunBlocking(loops, metadata_rebuild::RunRebuild(HostDisk(), SystemClock(),
                                                                   *scratch, *target, options)));
  ASSIGN_OR_RETURN(Settings registration, RegisterDrives(settings, report));
  metadata_db::MetadataImport import(*target, SystemClock());
  RETURN_IF_ERROR(
      RunBlocking(loops, import.AddSettings(StartingSettings(report, std::move(registration)))));
  return report;
}

Task<Status> PutInPlace(std::string data, std::string target_path) {
  CO_RETURN_IF_ERROR(co_await HostDisk().SyncDirectory(target_path));
  CO_RETURN_IF_ERROR(co_await HostDisk().Rename(target_path, data + "/metadata"));
  co_return co_await HostDisk().SyncDirectory(data);
}

int RunRebuildCommand(const RebuildSettings& settings) {
  const auto lock = LockStore(settings);
  if (!lock.ok()) return Fail(lock.status());
  EventLoopGroup loops(1);
  const std::string scratch_path = settings.data + "/metadata.scratch";
  const std::string target_path = settings.data + "/metadata.new";
  Status status = RunBlocking(loops, RefuseExistingMetadata(settings.data + "/metadata"));
  // What a run that was broken off has left.
  for (const std::string& path : {scratch_path, target_path}) {
    if (status.ok()) status = metadata_db::RemoveRocksDbStore(path);
  }
  if (!status.ok()) return Fail(status);
  const auto report = Rebuild(loops, settings, scratch_path, target_path);
  status = metadata_db::RemoveRocksDbStore(scratch_path);
  if (!report.ok()) {
    (void)metadata_db::RemoveRocksDbStore(target_path);
    return Fail(report.status());
  }
  if (status.ok()) status = RunBlocking(loops, PutInPlace(settings.data, target_path));
  if (!status.ok()) return Fail(status);
  const std::string text = metadata_rebuild::ReportAsText(*report);
  std::fwrite(text.data(), 1, text.size(), stdout);
  return IsComplete(*report) ? 0 : 1;
}

}  // namespace

Command AddRebuildMetadata(CLI::App& app) {
  CLI::App* parser =
      app.add_subcommand("rebuild-metadata", "Make a lost metadata folder anew from the drives");
  parser->footer(kFooter);
  auto settings = std::make_shared<RebuildSettings>();
  AddOfflineStoreOptions(*parser, settings.get());
  parser->add_option("--code", settings->code,
                     "Erasure code, for drives that hold nothing yet (else they tell it)");
  return {.parser = parser, .run = [settings] { return RunRebuildCommand(*settings); }};
}

}  // namespace ashlar::server
