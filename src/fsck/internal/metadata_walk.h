// Walks the tables of the metadata database by their keys, which are described in
// metadata_db/transactions/schema.h and parsed here anew.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "fsck/fsck.h"
#include "fsck/internal/extent_table.h"
#include "metadata_db/ordered_store.h"
#include "model/object_version.h"

namespace ashlar::fsck {

// What the walk over the drives needs to know.
struct MetadataFacts {
  ExtentTable extents;
  // Fingerprints (PlaceOf) of the places that dead-shard rows name, sorted.
  std::vector<uint64_t> dead_places;
  struct Drive {
    UniqueId uuid;
    DriveId id;
  };
  UniqueId cluster_id;
  std::vector<Drive> drives;  // as registered
};

[[nodiscard]] uint64_t PlaceOf(DriveId drive, uint32_t volume, uint64_t offset);

// Fills in facts, and the report's counts and books. An error: a table could not be read.
Status WalkMetadata(metadata_db::View& view, const FsckOptions& options, MetadataFacts* facts,
                    FsckReport* report);

// After the drives were walked: counts and names the objects whose extents lack shards.
Status ListAffected(metadata_db::View& view, const FsckOptions& options, const ExtentTable& extents,
                    FsckReport* report);

// The row of an extent, for a record that is not where the table expects it. kCorrupt, kNotFound.
[[nodiscard]] Result<model::Extent> ReadExtentRow(metadata_db::View& view, const ExtentId& id);

}  // namespace ashlar::fsck
