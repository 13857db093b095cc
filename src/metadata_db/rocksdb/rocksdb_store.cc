// OrderedStore on RocksDB: the embedded engine of one machine.
//
// One thread, "metadata-commit", owns all writing. It takes whatever Submits wait at that moment,
// runs their bodies one after the other over one indexed write batch (so each sees those before
// it), and writes the batch with one synced append to the write-ahead log. Nothing waits on a
// timer: while one sync is under way, the next batch collects. Only who has patience lies in the
// queue without waking the thread until it is over, and goes with whoever comes first.
//
// Invariants
//  1. A body runs under a savepoint; its error takes back its writes and nothing else.
//  2. Order of a batch: log synced -> OnCommitted hooks in order -> results to the waiters.
//  3. A batch without writes syncs nothing.
//  4. Get answers from memory on the caller's thread, or else goes to the read pool. An event loop
//     never waits for the disk.
//
// How it fails
//  - No space: seen before the log is touched, the batch is refused with kNoSpace and nothing
//    happened. After each such refusal the next Submit looks again.
//  - A failed log write: the batch is kOutcomeUnknown as a whole, also bodies that answered an
//    error (they may have judged by writes of the same batch). The engine then refuses writes until
//    DB::Resume succeeds, which is tried before each batch; Resume puts the memory's state on a new
//    log, so what failed does not come back after it. Until then commits answer kNoSpace or
//    kUnavailable and nothing happens.
#include <pthread.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/listener.h>
#include <rocksdb/perf_level.h>
#include <rocksdb/utilities/write_batch_with_index.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <limits>
#include <mutex>
#include <thread>
#include <utility>

#include "base/log.h"
#include "metadata_db/ordered_store.h"
#include "metadata_db/rocksdb/options.h"
#include "metadata_db/rocksdb/read_pool.h"
#include "runtime/clock.h"
#include "runtime/failpoint.h"
#include "runtime/memory_metrics.h"
#include "runtime/sync.h"

