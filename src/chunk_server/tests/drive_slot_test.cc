// DriveSlot: exchange under running calls, and a drive that comes back after a start without it.
#include <gtest/gtest.h>

#include "base/log.h"
#include "chunk_server/drive_slot.h"
#include "chunk_server/tests/sim_world.h"

namespace ashlar::chunk_server {
namespace {

// Counts what happens to it; writes wait until they are let go.
class WatchedStore final : public ChunkStore {
 public:
  struct Events {
    int calls_under_way = 0;
    int closed = 0;
    bool closed_with_calls = false;
    int destroyed = 0;
  };
  WatchedStore(Events* events, Code answer) : events_(events), answer_(answer) {}
  ~WatchedStore() override { ++events_->destroyed; }

  DriveId drive() const override { return DriveId{7}; }
  Task<Result<model::ShardLocation>> WriteShard(const ShardSpec&, ByteSpan,
                                                std::span<const Sha256Digest>) override {
    co_return co_await Work();
  }
  Task<Result<std::unique_ptr<ShardWriter>>> OpenShard(const ShardSpec&) override {
    std::unique_ptr<ShardWriter> writer = std::make_unique<Writer>(events_);
    co_return writer;
  }
  Task<Status> ReadShard(const ShardAddress&, uint64_t, MutableByteSpan) override {
    co_return co_await Work();
  }
  DriveStatus GetStatus() const override { return {}; }
  Task<Status> Probe() override { co_return co_await Work(); }
  Task<Result<std::vector<VolumeInfo>>> ListVolumes() override { co_return co_await Work(); }
  Task<Result<WalkPage>> WalkVolume(uint32_t, uint64_t, WalkOptions) override {
    co_return co_await Work();
  }
  Task<std::vector<Status>> PurgeShards(std::vector<ShardPurge> purges) override {
    const Status status = co_await Work();
    co_return std::vector<Status>(purges.size(), status);
  }
  Task<Status> RemoveVolume(uint32_t, uint64_t) override { co_return co_await Work(); }
  Task<void> Close() override {
    ++events_->closed;
    if (events_->calls_under_way > 0) events_->closed_with_calls = true;
    co_return;
  }

 private:
  struct Writer final : ShardWriter {
    explicit Writer(Events* events) : events(events) { ++events->calls_under_way; }
    ~Writer() override { --events->calls_under_way; }
    Task<Status> Append(std::span<const ByteSpan>) override { co_return Status::Ok(); }
    Task<Result<model::ShardLocation>> Finish(std::span<const Sha256Digest>) override {
      co_return model::ShardLocation{};
    }
    Events* const events;
  };
  Task<Status> Work() {
    ++events_->calls_under_way;
    Sleep pause(std::chrono::milliseconds(10));
    co_await pause;
    --events_->calls_under_way;
    co_return Status(answer_, "the watched store");
  }

