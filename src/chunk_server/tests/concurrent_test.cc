// The store on a real disk, used from two event loops at once.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <random>

#include "base/log.h"
#include "chunk_server/tests/test_shards.h"
#include "runtime/event_loop.h"
#include "runtime/metrics.h"
#include "runtime/sync.h"

namespace ashlar::chunk_server {
namespace {

struct Written {
  uint64_t seed = 0;
  uint64_t body_bytes = 0;
  model::ShardLocation location;
};

class ConcurrentTest : public testing::Test {
 protected:
  void SetUp() override {
    static std::atomic<int> counter{0};
    path_ = std::filesystem::temp_directory_path() /
            ("ashlar-chunk-" + std::to_string(getpid()) + "-" + std::to_string(counter++));
    std::filesystem::create_directories(path_);
    options_ = TestOptions((path_ / "drive").string());
    options_.volume_bytes = 1 << 20;
    ASSERT_TRUE(
        RunBlocking(loops_, InitializeDrive(HostDisk(), options_.path, TestIdentity())).ok());
    Open();
  }
  void TearDown() override {
    Close();
    std::filesystem::remove_all(path_);
  }
  void Open() {
    store_ = RunBlocking(loops_, OpenLocalChunkStore(HostDisk(), SystemClock(), options_)).value();
    ASSERT_EQ(store_->GetStatus().state, DriveState::kOnline) << store_->GetStatus().reason;
  }
  void Close() {
    loops_.RunToCompletion(store_->Close());
    store_.reset();
  }