namespace ashlar::metadata_db {
namespace {

constexpr size_t kQueuedTransactionsMax = 64 * 1024;
constexpr size_t kQueuedReadsMax = 64 * 1024;
constexpr int kReadThreads = 2;
constexpr int64_t kNobodyIsDue = std::numeric_limits<int64_t>::max();
constexpr size_t kBatchReservedBytes = 256 * 1024;

rocksdb::Slice ToSlice(std::string_view text) { return {text.data(), text.size()}; }
std::string_view ToView(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

Result<std::optional<std::string>> FromGet(const rocksdb::Status& status, std::string value) {
  if (status.ok()) return std::optional(std::move(value));
  if (status.IsNotFound()) return std::optional<std::string>();
  return FromRocks(status);
}

struct Metrics {
  prometheus::Counter& syncs = MetricCounter(
      "ashlar_metadata_syncs_total", "Synced commits of the metadata database, one sync each");
  prometheus::Counter& bytes =
      MetricCounter("ashlar_metadata_bytes_written_total", "Bytes appended to the metadata log");
  prometheus::Counter& failures =
      MetricCounter("ashlar_metadata_commit_failures_total", "Commits that failed or were refused");
  prometheus::Gauge& queued = MetricGauge("ashlar_metadata_queued_transactions",
                                          "Transactions that wait for the commit thread");
  prometheus::Histogram& batch =
      MetricHistogram("ashlar_metadata_commit_transactions", "Transactions in one commit", {},
                      {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024});
  prometheus::Histogram& seconds = MetricHistogram(
      "ashlar_metadata_commit_seconds", "Time of one synced write of the metadata log", {},
      {.0001, .0002, .0005, .001, .002, .005, .01, .02, .05, .1, .5, 2});
};

// What the engine itself says of its memory. Memtables are part of the cache's capacity.
class MemoryReport {
 public:
  MemoryReport(rocksdb::DB& db, uint64_t cache_limit, uint64_t memtables_limit) : db_(db) {
    MemoryLimitGauge("metadata_cache").Set(static_cast<double>(cache_limit));
    MemoryLimitGauge("metadata_memtables").Set(static_cast<double>(memtables_limit));
  }

 private:
  void Update() {
    Show(rocksdb::DB::Properties::kBlockCacheUsage, &cache_);
    Show(rocksdb::DB::Properties::kBlockCachePinnedUsage, &pinned_);
    Show(rocksdb::DB::Properties::kSizeAllMemTables, &memtables_);
    Show(rocksdb::DB::Properties::kEstimateTableReadersMem, &readers_);
  }
  void Show(const std::string& property, prometheus::Gauge* gauge) {
    uint64_t bytes = 0;
    if (db_.GetIntProperty(property, &bytes)) gauge->Set(static_cast<double>(bytes));
  }

  rocksdb::DB& db_;
  prometheus::Gauge& cache_ = MemoryGauge("metadata_cache");
  prometheus::Gauge& pinned_ = MemoryGauge("metadata_cache_pinned");
  prometheus::Gauge& memtables_ = MemoryGauge("metadata_memtables");
  prometheus::Gauge& readers_ = MemoryGauge("metadata_table_readers");
  const MetricsRefresh refresh_{[this] { Update(); }};
};

class RocksCursor final : public OrderedCursor {
 public:
  explicit RocksCursor(std::unique_ptr<rocksdb::Iterator> iterator)
      : iterator_(std::move(iterator)) {}
  void Seek(std::string_view key) override { iterator_->Seek(ToSlice(key)); }
  void SeekForPrevious(std::string_view key) override { iterator_->SeekForPrev(ToSlice(key)); }
  bool Valid() const override { return iterator_->Valid(); }
  void Next() override { iterator_->Next(); }
  std::string_view key() const override { return ToView(iterator_->key()); }
  std::string_view value() const override { return ToView(iterator_->value()); }
  Status status() const override { return FromRocks(iterator_->status()); }

 private:
  std::unique_ptr<rocksdb::Iterator> iterator_;
};

class RocksTransaction final : public Transaction {
 public:
  RocksTransaction(rocksdb::DB& db, rocksdb::WriteBatchWithIndex& batch) : db_(db), batch_(batch) {}

  Result<std::optional<std::string>> Get(std::string_view key) override {
    std::string value;
    const rocksdb::Status status =
        batch_.GetFromBatchAndDB(&db_, rocksdb::ReadOptions(), ToSlice(key), &value);
    return FromGet(status, std::move(value));
  }
  std::unique_ptr<OrderedCursor> NewCursor() override {
    std::unique_ptr<rocksdb::Iterator> merged(
        batch_.NewIteratorWithBase(db_.NewIterator(rocksdb::ReadOptions())));
    return std::make_unique<RocksCursor>(std::move(merged));
  }
  void Put(std::string_view key, std::string_view value) override {
    wrote_ = true;
    Note(batch_.Put(ToSlice(key), ToSlice(value)));
  }
  void Delete(std::string_view key) override {
    wrote_ = true;
    Note(batch_.Delete(ToSlice(key)));
  }
  void OnCommitted(std::function<void()> hook) override { hooks_.push_back(std::move(hook)); }

  // The first error of a write to the batch; the body must not succeed then.
  const Status& write_status() const { return write_status_; }
  bool wrote() const { return wrote_; }
  std::vector<std::function<void()>>& hooks() { return hooks_; }

 private:
  void Note(const rocksdb::Status& status) {
    if (write_status_.ok() && !status.ok()) write_status_ = FromRocks(status);
  }
  rocksdb::DB& db_;
  rocksdb::WriteBatchWithIndex& batch_;
  bool wrote_ = false;
  Status write_status_;
  std::vector<std::function<void()>> hooks_;
};

class RocksSnapshot final : public Snapshot {
 public:
  explicit RocksSnapshot(rocksdb::DB& db) : db_(db), snapshot_(db.GetSnapshot()) {
    options_.snapshot = snapshot_;
  }
  ~RocksSnapshot() override { db_.ReleaseSnapshot(snapshot_); }
  Result<std::optional<std::string>> Get(std::string_view key) override {
    std::string value;
    const rocksdb::Status status = db_.Get(options_, ToSlice(key), &value);
    return FromGet(status, std::move(value));
  }
  std::unique_ptr<OrderedCursor> NewCursor() override {
    return std::make_unique<RocksCursor>(
        std::unique_ptr<rocksdb::Iterator>(db_.NewIterator(options_)));
  }

 private:
  rocksdb::DB& db_;
  const rocksdb::Snapshot* snapshot_;
  rocksdb::ReadOptions options_;
};

// Remembers that the engine stopped taking writes.
class ErrorListener final : public rocksdb::EventListener {
 public:
  void OnBackgroundError(rocksdb::BackgroundErrorReason /*reason*/,
                         rocksdb::Status* status) override {
    stopped.store(true);
    spdlog::error("metadata store stopped taking writes: {}", LogValue(status->ToString()));
  }
  void OnErrorRecoveryCompleted(rocksdb::Status /*old*/) override { stopped.store(false); }
  std::atomic<bool> stopped{false};
};

// Waits on the frame of the Submit that made it.
struct Request {
  std::vector<TransactionBody> bodies;
  int64_t due_nanoseconds = 0;  // of the monotonic clock: till then it waits for company
  OneShot<std::vector<Status>> done;
};

class RocksDbStore final : public OrderedStore {
 public:
  RocksDbStore(std::unique_ptr<rocksdb::DB> db, std::shared_ptr<ErrorListener> listener,
               const RocksDbOptions& options)
      : options_(options),
        db_(std::move(db)),
        listener_(std::move(listener)),
        memory_(*db_, options.block_cache_bytes, kMemtablesMax * options.memtable_bytes),
        batch_(rocksdb::BytewiseComparator(), kBatchReservedBytes, /*overwrite_key=*/true),
        reads_(kReadThreads, kQueuedReadsMax),
        commit_thread_([this] { CommitLoop(); }) {
    pthread_setname_np(commit_thread_.native_handle(), "metadata-commit");
  }

  ~RocksDbStore() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    commit_thread_.join();
  }

  Task<std::vector<Status>> Submit(std::vector<TransactionBody> bodies,
                                   Duration patience) override {
    const size_t count = bodies.size();
    Request request;
    request.bodies = std::move(bodies);
    if (patience > Duration::zero()) {
      request.due_nanoseconds = SystemClock().MonotonicNanoseconds() + patience.count();
    }
    if (count == 0) co_return std::vector<Status>();
    if (!Enqueue(&request)) {
      const Status full(Code::kOverloaded, "too many transactions wait for the metadata database");
      co_return std::vector<Status>(count, full);
    }
    co_return co_await request.done;
  }

  Task<Result<std::optional<std::string>>> Get(std::string key) override {
    auto known = GetFromMemory(key);
    if (known) co_return *std::move(known);
    OneShot<Result<std::optional<std::string>>> done;
    std::function<void()> job = [this, &key, &done] {
      std::string found;
      const rocksdb::Status read = db_->Get(rocksdb::ReadOptions(), key, &found);
      done.Set(FromGet(read, std::move(found)));
    };
    if (!reads_.Run(std::move(job))) co_return TooManyReads();
    co_return co_await done;
  }

  std::unique_ptr<Snapshot> NewSnapshot() override { return std::make_unique<RocksSnapshot>(*db_); }

  Task<Status> Read(ReadBody body) override {
    OneShot<Status> done;
    std::function<void()> job = [this, &body, &done] {
      Status status;
      {
        RocksSnapshot snapshot(*db_);
        status = body(snapshot);
      }
      done.Set(std::move(status));
    };
    if (!reads_.Run(std::move(job))) co_return TooManyReads();
    co_return co_await done;
  }

 private:
  // Nothing: only the disk knows.
  //
  // When a table is not open, and no memory knows the key, RocksDB answers a read of memory with
  // "OK" and leaves the value as it was: its meaning is "may exist" (TableCache::Get in 7.8.3; for
  // KeyMayExist). A row that is really the mark just takes the longer way.
  std::optional<Result<std::optional<std::string>>> GetFromMemory(const std::string& key) {
    static constexpr std::string_view kUntouched = "\xff not read \xff";
    rocksdb::ReadOptions memory_only;
    memory_only.read_tier = rocksdb::kBlockCacheTier;
    std::string value(kUntouched);
    const rocksdb::Status status = db_->Get(memory_only, key, &value);
    if (status.IsIncomplete() || (status.ok() && value == kUntouched)) return std::nullopt;
    return FromGet(status, std::move(value));
  }

  static Status TooManyReads() {
    return Status(Code::kOverloaded, "too many reads wait for the metadata database");
  }

  bool Enqueue(Request* request) {
    {
      const std::lock_guard lock(mutex_);
      if (stopping_ || queued_bodies_ >= kQueuedTransactionsMax) return false;
      queued_bodies_ += request->bodies.size();
      queue_.push_back(request);
      due_nanoseconds_ = std::min(due_nanoseconds_, request->due_nanoseconds);
      metrics_.queued.Set(static_cast<double>(queued_bodies_));
    }
    wake_.notify_one();
    return true;
  }

  void CommitLoop() {
    rocksdb::SetPerfLevel(rocksdb::PerfLevel::kDisable);  // nobody reads those counters
    std::vector<Request*> requests;
    while (TakeBatch(&requests)) CommitBatch(requests);
  }

  // Until somebody in the queue waits no longer for company, or the store stops.
  void AwaitDue(std::unique_lock<std::mutex>& lock) {
    while (!stopping_) {
      const int64_t left = due_nanoseconds_ - SystemClock().MonotonicNanoseconds();
      if (left <= 0) return;
      if (queue_.empty()) {
        wake_.wait(lock);
      } else {
        wake_.wait_for(lock, Duration(left));
      }
    }
  }

  // Waits for work; false when stopping and all work is done.
  bool TakeBatch(std::vector<Request*>* requests) {
    requests->clear();
    std::unique_lock lock(mutex_);
    AwaitDue(lock);
    size_t bodies = 0;
    while (!queue_.empty()) {
      const size_t next = queue_.front()->bodies.size();
      if (bodies > 0 && bodies + next > static_cast<size_t>(options_.batch_transactions_max)) break;
      bodies += next;
      requests->push_back(queue_.front());
      queue_.pop_front();
    }
    // Where one batch does not take all, the next begins at once, and takes the patient along.
    due_nanoseconds_ = queue_.empty() ? kNobodyIsDue : 0;
    queued_bodies_ -= bodies;
    metrics_.queued.Set(static_cast<double>(queued_bodies_));
    return bodies > 0;
  }

  void CommitBatch(const std::vector<Request*>& requests) {
    batch_.Clear();
    std::vector<std::vector<Status>> results;
    results.reserve(requests.size());
    size_t bodies = 0;
    for (const Request* request : requests) {
      bodies += request->bodies.size();
      std::vector<Status>& statuses = results.emplace_back();
      statuses.reserve(request->bodies.size());
      for (const TransactionBody& body : request->bodies) statuses.push_back(RunBody(body));
    }
    const Status written = WriteBatch(bodies);
    if (written.ok() || committed_) {
      for (const auto& hook : hooks_) hook();
    }
    // What they refer to may be gone once the waiters go on.
    hooks_.clear();
    for (size_t i = 0; i < requests.size(); ++i) {
      if (!written.ok()) results[i].assign(results[i].size(), written);
      // The request lives on the waiter's frame: not to be touched after this.
      requests[i]->done.Set(std::move(results[i]));
    }
  }

  Status RunBody(const TransactionBody& body) {
    batch_.SetSavePoint();
    RocksTransaction transaction(*db_, batch_);
    Status status = body(transaction);
    if (status.ok()) status = transaction.write_status();
    if (status.ok()) {
      (void)batch_.PopSavePoint();
      std::move(transaction.hooks().begin(), transaction.hooks().end(), std::back_inserter(hooks_));
    } else if (transaction.wrote()) {
      // Rebuilds the batch's index, so it is only done when there is something to take back.
      const rocksdb::Status undone = batch_.RollbackToSavePoint();
      CHECK(undone.ok());
    } else {
      (void)batch_.PopSavePoint();
    }
    return status;
  }

  // Sets committed_: the batch is in the log and visible, whatever is answered.
  Status WriteBatch(size_t bodies) {
    committed_ = false;
    rocksdb::WriteBatch* const batch = batch_.GetWriteBatch();
    if (batch->Count() == 0) {
      committed_ = true;
      return Status::Ok();
    }
    Status ready = PassFailpoint("metadata.before_commit", Code::kUnavailable);
    if (ready.ok()) ready = CheckWritable(batch->GetDataSize());
    if (!ready.ok()) {
      metrics_.failures.Increment();
      return ready;
    }
    rocksdb::WriteOptions options;
    options.sync = true;
    const int64_t begin = SystemClock().MonotonicNanoseconds();
    const rocksdb::Status status = db_->Write(options, batch);
    const int64_t end = SystemClock().MonotonicNanoseconds();
    if (!status.ok()) {
      metrics_.failures.Increment();
      listener_->stopped.store(true);
      spdlog::error("metadata commit failed: {}", LogValue(status.ToString()));
      return Status(Code::kOutcomeUnknown, "metadata commit failed: " + status.ToString());
    }
    committed_ = true;
    metrics_.syncs.Increment();
    metrics_.bytes.Increment(static_cast<double>(batch->GetDataSize()));
    metrics_.batch.Observe(static_cast<double>(bodies));
    metrics_.seconds.Observe(static_cast<double>(end - begin) * 1e-9);
    return PassFailpoint("metadata.after_commit", Code::kOutcomeUnknown);
  }

  // Before the log is touched: what is refused here has not happened.
  Status CheckWritable(size_t batch_bytes) {
    uint64_t free_bytes = 0;
    const rocksdb::Status measured = db_->GetEnv()->GetFreeSpace(options_.path, &free_bytes);
    if (measured.ok() && free_bytes < options_.free_bytes_min + 2 * batch_bytes) {
      return Status(Code::kNoSpace, "no space left for the metadata database");
    }
    if (!listener_->stopped.load()) return Status::Ok();
    const rocksdb::Status resumed = db_->Resume();
    if (resumed.ok()) {
      listener_->stopped.store(false);
      spdlog::warn("metadata store takes writes again");
      return Status::Ok();
    }
    const Code code = resumed.IsNoSpace() ? Code::kNoSpace : Code::kUnavailable;
    return Status(code, "metadata store takes no writes: " + resumed.ToString());
  }

  Status PassFailpoint(std::string_view name, Code code) {
    const FailpointHit hit = Failpoint(name);
    if (hit.action == FailpointAction::kError) return Status(code, std::string(name));
    if (hit.action == FailpointAction::kDelay) {
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, std::chrono::milliseconds(hit.delay_ms), [this] { return stopping_; });
    }
    return Status::Ok();
  }

