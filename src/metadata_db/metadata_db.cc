// MetadataDb: start-up, settings, and how bodies are submitted. The operations lie by subject in
// transactions/: buckets.cc, objects.cc, listing.cc, uploads.cc, extents.cc; keys in schema.h.
//
// Every operation that writes is one TransactionBody that refers to locals of its coroutine: the
// coroutine waits until Submit returns, so they outlive the body. How it fails: what Submit says;
// a body's own error means nothing was written.
#include "metadata_db/metadata_db.h"

#include <utility>

#include "metadata_db/transactions/impl.h"
#include "metadata_db/transactions/schema.h"

namespace ashlar::metadata_db {

MetadataDb::MetadataDb(OrderedStore& store, Clock& clock, Random& random, CacheObserver* observer)
    : impl_(std::make_unique<Impl>(store, clock, random, observer)) {
  const auto snapshot = store.NewSnapshot();
  const auto row = snapshot->Get(TableKey(Table::kCounter));
  if (!row.ok()) {
    impl_->start_status = row.status();
    return;
  }
  if (!*row) return;
  const auto last = ReadBigEndian64(**row);
  if (!last) {
    impl_->start_status = Status(Code::kCorrupt, "the row of the last sequence");
    return;
  }
  impl_->next_sequence = *last + 1;
}

MetadataDb::~MetadataDb() = default;

Sequence MetadataDb::ReserveSequence() { return impl_->NextSequence(); }

Task<Result<std::string>> MetadataDb::GetSetting(std::string name) {
  CO_ASSIGN_OR_RETURN(auto row, co_await impl_->store.Get(TableKey(Table::kSetting, name)));
  if (!row) co_return Status(Code::kNotFound, "setting " + name + " was never set");
  co_return std::move(*row);
}

Task<Status> MetadataDb::PutSettings(std::vector<std::pair<std::string, std::string>> settings,
                                     Duration patience) {
  TransactionBody body = [&settings](Transaction& transaction) {
    for (const auto& [name, value] : settings) {
      transaction.Put(TableKey(Table::kSetting, name), value);
    }
    return Status::Ok();
  };
  co_return co_await impl_->Submit(std::move(body), patience);
}

Task<Result<std::string>> MetadataDb::ChangeSetting(std::string name, SettingEdit edit) {
  std::string value;
  TransactionBody body = [&](Transaction& transaction) -> Status {
    const std::string row = TableKey(Table::kSetting, name);
    ASSIGN_OR_RETURN(auto before, transaction.Get(row));
    value = before ? *std::move(before) : std::string();
    RETURN_IF_ERROR(edit(value));
    transaction.Put(row, value);
    return Status::Ok();
  };
  CO_RETURN_IF_ERROR(co_await impl_->Submit(std::move(body)));
  co_return value;
}

}  // namespace ashlar::metadata_db
