// Scrubber: reads everything on the drives, in rounds, and compares it with the metadata.
//
// A round takes the volumes of each drive in groups. Every record of a group is read and verified
// and compared with its extent's row; then a pass over all rows asks the other way round: is there
// a row that names a place in this group where no whole record was seen? Those places are read
// again, one by one, before anything is noted.
// Invariants
//  1. Nothing is changed on the drives. Damage becomes repair orders; records that no row names
//     become candidates for reclaiming, which looks again, after its own grace period.
//  2. A volume counts as verified since the time at which its group began, once the group came to
//     its end. That time is durable; a round that was cut short goes on with what is older.
//  3. Memory is bounded by the records of a group (8 bytes each).
//  4. A drive that goes away is left out, never taken for empty.
//  5. That a round has seen all drives to their end is durable (kScanCompletedSetting): orphans
//     wait for it.
// One control task. Start once, Stop once; Pause, Resume and StartRound from any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cluster/drive_states.h"
#include "metadata_db/extent_catalog.h"
#include "runtime/buffer_pool.h"

namespace ashlar::erasure_encoder {
class ErasureEncoder;
}

namespace ashlar::cluster {

struct ScrubberOptions {
  Duration round = std::chrono::hours(24 * 30);
  uint64_t bytes_per_second_min = 8'000'000;    // a small store is done early, and waits
  uint64_t bytes_per_second_max = 400'000'000;  // of a round that was asked for
  double busy_fraction = 0.25;
  Duration orphan_grace = std::chrono::hours(24);  // by the age of the extent
  uint64_t group_bytes_max = 256ULL << 30;
  size_t group_records_max = 4'000'000;
  uint64_t page_bytes = 4ULL << 20;
  Duration tick = std::chrono::milliseconds(250);
};

// Of the round at hand, or the last one.
struct ScrubFindings {
  uint64_t records = 0;       // looked at
  uint64_t whole = 0;         // named by their rows, and whole
  uint64_t corrupt = 0;       // named, and damaged: repair ordered
  uint64_t missing = 0;       // a row names the place, nothing whole of that name is there: ordered
  uint64_t stale = 0;         // an older generation of a shard that was made again
  uint64_t duplicate = 0;     // the same shard once more
  uint64_t misplaced = 0;     // the row says that it lies on another drive
  uint64_t orphans = 0;       // of an extent that no row knows
  uint64_t young_strays = 0;  // any of the last four, younger than the grace: left alone
  uint64_t damaged_bytes = 0;  // neither records nor free space
  uint64_t unreadable_bytes = 0;
  ScrubFindings& operator+=(const ScrubFindings& other);
  bool operator==(const ScrubFindings&) const = default;
};

struct ScrubDriveStatus {
  DriveId drive;
  uint64_t volumes = 0;
  uint64_t volumes_verified = 0;   // in this round
  int64_t oldest_verified_ms = 0;  // 0: some volume never was
  bool skipped = false;            // away; goes on when it is back
};

struct ScrubStatus {
  bool running = false;
  bool paused = false;
  int64_t round_began_ms = 0;  // of the round at hand, or the last one
  int64_t round_ended_ms = 0;  // 0: it is not at its end
  uint64_t bytes_done = 0;
  uint64_t bytes_total = 0;
  double bytes_per_second = 0;
  double eta_seconds = -1;
  int64_t oldest_verified_ms = 0;  // over all shards; 0: some never were
  ScrubFindings findings;
  std::vector<ScrubDriveStatus> drives;
};

class Scrubber {
 public:
  struct Dependencies {
    metadata_db::MetadataDb& metadata;
    metadata_db::ExtentCatalog& catalog;
    DriveStates& drives;
    std::vector<chunk_server::ChunkStore*> stores;  // by DriveId
    const erasure_encoder::ErasureEncoder& encoder;
    BufferPool& buffers;
    Clock& clock;
    std::function<bool()> foreground_busy;  // may be empty
  };
  Scrubber(Dependencies dependencies, ScrubberOptions options);
  ~Scrubber();

  void Start(Executor& executor);
  // Waits for what is under way. Before destruction, when Start was called.
  Task<void> Stop();

  // Begins a round now, at full background speed; one that is under way begins again.
  Task<Status> StartRound();
  // Durable.
  Task<Status> Pause();
  Task<Status> Resume();
  ScrubStatus GetStatus() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ashlar::cluster
