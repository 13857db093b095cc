#include "store/sim_store.h"

#include <algorithm>
#include <utility>

namespace ashlar::sim {
namespace {

using metadata_db::OrderedCursor;

// Rows, with the writes of a commit on top.
class MergedCursor final : public OrderedCursor {
 public:
  MergedCursor(const SimRows& rows, const SimWrites* writes)
      : rows_(rows), writes_(writes), row_(rows.end()) {
    if (writes_ != nullptr) write_ = writes_->end();
  }

  void Seek(std::string_view key) override {
    row_ = rows_.lower_bound(key);
    if (writes_ != nullptr) write_ = writes_->lower_bound(key);
    Settle();
  }
  void SeekForPrevious(std::string_view key) override {
    std::optional<std::string> found;
    for (auto row = rows_.upper_bound(key); row != rows_.begin() && !found;) {
      --row;
      if (writes_ == nullptr || !writes_->contains(row->first)) found = row->first;
    }
    if (writes_ != nullptr) {
      for (auto write = writes_->upper_bound(key); write != writes_->begin();) {
        --write;
        if (found && write->first < *found) break;
        if (!write->second) continue;
        found = write->first;
        break;
      }
    }
    if (found) {
      Seek(*found);
      return;
    }
    row_ = rows_.end();
    if (writes_ != nullptr) write_ = writes_->end();
  }
  bool Valid() const override { return AtRow() || AtWrite(); }
  void Next() override {
    if (OnWrite()) {
      if (AtRow() && row_->first == write_->first) ++row_;
      ++write_;
    } else {
      ++row_;
    }
    Settle();
  }
  std::string_view key() const override { return OnWrite() ? write_->first : row_->first; }
  std::string_view value() const override { return OnWrite() ? *write_->second : row_->second; }
  Status status() const override { return Status::Ok(); }

 private:
  bool AtRow() const { return row_ != rows_.end(); }
  bool AtWrite() const { return writes_ != nullptr && write_ != writes_->end(); }
  bool OnWrite() const { return AtWrite() && (!AtRow() || write_->first <= row_->first); }
  // Passes over rows that the writes delete.
  void Settle() {
    while (OnWrite() && !write_->second) {
      if (AtRow() && row_->first == write_->first) ++row_;
      ++write_;
    }
  }

  const SimRows& rows_;
  const SimWrites* writes_;
  SimRows::const_iterator row_;
  SimWrites::const_iterator write_;
};

std::optional<std::string> FindRow(const SimRows& rows, std::string_view key) {
  const auto row = rows.find(key);
  return row == rows.end() ? std::nullopt : std::optional(row->second);
}

// One body of a commit; can be taken back as long as it is the last.
class SimTransaction final : public metadata_db::Transaction {
 public:
  SimTransaction(const SimRows& rows, SimWrites& writes) : rows_(rows), writes_(writes) {}

  Result<std::optional<std::string>> Get(std::string_view key) override {
    const auto write = writes_.find(key);
    if (write != writes_.end()) return write->second;
    return FindRow(rows_, key);
  }
  std::unique_ptr<OrderedCursor> NewCursor() override {
    return std::make_unique<MergedCursor>(rows_, &writes_);
  }
  void Put(std::string_view key, std::string_view value) override {
    Write(key, std::string(value));
  }
  void Delete(std::string_view key) override { Write(key, std::nullopt); }
  void OnCommitted(std::function<void()> hook) override { hooks_.push_back(std::move(hook)); }

  void TakeBack() {
    for (auto undo = undo_.rbegin(); undo != undo_.rend(); ++undo) {
      if (undo->before) {
        writes_[undo->key] = *undo->before;
      } else {
        writes_.erase(undo->key);
      }
    }
  }
  std::vector<std::function<void()>>& hooks() { return hooks_; }

 private:
  struct Undo {
    std::string key;
    std::optional<std::optional<std::string>> before;  // none: was not written in this commit
  };
  void Write(std::string_view key, std::optional<std::string> value) {
    const auto write = writes_.find(key);
    if (write == writes_.end()) {
      undo_.push_back({std::string(key), std::nullopt});
      writes_.emplace(key, std::move(value));
    } else {
      undo_.push_back({std::string(key), write->second});
      write->second = std::move(value);
    }
  }

  const SimRows& rows_;
  SimWrites& writes_;
  std::vector<Undo> undo_;
  std::vector<std::function<void()>> hooks_;
};

}  // namespace

// Sees the live rows until a commit changes them, then a copy made just before.
class SimStore::RowsSnapshot final : public metadata_db::Snapshot {
 public:
  explicit RowsSnapshot(SimStore& store) : store_(store) { store_.snapshots_.insert(this); }
  ~RowsSnapshot() override { store_.snapshots_.erase(this); }
  Result<std::optional<std::string>> Get(std::string_view key) override {
    return FindRow(rows(), key);
  }
  std::unique_ptr<OrderedCursor> NewCursor() override {
    return std::make_unique<MergedCursor>(rows(), nullptr);
  }
  void Freeze() {
    if (!frozen_) frozen_ = store_.rows_;
  }

