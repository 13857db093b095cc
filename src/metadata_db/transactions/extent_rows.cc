#include "metadata_db/transactions/extent_rows.h"

#include <algorithm>
#include <string>
#include <utility>

#include "metadata_db/transactions/schema.h"

namespace ashlar::metadata_db {

Result<model::Extent> DecodeExtentOf(const ExtentId& id, std::string_view row) {
  ASSIGN_OR_RETURN(model::Extent extent, model::DecodeExtent(row));
  if (extent.id != id) return Status(Code::kCorrupt, "extent row under a foreign key");
  return extent;
}

Result<std::optional<model::Extent>> ReadExtent(View& view, const ExtentId& id) {
  ASSIGN_OR_RETURN(const auto row, view.Get(TableKey(Table::kExtent, id.View())));
  if (!row) return std::optional<model::Extent>();
  ASSIGN_OR_RETURN(model::Extent extent, DecodeExtentOf(id, *row));
  return std::optional(std::move(extent));
}

Result<std::optional<LiveBytesRow>> ReadLiveBytes(View& view, const ExtentId& id) {
  ASSIGN_OR_RETURN(const auto row, view.Get(TableKey(Table::kLiveBytes, id.View())));
  if (!row) return std::optional<LiveBytesRow>();
  ASSIGN_OR_RETURN(const LiveBytesRow bytes, DecodeLiveBytes(*row));
  return std::optional(bytes);
}

Result<std::optional<model::ReclaimRecord>> ReadReclaim(View& view, const ExtentId& id) {
  ASSIGN_OR_RETURN(const auto row, view.Get(TableKey(Table::kReclaim, id.View())));
  if (!row) return std::optional<model::ReclaimRecord>();
  ASSIGN_OR_RETURN(const model::ReclaimRecord record, model::DecodeReclaimRecord(*row));
  if (record.extent != id) return Status(Code::kCorrupt, "reclaim record under a foreign key");
  return std::optional(record);
}

Result<bool> IsNamed(View& view, const model::DeadShard& shard) {
  ASSIGN_OR_RETURN(const auto extent, ReadExtent(view, shard.extent));
  if (!extent) return false;
  return std::find(extent->locations.begin(), extent->locations.end(), shard.location) !=
         extent->locations.end();
}

Status NoteDeadShard(Transaction& rows, const model::DeadShard& shard) {
  if (!shard.location.present) return Status(Code::kInvalidArgument, "a dead shard has a place");
  const std::string key = DeadShardKey(shard.location);
  ASSIGN_OR_RETURN(const auto known, rows.Get(key));
  if (known) return Status::Ok();
  ASSIGN_OR_RETURN(const bool named, IsNamed(rows, shard));
  if (!named) rows.Put(key, model::EncodeDeadShard(shard));
  return Status::Ok();
}

}  // namespace ashlar::metadata_db
