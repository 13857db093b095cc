// Change: one S3 change being written, on the commit thread.
//
// Gives sequences, writes the outbox, keeps the ledger of references, and collects what the
// CacheObserver is told once the commit is durable. A body makes one Change, decides and writes
// through it, and ends with Finish.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "metadata_db/metadata_db.h"
#include "metadata_db/ordered_store.h"
#include "metadata_db/transactions/reference_ledger.h"
#include "runtime/clock.h"
#include "runtime/task.h"

namespace ashlar::metadata_db {

// News for the observer that wait for their commit, the newest one of each thing.
//
// A commit holds many transactions, and may change one key more than once. A reader that comes to
// the database when the commit is visible and its news are not told yet sees the last state; were
// it then told an earlier one, its cache would step back. So of each thing only the last change of
// a commit is told. Used on the commit thread only.
class NewsBoard {
 public:
  // `name` has news; an earlier one of the same commit is outdated by it.
  uint64_t Announce(const std::string& name) { return last_[name] = ++tickets_; }
  // Whether the news are the newest; they are off the board then.
  bool TakeIfNewest(const std::string& name, uint64_t ticket) {
    const auto at = last_.find(name);
    if (at == last_.end() || at->second != ticket) return false;
    last_.erase(at);
    return true;
  }

 private:
  uint64_t tickets_ = 0;
  std::map<std::string, uint64_t, std::less<>> last_;
};

// What all transactions of a MetadataDb share.
struct Surroundings {
  Surroundings(OrderedStore& store, Clock& clock, Random& random, CacheObserver* observer)
      : store(store), clock(clock), random(random), observer(observer) {}

  Sequence NextSequence() { return Sequence{next_sequence.fetch_add(1)}; }
  // One body as one Submit; refuses when the last sequence could not be read at the start.
  Task<Status> Submit(TransactionBody body, Duration patience = Duration::zero());

  OrderedStore& store;
  Clock& clock;
  Random& random;
  CacheObserver* observer;
  // Given to commits (on the commit thread, hence in commit order) and to ReserveSequence. The row
  // 'k' holds the last one a commit used; what was only reserved may be given again after a
  // restart, as nothing durable holds it.
  std::atomic<uint64_t> next_sequence{1};
  NewsBoard board;
  // Exchanges of drives, numbered from 1; of the commit thread but for the count.
  std::map<DriveId, uint64_t> last_exchange;
  std::atomic<uint64_t> exchanges{0};
  Status start_status;  // why the last sequence could not be read; then nothing is written
};

class Change {
 public:
  Change(Surroundings& surroundings, Transaction& transaction);

  Transaction& rows() { return transaction_; }
  ReferenceLedger& ledger() { return ledger_; }
  int64_t now_ms() const { return now_ms_; }
  Random& random() { return surroundings_.random; }

  Sequence NextSequence();
  // kNotFound when the bucket has gone.
  Result<std::shared_ptr<const model::Bucket>> FindBucket(BucketId id);
  void ForgetBucket(BucketId id) { buckets_.erase(id.value); }
  // Writes the outbox row.
  void Emit(const model::OutboxEvent& event);

  void TellCurrent(BucketId bucket, const std::string& key,
                   std::shared_ptr<const model::ObjectVersion> current);
  // The extent's row changed or has gone.
  void TellExtent(const ExtentId& id);
  void TellBucket(const std::string& name, std::shared_ptr<const model::Bucket> bucket);

  // Whether the drive was replaced after `exchanges_seen` exchanges: what was written to it by then
  // may be gone.
  bool WasExchanged(DriveId drive, uint64_t exchanges_seen) const;

  // Before the changes that refer to them. Their repair orders are written only for those that end
  // up referred to.
  Status AddExtents(const NewExtents& extents);
  // Ledger, repair orders, counter; and hands the news to the transaction. Last call.
  Status Finish();

 private:
  Surroundings& surroundings_;
  Transaction& transaction_;
  ReferenceLedger ledger_;
  int64_t now_ms_;
  std::optional<Sequence> last_sequence_;
  std::unordered_map<uint64_t, std::shared_ptr<const model::Bucket>> buckets_;
  std::vector<model::RepairOrder> repairs_;
  enum class Moment : uint8_t { kChanging, kChanged, kUnchanged };
  struct News {
    std::string name;
    std::function<void(CacheObserver&, Moment)> tell;
  };
  class Delivery;
  std::vector<News> news_;
};

}  // namespace ashlar::metadata_db
