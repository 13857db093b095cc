// Extents, repair orders, reclaim records, outbox: reads, and the notes that are not part of a put.
#include <utility>

#include "metadata_db/transactions/impl.h"
#include "metadata_db/transactions/schema.h"

namespace ashlar::metadata_db {
namespace {

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

// The first rows of a table, decoded.
template <typename Row>
Status ListRows(View& view, std::string_view prefix, std::string_view from, uint32_t max_entries,
                Result<Row> (*decode)(std::string_view), std::vector<Row>* out) {
  const auto cursor = view.NewCursor();
  cursor->Seek(from);
  for (; cursor->Valid() && cursor->key().starts_with(prefix); cursor->Next()) {
    if (out->size() >= max_entries) break;
    ASSIGN_OR_RETURN(Row row, decode(cursor->value()));
    out->push_back(std::move(row));
  }
  return cursor->status();
}

template <typename Row>
Task<Result<std::vector<Row>>> ListTable(OrderedStore& store, Table table, std::string from,
                                         uint32_t max_entries,
                                         Result<Row> (*decode)(std::string_view)) {
  const std::string prefix = TableKey(table);
  std::vector<Row> rows;
  ReadBody body = [&](Snapshot& snapshot) {
    rows.clear();
    return ListRows(snapshot, prefix, from, max_entries, decode, &rows);
  };
  CO_RETURN_IF_ERROR(co_await store.Read(std::move(body)));
  co_return rows;
}

}  // namespace

Task<Result<std::shared_ptr<const model::Extent>>> MetadataDb::GetExtent(ExtentId id) {
  CO_ASSIGN_OR_RETURN(const auto row,
                      co_await impl_->store.Get(TableKey(Table::kExtent, id.View())));
  if (!row) co_return Status(Code::kNotFound, "no such extent");
  CO_ASSIGN_OR_RETURN(model::Extent extent, model::DecodeExtent(*row));
  if (extent.id != id) co_return Status(Code::kCorrupt, "extent row under a foreign key");
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

Task<Result<std::vector<model::RepairOrder>>> MetadataDb::ListRepairs(uint32_t max_entries) {
  co_return co_await ListTable(impl_->store, Table::kRepair, TableKey(Table::kRepair), max_entries,
                               &model::DecodeRepairOrder);
}

Task<Result<std::vector<model::ReclaimRecord>>> MetadataDb::ListReclaims(uint32_t max_entries) {
  co_return co_await ListTable(impl_->store, Table::kReclaim, TableKey(Table::kReclaim),
                               max_entries, &model::DecodeReclaimRecord);
}

Task<Result<std::vector<model::OutboxEvent>>> MetadataDb::ListOutbox(Sequence after,
                                                                     uint32_t max_entries) {
  std::vector<model::OutboxEvent> none;
  if (after.value == UINT64_MAX) co_return none;
  co_return co_await ListTable(impl_->store, Table::kOutbox, OutboxKey(Sequence{after.value + 1}),
                               max_entries, &model::DecodeOutboxEvent);
}

Task<Result<uint64_t>> MetadataDb::LiveBytes(ExtentId id) {
  CO_ASSIGN_OR_RETURN(const auto row,
                      co_await impl_->store.Get(TableKey(Table::kLiveBytes, id.View())));
  if (!row) co_return Status(Code::kNotFound, "no such extent");
  Decoder in(*row);
  const uint64_t bytes = in.Varint();
  if (!in.ok() || !in.AtEnd()) co_return Status(Code::kCorrupt, "live bytes row");
  co_return bytes;
}

}  // namespace ashlar::metadata_db
