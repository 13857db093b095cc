// ReferenceLedger: who refers to which bytes of which extent, within one transaction.
//
// Invariants
//  1. Live bytes of an extent = sum of the slices that refer to it; never negative, and an extent
//     that has reached 0 is dead for ever: nothing may refer to it again (its shards may be gone).
//  2. Additions and drops of one transaction are netted before anything is written: a copy onto
//     itself never passes through 0.
//  3. Whoever will Add or Drop calls Prepare first; only Prepare can fail. So a change decides
//     before it writes.
//  4. Each extent that a version or part has slices in has a row that names it ('r'). Who changes
//     the slices of one drops the old ones before adding the new ones, in whole extents.
//  5. Extents of which at most half lives stand in 'y' (see IsSparse).
// Used on the commit thread only, one ledger a transaction.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/status.h"
#include "metadata_db/ordered_store.h"
#include "model/extent.h"
#include "model/object_version.h"

namespace ashlar::metadata_db {

// Row of 'l'.
struct LiveBytesRow {
  uint64_t live = 0;
  uint64_t data = 0;
  bool operator==(const LiveBytesRow&) const = default;
};
[[nodiscard]] std::string EncodeLiveBytes(const LiveBytesRow& bytes);
[[nodiscard]] Result<LiveBytesRow> DecodeLiveBytes(std::string_view row);
// Worth compacting. Copies count as often as they are made: an extent whose half is copied is not
// sparse, though it has room to give back.
[[nodiscard]] inline bool IsSparse(const LiveBytesRow& bytes) {
  return bytes.live > 0 && bytes.live <= bytes.data / 2;
}

class ReferenceLedger {
 public:
  explicit ReferenceLedger(Transaction& transaction) : transaction_(transaction) {}

  // An extent that this transaction brings. One that is stored already (a repeated submission after
  // an unknown outcome) is left as it is.
  Status AddExtent(const model::Extent& extent);

  // Reads what Add needs. kConflict: an extent is dead. kInvalidArgument: a slice lies outside of
  // its extent, or names an unknown one.
  Status PrepareAdd(std::span<const model::Part> parts);
  // Reads what Drop needs. kCorrupt: the books do not balance.
  Status PrepareDrop(std::span<const model::Part> parts);
  // `referrer`: VersionReferrer or PartReferrer of whose slices these are.
  void Add(std::span<const model::Part> parts, std::string_view referrer);
  void Drop(std::span<const model::Part> parts, std::string_view referrer,
            model::ReclaimCause cause);

  // Writes extent, live-bytes, sparse and reclaim rows. kCorrupt when a sum would become negative.
  Status Apply(int64_t now_ms);
  // After Apply: is the extent new here and referred to?
  bool IsNewAndLive(const ExtentId& id) const;
  // Extents that this transaction brought and did not find stored.
  const std::vector<model::Extent>& new_extents() const { return new_extents_; }

 private:
  struct Account {
    LiveBytesRow before;
    int64_t delta = 0;
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