  const RocksDbOptions options_;
  const std::unique_ptr<rocksdb::DB> db_;
  const std::shared_ptr<ErrorListener> listener_;
  const MemoryReport memory_;
  Metrics metrics_;

  // Of the commit thread.
  rocksdb::WriteBatchWithIndex batch_;
  std::vector<std::function<void()>> hooks_;
  bool committed_ = false;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Request*> queue_;
  size_t queued_bodies_ = 0;
  int64_t due_nanoseconds_ = kNobodyIsDue;  // the earliest of the queue
  bool stopping_ = false;

  ReadPool reads_;
  std::thread commit_thread_;
};

}  // namespace

Result<std::unique_ptr<OrderedStore>> OpenRocksDbStore(const RocksDbOptions& options) {
  rocksdb::Options rocks = MakeRocksOptions(options);
  auto listener = std::make_shared<ErrorListener>();
  rocks.listeners.push_back(listener);
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(rocks, options.path, &db);
  if (!status.ok()) {
    const Status reason = FromRocks(status);
    return Status(reason.code(),
                  "cannot open the metadata database at " + options.path + ": " + reason.message());
  }
  return std::unique_ptr<OrderedStore>(std::make_unique<RocksDbStore>(
      std::unique_ptr<rocksdb::DB>(db), std::move(listener), options));
}

}  // namespace ashlar::metadata_db
