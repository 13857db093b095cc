// Writers and readers of a few keys on several loops, over RocksDB and over the memory store. Each
// write of a key carries the next number. The check is that of a monotone register: a read that
// began after a write was acknowledged, or after another read had ended, never gives an older
// number.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <random>

#include "index_cache/index_cache.h"
#include "runtime/event_loop.h"
#include "runtime/sync.h"

namespace ashlar::index_cache {
namespace {

using metadata_db::MetadataDb;
using metadata_db::OrderedStore;
using Version = std::shared_ptr<const model::ObjectVersion>;

constexpr int kKeys = 3;

// Holds every read back for a while after it has read, so that many fills land late.
class LateReads final : public OrderedStore {
 public:
  explicit LateReads(std::unique_ptr<OrderedStore> inner) : inner_(std::move(inner)) {}
  Task<std::vector<Status>> Submit(std::vector<metadata_db::TransactionBody> bodies,
                                   Duration patience) override {
    return inner_->Submit(std::move(bodies), patience);
  }
  Task<Result<std::optional<std::string>>> Get(std::string key) override {
    auto row = co_await inner_->Get(std::move(key));
    for (uint32_t i = turns_.fetch_add(1) % 7; i > 0; --i) co_await Yield();
    co_return row;
  }
  std::unique_ptr<metadata_db::Snapshot> NewSnapshot() override { return inner_->NewSnapshot(); }
  Task<Status> Read(metadata_db::ReadBody body) override { return inner_->Read(std::move(body)); }

