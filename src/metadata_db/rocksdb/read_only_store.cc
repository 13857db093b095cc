// OrderedStore on a RocksDB that somebody else keeps: for looking, from a process that must not
// change a byte. The engine replays its log into memory and writes nothing, not even its own log
// file. Everything blocks the caller: for command-line tools, not for an event loop with others on
// it.
#include <rocksdb/db.h>
#include <rocksdb/env.h>

#include <cstdarg>
#include <utility>

#include "metadata_db/ordered_store.h"
#include "metadata_db/rocksdb/options.h"

namespace ashlar::metadata_db {
namespace {

class NoLog final : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char* /*format*/, va_list /*arguments*/) override {}
};

class ReadOnlyCursor final : public OrderedCursor {
 public:
  explicit ReadOnlyCursor(rocksdb::DB& db) : iterator_(db.NewIterator(Options())) {}
  void Seek(std::string_view key) override { iterator_->Seek({key.data(), key.size()}); }
  void SeekForPrevious(std::string_view key) override {
    iterator_->SeekForPrev({key.data(), key.size()});
  }
  bool Valid() const override { return iterator_->Valid(); }
  void Next() override { iterator_->Next(); }
  std::string_view key() const override { return iterator_->key().ToStringView(); }
  std::string_view value() const override { return iterator_->value().ToStringView(); }
  Status status() const override { return FromRocks(iterator_->status()); }

 private:
  static rocksdb::ReadOptions Options() {
    rocksdb::ReadOptions options;
    options.readahead_size = 2 << 20;
    return options;
  }
  std::unique_ptr<rocksdb::Iterator> iterator_;
};

// Nobody writes, so every view is the same.
class ReadOnlyView final : public Snapshot {
 public:
  explicit ReadOnlyView(rocksdb::DB& db) : db_(db) {}
  Result<std::optional<std::string>> Get(std::string_view key) override {
    std::string value;
    const rocksdb::Status status =
        db_.Get(rocksdb::ReadOptions(), {key.data(), key.size()}, &value);
    if (status.ok()) return std::optional(std::move(value));
    if (status.IsNotFound()) return std::optional<std::string>();
    return FromRocks(status);
  }
  std::unique_ptr<OrderedCursor> NewCursor() override {
    return std::make_unique<ReadOnlyCursor>(db_);
  }

 private:
  rocksdb::DB& db_;
};

class ReadOnlyStore final : public OrderedStore {
 public:
  explicit ReadOnlyStore(std::unique_ptr<rocksdb::DB> db) : db_(std::move(db)) {}

  Task<std::vector<Status>> Submit(std::vector<TransactionBody> bodies,
                                   Duration /*patience*/) override {
    const Status refused(Code::kUnavailable, "the metadata database is open for reading only");
    co_return std::vector<Status>(bodies.size(), refused);
  }
  Task<Result<std::optional<std::string>>> Get(std::string key) override {
    co_return ReadOnlyView(*db_).Get(key);
  }
  std::unique_ptr<Snapshot> NewSnapshot() override { return std::make_unique<ReadOnlyView>(*db_); }
  Task<Status> Read(ReadBody body) override {
    ReadOnlyView view(*db_);
    co_return body(view);
  }

 private:
  const std::unique_ptr<rocksdb::DB> db_;
};

}  // namespace

Status RemoveRocksDbStore(const std::string& path) {
  const rocksdb::Status status = rocksdb::DestroyDB(path, rocksdb::Options());
  // A folder that is not there is what was asked for.
  if (status.ok() || status.IsNotFound() || status.IsPathNotFound()) return Status::Ok();
  return FromRocks(status);
}

Result<std::unique_ptr<OrderedStore>> OpenRocksDbStoreReadOnly(const RocksDbOptions& options) {
  rocksdb::Options rocks = MakeRocksOptions(options);
  rocks.create_if_missing = false;
  rocks.info_log = std::make_shared<NoLog>();
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status = rocksdb::DB::OpenForReadOnly(rocks, options.path, &db);
  if (!status.ok()) {
    const Status reason = FromRocks(status);
    return Status(reason.code(),
                  "cannot read the metadata database at " + options.path + ": " + reason.message());
  }
  return std::unique_ptr<OrderedStore>(
      std::make_unique<ReadOnlyStore>(std::unique_ptr<rocksdb::DB>(db)));
}

}  // namespace ashlar::metadata_db
