// DriveRegistry: which drives belong to the store, and the check at every start that the paths
// given are really them.
//
// The metadata database holds the registration (cluster id, code, UUID of each drive); each drive
// holds its identity file. First start: registration "initializing" is committed first, then the
// drives are made, then it becomes "ready"; a crash in between is continued by the next start.
// Afterwards
//   missing path            -> the drive is offline, the store starts degraded; Probe of its slot
//                              opens it once it lies at one of the paths
//   empty path              -> refused: most likely a disk that is not mounted
//   foreign or wrong drive  -> refused
// Nothing is ever initialised again by itself: MakeDriveAnew is told to by a person.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "chunk_server/drive_slot.h"
#include "chunk_server/local_chunk_store.h"
#include "erasure_encoder/erasure_encoder.h"
#include "metadata_db/metadata_db.h"
#include "runtime/clock.h"
#include "runtime/disk.h"
#include "server/options.h"

namespace ashlar::server {

struct OpenedDrives {
  UniqueId cluster_id;
  std::vector<std::unique_ptr<chunk_server::DriveSlot>> stores;  // by DriveId
  std::vector<std::string> paths;                                // by DriveId; empty: missing
};

// Paths from the options: those given, or <data>/drive-01 and so on.
std::vector<std::string> DrivePaths(const ServerOptions& options, erasure_encoder::Code code);

// Looks at the paths before the metadata database is opened or made. kUnavailable: a drive of a
// store is there but its metadata is not.
Task<Status> RefuseLostMetadata(Disk& disk, const std::vector<std::string>& paths,
                                const std::string& metadata_path);

// Registers (first start) or checks the drives and opens them. `disk` and `clock` outlive them.
Task<Result<OpenedDrives>> OpenDrives(Disk& disk, Clock& clock, Random& random,
                                      metadata_db::MetadataDb& metadata,
                                      const ServerOptions& options, erasure_encoder::Code code);

// The registration as settings, for the metadata journal and for a metadata database that is
// rebuilt.
struct DriveRegistration {
  UniqueId cluster_id;
  std::string code;
  std::vector<UniqueId> drives;  // by DriveId
};
using Settings = std::vector<std::pair<std::string, std::string>>;
std::vector<std::string> RegistrationSettingNames(size_t drives);
// Fields that the settings do not tell stay empty.
DriveRegistration RegistrationFrom(const Settings& settings);
Settings EncodeRegistration(const DriveRegistration& registration);

// Gives a lost drive a new identity, committed together with `settings`, makes it at its path,
// which must be missing or empty, and puts it in its slot. What is not done after the commit the
// next start does. kConflict: something is at the path; nothing was changed.
Task<Status> MakeDriveAnew(Disk& disk, Clock& clock, Random& random,
                           metadata_db::MetadataDb& metadata, const ServerOptions& options,
                           OpenedDrives& opened, DriveId drive,
                           std::vector<std::pair<std::string, std::string>> settings);

}  // namespace ashlar::server
