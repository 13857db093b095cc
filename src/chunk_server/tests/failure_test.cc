// Devices that fail: write, sync, read and allocation errors, no space, a drive that goes away.
#include <gtest/gtest.h>

#include "base/log.h"
#include "chunk_server/drive/drive.h"
#include "chunk_server/tests/sim_world.h"
#include "runtime/failpoint.h"

namespace ashlar::chunk_server {
namespace {

using Operation = SimDisk::Operation;

class FailureTest : public testing::Test {
 protected:
  void SetUp() override { spdlog::set_level(spdlog::level::off); }
  void TearDown() override { spdlog::set_level(spdlog::level::info); }
  // The next `count` operations of this kind fail.
  void Fail(Operation kind, int count, Code code = Code::kIoError) {
    world_.disk->fault = [kind, count, code](Operation operation, const std::string& path) mutable {
      if (operation != kind || count == 0 || path.find(".ashlar") == std::string::npos)
        return Status::Ok();
      --count;
      return Status(code, "ordered by the test");
    };
  }
  SimWorld world_;
};

TEST_F(FailureTest, FailedSyncIsNotAcknowledgedAndANewVolumeIsUsed) {
  world_.Open();
  const TestShard before = MakeShard(1, 1000);
  const auto first = world_.Write(before);
  ASSERT_TRUE(first.ok());
  Fail(Operation::kSync, 1);
  EXPECT_EQ(world_.Write(MakeShard(2, 1000)).code(), Code::kIoError);
  const TestShard after = MakeShard(3, 1000);
  const auto second = world_.Write(after);
  ASSERT_TRUE(second.ok()) << second.status().ToString();
  EXPECT_NE(second->volume, first->volume);
  EXPECT_TRUE(world_.Read(before, *first).ok());
  EXPECT_TRUE(world_.Read(after, *second).ok());
  EXPECT_EQ(world_.store->GetStatus().state, DriveState::kOnline);
  EXPECT_EQ(world_.store->GetStatus().io_errors, 1u);
}

TEST_F(FailureTest, FailedSyncFailsAllWhoSharedItOrWaited) {
  world_.Open();
  Fail(Operation::kSync, 1);
  std::vector<TestShard> shards;
  for (uint64_t seed = 1; seed <= 20; ++seed) shards.push_back(MakeShard(seed, 300));
  std::vector<std::optional<Result<model::ShardLocation>>> results(shards.size());
  for (size_t i = 0; i < shards.size(); ++i) {
    world_.executor.Start(
        world_.store->WriteShard(shards[i].spec, shards[i].body, shards[i].leaves), &results[i]);
  }
  world_.executor.RunUntilIdle();
  for (const auto& result : results) {
    ASSERT_TRUE(result.has_value());
    EXPECT_EQ(result->code(), Code::kIoError);  // one volume: none may be trusted
  }
  // What a power failure leaves of it is nobody's business: nothing was acknowledged.
}

// The kernel drops the pages of a failed sync and calls the file clean: the next sync succeeds, and
// what was written before the failure is nowhere. Two shards whose bytes are written when the sync
// of the first one fails.
class LaterSyncTest : public FailureTest {
 protected:
  void SetUp() override {
    FailureTest::SetUp();
    world_.Open();
    before_ = world_.Write(kept_).value();
    for (size_t i = 0; i < 2; ++i) {
      writers_.push_back(world_.executor.Run(world_.store->OpenShard(shards_[i].spec)).value());
      ASSERT_TRUE(world_.executor.Run(writers_[i]->AppendPiece(shards_[i].body)).ok());
    }
    Fail(Operation::kSync, 1);
  }
  void TearDown() override {
    (void)ArmFailpoints("");
    FailureTest::TearDown();
  }
  void Finish(size_t i) {
    world_.executor.Start(writers_[i]->Finish(shards_[i].leaves), &answers_[i]);
  }
  void Pass(Duration duration) { (void)world_.executor.Run(SleepFor(duration)); }
  static Task<Status> SleepFor(Duration duration) {
    Sleep sleep(duration);
    co_await sleep;
    co_return Status::Ok();
  }
  // Nothing was acknowledged that a power failure takes away.
  void ExpectHonest() {
    writers_.clear();
    world_.LosePower();
    world_.Open();
    EXPECT_TRUE(world_.Read(kept_, before_).ok());
    for (size_t i = 0; i < 2; ++i) {
      ASSERT_TRUE(answers_[i].has_value());
      EXPECT_EQ(answers_[i]->code(), Code::kIoError) << i;
      if (!answers_[i]->ok()) continue;
      EXPECT_TRUE(world_.Read(shards_[i], **answers_[i]).ok()) << i << " was acknowledged";
    }
  }

