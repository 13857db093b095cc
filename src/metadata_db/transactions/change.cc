#include "metadata_db/transactions/change.h"

#include <iterator>
#include <utility>

#include "base/seeded_bug.h"
#include "metadata_db/transactions/schema.h"

namespace ashlar::metadata_db {

// The news of one transaction, from Finish to its end: announced, then told after the commit, or
// taken back when the commit failed.
class Change::Delivery {
 public:
  Delivery(NewsBoard& board, CacheObserver& observer, std::vector<News> news)
      : board_(board), observer_(observer), news_(std::move(news)) {
    for (const News& item : news_) {
      tickets_.push_back(board_.Announce(item.name));
      item.tell(observer_, Moment::kChanging);
    }
  }
  ~Delivery() {
    for (size_t i = 0; i < news_.size(); ++i) {
      (void)board_.TakeIfNewest(news_[i].name, tickets_[i]);
      news_[i].tell(observer_, Moment::kUnchanged);
    }
  }
  Delivery(const Delivery&) = delete;
  Delivery& operator=(const Delivery&) = delete;

  void Tell() {
    for (size_t i = 0; i < news_.size(); ++i) {
      const bool newest = board_.TakeIfNewest(news_[i].name, tickets_[i]);
      news_[i].tell(observer_, newest ? Moment::kChanged : Moment::kUnchanged);
    }
    news_.clear();
  }

 private:
  NewsBoard& board_;
  CacheObserver& observer_;
  std::vector<News> news_;
  std::vector<uint64_t> tickets_;
};

Task<Status> Surroundings::Submit(TransactionBody body, Duration patience) {
  if (!start_status.ok()) co_return start_status;
  std::vector<TransactionBody> bodies;
  bodies.push_back(std::move(body));
  const std::vector<Status> statuses = co_await store.Submit(std::move(bodies), patience);
  CHECK(statuses.size() == 1);
  co_return statuses[0];
}

Change::Change(Surroundings& surroundings, Transaction& transaction)
    : surroundings_(surroundings),
      transaction_(transaction),
      ledger_(transaction),
      now_ms_(surroundings.clock.WallMilliseconds()) {}

Sequence Change::NextSequence() {
  last_sequence_ = surroundings_.NextSequence();
  return *last_sequence_;
}

Result<std::shared_ptr<const model::Bucket>> Change::FindBucket(BucketId id) {
  const auto known = buckets_.find(id.value);
  if (known != buckets_.end()) return known->second;
  ASSIGN_OR_RETURN(const auto row, transaction_.Get(BucketKey(Table::kBucket, id)));
  if (!row) return Status(Code::kNotFound, "no such bucket");
  ASSIGN_OR_RETURN(model::Bucket bucket, model::DecodeBucket(*row));
  auto shared = std::make_shared<const model::Bucket>(std::move(bucket));
  buckets_[id.value] = shared;
  return shared;
}

void Change::Emit(const model::OutboxEvent& event) {
  transaction_.Put(OutboxKey(event.sequence), model::EncodeOutboxEvent(event));
}

void Change::TellCurrent(BucketId bucket, const std::string& key,
                         std::shared_ptr<const model::ObjectVersion> current) {
  if (surroundings_.observer == nullptr) return;
  news_.push_back(
      {.name = ObjectKey(Table::kCurrent, bucket, key),
       .tell = [bucket, key, current = std::move(current)](CacheObserver& observer, Moment moment) {
         if (moment == Moment::kChanging) observer.OnCurrentChanging(bucket, key);
         if (moment == Moment::kUnchanged) observer.OnCurrentUnchanged(bucket, key);
         if (moment == Moment::kChanged) {
           observer.OnCurrentChanged(bucket, key, current);
         }
       }});
}

void Change::TellExtent(const ExtentId& id) {
  if (surroundings_.observer == nullptr) return;
  news_.push_back({.name = TableKey(Table::kExtent, id.View()),
                   .tell = [id](CacheObserver& observer, Moment moment) {
                     if (moment == Moment::kChanged) observer.OnExtentChanged(id);
                   }});
}

void Change::TellBucket(const std::string& name, std::shared_ptr<const model::Bucket> bucket) {
  if (surroundings_.observer == nullptr) return;
  news_.push_back(
      {.name = TableKey(Table::kBucketName, name),
       .tell = [name, bucket = std::move(bucket)](CacheObserver& observer, Moment moment) {
         if (moment == Moment::kChanging) observer.OnBucketChanging(name);
         if (moment == Moment::kUnchanged) observer.OnBucketUnchanged(name);
         if (moment == Moment::kChanged) observer.OnBucketChanged(name, bucket);
       }});
}

bool Change::WasExchanged(DriveId drive, uint64_t exchanges_seen) const {
  if (exchanges_seen >= surroundings_.exchanges.load()) return false;
  if (SeededBug("repair.exchange_ignored")) return false;
  const auto exchanged = surroundings_.last_exchange.find(drive);
  return exchanged != surroundings_.last_exchange.end() && exchanged->second > exchanges_seen;
}

Status Change::AddExtents(const NewExtents& extents) {
  for (const model::Extent& extent : extents.extents) RETURN_IF_ERROR(ledger_.AddExtent(extent));
  repairs_.insert(repairs_.end(), extents.repairs.begin(), extents.repairs.end());
  for (const model::Extent& extent : extents.extents) {
    for (size_t i = 0; i < extent.locations.size(); ++i) {
      const model::ShardLocation& location = extent.locations[i];
      if (!location.present || !WasExchanged(location.drive, extents.exchanges_seen)) continue;
      repairs_.push_back({.extent = extent.id,
                          .shard = ShardIndex{static_cast<uint8_t>(i)},
                          .reason = model::RepairReason::kMissing,
                          .noted_ms = now_ms_});
    }
  }
  return Status::Ok();
}

Status Change::Finish() {
  RETURN_IF_ERROR(ledger_.Apply(now_ms_));
  for (const model::RepairOrder& order : repairs_) {
    // Nobody repairs what is dead on arrival.
    if (!ledger_.IsNewAndLive(order.extent) || SeededBug("repair.not_ordered")) continue;
    transaction_.Put(RepairKey(order.extent, order.shard), model::EncodeRepairOrder(order));
  }
  if (last_sequence_ && !SeededBug("sequence.not_kept")) {
    transaction_.Put(TableKey(Table::kCounter), BigEndian64(last_sequence_->value));
  }
  if (surroundings_.observer == nullptr) return Status::Ok();
  std::vector<News> news;
  // Extents before the objects that refer to them.
  for (const model::Extent& extent : ledger_.new_extents()) {
    if (!ledger_.IsNewAndLive(extent.id)) continue;
    auto shared = std::make_shared<const model::Extent>(extent);
    news.push_back({.name = TableKey(Table::kExtent, extent.id.View()),
                    .tell = [shared](CacheObserver& observer, Moment moment) {
                      if (moment == Moment::kChanged) observer.OnExtentAdded(shared);
                    }});
  }
  std::move(news_.begin(), news_.end(), std::back_inserter(news));
  if (news.empty()) return Status::Ok();
  auto delivery =
      std::make_shared<Delivery>(surroundings_.board, *surroundings_.observer, std::move(news));
  transaction_.OnCommitted([delivery] { delivery->Tell(); });
  return Status::Ok();
}

}  // namespace ashlar::metadata_db
