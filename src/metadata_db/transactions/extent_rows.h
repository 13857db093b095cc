// Rows of extents, and of shards that no extent names, as several transactions read them.
#pragma once

#include <optional>
#include <string_view>

#include "base/status.h"
#include "metadata_db/ordered_store.h"
#include "metadata_db/transactions/reference_ledger.h"
#include "model/extent.h"
#include "model/object_version.h"

namespace ashlar::metadata_db {

// kCorrupt when the row is not that of `id`.
[[nodiscard]] Result<model::Extent> DecodeExtentOf(const ExtentId& id, std::string_view row);
[[nodiscard]] Result<std::optional<model::Extent>> ReadExtent(View& view, const ExtentId& id);
[[nodiscard]] Result<std::optional<LiveBytesRow>> ReadLiveBytes(View& view, const ExtentId& id);
[[nodiscard]] Result<std::optional<model::ReclaimRecord>> ReadReclaim(View& view,
                                                                      const ExtentId& id);

// Whether the row of the shard's extent names this very record: place and generation.
[[nodiscard]] Result<bool> IsNamed(View& view, const model::DeadShard& shard);
// kInvalidArgument: not a place. Leaves out a shard that an extent row names or that has a row.
Status NoteDeadShard(Transaction& rows, const model::DeadShard& shard);

}  // namespace ashlar::metadata_db