  const TestShard kept_ = MakeShard(1, 1000);
  const TestShard shards_[2] = {MakeShard(2, 40'000), MakeShard(3, 40'000)};
  model::ShardLocation before_;
  std::vector<std::unique_ptr<ShardWriter>> writers_;
  std::optional<Result<model::ShardLocation>> answers_[2];
};

TEST_F(LaterSyncTest, DoesNotCountForWhoComesAfterTheFailure) {
  Finish(0);
  world_.executor.RunUntilIdle();
  Finish(1);
  world_.executor.RunUntilIdle();
  ExpectHonest();
}

TEST_F(LaterSyncTest, DoesNotCountForWhoWaitedMeanwhile) {
  ASSERT_TRUE(ArmFailpoints("shard.before_sync=delay:1000@1").ok());
  Finish(0);
  Pass(std::chrono::milliseconds(500));
  Finish(1);
  Pass(std::chrono::milliseconds(300));
  ASSERT_FALSE(answers_[0].has_value()) << "its sync has not begun";
  world_.executor.RunUntilIdle();
  ExpectHonest();
}

TEST_F(LaterSyncTest, TheNextVolumeTakesWhatComes) {
  Finish(0);
  Finish(1);
  world_.executor.RunUntilIdle();
  const TestShard shard = MakeShard(4, 1000);
  const auto after = world_.Write(shard);
  ASSERT_TRUE(after.ok());
  EXPECT_NE(after->volume, before_.volume);
  ExpectHonest();
  EXPECT_TRUE(world_.Read(shard, *after).ok());
}

TEST_F(FailureTest, FailedWriteSealsTheVolume) {
  world_.Open();
  const auto first = world_.Write(MakeShard(1, 1000));
  Fail(Operation::kWrite, 1);
  EXPECT_EQ(world_.Write(MakeShard(2, 1000)).code(), Code::kIoError);
  const auto second = world_.Write(MakeShard(3, 1000));
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_NE(second->volume, first->volume);
}

TEST_F(FailureTest, ThreeFailuresMakeTheDriveSuspectAndItRecovers) {
  world_.Open();
  Fail(Operation::kSync, 1000);
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    EXPECT_EQ(world_.Write(MakeShard(seed, 100)).code(), Code::kIoError);
  }
  EXPECT_EQ(world_.store->GetStatus().state, DriveState::kSuspect);
  EXPECT_EQ(world_.Write(MakeShard(4, 100)).code(), Code::kUnavailable);  // refused at once
  world_.disk->fault = nullptr;
  EXPECT_EQ(world_.Write(MakeShard(5, 100)).code(), Code::kUnavailable);
  world_.executor.Advance(std::chrono::seconds(2));
  const TestShard shard = MakeShard(6, 100);
  const auto location = world_.Write(shard);
  ASSERT_TRUE(location.ok()) << location.status().ToString();
  EXPECT_EQ(world_.store->GetStatus().state, DriveState::kOnline);
  EXPECT_TRUE(world_.Read(shard, *location).ok());
}

TEST_F(FailureTest, ReadErrorsCountButReadsGoOn) {
  world_.Open();
  const TestShard shard = MakeShard(1, 1000);
  const auto location = world_.Write(shard);
  ASSERT_TRUE(location.ok());
  Fail(Operation::kRead, 3);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(world_.Read(shard, *location).code(), Code::kIoError);
  }
  EXPECT_EQ(world_.store->GetStatus().state, DriveState::kSuspect);
  EXPECT_TRUE(world_.Read(shard, *location).ok());
  EXPECT_TRUE(world_.Write(MakeShard(2, 10)).ok());
  world_.executor.Advance(std::chrono::minutes(11));
  EXPECT_EQ(world_.store->GetStatus().state, DriveState::kOnline);
}

