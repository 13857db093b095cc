// OrderedStore in memory: the model the others are compared with, and the simulator's database.
//
// Every key holds its history: (version, value or absent), ascending. A transaction writes with the
// next version number, which nobody reads yet; a commit publishes it, a rollback takes it away. A
// snapshot is a version number. Old values are dropped once no snapshot can see them.
//
// Invariants
//  1. `commit_mutex_` serialises transactions; hooks run under it, hence in commit order. `mutex_`
//     guards the map, and is held for one step at a time.
//  2. What a reader sees was published in one step: all bodies of one Submit together.
// Runs on the caller's thread and never suspends. Nothing is durable.
#include <algorithm>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include "metadata_db/ordered_store.h"

namespace ashlar::metadata_db {
namespace {

using Version = uint64_t;

class VersionedMap {
 public:
  struct Entry {
    std::string key;
    std::string value;
  };

  std::optional<std::string> Get(std::string_view key, Version at) const {
    const std::lock_guard lock(mutex_);
    const auto row = rows_.find(key);
    if (row == rows_.end()) return std::nullopt;
    const std::string* value = ValueAt(row->second, at);
    return value == nullptr ? std::nullopt : std::optional(*value);
  }

  // As last published: found out and looked up in one step, or it could be dropped in between.
  std::optional<std::string> GetPublished(std::string_view key) const {
    const std::lock_guard lock(mutex_);
    const auto row = rows_.find(key);
    if (row == rows_.end()) return std::nullopt;
    const std::string* value = ValueAt(row->second, published_);
    return value == nullptr ? std::nullopt : std::optional(*value);
  }

  // First key >= (or, exclusive, >) `key`.
  std::optional<Entry> Forward(std::string_view key, bool exclusive, Version at) const {
    const std::lock_guard lock(mutex_);
    auto row = exclusive ? rows_.upper_bound(key) : rows_.lower_bound(key);
    for (; row != rows_.end(); ++row) {
      if (const std::string* value = ValueAt(row->second, at)) return Entry{row->first, *value};
    }
    return std::nullopt;
  }

  // Last key <= `key`.
  std::optional<Entry> Backward(std::string_view key, Version at) const {
    const std::lock_guard lock(mutex_);
    auto row = rows_.upper_bound(key);
    while (row != rows_.begin()) {
      --row;
      if (const std::string* value = ValueAt(row->second, at)) return Entry{row->first, *value};
    }
    return std::nullopt;
  }

  void Write(std::string_view key, std::optional<std::string> value, Version version) {
    const std::lock_guard lock(mutex_);
    auto row = rows_.find(key);
    if (row == rows_.end()) row = rows_.emplace(std::string(key), History()).first;
    if (!row->second.empty() && row->second.back().version == version) {
      row->second.back().value = std::move(value);
    } else {
      row->second.push_back({version, std::move(value)});
    }
  }

  void Undo(const std::set<std::string, std::less<>>& keys, Version version) {
    const std::lock_guard lock(mutex_);
    for (const std::string& key : keys) {
      const auto row = rows_.find(key);
      if (row == rows_.end() || row->second.empty()) continue;
      if (row->second.back().version == version) row->second.pop_back();
      if (row->second.empty()) rows_.erase(row);
    }
  }

  Version Publish(Version version, const std::set<std::string, std::less<>>& keys) {
    const std::lock_guard lock(mutex_);
    published_ = version;
    const Version oldest = snapshots_.empty() ? published_ : *snapshots_.begin();
    for (const std::string& key : keys) Trim(key, oldest);
    return published_;
  }
  Version published() const {
    const std::lock_guard lock(mutex_);
    return published_;
  }
  Version Pin() {
    const std::lock_guard lock(mutex_);
    snapshots_.insert(published_);
    return published_;
  }
  void Unpin(Version version) {
    const std::lock_guard lock(mutex_);
    snapshots_.erase(snapshots_.find(version));
  }

 private:
  struct Value {
    Version version;
    std::optional<std::string> value;
  };
  using History = std::vector<Value>;

  static const std::string* ValueAt(const History& history, Version at) {
    for (auto value = history.rbegin(); value != history.rend(); ++value) {
      if (value->version <= at) return value->value ? &*value->value : nullptr;
    }
    return nullptr;
  }

