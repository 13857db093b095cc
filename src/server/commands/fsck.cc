// `ashlar fsck`: checks a store that does not run; see fsck/fsck.h.
#include "fsck/fsck.h"

#include <cstdio>

#include "metadata_db/ordered_store.h"
#include "runtime/event_loop.h"
#include "server/commands/command.h"
#include "server/commands/offline_store.h"

namespace ashlar::server {
namespace {

struct FsckSettings : OfflineStoreOptions {
  bool verify = false;
  bool json = false;
  bool list = false;
};

constexpr char kFooter[] =
    "Changes nothing. Exit code 0: clean; 1: findings that healing, scrubbing and reclaiming "
    "mend;\n"
    "2: data cannot be read, or the metadata do not add up; 3: the check could not be made.";

int RunFsckCommand(const FsckSettings& settings) {
  const auto lock = LockStore(settings);
  if (!lock.ok()) return Fail(lock.status());
  RaiseOpenFilesLimit();
  metadata_db::RocksDbOptions metadata_options;
  metadata_options.path = settings.data + "/metadata";
  const auto metadata = metadata_db::OpenRocksDbStoreReadOnly(metadata_options);
  if (!metadata.ok()) return Fail(metadata.status());
  EventLoopGroup loops(0);
  std::vector<Executor*> executors;
  for (size_t i = 0; i < loops.size(); ++i) executors.push_back(&loops.loop(i));
  fsck::FsckOptions options;
  options.drives = settings.drives;
  options.data_folder = settings.data;
  options.verify = settings.verify;
  if (settings.list) options.names_max = SIZE_MAX;
  Result<fsck::FsckReport> report = Status(Code::kInternal, "no report");
  {
    ProgressLine line(settings.progress);
    options.progress = [&line](const fsck::FsckProgress& progress) {
      line.Show(progress.phase, progress.done, progress.total);
    };
    report = RunBlocking(loops, fsck::RunFsck(HostDisk(), **metadata, executors, options));
  }
  if (!report.ok()) return Fail(report.status());
  const std::string text =
      settings.json ? fsck::ReportAsJson(*report) : fsck::ReportAsText(*report);
  std::fwrite(text.data(), 1, text.size(), stdout);
  return report->ExitCode();
}

}  // namespace

Command AddFsck(CLI::App& app) {
  CLI::App* parser = app.add_subcommand("fsck", "Check a store that does not run, drive by drive");
  parser->footer(kFooter);
  auto settings = std::make_shared<FsckSettings>();
  AddOfflineStoreOptions(*parser, settings.get());
  parser->add_flag("--verify", settings->verify, "Read everything and compare all digests");
  parser->add_flag("--json", settings->json, "Print the report as JSON");
  parser->add_flag("--list", settings->list, "Name all objects that are affected, not only some");
  return {.parser = parser, .run = [settings] { return RunFsckCommand(*settings); }};
}

}  // namespace ashlar::server