TEST_F(FailureTest, EverythingFailsMeansOffline) {
  world_.Open();
  const TestShard shard = MakeShard(1, 1000);
  const auto location = world_.Write(shard);
  ASSERT_TRUE(location.ok());
  world_.disk->fault = [](Operation, const std::string&) {
    return Status(Code::kIoError, "dead drive");
  };
  for (int i = 0; i < 5; ++i) {
    EXPECT_FALSE(world_.Read(shard, *location).ok());
    world_.executor.Advance(std::chrono::seconds(1));
  }
  EXPECT_EQ(world_.store->GetStatus().state, DriveState::kOffline);
  EXPECT_EQ(world_.Read(shard, *location).code(), Code::kUnavailable);
  world_.disk->fault = nullptr;
  EXPECT_TRUE(world_.executor.Run(world_.store->Probe()).ok());
  EXPECT_TRUE(world_.Read(shard, *location).ok());
}

TEST_F(FailureTest, NoSpaceIsAnsweredBeforeAnyWriteAndRecovers) {
  world_.options.reserved_free_bytes = 100'000;
  world_.Open();
  const TestShard before = MakeShard(1, 1000);
  const auto first = world_.Write(before);
  ASSERT_TRUE(first.ok());
  const uint64_t capacity = world_.disk->options().capacity_bytes;
  world_.disk->options().capacity_bytes = world_.disk->bytes_used() + 99'999;
  world_.executor.Advance(std::chrono::milliseconds(200));
  uint64_t writes = 0;
  world_.disk->fault = [&](Operation operation, const std::string&) {
    if (operation == Operation::kWrite) ++writes;
    return Status::Ok();
  };
  EXPECT_EQ(world_.Write(MakeShard(2, 1000)).code(), Code::kNoSpace);
  EXPECT_EQ(world_.executor.Run(world_.store->OpenShard(MakeShard(2, 1000).spec)).code(),
            Code::kNoSpace);
  EXPECT_EQ(world_.executor.Run(world_.store->Probe()).code(), Code::kNoSpace);
  EXPECT_EQ(writes, 0u);
  EXPECT_TRUE(world_.Read(before, *first).ok());
  world_.disk->options().capacity_bytes = capacity;
  world_.executor.Advance(std::chrono::milliseconds(200));
  const auto again = world_.Write(MakeShard(3, 1000));
  EXPECT_TRUE(again.ok()) << again.status().ToString();
  EXPECT_EQ(world_.store->GetStatus().state, DriveState::kOnline);
}