 private:
  const SimRows& rows() const { return frozen_ ? *frozen_ : store_.rows_; }
  SimStore& store_;
  std::optional<SimRows> frozen_;
};

SimStore::SimStore(SimExecutor& executor, SimRows& rows, uint64_t seed, Options options)
    : executor_(executor), rows_(rows), random_(seed), options_(options) {}

Task<void> SimStore::Pause() {
  const auto bound = static_cast<uint64_t>(options_.delay_nanoseconds_max + 1);
  Sleep sleep{Duration(static_cast<int64_t>(random_.Below(bound)))};
  co_await sleep;
}

Task<std::vector<Status>> SimStore::Submit(std::vector<metadata_db::TransactionBody> bodies,
                                           Duration patience) {
  if (dead_ || failed_) {
    co_return std::vector<Status>(bodies.size(), Status(Code::kUnavailable, "no database"));
  }
  Request request;
  request.bodies = &bodies;
  queue_.push_back(&request);
  if (patience > Duration::zero()) {
    scope_.Spawn(executor_, WakeAfter(patience));
  } else {
    Wake();
  }
  co_await request.done;
  co_return std::move(request.results);
}

void SimStore::Wake() {
  if (committing_) return;
  committing_ = true;
  scope_.Spawn(executor_, CommitAll());
}

Task<void> SimStore::WakeAfter(Duration patience) {
  Sleep pause(patience);
  co_await pause;
  Wake();
}

Task<void> SimStore::CommitAll() {
  while (!queue_.empty()) {
    std::vector<Request*> batch;
    const size_t limit = random_.Between(1, options_.batch_max);
    while (!queue_.empty() && batch.size() < limit) {
      batch.push_back(queue_.front());
      queue_.pop_front();
    }
    co_await CommitBatch(std::move(batch));
  }
  committing_ = false;
}

Task<void> SimStore::CommitBatch(std::vector<Request*> batch) {
  Status refusal;
  if (dead_ || failed_) refusal = Status(Code::kUnavailable, "no database");
  if (full_ && refusal.ok()) refusal = Status(Code::kNoSpace, "the log has no room");
  SimWrites writes;
  std::vector<std::function<void()>> hooks;
  for (Request* request : batch) {
    for (const metadata_db::TransactionBody& body : *request->bodies) {
      SimTransaction transaction(rows_, writes);
      request->results.push_back(refusal.ok() ? body(transaction) : refusal);
      if (!request->results.back().ok()) {
        transaction.TakeBack();
        continue;
      }
      std::move(transaction.hooks().begin(), transaction.hooks().end(), std::back_inserter(hooks));
    }
  }
  Status outcome = refusal;
  if (refusal.ok()) {
    in_doubt_ = std::move(writes);
    co_await Pause();
    if (!dead_ && std::exchange(fail_next_, false)) {
      failed_ = true;
    } else if (!dead_) {
      Keep(*std::exchange(in_doubt_, std::nullopt));
      ++commits_;
      if (options_.late_news) co_await Pause();
    }
    if (dead_ || failed_) outcome = FailAll(batch);
  }
  if (outcome.ok()) {
    for (const auto& hook : hooks) hook();
    co_await Pause();
    if (dead_) outcome = FailAll(batch);
  }
  for (Request* request : batch) request->done.Set(Unit{});
}

Status SimStore::FailAll(const std::vector<Request*>& batch) {
  // Those that were refused too, as RocksDbStore does: they may have judged by writes of this
  // batch.
  Status unknown(Code::kOutcomeUnknown, "the log failed");
  for (Request* request : batch) request->results.assign(request->results.size(), unknown);
  return unknown;
}

void SimStore::Keep(SimWrites writes) {
  for (RowsSnapshot* snapshot : snapshots_) snapshot->Freeze();
  for (auto& [key, value] : writes) {
    if (value) {
      rows_[key] = std::move(*value);
    } else {
      rows_.erase(key);
    }
  }
}

Task<Result<std::optional<std::string>>> SimStore::Get(std::string key) {
  if (random_.Below(4) == 0) co_await Pause();
  if (dead_) co_return Status(Code::kUnavailable, "no database");
  std::optional<std::string> row = FindRow(rows_, key);
  if (random_.Below(4) == 0) co_await Pause();
  co_return row;
}

std::unique_ptr<metadata_db::Snapshot> SimStore::NewSnapshot() {
  return std::make_unique<RowsSnapshot>(*this);
}

Task<Status> SimStore::Read(metadata_db::ReadBody body) {
  if (random_.Below(2) == 0) co_await Pause();
  if (dead_) co_return Status(Code::kUnavailable, "no database");
  RowsSnapshot snapshot(*this);
  Status status = body(snapshot);
  if (random_.Below(2) == 0) co_await Pause();
  co_return status;
}

void SimStore::Crash() {
  dead_ = true;
  if (in_doubt_ && random_.Below(2) == 0) Keep(std::move(*in_doubt_));
  in_doubt_.reset();
}

Task<void> SimStore::Close() {
  co_await scope_.Join();
  if (!dead_) Crash();  // settles what a failed log write left in doubt
}

}  // namespace ashlar::sim
