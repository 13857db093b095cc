// Fsck: an independent check of a store that does not run: the metadata's own books, and every
// shard that the drives hold against what the metadata says of it. It changes nothing.
//
// It shares the codecs of rows and records (model) with the product and nothing else: it walks the
// tables by their keys and the volumes by their bytes with code of its own, so that a mistake in
// healing or scrubbing cannot hide from it.
//
// Memory: about 110 bytes an extent (internal/extent_table.h), 8 a dead-shard row, and a window of
// 1 MiB a drive. Ten million objects are 1.1 GB when each has an extent of its own, and about
// 30 MB when they are small and packed.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/status.h"
#include "metadata_db/ordered_store.h"
#include "runtime/disk.h"
#include "runtime/executor.h"
#include "runtime/task.h"

namespace ashlar::fsck {

struct FsckProgress {
  const char* phase = "";
  uint64_t done = 0;
  uint64_t total = 0;  // 0: not known
};

struct FsckOptions {
  // Paths, any order; what is missing is a finding. Empty: <data_folder>/drive-01 and so on, as
  // many as are registered.
  std::vector<std::string> drives;
  std::string data_folder;
  bool verify = false;                                // reads every body and compares all digests
  size_t names_max = 20;                              // of objects that are listed by name
  std::function<void(const FsckProgress&)> progress;  // may be null; called often, from any thread
};

// Shards of extents that somebody refers to, by what was found at the place their row names.
struct ShardCounts {
  uint64_t live = 0;
  uint64_t missing = 0;      // nothing valid lies there
  uint64_t corrupt = 0;      // the record is there; its digests are not those of row or body
  uint64_t not_written = 0;  // the row says so itself: the drive was away
};
// Records that lie where no row names them.
struct StrayCounts {
  uint64_t orphan = 0;     // no row of the extent
  uint64_t stale = 0;      // of another generation than the row's
  uint64_t duplicate = 0;  // as the row says, but there is one at the right place too
  uint64_t misplaced = 0;  // as the row says, and the right place has none; or misdirected
  uint64_t in_grace = 0;   // waits for the reclaimer: named by a dead-shard or reclaim record
  uint64_t purged = 0;     // marked dead
};

struct AffectedObject {
  std::string bucket;
  std::string key;
  std::string version_id;    // of an open upload: empty
  uint32_t good_shards = 0;  // of its worst extent
  uint32_t needed_shards = 0;
};

struct FsckReport {
  uint64_t buckets = 0;
  uint64_t objects = 0;  // keys with a current version
  // Of buckets whose names begin with a dot: the store's own, such as the metadata journal. They
  // count nowhere else among buckets, objects and versions.
  uint64_t internal_objects = 0;
  uint64_t versions = 0;  // all of them, markers too
  uint64_t delete_markers = 0;
  uint64_t uploads = 0;
  uint64_t parts = 0;
  uint64_t extents = 0;
  uint64_t dead_extents = 0;  // waiting to be reclaimed
  uint64_t repair_orders = 0;
  uint64_t live_bytes = 0;  // sum of all slices
  std::string code;         // of most extents

  uint64_t drives_missing = 0;
  std::vector<std::string> drive_problems;   // one line each
  std::vector<std::string> volume_problems;  // unreadable ones
  uint64_t volumes = 0;
  uint64_t volume_bytes = 0;
  uint64_t unreadable_bytes = 0;
  // Bytes between records that are not zero: torn and abandoned writes, damage.
  uint64_t damaged_bytes = 0;

  ShardCounts shards;
  StrayCounts strays;
  // Extents in use that lack shards, by the parities that are left.
  std::map<int, uint64_t> extents_by_parity_left;
  uint64_t extents_unreadable = 0;  // fewer than k shards
  uint64_t objects_degraded = 0;    // versions and parts; still readable
  uint64_t objects_lost = 0;
  std::vector<AffectedObject> lost;
  std::vector<AffectedObject> degraded;

  // What does not add up in the metadata itself; first ones in words, then only counted.
  uint64_t book_errors = 0;
  std::vector<std::string> book_error_texts;

  // 0: clean. 1: findings that healing, scrubbing and reclaiming mend. 2: data cannot be read, or
  // the books are wrong.
  int ExitCode() const;
};

[[nodiscard]] std::string ReportAsText(const FsckReport& report);
[[nodiscard]] std::string ReportAsJson(const FsckReport& report);

// Reads the whole store. Walks the drives on `executors` (at least one), one task a drive. An error
// means that nothing could be said at all.
[[nodiscard]] Task<Result<FsckReport>> RunFsck(Disk& disk, metadata_db::OrderedStore& metadata,
                                               std::vector<Executor*> executors,
                                               FsckOptions options);

}  // namespace ashlar::fsck
