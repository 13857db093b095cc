#include "metadata_db/transactions/reference_ledger.h"

#include "base/bytes.h"
#include "base/seeded_bug.h"
#include "metadata_db/transactions/schema.h"

namespace ashlar::metadata_db {

std::string EncodeLiveBytes(const LiveBytesRow& bytes) {
  std::string row;
  Encoder out(&row);
  out.Varint(bytes.live);
  out.Varint(bytes.data);
  return row;
}

Result<LiveBytesRow> DecodeLiveBytes(std::string_view row) {
  Decoder in(row);
  LiveBytesRow bytes;
  bytes.live = in.Varint();
  bytes.data = in.Varint();
  if (!in.ok() || !in.AtEnd()) return Status(Code::kCorrupt, "live bytes of an extent");
  return bytes;
}

Status ReferenceLedger::AddExtent(const model::Extent& extent) {
  ASSIGN_OR_RETURN(const auto stored, transaction_.Get(TableKey(Table::kExtent, extent.id.View())));
  if (stored || accounts_.contains(extent.id)) return Status::Ok();
  accounts_[extent.id] =
      Account{.before = {.live = 0, .data = extent.data_bytes()}, .is_new = true};
  order_.push_back(extent.id);
  new_extents_.push_back(extent);
  return Status::Ok();
}

Status ReferenceLedger::Load(const ExtentId& id, Account** account) {
  const auto found = accounts_.find(id);
  if (found != accounts_.end()) {
    *account = &found->second;
    return Status::Ok();
  }
  ASSIGN_OR_RETURN(const auto row, transaction_.Get(TableKey(Table::kLiveBytes, id.View())));
  if (!row) return Status(Code::kInvalidArgument, "unknown extent " + id.ToHex());
  ASSIGN_OR_RETURN(const LiveBytesRow before, DecodeLiveBytes(*row));
  *account = &accounts_[id];
  (*account)->before = before;
  order_.push_back(id);
  return Status::Ok();
}

Status ReferenceLedger::PrepareAdd(std::span<const model::Part> parts) {
  for (const model::Part& part : parts) {
    for (const model::Slice& slice : part.slices) {
      Account* account = nullptr;
      RETURN_IF_ERROR(Load(slice.extent, &account));
      if (!account->is_new && account->before.live == 0) {
        return Status(Code::kConflict, "extent " + slice.extent.ToHex() + " is dead");
      }
      const uint64_t data = account->before.data;
      if (slice.length == 0 || slice.offset > data || slice.length > data - slice.offset) {
        return Status(Code::kInvalidArgument, "slice empty or outside of its extent");
      }
    }
  }
  return Status::Ok();
}

Status ReferenceLedger::PrepareDrop(std::span<const model::Part> parts) {
  for (const model::Part& part : parts) {
    for (const model::Slice& slice : part.slices) {
      Account* account = nullptr;
      const Status status = Load(slice.extent, &account);
      if (status.code() == Code::kInvalidArgument) {
        return Status(Code::kCorrupt, "a version refers to an " + status.message());
      }
      RETURN_IF_ERROR(status);
    }
  }
  return Status::Ok();
}

void ReferenceLedger::Add(std::span<const model::Part> parts, std::string_view referrer) {
  for (const model::Part& part : parts) {
    for (const model::Slice& slice : part.slices) {
      const auto account = accounts_.find(slice.extent);
      CHECK(account != accounts_.end());
      if (!account->second.is_new && SeededBug("references.copy_adds_none")) continue;
      account->second.delta += static_cast<int64_t>(slice.length);
      transaction_.Put(ReferrerKey(slice.extent, referrer), "");
    }
  }
}

void ReferenceLedger::Drop(std::span<const model::Part> parts, std::string_view referrer,
                           model::ReclaimCause cause) {
  for (const model::Part& part : parts) {
    for (const model::Slice& slice : part.slices) {
      const auto account = accounts_.find(slice.extent);
      CHECK(account != accounts_.end());
      if (cause == model::ReclaimCause::kAborted && SeededBug("references.abort_drops_none"))
        continue;
      account->second.delta -= static_cast<int64_t>(slice.length);
      account->second.cause = cause;
      transaction_.Delete(ReferrerKey(slice.extent, referrer));
    }
  }
}

Status ReferenceLedger::Apply(int64_t now_ms) {
  for (const ExtentId& id : order_) {
    const Account& account = accounts_.at(id);
    const int64_t live = static_cast<int64_t>(account.before.live) + account.delta;
    if (live < 0) {
      return Status(Code::kCorrupt,
                    "more is dropped of extent " + id.ToHex() + " than refers to it");
    }
    if (!account.is_new && account.delta == 0) continue;
    const LiveBytesRow after{.live = static_cast<uint64_t>(live), .data = account.before.data};
    transaction_.Put(TableKey(Table::kLiveBytes, id.View()), EncodeLiveBytes(after));
    if (IsSparse(after) && !IsSparse(account.before)) {
      transaction_.Put(TableKey(Table::kSparse, id.View()), "");
    } else if (!IsSparse(after) && IsSparse(account.before)) {
      transaction_.Delete(TableKey(Table::kSparse, id.View()));
    }
    if (live > 0) continue;
    transaction_.Put(TableKey(Table::kReclaim, id.View()),
                     model::EncodeReclaimRecord(
                         {.extent = id, .cause = account.cause, .dead_since_ms = now_ms}));
  }
  for (const model::Extent& extent : new_extents_) {
    transaction_.Put(TableKey(Table::kExtent, extent.id.View()), model::EncodeExtent(extent));
  }
  return Status::Ok();
}

bool ReferenceLedger::IsNewAndLive(const ExtentId& id) const {
  const auto account = accounts_.find(id);
  return account != accounts_.end() && account->second.is_new && account->second.delta > 0;
}

}  // namespace ashlar::metadata_db