 private:
  const std::unique_ptr<OrderedStore> inner_;
  std::atomic<uint32_t> turns_{0};
};

struct Arena {
  EventLoopGroup loops{3};
  std::unique_ptr<OrderedStore> store;
  std::unique_ptr<IndexCache> cache;
  std::unique_ptr<MetadataDb> db;
  BucketId bucket;
  // By key: the greatest number that anybody knows to be visible.
  std::array<std::atomic<int64_t>, kKeys> known{};
  int rounds = 0;  // of each writer
  std::atomic<bool> stop{false};
  std::atomic<int64_t> stale{0};
  std::atomic<int64_t> reads{0};
  std::atomic<int64_t> writes{0};
};

constexpr int64_t kReadsMin = 1'000;

std::string KeyName(int key) { return "key" + std::to_string(key); }

void RaiseTo(std::atomic<int64_t>& known, int64_t number) {
  int64_t seen = known.load();
  while (seen < number && !known.compare_exchange_weak(seen, number)) {
  }
}

// The only writer of its key. Sometimes two puts, or a put and a deletion and a put, in one commit.
Task<void> Write(Arena* arena, int key, unsigned seed) {
  std::mt19937 random(seed);
  int64_t number = 0;
  // On a busy machine the readers may come late: writing goes on until enough of them raced.
  for (int i = 0; i < arena->rounds || (arena->reads <= kReadsMin && i < 100 * arena->rounds);
       ++i) {
    std::vector<metadata_db::PutObjectChange> changes(1 + random() % 3);
    for (auto& change : changes) {
      change.bucket = arena->bucket;
      change.key = KeyName(key);
      change.version.etag = std::to_string(++number);
    }
    auto results = co_await arena->db->PutObjects(metadata_db::NewExtents{}, std::move(changes));
    for (const auto& result : results) CHECK(result.ok());
    RaiseTo(arena->known[static_cast<size_t>(key)], number);
    ++arena->writes;
    if (i % 8 == 0) co_await Yield();
  }
}

Task<void> Read(Arena* arena, unsigned seed) {
  std::mt19937 random(seed);
  while (!arena->stop) {
    const int key = static_cast<int>(random() % kKeys);
    std::atomic<int64_t>& known = arena->known[static_cast<size_t>(key)];
    const int64_t before = known.load();
    const std::string name = KeyName(key);
    const Result<Version> read = co_await arena->cache->GetCurrent(arena->bucket, name);
    const int64_t number = read.ok() ? std::stoll((*read)->etag) : 0;
    CHECK(read.ok() || read.code() == Code::kNotFound);
    if (number < before) ++arena->stale;
    RaiseTo(known, number);
    ++arena->reads;
    // Entries must go, so that there are fills to race with.
    if (random() % 4 == 0) {
      for (int i = 0; i < 3; ++i) {
        const std::string other = "filler" + std::to_string(random() % 300);
        const Result<Version> ignored = co_await arena->cache->GetCurrent(arena->bucket, other);
        (void)ignored.ok();
      }
    }
    co_await Yield();
  }
}

Task<void> WriteAll(Arena* arena, unsigned seed) {
  TaskScope writers;
  for (int key = 0; key < kKeys; ++key) {
    writers.Spawn(arena->loops.loop(static_cast<size_t>(key) % arena->loops.size()),
                  Write(arena, key, seed + static_cast<unsigned>(key)));
  }
  co_await writers.Join();
  arena->stop = true;
}

Task<Status> Compete(Arena* arena, unsigned seed) {
  TaskScope scope;
  for (unsigned i = 0; i < 9; ++i) {
    scope.Spawn(arena->loops.loop(i % arena->loops.size()), Read(arena, seed + 100 + i));
  }
  scope.Spawn(arena->loops.loop(0), WriteAll(arena, seed));
  co_await scope.Join();
  co_return Status::Ok();
}

Task<Status> Fill(Arena* arena) {
  for (int i = 0; i < 300; ++i) {
    std::vector<metadata_db::PutObjectChange> changes(1);
    changes[0].bucket = arena->bucket;
    changes[0].key = "filler" + std::to_string(i);
    auto results = co_await arena->db->PutObjects(metadata_db::NewExtents{}, std::move(changes));
    CHECK(results[0].ok());
  }
  co_return Status::Ok();
}

void Hammer(std::unique_ptr<OrderedStore> store, int rounds, unsigned seed) {
  Arena arena;
  arena.rounds = rounds;
  arena.store = std::make_unique<LateReads>(std::move(store));
  // So small that a shard holds one or two entries.
  arena.cache = std::make_unique<IndexCache>(
      SystemClock(), IndexCacheOptions{.capacity_bytes = 16 * 1'400, .ttl_seconds = 3600});
  arena.db =
      std::make_unique<MetadataDb>(*arena.store, SystemClock(), SystemRandom(), arena.cache.get());
  arena.cache->SetDatabase(arena.db.get());
  arena.bucket = RunBlocking(arena.loops, arena.db->CreateBucket("b", "me", "r")).value().id;
  ASSERT_TRUE(RunBlocking(arena.loops, Fill(&arena)).ok());
  ASSERT_TRUE(RunBlocking(arena.loops, Compete(&arena, seed)).ok());
  EXPECT_EQ(arena.stale, 0) << "stale reads, of " << arena.reads << " reads beside " << arena.writes
                            << " writes";
  EXPECT_GT(arena.reads, kReadsMin);
}

TEST(LinearizabilityTest, NoStaleReadOverMemory) {
  Hammer(metadata_db::NewMemoryStore(), 1'500, 1);
}

TEST(LinearizabilityTest, NoStaleReadOverRocksDb) {
  std::string path = (std::filesystem::temp_directory_path() / "ashlar-cache-XXXXXX").string();
  ASSERT_NE(mkdtemp(path.data()), nullptr);
  metadata_db::RocksDbOptions options;
  options.path = path + "/db";
  options.memtable_bytes = 1 << 20;
  options.free_bytes_min = 0;
  auto opened = metadata_db::OpenRocksDbStore(options);
  ASSERT_TRUE(opened.ok());
  Hammer(std::move(opened).value(), 250, 2);
  std::filesystem::remove_all(path);
}

}  // namespace
}  // namespace ashlar::index_cache
