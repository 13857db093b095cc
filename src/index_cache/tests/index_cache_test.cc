#include "index_cache/index_cache.h"

#include <gtest/gtest.h>

#include <optional>
#include <thread>

#include "runtime/event_loop.h"
#include "runtime/metrics.h"
#include "runtime/sync.h"

namespace ashlar::index_cache {
namespace {

using metadata_db::MetadataDb;
using metadata_db::OrderedStore;
using metadata_db::ReadBody;
using metadata_db::Snapshot;
using metadata_db::TransactionBody;
using Version = std::shared_ptr<const model::ObjectVersion>;

class FakeClock final : public Clock {
 public:
  int64_t WallMilliseconds() override { return 1'700'000'000'000; }
  int64_t MonotonicNanoseconds() override { return now_ns; }
  int64_t now_ns = 0;
};

// Counts reads, and holds them back (after they have read) until told to go on.
class SlowStore final : public OrderedStore {
 public:
  // Runs `before_news` when a commit is visible and its news are not told yet.
  Task<std::vector<Status>> Submit(std::vector<TransactionBody> bodies,
                                   Duration patience) override {
    if (before_news) {
      bodies.insert(bodies.begin(), [this](metadata_db::Transaction& transaction) {
        transaction.OnCommitted(before_news);
        return Status::Ok();
      });
    }
    if (refuse) {
      for (TransactionBody& body : bodies) {
        body = [body](metadata_db::Transaction& transaction) {
          (void)body(transaction);
          return Status(Code::kUnavailable, "on purpose");
        };
      }
    }
    std::vector<Status> statuses = co_await inner_->Submit(std::move(bodies), patience);
    if (before_news) statuses.erase(statuses.begin());
    co_return statuses;
  }
  Task<Result<std::optional<std::string>>> Get(std::string key) override {
    ++gets;
    auto row = co_await inner_->Get(std::move(key));
    while (hold) co_await Yield();
    if (fail) co_return Status(Code::kIoError, "on purpose");
    co_return row;
  }
  std::unique_ptr<Snapshot> NewSnapshot() override { return inner_->NewSnapshot(); }
  Task<Status> Read(ReadBody body) override { return inner_->Read(std::move(body)); }

  std::function<void()> before_news;
  bool refuse = false;
  int gets = 0;
  bool hold = false;
  bool fail = false;

 private:
  std::unique_ptr<OrderedStore> inner_ = metadata_db::NewMemoryStore();
};

// On a thread and a loop of its own, while the commit thread waits for it.
template <typename T>
T Elsewhere(Task<T> task) {
  std::optional<T> answer;
  std::thread([&] {
    EventLoopGroup loop(1);
    answer.emplace(RunBlocking(loop, std::move(task)));
  }).join();
  return std::move(*answer);
}

class IndexCacheTest : public testing::Test {
 public:
  IndexCacheTest() : loops_(1) { Make({}); }
  void Make(IndexCacheOptions options) {
    db_.reset();
    cache_ = std::make_unique<IndexCache>(clock_, options);
    db_ = std::make_unique<MetadataDb>(store_, clock_, SystemRandom(), cache_.get());
    cache_->SetDatabase(db_.get());
  }
  template <typename T>
  T Run(Task<T> task) {
    return RunBlocking(loops_, std::move(task));
  }
  BucketId MakeBucket(const std::string& name = "b") {
    return Run(db_->CreateBucket(name, "me", "r")).value().id;
  }
  Task<Version> PutTask(BucketId bucket, std::string key, std::string etag) {
    std::vector<metadata_db::PutObjectChange> changes(1);
    changes[0].bucket = bucket;
    changes[0].key = key;
    changes[0].version.etag = etag;
    auto results = co_await db_->PutObjects(metadata_db::NewExtents{}, std::move(changes));
    CHECK(results[0].ok());
    co_return *results[0];
  }
  Version Put(BucketId bucket, const std::string& key, const std::string& etag) {
    return Run(PutTask(bucket, key, etag));
  }
  Result<Version> Get(BucketId bucket, const std::string& key) {
    return Run(cache_->GetCurrent(bucket, key));
  }
  // A cache that has seen none of the writes.
  void Forget() { Make({}); }