  Events* const events_;
  const Code answer_;
};

class DriveSlotTest : public testing::Test {
 protected:
  void SetUp() override { spdlog::set_level(spdlog::level::off); }
  void TearDown() override { spdlog::set_level(spdlog::level::info); }
  static Task<bool> Exchange(DriveSlot* slot, std::shared_ptr<ChunkStore> next) {
    co_await slot->Exchange(std::move(next));
    co_return true;
  }
  SimExecutor executor_;
  WatchedStore::Events old_;
  WatchedStore::Events new_;
};

TEST_F(DriveSlotTest, RunningCallsEndOnTheOldStoreWhichIsClosedAfterwards) {
  DriveSlot slot(std::make_shared<WatchedStore>(&old_, Code::kIoError));
  std::optional<Status> read;
  std::optional<Result<WalkPage>> walk;
  std::optional<std::vector<Status>> purge;
  std::optional<bool> exchanged;
  executor_.Start(slot.ReadShard({}, 0, {}), &read);
  executor_.Start(slot.WalkVolume(1, 0, {}), &walk);
  executor_.Start(slot.PurgeShards(std::vector<ShardPurge>(2)), &purge);
  executor_.Start(Exchange(&slot, std::make_shared<WatchedStore>(&new_, Code::kCorrupt)),
                  &exchanged);
  EXPECT_FALSE(exchanged.has_value());
  EXPECT_EQ(old_.closed, 0);
  // A call that begins now goes to the new one.
  EXPECT_EQ(executor_.Run(slot.RemoveVolume(1, 1)).code(), Code::kCorrupt);
  executor_.RunUntilIdle();
  EXPECT_EQ(read->code(), Code::kIoError);
  EXPECT_EQ(walk->code(), Code::kIoError);
  EXPECT_EQ(purge->at(1).code(), Code::kIoError);
  EXPECT_TRUE(exchanged.has_value());
  EXPECT_EQ(old_.closed, 1);
  EXPECT_FALSE(old_.closed_with_calls);
  EXPECT_EQ(old_.destroyed, 1);
  EXPECT_EQ(new_.closed, 0);
  executor_.Run(slot.Close());
  EXPECT_EQ(new_.closed, 1);
}

TEST_F(DriveSlotTest, AWriterKeepsItsStore) {
  DriveSlot slot(std::make_shared<WatchedStore>(&old_, Code::kOk));
  auto writer = executor_.Run(slot.OpenShard({})).value();
  std::optional<bool> exchanged;
  executor_.Start(Exchange(&slot, std::make_shared<WatchedStore>(&new_, Code::kOk)), &exchanged);
  executor_.RunUntilIdle();
  EXPECT_FALSE(exchanged.has_value());
  EXPECT_TRUE(executor_.Run(writer->Finish({})).ok());
  writer.reset();
  executor_.RunUntilIdle();
  EXPECT_TRUE(exchanged.has_value());
  EXPECT_EQ(old_.closed, 1);
  EXPECT_FALSE(old_.closed_with_calls);
  executor_.Run(slot.Close());
}

// Looks for the drive of `world` and opens it.
Task<Result<std::unique_ptr<ChunkStore>>> OpenIfThere(SimWorld* world, int* asked) {
  ++*asked;
  const Result<DrivePathReport> report = co_await InspectDrivePath(*world->disk, kDrivePath);
  if (!report.ok() || report->state != DrivePathState::kIdentified) {
    co_return Status(Code::kUnavailable, "not there");
  }
  co_return co_await OpenLocalChunkStore(*world->disk, world->executor, world->options);
}

TEST_F(DriveSlotTest, ADriveThatWasMissingAtTheStartComesBack) {
  SimWorld world;
  world.Open();
  const TestShard shard = MakeShard(1, 1000);
  const auto location = world.Write(shard).value();
  world.Close();
  const std::unique_ptr<SimDisk> there = world.disk->CleanCopy();
  world.disk->RemoveTree(kDrivePath);

  int asked = 0;
  DriveSlot slot(MakeOfflineChunkStore(DriveId{7}, "missing at the start"),
                 [&] { return OpenIfThere(&world, &asked); });
  EXPECT_EQ(world.executor.Run(slot.Probe()).code(), Code::kUnavailable);
  EXPECT_EQ(slot.GetStatus().state, DriveState::kOffline);
  EXPECT_EQ(world.executor.Run(ReadBack(slot, shard, location)).code(), Code::kUnavailable);
  EXPECT_EQ(world.executor.Run(slot.PurgeShards({PurgeOf(shard, location)})).front().code(),
            Code::kUnavailable);

  std::unique_ptr<SimDisk> gone = std::exchange(world.disk, there->CleanCopy());
  // Several ask at once: it is opened once.
  std::vector<std::optional<Status>> probes(4);
  for (auto& probe : probes) world.executor.Start(slot.Probe(), &probe);
  world.executor.RunUntilIdle();
  EXPECT_EQ(asked, 2);
  EXPECT_TRUE(probes[0]->ok()) << probes[0]->ToString();
  EXPECT_EQ(slot.GetStatus().state, DriveState::kOnline);
  EXPECT_TRUE(world.executor.Run(ReadBack(slot, shard, location)).ok());
  // From now on the store looks after its drive itself.
  world.disk->RemoveTree(kDrivePath);
  EXPECT_EQ(world.executor.Run(slot.Probe()).code(), Code::kUnavailable);
  EXPECT_EQ(asked, 2);
  world.executor.Run(slot.Close());
}

}  // namespace
}  // namespace ashlar::chunk_server