  std::filesystem::path path_;
  LocalChunkStoreOptions options_;
  EventLoopGroup loops_{2};
  std::unique_ptr<ChunkStore> store_;
};

// Writes `count` shards and reads each back at once; stays on `loop`.
Task<void> Worker(ChunkStore* store, uint64_t first_seed, int count, std::vector<Written>* out,
                  std::atomic<int>* failures) {
  std::mt19937_64 random(first_seed);
  for (int i = 0; i < count; ++i) {
    const uint64_t seed = first_seed + static_cast<uint64_t>(i);
    const uint64_t body_bytes = random() % 10 == 0 ? 1 + random() % 200'000 : 1 + random() % 5000;
    TestShard shard = MakeShard(seed, body_bytes);
    if (random() % 4 == 0) shard.spec.patience = std::chrono::milliseconds(random() % 3);
    Result<model::ShardLocation> location = Status(Code::kInternal, "not written");
    if (random() % 2 == 0) {
      location = co_await store->WriteShard(shard.spec, shard.body, shard.leaves);
    } else {
      location = co_await WriteInPieces(*store, shard, 64 * 1024);
    }
    if (!location.ok()) {
      failures->fetch_add(1);
      continue;
    }
    const Status status = co_await ReadBack(*store, shard, *location);
    if (!status.ok()) failures->fetch_add(1);
    out->push_back({seed, body_bytes, *location});
  }
}

Task<Status> VerifyAll(ChunkStore* store, const std::vector<std::vector<Written>>* written) {
  for (const std::vector<Written>& list : *written) {
    for (const Written& one : list) {
      const TestShard shard = MakeShard(one.seed, one.body_bytes);
      CO_RETURN_IF_ERROR(co_await ReadBack(*store, shard, one.location));
    }
  }
  co_return Status::Ok();
}

TEST_F(ConcurrentTest, TwoLoopsWriteAndRead) {
  constexpr int kWorkers = 16;
  constexpr int kShards = 25;
  std::vector<std::vector<Written>> written(kWorkers);
  std::atomic<int> failures{0};
  TaskScope scope;
  for (int i = 0; i < kWorkers; ++i) {
    scope.Spawn(
        loops_.loop(static_cast<size_t>(i % 2)),
        Worker(store_.get(), static_cast<uint64_t>(i) * 1000 + 1, kShards, &written[i], &failures));
  }
  loops_.RunToCompletion(scope.Join());
  EXPECT_EQ(failures.load(), 0);
  Close();
  Open();
  const Status status = RunBlocking(loops_, VerifyAll(store_.get(), &written));
  EXPECT_TRUE(status.ok()) << status.ToString();
}

// Sum and count of the group commit histogram tell how many syncs there were for how many shards.
double Metric(const std::string& name) {
  const std::string text = RenderMetrics();
  const size_t at = text.find("\n" + name + "{drive=\"7\"} ");
  if (at == std::string::npos) return 0;
  return std::stod(text.substr(text.find("} ", at) + 2));
}

Task<void> WriteOne(ChunkStore* store, const TestShard* shard, std::atomic<int>* failures) {
  const auto location = co_await store->WriteShard(shard->spec, shard->body, shard->leaves);
  if (!location.ok()) failures->fetch_add(1);
}

TEST_F(ConcurrentTest, GroupCommitSharesSyncs) {
  constexpr int kWriters = 64;
  std::vector<TestShard> shards;
  for (uint64_t i = 0; i < kWriters; ++i) shards.push_back(MakeShard(i + 1, 800));
  const std::string name = "ashlar_chunk_store_group_commit_records";
  const double syncs_before = Metric(name + "_count");
  const double records_before = Metric(name + "_sum");
  std::atomic<int> failures{0};
  TaskScope scope;
  for (size_t i = 0; i < kWriters; ++i) {
    scope.Spawn(loops_.loop(i % 2), WriteOne(store_.get(), &shards[i], &failures));
  }
  loops_.RunToCompletion(scope.Join());
  EXPECT_EQ(failures.load(), 0);
  EXPECT_EQ(Metric(name + "_sum") - records_before, kWriters);
  const double syncs = Metric(name + "_count") - syncs_before;
  EXPECT_GE(syncs, 1);
  EXPECT_LE(syncs, kWriters / 2);
  RecordProperty("syncs", static_cast<int>(syncs));
  spdlog::info("group commit writers={} syncs={}", kWriters, syncs);
}

struct Purging {
  ChunkStore* store = nullptr;
  std::atomic<int> writers{0};
  std::atomic<int> purged{0};
  std::atomic<int> failures{0};
};

// Writes shards that are old enough, reads each, and purges two of three.
Task<void> WriteAndPurge(Purging* purging, uint64_t first_seed, int count) {
  const int64_t made_at = SystemClock().WallMilliseconds() - 3LL * 24 * 60 * 60 * 1000;
  for (int i = 0; i < count; ++i) {
    const uint64_t seed = first_seed + static_cast<uint64_t>(i);
    const TestShard shard = MakeShardOf(made_at, seed, i % 4 == 0 ? 150'000 : 9000);
    ChunkStore& store = *purging->store;
    const auto location = co_await store.WriteShard(shard.spec, shard.body, shard.leaves);
    if (!location.ok()) {
      purging->failures.fetch_add(1);
      continue;
    }
    if (i % 3 != 0) {
      std::vector<ShardPurge> purges(1, PurgeOf(shard, *location));
      const std::vector<Status> answers = co_await store.PurgeShards(std::move(purges));
      purging->purged.fetch_add(answers.front().ok() ? 1 : 0);
    }
    const Status read = co_await ReadBack(store, shard, *location);
    const Code expected = i % 3 != 0 ? Code::kNotFound : Code::kOk;
    if (read.code() != expected) purging->failures.fetch_add(1);
  }
  purging->writers.fetch_sub(1);
}

Task<Status> WalkOnce(ChunkStore* store, size_t* shards) {
  CO_ASSIGN_OR_RETURN(const std::vector<VolumeInfo> volumes, co_await store->ListVolumes());
  for (const VolumeInfo& volume : volumes) {
    CO_ASSIGN_OR_RETURN(const WalkPage page,
                        co_await WalkAll(*store, volume.number, {true, 50, 300'000}));
    *shards += page.shards.size();
  }
  co_return Status::Ok();
}

Task<void> WalkWhileOthersWrite(Purging* purging) {
  while (purging->writers.load() > 0) {
    size_t shards = 0;
    const Status walked = co_await WalkOnce(purging->store, &shards);
    if (!walked.ok()) purging->failures.fetch_add(1);
  }
}

TEST_F(ConcurrentTest, TwoLoopsWritePurgeAndWalk) {
  constexpr int kWriters = 6;
  constexpr int kShards = 30;
  Purging purging;
  purging.store = store_.get();
  purging.writers = kWriters;
  TaskScope scope;
  for (size_t i = 0; i < kWriters; ++i) {
    scope.Spawn(loops_.loop(i % 2), WriteAndPurge(&purging, i * 1000 + 1, kShards));
  }
  scope.Spawn(loops_.loop(0), WalkWhileOthersWrite(&purging));
  scope.Spawn(loops_.loop(1), WalkWhileOthersWrite(&purging));
  loops_.RunToCompletion(scope.Join());
  EXPECT_EQ(purging.failures.load(), 0);
  EXPECT_EQ(purging.purged.load(), kWriters * kShards / 3 * 2);
  Close();
  Open();
  size_t shards = 0;
  EXPECT_TRUE(RunBlocking(loops_, WalkOnce(store_.get(), &shards)).ok());
  EXPECT_EQ(shards, static_cast<size_t>(kWriters * kShards / 3));
  // The space of the bodies is back: two of three were purged.
  uint64_t file_bytes = 0;
  uint64_t allocated_bytes = 0;
  const auto volumes = RunBlocking(loops_, store_->ListVolumes());
  for (const VolumeInfo& volume : *volumes) {
    file_bytes += volume.file_bytes;
    allocated_bytes += volume.allocated_bytes;
  }
  EXPECT_LT(allocated_bytes, file_bytes * 3 / 4);
}

TEST_F(ConcurrentTest, DeletedFolderOnTheRealDisk) {
  spdlog::set_level(spdlog::level::off);
  const TestShard shard = MakeShard(1, 100);
  std::filesystem::remove_all(options_.path);
  EXPECT_EQ(RunBlocking(loops_, store_->Probe()).code(), Code::kUnavailable);
  EXPECT_EQ(store_->GetStatus().state, DriveState::kOffline);
  EXPECT_EQ(RunBlocking(loops_, store_->WriteShard(shard.spec, shard.body, shard.leaves)).code(),
            Code::kUnavailable);
  spdlog::set_level(spdlog::level::info);
}

TEST_F(ConcurrentTest, ManyVolumesOpenFast) {
  options_.volume_bytes = 16 * 1024;
  options_.allocate_step_bytes = 16 * 1024;
  Close();
  Open();
  std::atomic<int> failures{0};
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    const TestShard shard = MakeShard(seed, 9000);
    loops_.RunToCompletion(WriteOne(store_.get(), &shard, &failures));
  }
  EXPECT_EQ(failures.load(), 0);
  Close();
  const int64_t begin = SystemClock().MonotonicNanoseconds();
  Open();
  const double milliseconds =
      static_cast<double>(SystemClock().MonotonicNanoseconds() - begin) / 1e6;
  EXPECT_GE(store_->GetStatus().volumes, 100u);
  spdlog::info("opened volumes={} milliseconds={}", store_->GetStatus().volumes, milliseconds);
  EXPECT_LT(milliseconds, 2000);  // far more than it takes, for sanitizers and busy machines
}

}  // namespace
}  // namespace ashlar::chunk_server
