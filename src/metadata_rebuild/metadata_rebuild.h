// MetadataRebuild: makes the metadata of a store anew from its drives alone.
//
//   record headers         -> extents and where their shards lie
//   directories in extents -> what each PUT and part stored
//   metadata journal       -> everything else, exactly, up to its last update
//
// The journal decides first: a version that it knows comes back as it was, one that it knows to be
// deleted stays away. What no journal tells of and a directory shows is a write of the last
// moments, and comes back as a PUT, in the order of time (internal/writes.h has the rules).
//
// Invariants
//  1. The drives are only read.
//  2. Extents are never given to the reclaimer unless all writes in them were decided by the
//     journal or refused by a rule that is certain; the others stay as orphans, for a later rebuild
//     with more drives, until the scrubber's long grace is over.
//  3. Who calls adds the settings of a server (registration of drives) and renames the new database
//     into place, last.
//
// Memory: the rows are sorted on disk, in a scratch database beside the new one; in memory are the
// buckets, the names of journal segments and one segment at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "metadata_db/ordered_store.h"
#include "runtime/clock.h"
#include "runtime/disk.h"
#include "runtime/executor.h"
#include "runtime/task.h"

namespace ashlar::metadata_rebuild {

struct RebuildProgress {
  const char* phase = "";
  uint64_t done = 0;
  uint64_t total = 0;  // 0: not known
};

struct RebuildOptions {
  std::vector<std::string> drives;                       // paths; missing ones are left out
  size_t names_max = 100;                                // in each list of the report
  std::function<void(const RebuildProgress&)> progress;  // may be null
};

// Counted always, named up to names_max.
struct NamedList {
  uint64_t count = 0;
  std::vector<std::string> names;
  void Add(std::string name, size_t names_max) {
    ++count;
    if (names.size() < names_max) names.push_back(std::move(name));
  }
};

struct RebuildReport {
  UniqueId cluster_id;
  std::string code;                   // of the extents found; empty: none was
  std::vector<UniqueId> drive_uuids;  // of the drives found, by DriveId; zero: not there
  // Settings that the journal keeps, among them the registration of drives.
  std::vector<std::pair<std::string, std::string>> settings;

  uint64_t drives_found = 0;
  uint64_t records = 0;
  uint64_t extents = 0;
  uint64_t extents_dead = 0;      // whose content the journal knows to be deleted
  uint64_t extents_orphaned = 0;  // left alone, see invariant 2
  uint64_t shards_missing = 0;    // repair orders

  bool journal_found = false;
  uint64_t journal_segments = 0;
  int64_t journal_until_ms = 0;
  std::vector<std::string> journal_problems;

  uint64_t buckets = 0;
  uint64_t keys = 0;
  uint64_t versions = 0;
  uint64_t uploads = 0;
  uint64_t parts = 0;
  NamedList from_directories;  // PUTs that only a directory tells of
  NamedList buckets_made_up;   // of which nothing but the name is known
  NamedList uploads_made_up;   // from their parts; may have been aborted
  NamedList unreadable;        // restored, but fewer shards than needed are there now
  NamedList lost;  // the journal knows them, but no shard of one of their extents is there
  NamedList
      refused;  // writes that were left alone: incomplete, or much older than the journal's end
};

[[nodiscard]] std::string ReportAsText(const RebuildReport& report);

// Fills `target`, which is empty, with the help of `scratch`, which is empty too.
[[nodiscard]] Task<Result<RebuildReport>> RunRebuild(Disk& disk, Clock& clock,
                                                     metadata_db::OrderedStore& scratch,
                                                     metadata_db::OrderedStore& target,
                                                     RebuildOptions options);

}  // namespace ashlar::metadata_rebuild
