// Archive: reads metadata out in bulk, and builds a metadata database anew from what was read. For
// the metadata journal and for rebuilding; requests of clients never come here.
//
// MetadataExport walks one frozen view: everything up to one commit, and nothing behind it.
// MetadataImport fills an empty store. Versions keep their ids, times and order. It is not a
// MetadataDb: nothing is told to caches, no events are written, and the store is of use to a
// MetadataDb only after Finish.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "metadata_db/metadata_db.h"
#include "metadata_db/ordered_store.h"
#include "model/extent.h"
#include "model/object_version.h"
#include "runtime/clock.h"
#include "runtime/task.h"

namespace ashlar::metadata_db {

struct ArchivedVersion {
  BucketId bucket;
  std::string key;
  model::ObjectVersion version;
  bool operator==(const ArchivedVersion&) const = default;
};
struct ArchivedPart {
  UniqueId upload;
  Sequence began;  // see MetadataDb::PutPartChange
  model::UploadPart part;
  bool operator==(const ArchivedPart&) const = default;
};

struct VersionName {
  BucketId bucket;
  std::string key;
  Sequence sequence;
};
// The versions of the first names, as they are now: all of them, or as many as `bytes_max` bytes of
// rows hold (at least one). Null: there is no such version (any more).
[[nodiscard]] Task<Result<std::vector<std::optional<model::ObjectVersion>>>> ReadVersions(
    OrderedStore& store, std::vector<VersionName> names, uint64_t bytes_max);

class MetadataExport {
 public:
  explicit MetadataExport(OrderedStore& store);
  ~MetadataExport();
  struct Page {
    std::vector<ExtentId> extents;
    std::vector<model::Bucket> buckets;
    std::vector<ArchivedVersion> versions;
    std::vector<model::Upload> uploads;
    std::vector<ArchivedPart> parts;
    bool at_end = false;
  };
  // The commit that the view ends with.
  Task<Result<Sequence>> Through();
  // The next rows, about `bytes_max` bytes of them. Leaves out what belongs to `bucket_skipped`,
  // but not its extents.
  Task<Result<Page>> Next(uint64_t bytes_max, BucketId bucket_skipped);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

class MetadataImport {
 public:
  // `store` is empty. Both must outlive this.
  MetadataImport(OrderedStore& store, Clock& clock);
  ~MetadataImport();

  // Each call is one durable commit.
  Task<Status> AddSettings(std::vector<std::pair<std::string, std::string>> settings);
  Task<Status> AddBuckets(std::vector<model::Bucket> buckets);
  // All versions of a key at once, any order, each with its manifest.
  struct Key {
    BucketId bucket;
    std::string name;
    std::vector<model::ObjectVersion> versions;
  };
  struct Upload {
    model::Upload upload;
    std::vector<ArchivedPart> parts;
  };
  // `extents`: those that the keys and uploads refer to; ones that are there already are left as
  // they are. Repair orders are for these extents. kInvalidArgument, and nothing is added, when a
  // slice lies in no extent.
  Task<Status> Add(NewExtents extents, std::vector<Key> keys, std::vector<Upload> uploads);
  // Extents to which nobody refers: they are reclaimed after their grace period.
  Task<Status> AddDeadExtents(std::vector<model::Extent> extents);
  // Commits from now on get sequences above `last`.
  Task<Status> Finish(Sequence last);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ashlar::metadata_db
