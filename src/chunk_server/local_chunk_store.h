// LocalChunkStore: shards of one drive in volume files. README.md has the crash ordering.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "chunk_server/chunk_store.h"
#include "runtime/clock.h"
#include "runtime/disk.h"

namespace ashlar::chunk_server {

// The drive's identity file, `ashlar-drive.json` in its root.
struct DriveIdentity {
  UniqueId cluster_id;
  UniqueId drive_uuid;
  DriveId drive;
};
inline constexpr char kIdentityFileName[] = "ashlar-drive.json";

// What lies at a drive's path, before anything is written there.
enum class DrivePathState {
  kMissing,  // the path does not exist
  kEmpty,    // exists, has no identity and nothing else in it ("lost+found" does not count)
  kIdentified,
  kForeign,  // other things are in it, or its identity cannot be read as one of ours
};
struct DrivePathReport {
  DrivePathState state = DrivePathState::kMissing;
  DriveIdentity identity;  // when kIdentified
  std::string detail;      // for people
};
[[nodiscard]] Task<Result<DrivePathReport>> InspectDrivePath(Disk& disk, std::string path);
// Makes the folder an empty drive of the store, durably. Refuses (kAlreadyExists) anything but a
// missing or empty path.
[[nodiscard]] Task<Status> InitializeDrive(Disk& disk, std::string path, DriveIdentity identity);

struct LocalChunkStoreOptions {
  std::string path;
  DriveIdentity identity;
  uint64_t volume_bytes = 1ULL << 30;          // sealed when full
  uint64_t allocate_step_bytes = 16ULL << 20;  // preallocated ahead of the append cursor
  uint64_t checkpoint_step_bytes = 64ULL << 20;
  uint64_t reserved_free_bytes = 32ULL << 20;  // kNoSpace for new shards below this
  uint64_t leaf_cache_bytes = 4ULL << 20;      // verified leaf lists kept in memory
  // Shards of extents that are younger are never purged, whoever asks.
  int64_t purge_age_min_ms = 24LL * 60 * 60 * 1000;
};

// Opens the volumes of an initialized drive: finds the append position behind the last data of the
// newest volume. Never deletes, never truncates below data. A drive that cannot be opened comes
// back as a store that is kOffline and says why; only a programmer's error is not ok.
[[nodiscard]] Task<Result<std::unique_ptr<ChunkStore>>> OpenLocalChunkStore(
    Disk& disk, Clock& clock, LocalChunkStoreOptions options);
// A store for a drive whose path is missing: every call answers kUnavailable.
[[nodiscard]] std::unique_ptr<ChunkStore> MakeOfflineChunkStore(DriveId drive, std::string reason);

}  // namespace ashlar::chunk_server
