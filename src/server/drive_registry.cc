#include "server/drive_registry.h"

#include <algorithm>
#include <map>

#include "base/log.h"
#include "server/memory_shares.h"

namespace ashlar::server {
namespace {

using chunk_server::DriveIdentity;
using chunk_server::DrivePathReport;
using chunk_server::DrivePathState;

constexpr char kClusterIdSetting[] = "cluster_id";
constexpr char kCodeSetting[] = "code";
constexpr char kDrivesSetting[] = "drives";  // UUIDs, 16 bytes each, in the order of DriveId
constexpr char kStateSetting[] = "drives_state";
constexpr char kInitializing[] = "initializing";
constexpr char kReady[] = "ready";

struct Registration {
  UniqueId cluster_id;
  std::string code;
  std::vector<UniqueId> drives;
  bool ready = false;
};

Task<Result<std::optional<Registration>>> LoadRegistration(metadata_db::MetadataDb& metadata) {
  const Result<std::string> cluster = co_await metadata.GetSetting(kClusterIdSetting);
  if (!cluster.ok()) {
    if (cluster.code() == Code::kNotFound) co_return std::optional<Registration>();
    co_return cluster.status();
  }
  Registration registration;
  registration.cluster_id = UniqueId::FromView(*cluster);
  CO_ASSIGN_OR_RETURN(registration.code, co_await metadata.GetSetting(kCodeSetting));
  CO_ASSIGN_OR_RETURN(const std::string drives, co_await metadata.GetSetting(kDrivesSetting));
  CO_ASSIGN_OR_RETURN(const std::string state, co_await metadata.GetSetting(kStateSetting));
  if (cluster->size() != 16 || drives.size() % 16 != 0) {
    co_return Status(Code::kCorrupt, "the registration of the drives cannot be read");
  }
  for (size_t i = 0; i < drives.size(); i += 16) {
    registration.drives.push_back(UniqueId::FromView(std::string_view(drives).substr(i, 16)));
  }
  registration.ready = state == kReady;
  co_return std::optional<Registration>(std::move(registration));
}

// With `settings` in the same commit.
Task<Status> SaveRegistration(metadata_db::MetadataDb& metadata, const Registration& registration,
                              std::vector<std::pair<std::string, std::string>> settings = {}) {
  std::string drives;
  for (const UniqueId& drive : registration.drives) drives += drive.View();
  settings.emplace_back(kClusterIdSetting, std::string(registration.cluster_id.View()));
  settings.emplace_back(kCodeSetting, registration.code);
  settings.emplace_back(kDrivesSetting, std::move(drives));
  settings.emplace_back(kStateSetting, registration.ready ? kReady : kInitializing);
  co_return co_await metadata.PutSettings(std::move(settings));
}

std::string DriveName(size_t index, const std::string& path) {
  return "drive " + std::to_string(index + 1) + " (" + path + ")";
}

DriveIdentity IdentityOf(const Registration& registration, size_t index) {
  DriveIdentity identity;
  identity.cluster_id = registration.cluster_id;
  identity.drive_uuid = registration.drives[index];
  identity.drive = DriveId{static_cast<uint16_t>(index)};
  return identity;
}

// First start, or one that did not come to its end.
Task<Status> InitializeDrives(Disk& disk, metadata_db::MetadataDb& metadata,
                              const std::vector<std::string>& paths, Registration& registration) {
  for (size_t i = 0; i < paths.size(); ++i) {
    const DriveIdentity identity = IdentityOf(registration, i);
    CO_ASSIGN_OR_RETURN(const DrivePathReport report,
                        co_await chunk_server::InspectDrivePath(disk, paths[i]));
    if (report.state == DrivePathState::kIdentified &&
        report.identity.drive_uuid == identity.drive_uuid) {
      continue;  // made by the start that was cut short
    }
    if (report.state == DrivePathState::kIdentified || report.state == DrivePathState::kForeign) {
      co_return Status(Code::kInvalidArgument,
                       DriveName(i, paths[i]) + " is not empty: " + report.detail +
                           ". A new store is only made on empty or missing folders");
    }
    CO_RETURN_IF_ERROR(co_await chunk_server::InitializeDrive(disk, paths[i], identity));
  }
  registration.ready = true;
  co_return co_await SaveRegistration(metadata, registration);
}

// The path of a drive that was replaced and is not made yet; empty when it is.
std::string NewDriveSetting(size_t index) { return "drive." + std::to_string(index) + ".new"; }

// Makes the registered drive at the path, unless it is there already; then it is no longer new.
Task<Status> FinishNewDrive(Disk& disk, metadata_db::MetadataDb& metadata,
                            const Registration& registration, size_t index, std::string path) {
  CO_ASSIGN_OR_RETURN(const DrivePathReport report,
                      co_await chunk_server::InspectDrivePath(disk, path));
  const DriveIdentity identity = IdentityOf(registration, index);
  const bool made = report.state == DrivePathState::kIdentified &&
                    report.identity.drive_uuid == identity.drive_uuid;
  if (!made) CO_RETURN_IF_ERROR(co_await chunk_server::InitializeDrive(disk, path, identity));
  std::vector<std::pair<std::string, std::string>> settings;
  settings.emplace_back(NewDriveSetting(index), "");
  co_return co_await metadata.PutSettings(std::move(settings));
}

// A replacement that was committed but cut short is continued, if its path is missing or empty.
Task<Status> FinishNewDrives(Disk& disk, metadata_db::MetadataDb& metadata,
                             const std::vector<std::string>& paths,
                             const Registration& registration) {
  for (size_t i = 0; i < paths.size(); ++i) {
    const Result<std::string> setting = co_await metadata.GetSetting(NewDriveSetting(i));
    if (!setting.ok() && setting.code() != Code::kNotFound) co_return setting.status();
    if (!setting.ok() || setting->empty()) continue;
    const Status finished = co_await FinishNewDrive(disk, metadata, registration, i, *setting);
    if (!finished.ok()) {
      spdlog::warn("msg=\"a replaced drive cannot be made; it is offline\" drive={} reason={}",
                   i + 1, LogValue(finished.ToString()));
    }
  }
  co_return Status::Ok();
}

// Finds each registered drive among the paths; an index without a path is offline.
Task<Result<std::vector<std::string>>> MatchDrives(Disk& disk,
                                                   const std::vector<std::string>& paths,
                                                   const Registration& registration) {
  std::vector<std::string> path_of(registration.drives.size());
  std::vector<std::string> offline;
  for (size_t i = 0; i < paths.size(); ++i) {
    const Result<DrivePathReport> report = co_await chunk_server::InspectDrivePath(disk, paths[i]);
    if (!report.ok() || report->state == DrivePathState::kMissing) {
      offline.push_back(paths[i]);
      continue;
    }
    if (report->state == DrivePathState::kEmpty) {
      co_return Status(Code::kUnavailable,
                       DriveName(i, paths[i]) +
                           " is empty, but a drive of this store was there. Is its disk mounted? "
                           "If the drive is lost, remove the empty folder to start without it");
    }
    if (report->state == DrivePathState::kForeign) {
      co_return Status(Code::kUnavailable,
                       DriveName(i, paths[i]) + " holds foreign files: " + report->detail);
    }
    const auto place = std::find(registration.drives.begin(), registration.drives.end(),
                                 report->identity.drive_uuid);
    if (report->identity.cluster_id == registration.cluster_id &&
        place == registration.drives.end()) {
      co_return Status(
          Code::kUnavailable,
          DriveName(i, paths[i]) + " was replaced by a new drive. Take the old one out");
    }
    if (report->identity.cluster_id != registration.cluster_id) {
      co_return Status(Code::kUnavailable, DriveName(i, paths[i]) +
                                               " belongs to another store (cluster " +
                                               report->identity.cluster_id.ToHex() + ")");
    }
    std::string& slot = path_of[static_cast<size_t>(place - registration.drives.begin())];
    if (!slot.empty()) {
      co_return Status(Code::kUnavailable, paths[i] + " and " + slot + " are the same drive");
    }
    slot = paths[i];
  }
  for (size_t i = 0; i < path_of.size(); ++i) {
    if (!path_of[i].empty()) continue;
    spdlog::warn("msg=\"drive is offline; the store runs degraded\" drive={} uuid={}", i + 1,
                 registration.drives[i].ToHex());
  }
  co_return path_of;
}

chunk_server::LocalChunkStoreOptions StoreOptions(const ServerOptions& options,
                                                  const Registration& registration, size_t index,
                                                  std::string path) {
  chunk_server::LocalChunkStoreOptions store_options;
  store_options.path = std::move(path);
  store_options.identity = IdentityOf(registration, index);
  store_options.volume_bytes = options.volume_bytes;
  store_options.reserved_free_bytes = options.reserved_free_bytes;
  store_options.leaf_cache_bytes =
      DivideMemory(options).leaf_digests / std::max<size_t>(registration.drives.size(), 1);
  store_options.purge_age_min_ms = static_cast<int64_t>(options.reclaim_grace_seconds) * 1000;
  return store_options;
}

// A drive that was missing: is it at one of the paths now? `store_options` lack the path.
Task<Result<std::unique_ptr<chunk_server::ChunkStore>>> OpenWhereFound(
    Disk* disk, Clock* clock, std::vector<std::string> paths,
    chunk_server::LocalChunkStoreOptions store_options) {
  for (const std::string& path : paths) {
    const Result<DrivePathReport> report = co_await chunk_server::InspectDrivePath(*disk, path);
    if (!report.ok() || report->state != DrivePathState::kIdentified) continue;
    if (report->identity.cluster_id != store_options.identity.cluster_id ||
        report->identity.drive_uuid != store_options.identity.drive_uuid) {
      continue;
    }
    store_options.path = path;
    co_return co_await chunk_server::OpenLocalChunkStore(*disk, *clock, std::move(store_options));
  }
  co_return Status(Code::kUnavailable, "its folder is missing");
}

Task<Result<OpenedDrives>> OpenStores(Disk& disk, Clock& clock, const ServerOptions& options,
                                      const Registration& registration,
                                      const std::vector<std::string>& configured,
                                      std::vector<std::string> paths) {
  OpenedDrives opened;
  opened.cluster_id = registration.cluster_id;
  opened.paths = std::move(paths);
  for (size_t i = 0; i < opened.paths.size(); ++i) {
    const DriveId drive{static_cast<uint16_t>(i)};
    chunk_server::LocalChunkStoreOptions store_options =
        StoreOptions(options, registration, i, opened.paths[i]);
    if (store_options.path.empty()) {
      opened.stores.push_back(std::make_unique<chunk_server::DriveSlot>(
          chunk_server::MakeOfflineChunkStore(drive, "its folder was missing at the start"),
          [&disk, &clock, configured, store_options] {
            return OpenWhereFound(&disk, &clock, configured, store_options);
          }));
      continue;
    }
    CO_ASSIGN_OR_RETURN(
        std::unique_ptr<chunk_server::ChunkStore> store,
        co_await chunk_server::OpenLocalChunkStore(disk, clock, std::move(store_options)));
    opened.stores.push_back(std::make_unique<chunk_server::DriveSlot>(std::move(store)));
  }
  co_return opened;
}

// Where a drive belongs that was missing at the start: its own place in the list when no other
// drive is there, else the only path that is free.
Result<std::string> FreePath(const std::vector<std::string>& configured,
                             const std::vector<std::string>& taken, size_t index) {
  std::vector<std::string> free;
  for (size_t i = 0; i < configured.size(); ++i) {
    if (std::find(taken.begin(), taken.end(), configured[i]) != taken.end()) continue;
    if (i == index) return configured[i];
    free.push_back(configured[i]);
  }
  if (free.size() == 1) return free.front();
  return Status(Code::kInvalidArgument, "it is not clear which --drive folder drive " +
                                            std::to_string(index + 1) +
                                            " had; list the folders in the order of the drives");
}

}  // namespace

std::vector<std::string> DrivePaths(const ServerOptions& options, erasure_encoder::Code code) {
  if (!options.drives.empty()) return options.drives;
  std::vector<std::string> paths;
  for (int i = 1; i <= code.total(); ++i) {
    paths.push_back(options.data + "/drive-" + (i < 10 ? "0" : "") + std::to_string(i));
  }
  return paths;
}

Task<Status> RefuseLostMetadata(Disk& disk, const std::vector<std::string>& paths,
                                const std::string& metadata_path) {
  const Result<std::vector<std::string>> names = co_await disk.List(metadata_path);
  if (names.ok() && !names->empty()) co_return Status::Ok();
  if (!names.ok() && names.code() != Code::kNotFound) co_return names.status();
  for (const std::string& path : paths) {
    const Result<DrivePathReport> report = co_await chunk_server::InspectDrivePath(disk, path);
    if (report.ok() && report->state == DrivePathState::kIdentified) {
      co_return Status(Code::kUnavailable, path + " holds a drive of store " +
                                               report->identity.cluster_id.ToHex() +
                                               ", but there is no metadata in " + metadata_path +
                                               ". Is the right --data given? If it is lost, "
                                               "`ashlar rebuild-metadata` makes it anew from the "
                                               "drives. Nothing was changed");
    }
  }
  co_return Status::Ok();
}

Task<Result<OpenedDrives>> OpenDrives(Disk& disk, Clock& clock, Random& random,
                                      metadata_db::MetadataDb& metadata,
                                      const ServerOptions& options, erasure_encoder::Code code) {
  const std::vector<std::string> paths = DrivePaths(options, code);
  CO_ASSIGN_OR_RETURN(std::optional<Registration> found, co_await LoadRegistration(metadata));
  if (!found) {
    if (static_cast<int>(paths.size()) < code.total()) {
      co_return Status(Code::kInvalidArgument,
                       "the code " + code.ToString() + " needs " + std::to_string(code.total()) +
                           " drives, " + std::to_string(paths.size()) +
                           " are given; add --drive options or choose a smaller --code");
    }
    Registration registration;
    registration.cluster_id = NewUniqueId(clock, random);
    registration.code = code.ToString();
    for (size_t i = 0; i < paths.size(); ++i) {
      registration.drives.push_back(NewUniqueId(clock, random));
    }
    CO_RETURN_IF_ERROR(co_await SaveRegistration(metadata, registration));
    found = std::move(registration);
  }
  Registration& registration = *found;
  if (registration.code != code.ToString()) {
    co_return Status(Code::kInvalidArgument, "this store was made with --code " +
                                                 registration.code + ", not " + code.ToString());
  }
  if (registration.drives.size() != paths.size()) {
    co_return Status(Code::kInvalidArgument,
                     "this store has " + std::to_string(registration.drives.size()) + " drives, " +
                         std::to_string(paths.size()) +
                         " are given; name them all, also those that are lost");
  }
  if (!registration.ready) {
    CO_RETURN_IF_ERROR(co_await InitializeDrives(disk, metadata, paths, registration));
  }
  CO_RETURN_IF_ERROR(co_await FinishNewDrives(disk, metadata, paths, registration));
  CO_ASSIGN_OR_RETURN(std::vector<std::string> path_of,
                      co_await MatchDrives(disk, paths, registration));
  co_return co_await OpenStores(disk, clock, options, registration, paths, std::move(path_of));
}

Task<Status> MakeDriveAnew(Disk& disk, Clock& clock, Random& random,
                           metadata_db::MetadataDb& metadata, const ServerOptions& options,
                           OpenedDrives& opened, DriveId drive,
                           std::vector<std::pair<std::string, std::string>> settings) {
  const size_t index = drive.value;
  CO_ASSIGN_OR_RETURN(std::optional<Registration> found, co_await LoadRegistration(metadata));
  if (!found || !found->ready) co_return Status(Code::kUnavailable, "the store is being made");
  std::string path = opened.paths[index];
  if (path.empty()) {
    CO_ASSIGN_OR_RETURN(
        path, FreePath(DrivePaths(options, *erasure_encoder::ParseCode(found->code)), opened.paths,
                       index));
  }
  CO_ASSIGN_OR_RETURN(const DrivePathReport report,
                      co_await chunk_server::InspectDrivePath(disk, path));
  if (report.state != DrivePathState::kMissing && report.state != DrivePathState::kEmpty) {
    co_return Status(Code::kConflict, path + " is not empty: " + report.detail);
  }
  found->drives[index] = NewUniqueId(clock, random);
  settings.emplace_back(NewDriveSetting(index), path);
  CO_RETURN_IF_ERROR(co_await SaveRegistration(metadata, *found, std::move(settings)));
  CO_RETURN_IF_ERROR(co_await FinishNewDrive(disk, metadata, *found, index, path));
  CO_ASSIGN_OR_RETURN(std::unique_ptr<chunk_server::ChunkStore> store,
                      co_await chunk_server::OpenLocalChunkStore(
                          disk, clock, StoreOptions(options, *found, index, path)));
  opened.paths[index] = path;
  co_await opened.stores[index]->Exchange(std::move(store));
  co_return Status::Ok();
}

std::vector<std::string> RegistrationSettingNames(size_t drives) {
  std::vector<std::string> names = {kClusterIdSetting, kCodeSetting, kDrivesSetting, kStateSetting};
  for (size_t i = 0; i < drives; ++i) {
    names.push_back("drive." + std::to_string(i));  // cluster/drive_states.cc
    names.push_back(NewDriveSetting(i));
  }
  return names;
}

DriveRegistration RegistrationFrom(const Settings& settings) {
  DriveRegistration registration;
  for (const auto& [name, value] : settings) {
    if (name == kClusterIdSetting) registration.cluster_id = UniqueId::FromView(value);
    if (name == kCodeSetting) registration.code = value;
    if (name != kDrivesSetting) continue;
    for (size_t i = 0; i + 16 <= value.size(); i += 16) {
      registration.drives.push_back(UniqueId::FromView(std::string_view(value).substr(i, 16)));
    }
  }
  return registration;
}

Settings EncodeRegistration(const DriveRegistration& registration) {
  std::string drives;
  for (const UniqueId& drive : registration.drives) drives += drive.View();
  return {{kClusterIdSetting, std::string(registration.cluster_id.View())},
          {kCodeSetting, registration.code},
          {kDrivesSetting, std::move(drives)},
          {kStateSetting, kReady}};
}

}  // namespace ashlar::server
