#include "rebuild.h"

#include <algorithm>
#include <string>
#include <utility>

#include "metadata_db/archive.h"
#include "metadata_rebuild/metadata_rebuild.h"

namespace ashlar::sim {
namespace {

constexpr char kChecker[] = "rebuilt";

// All disks as folders of one, "/3/drive" that of the fourth. To read only.
class AllDisks final : public Disk {
 public:
  explicit AllDisks(World& world) : world_(world) {}
  static std::string Path(size_t drive) { return "/" + std::to_string(drive) + kDrivePath; }

  Task<Result<std::unique_ptr<DiskFile>>> Open(std::string path, OpenMode mode) override {
    return Of(&path).Open(std::move(path), mode);
  }
  Task<Result<std::vector<std::string>>> List(std::string path) override {
    return Of(&path).List(std::move(path));
  }
  Task<Result<SpaceInfo>> Space(std::string path) override {
    return Of(&path).Space(std::move(path));
  }
  Task<Status> CreateDirectory(std::string) override { return Refuse(); }
  Task<Status> SyncDirectory(std::string) override { return Refuse(); }
  Task<Status> Remove(std::string) override { return Refuse(); }
  Task<Status> Rename(std::string, std::string) override { return Refuse(); }

 private:
  static Task<Status> Refuse() {
    co_return Status(Code::kInternal, "a rebuild only reads the drives");
  }
  // Takes the drive off the path.
  Disk& Of(std::string* path) {
    const size_t slash = path->find('/', 1);
    const size_t drive = std::stoul(path->substr(1, slash - 1));
    path->erase(0, slash);
    return *world_.disks[drive];
  }
  World& world_;
};

SimRows RowsOf(metadata_db::OrderedStore& store) {
  SimRows rows;
  const auto snapshot = store.NewSnapshot();
  const auto cursor = snapshot->NewCursor();
  for (cursor->Seek(""); cursor->Valid(); cursor->Next())
    rows.emplace(cursor->key(), cursor->value());
  return rows;
}

// Parts of uploads may be named as lost: no event tells that an upload of the last checkpoint was
// aborted, and its parts were reclaimed.
bool IsComplete(const metadata_rebuild::RebuildReport& report) {
  const auto& lost = report.lost.names;
  const bool only_parts = report.lost.count == lost.size() &&
                          std::all_of(lost.begin(), lost.end(), [](const std::string& name) {
                            return name.starts_with("part ");
                          });
  return report.journal_found && report.journal_problems.empty() && only_parts &&
         report.unreadable.count == 0 && report.buckets_made_up.count == 0;
}

Task<Status> Rebuild(World* world, Judge* judge) {
  AllDisks disk(*world);
  metadata_rebuild::RebuildOptions options;
  for (size_t i = 0; i < world->disks.size(); ++i) options.drives.push_back(AllDisks::Path(i));
  const auto scratch = metadata_db::NewMemoryStore();
  const auto target = metadata_db::NewMemoryStore();
  CO_ASSIGN_OR_RETURN(
      metadata_rebuild::RebuildReport report,
      co_await metadata_rebuild::RunRebuild(disk, world->executor, *scratch, *target, options));
  if (!IsComplete(report)) judge->Report(kChecker, metadata_rebuild::ReportAsText(report));
  for (size_t i = 0; i < report.drive_uuids.size(); ++i) {
    if (report.drive_uuids[i].IsZero()) continue;
    report.settings.emplace_back(UuidSetting(i), report.drive_uuids[i].View());
  }
  metadata_db::MetadataImport import(*target, world->executor);
  CO_RETURN_IF_ERROR(co_await import.AddSettings(std::move(report.settings)));
  world->rows = RowsOf(*target);
  judge->Mix(report.versions);
  judge->Trace("rebuilt: " + std::to_string(report.versions) + " versions, " +
               std::to_string(report.from_directories.count) + " of them from directories");
  co_return Status::Ok();
}

}  // namespace

Task<bool> RebuildFromDrives(World* world, Judge* judge) {
  const Status status = co_await Rebuild(world, judge);
  if (!status.ok()) judge->Report(kChecker, "nothing was rebuilt: " + status.ToString());
  co_return status.ok();
}

}  // namespace ashlar::sim
