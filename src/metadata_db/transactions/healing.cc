// ExtentCatalog for the healer and the scrubber: pages of extents, repair orders, shards that move.
#include <utility>

#include "base/seeded_bug.h"
#include "metadata_db/extent_catalog.h"
#include "metadata_db/transactions/extent_rows.h"
#include "metadata_db/transactions/impl.h"
#include "metadata_db/transactions/row_walk.h"

namespace ashlar::metadata_db {
namespace {

model::DeadShard DeadShardOf(Change& change, const ShardMove& move,
                             const model::ShardLocation& location, model::ReclaimCause cause) {
  return {.location = location,
          .extent = move.extent,
          .shard_index = move.shard_index,
          .body_bytes = 0,
          .cause = cause,
          .since_ms = change.now_ms(),
          .since_s = 0};
}

// The shard at `to` was written for nothing.
Status Refuse(Change& change, const ShardMove& move, uint64_t body_bytes, Status reason) {
  model::DeadShard shard = DeadShardOf(change, move, move.to, model::ReclaimCause::kFailedWrite);
  shard.body_bytes = body_bytes;
  RETURN_IF_ERROR(NoteDeadShard(change.rows(), shard));
  return reason;
}

uint64_t ShardBytes(const model::Extent& extent) {
  return model::ExtentLayout(extent.data_shards, extent.unit_bytes, extent.payload_bytes)
      .shard_bytes();
}

Status MoveShard(Change& change, const ShardMove& move) {
  if (!move.to.present) return Status(Code::kInvalidArgument, "a shard moves to a place");
  if (move.from.present && move.to.generation <= move.from.generation) {
    return Status(Code::kInvalidArgument, "a shard that moves has a new generation");
  }
  ASSIGN_OR_RETURN(auto extent, ReadExtent(change.rows(), move.extent));
  if (!extent) return Refuse(change, move, 0, Status(Code::kNotFound, "no such extent"));
  const uint64_t body_bytes = ShardBytes(*extent);
  ASSIGN_OR_RETURN(const auto reclaim, ReadReclaim(change.rows(), move.extent));
  if (reclaim) {
    return Refuse(change, move, body_bytes, Status(Code::kNotFound, "the extent is dead"));
  }
  if (move.shard_index >= extent->locations.size()) {
    return Status(Code::kInvalidArgument, "no such shard");
  }
  model::ShardLocation& location = extent->locations[move.shard_index];
  Sha256Digest& root = extent->roots[move.shard_index];
  // A repeated move, whose first outcome was not known.
  if (location == move.to) return Status::Ok();
  if (location != move.from && !SeededBug("catalog.move_from_anywhere")) {
    return Refuse(change, move, body_bytes,
                  Status(Code::kConflict, "the shard has moved meanwhile"));
  }
  if (root != Sha256Digest{} && root != move.root) {
    return Refuse(change, move, body_bytes, Status(Code::kConflict, "not the shard of the row"));
  }
  if (change.WasExchanged(move.to.drive, move.exchanges_seen)) {
    return Refuse(change, move, body_bytes,
                  Status(Code::kConflict, "its drive was replaced meanwhile"));
  }
  location = move.to;
  root = move.root;
  change.rows().Put(TableKey(Table::kExtent, move.extent.View()), model::EncodeExtent(*extent));
  change.rows().Delete(RepairKey(move.extent, ShardIndex{move.shard_index}));
  // A scan that met the record before this row named it may have taken it for an orphan.
  change.rows().Delete(DeadShardKey(move.to));
  if (move.from.present && !SeededBug("catalog.forget_old_place")) {
    model::DeadShard old = DeadShardOf(change, move, move.from, model::ReclaimCause::kMoved);
    old.body_bytes = body_bytes;
    change.rows().Put(DeadShardKey(move.from), model::EncodeDeadShard(old));
  }
  change.TellExtent(move.extent);
  return Status::Ok();
}

Status DismissRepair(Change& change, const model::RepairOrder& found) {
  const std::string key = RepairKey(found.extent, found.shard);
  ASSIGN_OR_RETURN(const auto row, change.rows().Get(key));
  if (!row) return Status::Ok();
  ASSIGN_OR_RETURN(const model::RepairOrder order, model::DecodeRepairOrder(*row));
  if (order == found) change.rows().Delete(key);
  return Status::Ok();
}

Result<ExtentPtr> ExtentOfRow(std::string_view key, std::string_view row) {
  ASSIGN_OR_RETURN(model::Extent extent, DecodeExtentOf(UniqueId::FromView(key.substr(1)), row));
  return std::make_shared<const model::Extent>(std::move(extent));
}

Status ReadExtents(View& view, const std::vector<ExtentId>& ids, bool living,
                   std::vector<ExtentPtr>* extents) {
  extents->assign(ids.size(), nullptr);
  for (size_t i = 0; i < ids.size(); ++i) {
    if (living) {
      ASSIGN_OR_RETURN(const auto reclaim, ReadReclaim(view, ids[i]));
      if (reclaim) continue;
    }
    ASSIGN_OR_RETURN(auto extent, ReadExtent(view, ids[i]));
    if (extent) (*extents)[i] = std::make_shared<const model::Extent>(std::move(*extent));
  }
  return Status::Ok();
}

}  // namespace

Task<Result<std::vector<ExtentPtr>>> ExtentCatalog::ListExtents(ExtentId after,
                                                                uint32_t max_entries) {
  std::vector<ExtentPtr> extents;
  ReadBody body = [&](Snapshot& snapshot) {
    extents.clear();
    return ReadRows(snapshot, Table::kExtent, Behind(TableKey(Table::kExtent, after.View())),
                    max_entries, ExtentOfRow, &extents);
  };
  CO_RETURN_IF_ERROR(co_await metadata_.impl_->store.Read(std::move(body)));
  co_return extents;
}

Task<Result<std::vector<ExtentPtr>>> ExtentCatalog::GetExtents(std::vector<ExtentId> ids) {
  std::vector<ExtentPtr> extents;
  ReadBody body = [&](Snapshot& snapshot) {
    return ReadExtents(snapshot, ids, /*living=*/false, &extents);
  };
  CO_RETURN_IF_ERROR(co_await metadata_.impl_->store.Read(std::move(body)));
  co_return extents;
}

Task<Result<std::vector<ExtentPtr>>> ExtentCatalog::GetLivingExtents(std::vector<ExtentId> ids) {
  std::vector<ExtentPtr> extents;
  ReadBody body = [&](Snapshot& snapshot) {
    return ReadExtents(snapshot, ids, /*living=*/true, &extents);
  };
  CO_RETURN_IF_ERROR(co_await metadata_.impl_->store.Read(std::move(body)));
  co_return extents;
}

Task<Result<std::vector<model::RepairOrder>>> ExtentCatalog::ListRepairs(
    std::optional<model::RepairOrder> after, uint32_t max_entries) {
  const std::string from =
      after ? Behind(RepairKey(after->extent, after->shard)) : TableKey(Table::kRepair);
  co_return co_await ListRows(metadata_.impl_->store, Table::kRepair, from, max_entries,
                              &model::DecodeRepairOrder);
}

Task<std::vector<Status>> ExtentCatalog::MoveShards(std::vector<ShardMove> moves) {
  return SubmitEach(*metadata_.impl_, std::move(moves), MoveShard);
}

Task<Status> ExtentCatalog::DismissRepairs(std::vector<model::RepairOrder> orders) {
  return SubmitAll(*metadata_.impl_, std::move(orders), DismissRepair);
}

}  // namespace ashlar::metadata_db