  FakeClock clock_;
  SlowStore store_;
  EventLoopGroup loops_;
  std::unique_ptr<IndexCache> cache_;
  std::unique_ptr<MetadataDb> db_;
};

TEST_F(IndexCacheTest, WritesGoThroughAndReadsHit) {
  const BucketId bucket = MakeBucket();
  const Version put = Put(bucket, "k", "1");
  const int gets = store_.gets;
  EXPECT_EQ(*Get(bucket, "k"), put);
  EXPECT_EQ((*Run(cache_->GetBucket("b")))->id, bucket);
  EXPECT_EQ(store_.gets, gets);
}

TEST_F(IndexCacheTest, MissesAreFilledOnce) {
  const BucketId bucket = MakeBucket();
  (void)Put(bucket, "k", "1");
  Forget();
  const int gets = store_.gets;
  EXPECT_EQ((*Get(bucket, "k"))->etag, "1");
  EXPECT_EQ((*Get(bucket, "k"))->etag, "1");
  EXPECT_EQ(store_.gets, gets + 1);
}

TEST_F(IndexCacheTest, NotFoundAndErrorsAreNotKept) {
  const BucketId bucket = MakeBucket();
  EXPECT_EQ(Get(bucket, "k").code(), Code::kNotFound);
  EXPECT_EQ(Get(bucket, "k").code(), Code::kNotFound);
  (void)Put(bucket, "k", "1");
  EXPECT_TRUE(Get(bucket, "k").ok());
  Forget();
  store_.fail = true;
  EXPECT_EQ(Get(bucket, "k").code(), Code::kIoError);
  store_.fail = false;
  EXPECT_TRUE(Get(bucket, "k").ok());
}

TEST_F(IndexCacheTest, DeletionsAreSeen) {
  const BucketId bucket = MakeBucket();
  (void)Put(bucket, "k", "1");
  std::vector<metadata_db::DeleteObjectChange> deletes(1);
  deletes[0].key = "k";
  (void)Run(db_->DeleteObjects(bucket, deletes));
  EXPECT_EQ(Get(bucket, "k").code(), Code::kNotFound);
  ASSERT_TRUE(Run(db_->DeleteBucket("b")).ok());
  EXPECT_EQ(Run(cache_->GetBucket("b")).code(), Code::kNotFound);
}

TEST_F(IndexCacheTest, EntriesGrowOld) {
  const BucketId bucket = MakeBucket();
  (void)Put(bucket, "k", "1");
  const int gets = store_.gets;
  clock_.now_ns += 3599LL * 1'000'000'000;
  EXPECT_TRUE(Get(bucket, "k").ok());
  EXPECT_EQ(store_.gets, gets);
  clock_.now_ns += 1LL * 1'000'000'000;
  EXPECT_TRUE(Get(bucket, "k").ok());
  EXPECT_EQ(store_.gets, gets + 1);
}

TEST_F(IndexCacheTest, CapacityHoldsAndTheLeastUsedGoFirst) {
  Make({.capacity_bytes = 16 * 8'000, .ttl_seconds = 3600});
  const BucketId bucket = MakeBucket();
  auto& bytes = MetricGauge("ashlar_index_cache_bytes", "");
  const double before = bytes.Value();
  for (int i = 0; i < 2000; ++i) {
    (void)Put(bucket, "k" + std::to_string(i), "1");
    // Kept alive by use.
    const int gets = store_.gets;
    EXPECT_TRUE(Get(bucket, "k0").ok());
    EXPECT_EQ(store_.gets, gets) << i;
  }
  EXPECT_LE(bytes.Value() - before, 16 * 8'000);
  const int gets = store_.gets;
  EXPECT_TRUE(Get(bucket, "k1").ok());
  EXPECT_EQ(store_.gets, gets + 1);
}

Task<void> GetInto(IndexCache* cache, BucketId bucket, std::string key, Result<Version>* out) {
  *out = co_await cache->GetCurrent(bucket, key);
}

TEST_F(IndexCacheTest, ConcurrentMissesMakeOneRead) {
  const BucketId bucket = MakeBucket();
  (void)Put(bucket, "k", "1");
  Forget();
  const int before = store_.gets;
  std::vector<Result<Version>> results(20, Result<Version>(Status(Code::kInternal, "")));
  const auto scenario = [](IndexCacheTest* test, BucketId id,
                           std::vector<Result<Version>>* out) -> Task<Status> {
    test->store_.hold = true;
    TaskScope scope;
    for (auto& result : *out) {
      scope.Spawn(*Executor::Current(), GetInto(test->cache_.get(), id, "k", &result));
    }
    for (int i = 0; i < 10; ++i) co_await Yield();
    test->store_.hold = false;
    co_await scope.Join();
    co_return Status::Ok();
  };
  ASSERT_TRUE(Run(scenario(this, bucket, &results)).ok());
  for (const auto& result : results) EXPECT_EQ((*result)->etag, "1");
  EXPECT_EQ(store_.gets, before + 1);
}

// The heart of the protocol: a fill that has read the old value before a commit, and lands after
// it.
TEST_F(IndexCacheTest, ALateFillNeverOverwritesNewerTruth) {
  const BucketId bucket = MakeBucket();
  for (const bool remove : {false, true}) {
    (void)Put(bucket, "k", "old");
    Forget();
    Result<Version> slow(Status(Code::kInternal, ""));
    const auto scenario = [](IndexCacheTest* test, BucketId id, bool delete_it,
                             Result<Version>* out) -> Task<Status> {
      test->store_.hold = true;
      TaskScope scope;
      scope.Spawn(*Executor::Current(), GetInto(test->cache_.get(), id, "k", out));
      for (int i = 0; i < 10; ++i) co_await Yield();
      if (delete_it) {
        std::vector<metadata_db::DeleteObjectChange> deletes(1);
        deletes[0].key = "k";
        co_await test->db_->DeleteObjects(id, std::move(deletes));
      } else {
        co_await test->PutTask(id, "k", "new");
      }
      test->store_.hold = false;
      co_await scope.Join();
      co_return Status::Ok();
    };
    ASSERT_TRUE(Run(scenario(this, bucket, remove, &slow)).ok());
    EXPECT_EQ((*slow)->etag, "old");  // it asked before the commit: both answers are true
    const auto after = Get(bucket, "k");
    if (remove) {
      EXPECT_EQ(after.code(), Code::kNotFound);
    } else {
      EXPECT_EQ((*after)->etag, "new");
    }
  }
}

// Between the moment at which the database shows a commit and the news of it.
TEST_F(IndexCacheTest, WhatTheDatabaseShowsTheCacheDoesNotHide) {
  const BucketId bucket = MakeBucket();
  (void)Put(bucket, "k", "old");
  (void)Put(bucket, "other", "1");
  Result<Version> during(Status(Code::kInternal, ""));
  Result<Version> other(Status(Code::kInternal, ""));
  store_.before_news = [&] {
    const int gets = store_.gets;
    other = Elsewhere(cache_->GetCurrent(bucket, "other"));
    EXPECT_EQ(store_.gets, gets);
    during = Elsewhere(cache_->GetCurrent(bucket, "k"));
    EXPECT_EQ(store_.gets, gets + 1);
  };
  (void)Put(bucket, "k", "new");
  EXPECT_EQ((*during)->etag, "new");
  EXPECT_EQ((*other)->etag, "1");
  (void)Run(db_->DeleteObjects(bucket, {{.key = "k", .version_id = {}, .etag_match = {}}}));
  EXPECT_EQ(during.code(), Code::kNotFound);

  Result<std::shared_ptr<const model::Bucket>> gone(Status(Code::kInternal, ""));
  store_.before_news = [&] { gone = Elsewhere(cache_->GetBucket("b")); };
  (void)Run(db_->DeleteObjects(bucket, {{.key = "other", .version_id = {}, .etag_match = {}}}));
  EXPECT_TRUE(gone.ok());
  ASSERT_TRUE(Run(db_->DeleteBucket("b")).ok());
  EXPECT_EQ(gone.code(), Code::kNotFound);
}

// A read under way when the commit was made: who comes while its news are on their way does not
// join it.
TEST_F(IndexCacheTest, NobodyJoinsAnOldReadOfWhatChanges) {
  const BucketId bucket = MakeBucket();
  (void)Put(bucket, "k", "old");
  Forget();
  Result<Version> slow(Status(Code::kInternal, ""));
  Result<Version> during(Status(Code::kInternal, ""));
  store_.before_news = [&] {
    store_.hold = false;
    during = Elsewhere(cache_->GetCurrent(bucket, "k"));
  };
  const auto scenario = [](IndexCacheTest* test, BucketId id,
                           Result<Version>* out) -> Task<Status> {
    test->store_.hold = true;
    TaskScope scope;
    scope.Spawn(*Executor::Current(), GetInto(test->cache_.get(), id, "k", out));
    for (int i = 0; i < 10; ++i) co_await Yield();
    co_await test->PutTask(id, "k", "new");
    co_await scope.Join();
    co_return Status::Ok();
  };
  ASSERT_TRUE(Run(scenario(this, bucket, &slow)).ok());
  EXPECT_EQ((*slow)->etag, "old");
  EXPECT_EQ((*during)->etag, "new");
  EXPECT_EQ((*Get(bucket, "k"))->etag, "new");
}

TEST_F(IndexCacheTest, ARefusedCommitLeavesNoMark) {
  const BucketId bucket = MakeBucket();
  (void)Put(bucket, "k", "old");
  store_.refuse = true;
  std::vector<metadata_db::PutObjectChange> changes(2);
  for (auto& change : changes) {
    change.bucket = bucket;
    change.key = "k";
  }
  EXPECT_EQ(Run(db_->PutObjects(metadata_db::NewExtents{}, changes))[0].code(), Code::kUnavailable);
  store_.refuse = false;
  const int gets = store_.gets;
  EXPECT_EQ((*Get(bucket, "k"))->etag, "old");
  EXPECT_EQ(store_.gets, gets);
  // Neither do two changes of one commit.
  EXPECT_TRUE(Run(db_->PutObjects(metadata_db::NewExtents{}, changes))[1].ok());
  EXPECT_TRUE(Get(bucket, "k").ok());
  EXPECT_EQ(store_.gets, gets);
}

TEST_F(IndexCacheTest, ChangedExtentsAreReadAnew) {
  model::Extent extent;
  extent.id = NewUniqueId(SystemClock(), SystemRandom());
  extent.data_shards = 1;
  extent.locations.resize(1);
  extent.roots.resize(1);
  cache_->OnExtentAdded(std::make_shared<const model::Extent>(extent));
  EXPECT_EQ(**Run(cache_->GetExtent(extent.id)), extent);
  cache_->OnExtentChanged(extent.id);
  EXPECT_EQ(Run(cache_->GetExtent(extent.id)).code(), Code::kNotFound);
}

}  // namespace
}  // namespace ashlar::index_cache