  // Drops what nobody at or after `oldest` can see.
  void Trim(const std::string& key, Version oldest) {
    const auto row = rows_.find(key);
    if (row == rows_.end()) return;
    History& history = row->second;
    size_t keep = 0;
    for (size_t i = 0; i < history.size() && history[i].version <= oldest; ++i) keep = i;
    history.erase(history.begin(), history.begin() + static_cast<ptrdiff_t>(keep));
    if (history.size() == 1 && !history[0].value && history[0].version <= oldest) rows_.erase(row);
  }

  mutable std::mutex mutex_;
  std::map<std::string, History, std::less<>> rows_;
  std::multiset<Version> snapshots_;
  Version published_ = 0;
};

class MemoryCursor final : public OrderedCursor {
 public:
  MemoryCursor(const VersionedMap& map, Version at) : map_(map), at_(at) {}
  void Seek(std::string_view key) override { entry_ = map_.Forward(key, false, at_); }
  void SeekForPrevious(std::string_view key) override { entry_ = map_.Backward(key, at_); }
  bool Valid() const override { return entry_.has_value(); }
  void Next() override { entry_ = map_.Forward(entry_->key, true, at_); }
  std::string_view key() const override { return entry_->key; }
  std::string_view value() const override { return entry_->value; }
  Status status() const override { return Status::Ok(); }

 private:
  const VersionedMap& map_;
  const Version at_;
  std::optional<VersionedMap::Entry> entry_;
};

class MemoryTransaction final : public Transaction {
 public:
  MemoryTransaction(VersionedMap& map, Version version) : map_(map), version_(version) {}
  Result<std::optional<std::string>> Get(std::string_view key) override {
    return map_.Get(key, version_);
  }
  std::unique_ptr<OrderedCursor> NewCursor() override {
    return std::make_unique<MemoryCursor>(map_, version_);
  }
  void Put(std::string_view key, std::string_view value) override {
    written_.emplace(key);
    map_.Write(key, std::string(value), version_);
  }
  void Delete(std::string_view key) override {
    written_.emplace(key);
    map_.Write(key, std::nullopt, version_);
  }
  void OnCommitted(std::function<void()> hook) override { hooks_.push_back(std::move(hook)); }

  std::set<std::string, std::less<>>& written() { return written_; }
  std::vector<std::function<void()>>& hooks() { return hooks_; }

 private:
  VersionedMap& map_;
  const Version version_;
  std::set<std::string, std::less<>> written_;
  std::vector<std::function<void()>> hooks_;
};

class MemorySnapshot final : public Snapshot {
 public:
  explicit MemorySnapshot(VersionedMap& map) : map_(map), at_(map.Pin()) {}
  ~MemorySnapshot() override { map_.Unpin(at_); }
  Result<std::optional<std::string>> Get(std::string_view key) override {
    return map_.Get(key, at_);
  }
  std::unique_ptr<OrderedCursor> NewCursor() override {
    return std::make_unique<MemoryCursor>(map_, at_);
  }

 private:
  VersionedMap& map_;
  const Version at_;
};

class MemoryStore final : public OrderedStore {
 public:
  Task<std::vector<Status>> Submit(std::vector<TransactionBody> bodies,
                                   Duration /*patience*/) override {
    co_return Commit(bodies);
  }
  Task<Result<std::optional<std::string>>> Get(std::string key) override {
    co_return map_.GetPublished(key);
  }
  std::unique_ptr<Snapshot> NewSnapshot() override {
    return std::make_unique<MemorySnapshot>(map_);
  }
  Task<Status> Read(ReadBody body) override {
    MemorySnapshot snapshot(map_);
    co_return body(snapshot);
  }

 private:
  std::vector<Status> Commit(const std::vector<TransactionBody>& bodies) {
    const std::lock_guard lock(commit_mutex_);
    std::vector<Status> results;
    std::vector<std::function<void()>> hooks;
    std::set<std::string, std::less<>> written;
    Version version = map_.published();
    for (const TransactionBody& body : bodies) {
      MemoryTransaction transaction(map_, version + 1);
      results.push_back(body(transaction));
      if (!results.back().ok()) {
        map_.Undo(transaction.written(), version + 1);
        continue;
      }
      ++version;
      written.merge(transaction.written());
      std::move(transaction.hooks().begin(), transaction.hooks().end(), std::back_inserter(hooks));
    }
    map_.Publish(version, written);
    for (const auto& hook : hooks) hook();
    return results;
  }

  std::mutex commit_mutex_;
  VersionedMap map_;
};

}  // namespace

std::unique_ptr<OrderedStore> NewMemoryStore() { return std::make_unique<MemoryStore>(); }

}  // namespace ashlar::metadata_db
