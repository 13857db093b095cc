// Writes: what the directories of extents tell of one PUT or part, and whether it comes back. Pure.
//
// An extent and all that its commit made of it became known to the metadata in one transaction. So
// when the journal knows an extent, it knows what became of every write in it, and the directory is
// not asked. A write in an unknown extent was committed after the last update of the journal, or
// was never acknowledged; it comes back unless
//  - it is not all there (other extents of it are missing),
//  - it is much older than the last update: then it was never acknowledged, as the journal runs
//    every second,
//  - its bucket was deleted, or (where a key has one version) its key was changed, at a time after
//    it began: then it ended before that, or was never acknowledged, or raced with the change and
//    lost.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "model/object_version.h"

namespace ashlar::metadata_rebuild {

// Extents that the journal does not know and that are older than its end by this were abandoned.
inline constexpr int64_t kUndecidedAgeMsMax = 3600LL * 1000;

[[nodiscard]] int64_t TimeOf(const UniqueId& id);

struct Write {
  model::DirectoryEntry entry;  // the last one when `complete`, else any
  std::vector<model::Slice> slices;
  bool complete = false;
  ExtentId newest_extent;
  // It did not end before this. The id of its newest extent tells, but not that of a copy which
  // compaction made: bytes are moved for anybody who refers to them, a copied object or part, also
  // when the write itself was replaced long ago.
  int64_t begun_ms = 0;
  // All in which a piece was seen, also those whose pieces were moved to later ones (compaction).
  std::vector<ExtentId> extents;

  bool IsPart() const { return !entry.upload_id.IsZero(); }
  std::string Name() const { return entry.bucket + "/" + entry.key; }
};
// Of the entries of one write id. Where two extents hold the same piece, the later one counts.
[[nodiscard]] Write JoinEntries(std::vector<std::pair<ExtentId, model::DirectoryEntry>> entries);

enum class Fate {
  kRestored,
  kKnown,
  kIncomplete,
  kTooOld,
  kBucketDeleted,
  kOverwritten,
};
// Is it certain that nobody will ever miss the write? (Not so when pieces are missing.)
[[nodiscard]] bool IsDecided(Fate fate);

struct WriteContext {
  bool extent_known = false;
  std::optional<int64_t> journal_until_ms;  // none: there is no journal
  std::optional<int64_t> bucket_deleted_ms;
  std::optional<int64_t> key_changed_ms;
  bool keeps_versions = false;  // of the bucket, now
};
[[nodiscard]] Fate DecideFate(const Write& write, const WriteContext& context);

// The version that the PUT made, as far as the directory tells: without sequence and id.
[[nodiscard]] model::ObjectVersion VersionOf(const Write& write);
// The part, without sequence.
[[nodiscard]] model::UploadPart PartOf(const Write& write);
// The upload of a part of which nothing else is known; without bucket.
[[nodiscard]] model::Upload UploadOf(const Write& write);

}  // namespace ashlar::metadata_rebuild
