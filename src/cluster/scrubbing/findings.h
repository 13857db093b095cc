// What a record on a drive is, seen from its extent's row: a pure decision.
#pragma once

#include "chunk_server/chunk_store.h"
#include "model/extent.h"

namespace ashlar::cluster {

enum class RecordKind : uint8_t {
  kWhole,      // the row names this record, and it is whole
  kCorrupt,    // the row names it, and it is not
  kStale,      // an older generation than the row's
  kDuplicate,  // the same or a newer generation, on the drive that the row names, elsewhere
  kMisplaced,  // the row names another drive for this shard
  kOrphan,     // no row
};

// `extent`: its row, or null.
[[nodiscard]] RecordKind Classify(const chunk_server::WalkedShard& record,
                                  const model::Extent* extent);

}  // namespace ashlar::cluster
