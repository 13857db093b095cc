// Extents, repair orders, outbox, exchanges of drives: reads, and the notes that are not part of a
// put. What background work does with them is in healing.cc, reclaiming.cc and compaction.cc.
#include <algorithm>
#include <utility>

#include "metadata_db/transactions/extent_rows.h"
#include "metadata_db/transactions/impl.h"
#include "metadata_db/transactions/row_walk.h"
#include "metadata_db/transactions/schema.h"

namespace ashlar::metadata_db {
namespace {

// Events that one transaction of TrimOutbox removes at most.
constexpr size_t kTrimmedPerTransactionMax = 2'000;

Status RecordRepairsBody(Transaction& rows, const std::vector<model::RepairOrder>& orders) {
  for (const model::RepairOrder& order : orders) {
    const std::string key = RepairKey(order.extent, order.shard);
    ASSIGN_OR_RETURN(const auto noted, rows.Get(key));
    if (noted) continue;
    ASSIGN_OR_RETURN(const auto extent, rows.Get(TableKey(Table::kExtent, order.extent.View())));
    if (extent) rows.Put(key, model::EncodeRepairOrder(order));
  }
  return Status::Ok();
}

Status AbandonExtentsBody(Change& change, const std::vector<model::Extent>& extents) {
  // One that is stored already arrived by a commit whose outcome its writer did not learn:
  // AddExtent leaves it and all that refers to it alone.
  for (const model::Extent& extent : extents) {
    RETURN_IF_ERROR(change.ledger().AddExtent(extent));
  }
  return change.Finish();
}

// Removes the oldest events up to `through`, not all at once; there are none up to `trimmed`, and
// the store would step over all that were. Gives up to where there are none now.
Result<Sequence> TrimSome(Transaction& rows, Sequence trimmed, Sequence through) {
  ASSIGN_OR_RETURN(const auto keys, KeysOf(rows, TableKey(Table::kOutbox),
                                           kTrimmedPerTransactionMax, Behind(OutboxKey(trimmed))));
  const std::string last = OutboxKey(through);
  for (const std::string& key : keys) {
    if (key <= last) rows.Delete(key);
  }
  if (keys.size() < kTrimmedPerTransactionMax || keys.back() >= last) return through;
  const auto reached = ReadBigEndian64(std::string_view(keys.back()).substr(1));
  if (!reached) return Status(Code::kCorrupt, "key of an outbox row");
  return Sequence{*reached};
}

}  // namespace

Task<Result<std::shared_ptr<const model::Extent>>> MetadataDb::GetExtent(ExtentId id) {
  CO_ASSIGN_OR_RETURN(const auto row,
                      co_await impl_->store.Get(TableKey(Table::kExtent, id.View())));
  if (!row) co_return Status(Code::kNotFound, "no such extent");
  CO_ASSIGN_OR_RETURN(model::Extent extent, DecodeExtentOf(id, *row));
  co_return std::make_shared<const model::Extent>(std::move(extent));
}

Task<Status> MetadataDb::RecordRepairs(std::vector<model::RepairOrder> orders) {
  TransactionBody body = [&orders](Transaction& transaction) {
    return RecordRepairsBody(transaction, orders);
  };
  co_return co_await impl_->Submit(std::move(body));
}

Task<Status> MetadataDb::RecordAbandonedExtents(NewExtents extents) {
  TransactionBody body = [&](Transaction& transaction) {
    Change change(*impl_, transaction);
    return AbandonExtentsBody(change, extents.extents);
  };
  co_return co_await impl_->Submit(std::move(body));
}

Task<Result<std::vector<model::OutboxEvent>>> MetadataDb::ListOutbox(Sequence after,
                                                                     uint32_t max_entries) {
  std::vector<model::OutboxEvent> none;
  if (after.value == UINT64_MAX) co_return none;
  co_return co_await ListRows(impl_->store, Table::kOutbox, OutboxKey(Sequence{after.value + 1}),
                              max_entries, &model::DecodeOutboxEvent);
}

Task<Status> MetadataDb::TrimOutbox(Sequence through, Duration patience) {
  while (true) {
    Sequence reached;
    TransactionBody body = [&, this](Transaction& transaction) -> Status {
      ASSIGN_OR_RETURN(reached, TrimSome(transaction, impl_->outbox_trimmed, through));
      // Not beyond the sequences that were given: there will be events.
      const Sequence trimmed = std::min(reached, Sequence{impl_->next_sequence.load() - 1});
      transaction.OnCommitted([impl = impl_.get(), trimmed] {
        impl->outbox_trimmed = std::max(impl->outbox_trimmed, trimmed);
      });
      return Status::Ok();
    };
    CO_RETURN_IF_ERROR(co_await impl_->Submit(std::move(body), patience));
    if (reached >= through) co_return Status::Ok();
  }
}

uint64_t MetadataDb::drive_exchanges() const { return impl_->exchanges.load(); }

Task<Status> MetadataDb::NoteDriveExchanged(DriveId drive) {
  // In line with the commits: those before it are visible when this one has ended.
  TransactionBody body = [this, drive](Transaction&) {
    const uint64_t number = impl_->exchanges.load() + 1;
    impl_->last_exchange[drive] = number;
    impl_->exchanges.store(number);
    return Status::Ok();
  };
  co_return co_await impl_->Submit(std::move(body));
}

Task<Result<uint64_t>> MetadataDb::LiveBytes(ExtentId id) {
  CO_ASSIGN_OR_RETURN(const auto row,
                      co_await impl_->store.Get(TableKey(Table::kLiveBytes, id.View())));
  if (!row) co_return Status(Code::kNotFound, "no such extent");
  CO_ASSIGN_OR_RETURN(const LiveBytesRow bytes, DecodeLiveBytes(*row));
  co_return bytes.live;
}

}  // namespace ashlar::metadata_db