TEST_F(FailureTest, FillsToTheReserveAndLosesNothing) {
  world_.options.reserved_free_bytes = 20'000;
  world_.disk->options().capacity_bytes = 1'500'000;
  world_.Open();
  std::vector<std::pair<TestShard, model::ShardLocation>> written;
  Status full;
  for (uint64_t seed = 1; seed <= 1000 && full.ok(); ++seed) {
    TestShard shard = MakeShard(seed, 5000);
    const auto location = world_.Write(shard);
    full = location.status();
    if (location.ok()) written.emplace_back(std::move(shard), *location);
    world_.executor.Advance(std::chrono::milliseconds(200));
  }
  EXPECT_EQ(full.code(), Code::kNoSpace);
  EXPECT_GT(written.size(), 200u);  // 1.1 MB of 1.5 MB at least
  EXPECT_GE(world_.disk->options().capacity_bytes, world_.disk->bytes_used() + 20'000);
  world_.Open();  // opening a full drive works
  for (const auto& [shard, location] : written) EXPECT_TRUE(world_.Read(shard, location).ok());
  EXPECT_EQ(world_.Write(MakeShard(2000, 5000)).code(), Code::kNoSpace);
  world_.disk->options().capacity_bytes *= 2;
  world_.executor.Advance(std::chrono::milliseconds(200));
  EXPECT_TRUE(world_.Write(MakeShard(2001, 5000)).ok());
}

TEST_F(FailureTest, AWriteWithoutSpaceDoesNotSealTheVolume) {
  world_.Open();
  const auto first = world_.Write(MakeShard(1, 1000));
  Fail(Operation::kWrite, 1, Code::kNoSpace);
  EXPECT_EQ(world_.Write(MakeShard(2, 1000)).code(), Code::kNoSpace);
  const TestShard shard = MakeShard(3, 1000);
  const auto second = world_.Write(shard);
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(second->volume, first->volume);
  EXPECT_TRUE(world_.Read(shard, *second).ok());
}

TEST_F(FailureTest, APieceThatFailedCannotBeFinished) {
  world_.Open();
  const TestShard shard = MakeShard(1, 40'000);
  auto writer = world_.executor.Run(world_.store->OpenShard(shard.spec));
  ASSERT_TRUE(writer.ok());
  Fail(Operation::kWrite, 1, Code::kNoSpace);
  const ByteSpan body(shard.body);
  EXPECT_EQ(world_.executor.Run((*writer)->AppendPiece(body.first(16'384))).code(), Code::kNoSpace);
  EXPECT_FALSE(world_.executor.Run((*writer)->AppendPiece(body.subspan(16'384))).ok());
  EXPECT_FALSE(world_.executor.Run((*writer)->Finish(shard.leaves)).ok());
}

TEST_F(FailureTest, VanishedFolderIsNoticedAndNeverAcknowledged) {
  world_.Open();
  const TestShard shard = MakeShard(1, 1000);
  const auto location = world_.Write(shard);
  ASSERT_TRUE(location.ok());
  const std::unique_ptr<SimDisk> copy = world_.disk->CleanCopy();
  world_.disk->RemoveTree(kDrivePath);  // open files still take writes, as on Linux
  world_.executor.Advance(std::chrono::seconds(1));
  EXPECT_EQ(world_.Write(MakeShard(2, 1000)).code(), Code::kUnavailable);
  EXPECT_EQ(world_.store->GetStatus().state, DriveState::kOffline);
  EXPECT_EQ(world_.Read(shard, *location).code(), Code::kUnavailable);
  EXPECT_EQ(world_.executor.Run(world_.store->Probe()).code(), Code::kUnavailable);
  // The drive comes back with what it had.
  for (const std::string& file : copy->Files()) world_.disk->PutFile(file, *copy->Content(file));
  EXPECT_TRUE(world_.executor.Run(world_.store->Probe()).ok());
  EXPECT_EQ(world_.store->GetStatus().state, DriveState::kOnline);
  EXPECT_TRUE(world_.Read(shard, *location).ok());
  const TestShard more = MakeShard(3, 1000);
  const auto again = world_.Write(more);
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE(world_.Read(more, *again).ok());
}

TEST_F(FailureTest, AnotherDriveMountedOverOursIsNeverWritten) {
  world_.Open();
  ASSERT_TRUE(world_.Write(MakeShard(1, 1000)).ok());
  DriveIdentity other = TestIdentity();
  other.drive_uuid.bytes[0] ^= 0xff;
  const std::string text = EncodeIdentity(other);
  world_.disk->PutFile(std::string(kDrivePath) + "/" + kIdentityFileName,
                       std::vector<uint8_t>(text.begin(), text.end()));
  world_.executor.Advance(std::chrono::seconds(1));
  EXPECT_EQ(world_.Write(MakeShard(2, 1000)).code(), Code::kUnavailable);
  EXPECT_EQ(world_.store->GetStatus().state, DriveState::kOffline);
}

// The drive was away while a writer held its place; it is back, the place was given out again.
TEST_F(FailureTest, AWriterOfBeforeNeverWritesIntoWhatWasGivenOutAgain) {
  world_.Open();
  const TestShard old = MakeShard(1, 40'000);
  auto writer = world_.executor.Run(world_.store->OpenShard(old.spec)).value();
  world_.disk->options().vanished = true;
  EXPECT_EQ(world_.executor.Run(world_.store->Probe()).code(), Code::kUnavailable);
  world_.disk->options().vanished = false;
  ASSERT_TRUE(world_.executor.Run(world_.store->Probe()).ok());
  const TestShard fresh = MakeShard(2, 40'000);
  const auto location = world_.Write(fresh);
  ASSERT_TRUE(location.ok());
  EXPECT_EQ(world_.executor.Run(writer->AppendPiece(old.body)).code(), Code::kUnavailable);
  EXPECT_FALSE(world_.executor.Run(writer->Finish(old.leaves)).ok());
  EXPECT_TRUE(world_.Read(fresh, *location).ok());
}

TEST_F(FailureTest, DriveIsNotOpenedAnewWhileAWriteOfBeforeIsUnderWay) {
  world_.Open();
  const TestShard shard = MakeShard(1, 1000);
  ASSERT_TRUE(ArmFailpoints("shard.before_write=delay:60000@1").ok());
  std::optional<Result<model::ShardLocation>> written;
  world_.executor.Start(world_.store->WriteShard(shard.spec, shard.body, shard.leaves), &written);
  ASSERT_FALSE(written.has_value());
  world_.disk->options().vanished = true;
  EXPECT_EQ(world_.executor.Run(world_.store->Probe()).code(), Code::kUnavailable);
  world_.disk->options().vanished = false;
  EXPECT_EQ(world_.executor.Run(world_.store->Probe()).code(), Code::kUnavailable);
  world_.executor.RunUntilIdle();
  EXPECT_FALSE(written->ok());
  EXPECT_TRUE(world_.executor.Run(world_.store->Probe()).ok());
  ASSERT_TRUE(ArmFailpoints("").ok());
}

TEST_F(FailureTest, VolumeThatCannotBeMadeIsTriedAgain) {
  Fail(Operation::kRename, 2);
  world_.Open();
  EXPECT_FALSE(world_.Write(MakeShard(1, 1000)).ok());
  const auto location = world_.Write(MakeShard(2, 1000));
  EXPECT_TRUE(location.ok()) << location.status().ToString();
  EXPECT_EQ(world_.disk->Files().size(), 2u);  // identity and one volume: no leftovers
}

// Each rule counts for its first hit only: what is written afterwards succeeds.
TEST_F(FailureTest, FailpointsBreakEachStep) {
  for (const char* place : {"shard.before_write", "shard.before_sync", "shard.after_sync"}) {
    world_.Open();
    ASSERT_TRUE(ArmFailpoints(std::string(place) + "=error@1").ok());
    EXPECT_EQ(world_.Write(MakeShard(1, 1000)).code(), Code::kIoError) << place;
    EXPECT_TRUE(world_.Write(MakeShard(2, 1000)).ok()) << place;
  }
  for (const char* place :
       {"begin", "before_header", "before_sync", "before_rename", "before_directory_sync", "end"}) {
    SimWorld world;
    ASSERT_TRUE(ArmFailpoints("volume.create." + std::string(place) + "=error@1").ok());
    world.Open();
    EXPECT_TRUE(world.Write(MakeShard(2, 1000)).ok()) << place;
  }
  ASSERT_TRUE(ArmFailpoints("checkpoint.write=error@1").ok());
  world_.Open();
  for (uint64_t seed = 1; seed < 20; ++seed) {
    ASSERT_TRUE(world_.Write(MakeShard(seed, 9000)).ok());
  }
  world_.Close();
}

}  // namespace
}  // namespace ashlar::chunk_server
