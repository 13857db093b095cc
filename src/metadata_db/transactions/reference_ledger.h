// ReferenceLedger: who refers to which bytes of which extent, within one transaction.
//
// Invariants
//  1. Live bytes of an extent = sum of the slices that refer to it; never negative, and an extent
//     that has reached 0 is dead for ever: nothing may refer to it again (its shards may be gone).
//  2. Additions and drops of one transaction are netted before anything is written: a copy onto
//     itself never passes through 0.
//  3. Whoever will Add or Drop calls Prepare first; only Prepare can fail. So a change decides
//     before it writes.
// Used on the commit thread only, one ledger a transaction.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/status.h"
#include "metadata_db/ordered_store.h"
#include "model/extent.h"
#include "model/object_version.h"

namespace ashlar::metadata_db {

class ReferenceLedger {
 public:
  explicit ReferenceLedger(Transaction& transaction) : transaction_(transaction) {}

  // An extent that this transaction brings. One that is stored already (a repeated submission after
  // an unknown outcome) is left as it is.
  Status AddExtent(const model::Extent& extent);

  // Reads what Add needs. kConflict: an extent is dead. kInvalidArgument: a slice lies outside of a
  // new extent, or names an unknown one.
  Status PrepareAdd(std::span<const model::Part> parts);
  // Reads what Drop needs. kCorrupt: the books do not balance.
  Status PrepareDrop(std::span<const model::Part> parts);
  void Add(std::span<const model::Part> parts);
  void Drop(std::span<const model::Part> parts, model::ReclaimCause cause);

  // Writes extent, live-bytes and reclaim rows. kCorrupt when a sum would become negative.
  Status Apply(int64_t now_ms);
  // After Apply: is the extent new here and referred to?
  bool IsNewAndLive(const ExtentId& id) const;
  // Extents that this transaction brought and did not find stored.
  const std::vector<model::Extent>& new_extents() const { return new_extents_; }

 private:
  struct Account {
    uint64_t before = 0;
    int64_t delta = 0;
    uint64_t data_bytes = 0;  // of a new extent
    bool is_new = false;
    model::ReclaimCause cause = model::ReclaimCause::kFailedWrite;
  };
  Status Load(const ExtentId& id, Account** account);

  Transaction& transaction_;
  std::unordered_map<ExtentId, Account> accounts_;
  std::vector<ExtentId> order_;
  std::vector<model::Extent> new_extents_;
};

}  // namespace ashlar::metadata_db
