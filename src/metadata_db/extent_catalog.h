// ExtentCatalog: extents as background work sees them. The healer, scrubber, reclaimer and
// compactor read and change the metadata through it; requests of clients never do.
//
// Invariants
//  1. A change names what it found; it is made only when that still stands, in one transaction.
//     kConflict: somebody was there first, and nothing was changed.
//  2. Every slice that refers to an extent has a referrer row ('r'), written and removed in the
//     transaction that changes the slice. Live bytes are their sum.
//  3. An extent goes dead -> trash -> purged, each step a transaction of its own that looks again
//     whether anything refers to it. A dead extent never comes back to life.
//  4. A shard that no extent row names is destroyed only by way of a dead-shard row.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "metadata_db/metadata_db.h"
#include "model/extent.h"
#include "model/object_version.h"
#include "runtime/task.h"

namespace ashlar::metadata_db {

using ExtentPtr = std::shared_ptr<const model::Extent>;

// Setting: when (wall clock, milliseconds) the last scan came to its end that had compared every
// record of every drive with the rows. The scrubber writes it; reclaiming of orphans asks for it.
inline constexpr char kScanCompletedSetting[] = "scrub.completed_ms";

// A shard is rebuilt or moved: `to` takes the place of `from` in the extent's row.
struct ShardMove {
  ExtentId extent;
  uint8_t shard_index = 0;
  model::ShardLocation from;  // as the row says it, also when it is not present
  model::ShardLocation to;    // its generation is above that of a `from` that is present
  Sha256Digest root{};  // fills a root that the row does not know (rebuilt metadata), else equal
  // drive_exchanges() before the shard was written. Nothing is asked of one that is not told.
  uint64_t exchanges_seen = UINT64_MAX;
};

// Who refers to an extent: a version, or a part of an open upload.
struct Referrer {
  enum class Kind : uint8_t { kVersion = 0, kPart = 1 } kind = Kind::kVersion;
  // Of a version.
  BucketId bucket;
  std::string key;
  Sequence sequence;
  // Of a part.
  UniqueId upload_id;
  uint32_t part_number = 0;
  bool operator==(const Referrer&) const = default;
};
struct ExtentReferrer {
  Referrer referrer;
  std::string bucket_name;           // of a version
  std::vector<model::Slice> slices;  // those that lie in the extent, in the order of the object
};

struct SliceMove {
  model::Slice from;
  model::Slice to;
};
// What a compaction found at a referrer, and what it shall have instead. The order of the slices
// does not matter; each is found once, and has the length of what takes its place.
struct ReferrerMove {
  Referrer referrer;
  std::vector<SliceMove> slices;
};

struct ExtentUse {
  ExtentId extent;
  uint64_t live_bytes = 0;
  uint64_t data_bytes = 0;
};

class ExtentCatalog {
 public:
  explicit ExtentCatalog(MetadataDb& metadata) : metadata_(metadata) {}

  // ---- reading; pages in the order of ids, `after` exclusive (a zero id: from the beginning)
  Task<Result<std::vector<ExtentPtr>>> ListExtents(ExtentId after, uint32_t max_entries);
  // One entry an id; null: no such row.
  Task<Result<std::vector<ExtentPtr>>> GetExtents(std::vector<ExtentId> ids);
  // Of those to which something refers: what is dead stays so, and is reclaiming's. Null: the
  // others.
  Task<Result<std::vector<ExtentPtr>>> GetLivingExtents(std::vector<ExtentId> ids);
  // In no order that means anything; empty when nobody refers to it. An extent can have as many
  // referrers as it was copied: those above `max_entries` are left out.
  Task<Result<std::vector<ExtentReferrer>>> ListReferrers(ExtentId id,
                                                          uint32_t max_entries = 10'000);

  // ---- healing
  Task<Result<std::vector<model::RepairOrder>>> ListRepairs(std::optional<model::RepairOrder> after,
                                                            uint32_t max_entries);
  // One answer a move, all in one commit. Ok: the row names `to`, the shard's repair order is gone,
  // and `from`, when it was present, has become a dead shard (ReclaimCause::kMoved); also when an
  // earlier call did all that. kConflict: the row says something else, or the drive of `to` was
  // replaced since the shard was written; kNotFound: the extent has gone or is dead. `to` is then a
  // dead shard (kFailedWrite). kInvalidArgument: not a move.
  Task<std::vector<Status>> MoveShards(std::vector<ShardMove> moves);
  uint64_t drive_exchanges() const { return metadata_.drive_exchanges(); }
  // The orders' shards were found whole at the place that their extent rows name, or their extents
  // are dead. An order that was noted anew meanwhile stays.
  Task<Status> DismissRepairs(std::vector<model::RepairOrder> orders);

  // ---- reclaiming
  Task<Result<std::vector<model::ReclaimRecord>>> ListReclaims(ExtentId after,
                                                               uint32_t max_entries);
  // dead -> seen: the reclaimer's own clock starts to count (ReclaimRecord::phase_at_s).
  // seen -> trash: only if live bytes are 0 and no referrer row is there (else kConflict).
  // The records given are as they were read; one answer each. kConflict: the record says something
  // else; kNotFound: it has gone. kInvalidArgument: `to` is not the next phase.
  Task<std::vector<Status>> AdvanceReclaims(std::vector<model::ReclaimRecord> found,
                                            model::ReclaimPhase to, int64_t reclaim_clock_s);
  // The shards of extents in the trash are destroyed: looks a last time (live bytes 0, no referrer
  // row, phase trash; else kConflict), then removes extent, live bytes, reclaim record and repair
  // orders. One answer each; kNotFound: there is no such extent (any more).
  Task<std::vector<Status>> ForgetExtents(std::vector<ExtentId> ids);
  Task<Result<std::vector<model::DeadShard>>> ListDeadShards(std::optional<model::DeadShard> after,
                                                             uint32_t max_entries);
  // Writes rows for shards that no extent row names; one that has a row already keeps it. One that
  // an extent row does name (place and generation) is left out.
  Task<Status> RecordDeadShards(std::vector<model::DeadShard> shards);
  // The reclaimer's own clock starts to count for those that it has not seen yet.
  Task<Status> MarkDeadShardsSeen(std::vector<model::DeadShard> shards, int64_t reclaim_clock_s);
  // Is it still true that no extent row names the place? One answer each: ok, or kConflict (the row
  // was removed, the shard lives; or the row is of another shard). kNotFound: it has no row. Asked
  // right before a purge.
  Task<std::vector<Status>> ConfirmDeadShards(std::vector<model::DeadShard> shards);
  // They were destroyed. All of them, or none.
  Task<Status> ForgetDeadShards(std::vector<model::DeadShard> shards);

  // ---- compaction
  // Extents of which at most half lives, and that are not dead.
  Task<Result<std::vector<ExtentUse>>> ListSparse(ExtentId after, uint32_t max_entries);
  // Referrers get their new slices; one answer a referrer: kConflict when it does not hold the
  // slices that were found, or has gone. New extents to which nobody came to refer are recorded as
  // dead. Caches are told.
  Task<std::vector<Status>> MoveSlices(NewExtents extents, std::vector<ReferrerMove> moves);

 private:
  MetadataDb& metadata_;
};

}  // namespace ashlar::metadata_db
