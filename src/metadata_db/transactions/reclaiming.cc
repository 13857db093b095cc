// ExtentCatalog for the reclaimer: dead extents on their way to the trash and out of it, and shards
// that no extent row names.
//
// Guards, each of which alone keeps a live extent: the reclaim record in its phase, live bytes of
// 0, no referrer row. They are read in the transaction that acts on them.
#include <algorithm>
#include <string>
#include <utility>

#include "base/seeded_bug.h"
#include "metadata_db/extent_catalog.h"
#include "metadata_db/transactions/extent_rows.h"
#include "metadata_db/transactions/impl.h"
#include "metadata_db/transactions/row_walk.h"

namespace ashlar::metadata_db {
namespace {

constexpr size_t kRepairsOfExtentMax = 256;  // the number of a shard is one byte

// kConflict when anything refers to the extent.
Status CheckUnreferenced(View& view, const ExtentId& id) {
  ASSIGN_OR_RETURN(const auto bytes, ReadLiveBytes(view, id));
  if (!bytes) return Status(Code::kCorrupt, "an extent without live bytes");
  if (bytes->live != 0 && !SeededBug("catalog.skip_live_check")) {
    return Status(Code::kConflict, "the extent has live bytes");
  }
  ASSIGN_OR_RETURN(const bool referred, HasRows(view, ReferrerKey(id, {})));
  if (referred && !SeededBug("catalog.skip_referrer_check")) {
    return Status(Code::kConflict, "the extent has a referrer");
  }
  return Status::Ok();
}

Status AdvanceReclaim(Change& change, const model::ReclaimRecord& found, model::ReclaimPhase to,
                      int64_t reclaim_clock_s) {
  if (static_cast<int>(to) != static_cast<int>(found.phase) + 1) {
    return Status(Code::kInvalidArgument, "not the next phase");
  }
  ASSIGN_OR_RETURN(const auto stored, ReadReclaim(change.rows(), found.extent));
  if (!stored) return Status(Code::kNotFound, "no such reclaim record");
  if (*stored != found) return Status(Code::kConflict, "the reclaim record changed meanwhile");
  if (to == model::ReclaimPhase::kTrash) {
    RETURN_IF_ERROR(CheckUnreferenced(change.rows(), found.extent));
  }
  model::ReclaimRecord next = found;
  next.phase = to;
  next.phase_at_s = reclaim_clock_s;
  next.phase_since_ms = change.now_ms();
  change.rows().Put(TableKey(Table::kReclaim, found.extent.View()),
                    model::EncodeReclaimRecord(next));
  return Status::Ok();
}

Status ForgetExtent(Change& change, const ExtentId& id) {
  Transaction& rows = change.rows();
  ASSIGN_OR_RETURN(const auto record, ReadReclaim(rows, id));
  if (!record) {
    ASSIGN_OR_RETURN(const auto extent, rows.Get(TableKey(Table::kExtent, id.View())));
    return extent ? Status(Code::kConflict, "the extent is not dead")
                  : Status(Code::kNotFound, "no such extent");
  }
  if (record->phase != model::ReclaimPhase::kTrash) {
    return Status(Code::kConflict, "the extent is not in the trash");
  }
  RETURN_IF_ERROR(CheckUnreferenced(rows, id));
  const std::string repairs_prefix = TableKey(Table::kRepair, id.View());
  ASSIGN_OR_RETURN(const auto repairs, KeysOf(rows, repairs_prefix, kRepairsOfExtentMax));
  for (const std::string& key : repairs) rows.Delete(key);
  for (const Table table : {Table::kExtent, Table::kLiveBytes, Table::kReclaim}) {
    rows.Delete(TableKey(table, id.View()));
  }
  change.TellExtent(id);
  return Status::Ok();
}

// The row of this very shard. nullopt: it has none; kConflict: it is of another one.
Result<std::optional<model::DeadShard>> FindDeadShard(View& view, const model::DeadShard& shard) {
  ASSIGN_OR_RETURN(const auto row, view.Get(DeadShardKey(shard.location)));
  if (!row) return std::optional<model::DeadShard>();
  ASSIGN_OR_RETURN(const model::DeadShard stored, model::DecodeDeadShard(*row));
  if (stored.location != shard.location || stored.extent != shard.extent ||
      stored.shard_index != shard.shard_index) {
    return Status(Code::kConflict, "another shard is dead there");
  }
  return std::optional(stored);
}

Status MarkSeen(Change& change, const model::DeadShard& shard, int64_t reclaim_clock_s) {
  const auto stored = FindDeadShard(change.rows(), shard);
  if (stored.code() == Code::kConflict) return Status::Ok();
  RETURN_IF_ERROR(stored.status());
  if (!*stored || (*stored)->since_s != 0) return Status::Ok();
  model::DeadShard seen = **stored;
  seen.since_s = std::max<int64_t>(reclaim_clock_s, 1);
  change.rows().Put(DeadShardKey(shard.location), model::EncodeDeadShard(seen));
  return Status::Ok();
}

Status ConfirmDeadShard(Change& change, const model::DeadShard& shard) {
  ASSIGN_OR_RETURN(const auto stored, FindDeadShard(change.rows(), shard));
  if (!stored) return Status(Code::kNotFound, "the shard was not recorded as dead");
  ASSIGN_OR_RETURN(const bool named, IsNamed(change.rows(), shard));
  if (!named) return Status::Ok();
  change.rows().Delete(DeadShardKey(shard.location));
  return Status(Code::kConflict, "an extent names the shard");
}

Status ForgetDeadShard(Change& change, const model::DeadShard& shard) {
  const auto stored = FindDeadShard(change.rows(), shard);
  if (stored.code() == Code::kConflict) return Status::Ok();
  RETURN_IF_ERROR(stored.status());
  if (*stored) change.rows().Delete(DeadShardKey(shard.location));
  return Status::Ok();
}

}  // namespace

Task<Result<std::vector<model::ReclaimRecord>>> ExtentCatalog::ListReclaims(ExtentId after,
                                                                            uint32_t max_entries) {
  co_return co_await ListRows(metadata_.impl_->store, Table::kReclaim,
                              Behind(TableKey(Table::kReclaim, after.View())), max_entries,
                              &model::DecodeReclaimRecord);
}

Task<std::vector<Status>> ExtentCatalog::AdvanceReclaims(std::vector<model::ReclaimRecord> found,
                                                         model::ReclaimPhase to,
                                                         int64_t reclaim_clock_s) {
  const auto advance = [to, reclaim_clock_s](Change& change, const model::ReclaimRecord& record) {
    return AdvanceReclaim(change, record, to, reclaim_clock_s);
  };
  return SubmitEach(*metadata_.impl_, std::move(found), advance);
}

Task<std::vector<Status>> ExtentCatalog::ForgetExtents(std::vector<ExtentId> ids) {
  return SubmitEach(*metadata_.impl_, std::move(ids), ForgetExtent);
}

Task<Result<std::vector<model::DeadShard>>> ExtentCatalog::ListDeadShards(
    std::optional<model::DeadShard> after, uint32_t max_entries) {
  const std::string from =
      after ? Behind(DeadShardKey(after->location)) : TableKey(Table::kDeadShard);
  co_return co_await ListRows(metadata_.impl_->store, Table::kDeadShard, from, max_entries,
                              &model::DecodeDeadShard);
}

Task<Status> ExtentCatalog::RecordDeadShards(std::vector<model::DeadShard> shards) {
  const auto record = [](Change& change, const model::DeadShard& shard) {
    return NoteDeadShard(change.rows(), shard);
  };
  return SubmitAll(*metadata_.impl_, std::move(shards), record);
}

Task<Status> ExtentCatalog::MarkDeadShardsSeen(std::vector<model::DeadShard> shards,
                                               int64_t reclaim_clock_s) {
  const auto mark = [reclaim_clock_s](Change& change, const model::DeadShard& shard) {
    return MarkSeen(change, shard, reclaim_clock_s);
  };
  return SubmitAll(*metadata_.impl_, std::move(shards), mark);
}

Task<std::vector<Status>> ExtentCatalog::ConfirmDeadShards(std::vector<model::DeadShard> shards) {
  return SubmitEach(*metadata_.impl_, std::move(shards), ConfirmDeadShard);
}

Task<Status> ExtentCatalog::ForgetDeadShards(std::vector<model::DeadShard> shards) {
  return SubmitAll(*metadata_.impl_, std::move(shards), ForgetDeadShard);
}

}  // namespace ashlar::metadata_db
