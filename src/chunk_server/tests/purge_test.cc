// Purging: what it destroys, and all that it refuses. Crashes in the middle are in
// purge_crash_test.cc.
#include <gtest/gtest.h>

#include <algorithm>

#include "base/log.h"
#include "chunk_server/tests/sim_world.h"
#include "model/shard_record.h"
#include "runtime/failpoint.h"

namespace ashlar::chunk_server {
namespace {

using Operation = SimDisk::Operation;

class PurgeTest : public testing::Test {
 protected:
  void SetUp() override {
    spdlog::set_level(spdlog::level::off);
    world_.options.volume_bytes = 4 << 20;
    world_.Open();
  }
  void TearDown() override {
    (void)ArmFailpoints("").ok();
    spdlog::set_level(spdlog::level::info);
  }
  struct Stored {
    TestShard shard;
    model::ShardLocation location;
  };
  Stored Store(uint64_t seed, uint64_t body_bytes) {
    Stored stored{world_.OldShard(seed, body_bytes), {}};
    stored.location = world_.Write(stored.shard).value();
    return stored;
  }
  Status Purge(const Stored& stored, uint64_t epoch = 1) {
    return world_.PurgeOne(stored.shard, stored.location, epoch);
  }
  Status Read(const Stored& stored) { return world_.Read(stored.shard, stored.location); }
  // `purge` is answered with `code` and nothing of the volume changes.
  void ExpectRefused(const ShardPurge& purge, Code code, const std::string& what) {
    const std::vector<uint8_t> before = world_.Volume(1);
    EXPECT_EQ(world_.Purge({purge}).front().code(), code) << what;
    EXPECT_TRUE(world_.Volume(1) == before) << what;
  }
  // The next `count` operations of this kind on volumes fail.
  void Fail(Operation kind, int count) {
    world_.disk->fault = [kind, count](Operation operation, const std::string& path) mutable {
      // A file that was made by this process goes by the name it was made under.
      const bool volume = path.find(".ashlar") != std::string::npos;
      if (operation != kind || count == 0 || !volume) return Status::Ok();
      --count;
      return Status(Code::kIoError, "ordered by the test");
    };
  }
  // Writes until the active volume is another one: volume 1 is sealed then.
  void SealVolumeOne() {
    for (uint64_t seed = 1000;; ++seed) {
      const auto location = world_.Write(world_.OldShard(seed, 300'000));
      ASSERT_TRUE(location.ok());
      if (location->volume > 1) return;
    }
  }

  SimWorld world_;
};

TEST_F(PurgeTest, MarksInPlaceGivesPagesBackAndSyncsOnce) {
  std::vector<Stored> stored;
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    stored.push_back(Store(seed, seed % 5 == 0 ? 70'000 : seed * 400));
  }
  std::vector<uint8_t> expected = world_.Volume(1);
  std::vector<ShardPurge> purges;
  for (size_t i = 0; i < stored.size(); i += 2) {
    const uint64_t offset = stored[i].location.offset;
    purges.push_back(PurgeOf(stored[i].shard, stored[i].location));
    std::copy(model::kDeadMark.begin(), model::kDeadMark.end(),
              expected.begin() + static_cast<ptrdiff_t>(offset));
    const model::PageRange pages =
        model::PagesToPunch(offset, model::RecordBytes(stored[i].shard.body.size()));
    std::fill(expected.begin() + static_cast<ptrdiff_t>(pages.begin),
              expected.begin() + static_cast<ptrdiff_t>(pages.end), uint8_t{0});
  }
  const uint64_t syncs = world_.disk->syncs();
  for (const Status& status : world_.Purge(purges)) EXPECT_TRUE(status.ok()) << status.ToString();
  EXPECT_EQ(world_.disk->syncs(), syncs + 1);
  EXPECT_TRUE(world_.Volume(1) == expected);
  for (size_t i = 0; i < stored.size(); ++i) {
    EXPECT_EQ(Read(stored[i]).code(), i % 2 == 0 ? Code::kNotFound : Code::kOk) << i;
  }
  world_.LosePower();
  world_.Open();
  for (size_t i = 0; i < stored.size(); ++i) {
    EXPECT_EQ(Read(stored[i]).code(), i % 2 == 0 ? Code::kNotFound : Code::kOk) << i;
  }
}

TEST_F(PurgeTest, LeafCacheForgetsThePurged) {
  const Stored large = Store(1, 400'000);
  ASSERT_TRUE(Read(large).ok());  // its leaf digests are in the cache now
  ASSERT_TRUE(Purge(large).ok());
  EXPECT_EQ(Read(large).code(), Code::kNotFound);
}

// Readers under way see the shard, or that it is gone; never damage, never wrong bytes.
TEST_F(PurgeTest, ReadersUnderWayNeverSeeDamage) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    const Stored stored = Store(seed, seed % 2 == 0 ? 30'000 : 200'000);
    std::optional<std::vector<Status>> purged;
    std::vector<std::optional<Status>> read(8);
    for (size_t i = 0; i < read.size(); ++i) {
      if (i == 3) {
        world_.executor.Start(world_.store->PurgeShards({PurgeOf(stored.shard, stored.location)}),
                              &purged);
      }
      world_.executor.Start(ReadBack(*world_.store, stored.shard, stored.location), &read[i]);
    }
    world_.executor.RunUntilIdle();
    ASSERT_TRUE(purged->front().ok());
    for (const auto& status : read) {
      ASSERT_TRUE(status->ok() || status->code() == Code::kNotFound) << status->ToString();
    }
  }
}

TEST_F(PurgeTest, RefusesAnotherShard) {
  const Stored stored = Store(1, 5000);
  const ShardPurge right = PurgeOf(stored.shard, stored.location);
  ShardPurge purge = right;
  purge.extent.bytes[15] ^= 1;
  ExpectRefused(purge, Code::kNotFound, "extent");
  purge = right;
  purge.shard_index ^= 1;
  ExpectRefused(purge, Code::kNotFound, "shard index");
  purge = right;
  purge.location.generation += 1;
  ExpectRefused(purge, Code::kConflict, "newer generation");
  EXPECT_TRUE(Read(stored).ok());
  EXPECT_TRUE(world_.Purge({right}).front().ok());
}

// A drive was replaced; its shard was made again, and came to lie at the same place of the new one.
// What the caller means went with the old drive, and what lies there is not touched.
TEST_F(PurgeTest, ANewerGenerationMeansThatTheOldOneIsGone) {
  TestShard shard = world_.OldShard(1, 5000);
  shard.spec.generation = 5;
  const auto location = world_.Write(shard);
  ASSERT_TRUE(location.ok());
  ShardPurge purge = PurgeOf(shard, *location);
  purge.location.generation = 4;
  EXPECT_EQ(world_.Purge({purge}).front().code(), Code::kNotFound);
  EXPECT_TRUE(world_.Read(shard, *location).ok());
}

TEST_F(PurgeTest, RefusesPlacesThatAreNone) {
  const Stored stored = Store(1, 5000);
  const ShardPurge right = PurgeOf(stored.shard, stored.location);
  ShardPurge purge = right;
  purge.location.drive = DriveId{3};
  ExpectRefused(purge, Code::kInvalidArgument, "another drive");
  purge = right;
  purge.location.present = false;
  ExpectRefused(purge, Code::kInvalidArgument, "not present");
  purge = right;
  purge.location.offset += 8;
  ExpectRefused(purge, Code::kInvalidArgument, "between the places of records");
  purge.location.offset = 0;
  ExpectRefused(purge, Code::kInvalidArgument, "the volume's header");
  purge = right;
  purge.location.volume = 99;
  ExpectRefused(purge, Code::kNotFound, "no such volume");
  purge = right;
  purge.location.offset = 1 << 30;
  ExpectRefused(purge, Code::kNotFound, "behind the end");
  purge.location.offset = UINT64_MAX - 63;
  ExpectRefused(purge, Code::kNotFound, "far behind the end");
  purge.location.offset = stored.location.offset + model::RecordBytes(5000);
  ExpectRefused(purge, Code::kNotFound, "never written");
  purge.location.offset = stored.location.offset + 1024;
  ExpectRefused(purge, Code::kCorrupt, "inside the body");
  EXPECT_TRUE(Read(stored).ok());
}

TEST_F(PurgeTest, RefusesTheYoungAndTheFuture) {
  const int64_t now = world_.executor.WallMilliseconds();
  const int64_t age_min = world_.options.purge_age_min_ms;
  for (const int64_t made_at : {now + 1'000'000, now, now - age_min + 60'000}) {
    const TestShard shard = MakeShardOf(made_at, 1, 5000);
    const auto location = world_.Write(shard).value();
    ExpectRefused(PurgeOf(shard, location), Code::kConflict, std::to_string(made_at - now));
    EXPECT_TRUE(world_.Read(shard, location).ok());
  }
  const TestShard shard = MakeShardOf(now, 2, 5000);
  const auto location = world_.Write(shard).value();
  world_.executor.Advance(std::chrono::milliseconds(age_min));
  EXPECT_TRUE(world_.PurgeOne(shard, location).ok());
}

TEST_F(PurgeTest, RefusesAnEpochThatWasOvertaken) {
  const Stored first = Store(1, 5000);
  const Stored second = Store(2, 5000);
  ASSERT_TRUE(Purge(first, 7).ok());
  ExpectRefused(PurgeOf(second.shard, second.location, 6), Code::kConflict, "epoch");
  EXPECT_EQ(world_.executor.Run(world_.store->RemoveVolume(1, 6)).code(), Code::kConflict);
  EXPECT_TRUE(Read(second).ok());
  EXPECT_TRUE(Purge(second, 7).ok());
}

// The zombie was let in before the newer one came, and is stopped before it marks.
TEST_F(PurgeTest, EpochIsLookedAtAgainBeforeTheMark) {
  const Stored stored = Store(1, 5000);
  std::optional<std::vector<Status>> zombie;
  world_.executor.Start(world_.store->PurgeShards({PurgeOf(stored.shard, stored.location, 1)}),
                        &zombie);
  ShardPurge newer = PurgeOf(stored.shard, stored.location, 2);
  newer.location.generation += 1;  // refused, but its epoch was seen
  std::optional<std::vector<Status>> refused;
  world_.executor.Start(world_.store->PurgeShards({newer}), &refused);
  world_.executor.RunUntilIdle();
  EXPECT_EQ(zombie->front().code(), Code::kConflict);
  EXPECT_EQ(refused->front().code(), Code::kConflict);
  EXPECT_TRUE(Read(stored).ok());
}

TEST_F(PurgeTest, DeadStaysDead) {
  const Stored stored = Store(1, 20'000);
  ASSERT_TRUE(Purge(stored).ok());
  EXPECT_EQ(Purge(stored).code(), Code::kNotFound);
  ShardPurge other = PurgeOf(stored.shard, stored.location);
  other.extent.bytes[15] ^= 1;
  ExpectRefused(other, Code::kNotFound, "another one, dead");
  // Twice in one batch.
  const Stored twice = Store(2, 20'000);
  const ShardPurge purge = PurgeOf(twice.shard, twice.location);
  const std::vector<Status> answers = world_.Purge({purge, purge});
  EXPECT_TRUE(answers[0].ok());
  EXPECT_EQ(answers[1].code(), Code::kNotFound);
}

// Who is told "not there" forgets it: that must hold after a power failure too.
TEST_F(PurgeTest, FoundDeadIsAnsweredOnlyWhenTheMarkIsDurable) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    SimWorld world(seed);
    world.Open();
    const TestShard shard = world.OldShard(seed, 100);
    const auto location = world.Write(shard).value();
    ASSERT_TRUE(ArmFailpoints("purge.sync=error@1").ok());
    ASSERT_EQ(world.PurgeOne(shard, location).code(), Code::kIoError);
    ASSERT_EQ(world.PurgeOne(shard, location).code(), Code::kNotFound);
    world.LosePower();
    world.Open();
    ASSERT_EQ(world.Read(shard, location).code(), Code::kNotFound) << seed;
  }
}

TEST_F(PurgeTest, AnyChangedBitOfTheHeaderSavesTheRecord) {
  const Stored stored = Store(1, 20'000);
  const ShardPurge purge = PurgeOf(stored.shard, stored.location);
  for (const bool dead : {false, true}) {
    if (dead) {
      ASSERT_TRUE(Purge(stored).ok());
    }
    for (uint64_t bit = 0; bit < uint64_t{model::kRecordHeaderBytes} * 8; ++bit) {
      uint8_t& byte = world_.Volume(1)[stored.location.offset + bit / 8];
      byte ^= static_cast<uint8_t>(1 << bit % 8);
      ExpectRefused(purge, Code::kCorrupt, "bit " + std::to_string(bit));
      byte ^= static_cast<uint8_t>(1 << bit % 8);
    }
  }
}

// A whole record of this drive, but not at its place: a write that went astray.
TEST_F(PurgeTest, RefusesARecordAtAWrongPlace) {
  const Stored stored = Store(1, 5000);
  std::vector<uint8_t>& volume = world_.Volume(1);
  ShardPurge purge = PurgeOf(stored.shard, stored.location);
  purge.location.offset += 8192;
  const auto from = volume.begin() + static_cast<ptrdiff_t>(stored.location.offset);
  std::copy_n(from, 5500, volume.begin() + static_cast<ptrdiff_t>(purge.location.offset));
  ExpectRefused(purge, Code::kCorrupt, "misplaced");
}

// From its reservation to its answer a record belongs to its writer.
TEST_F(PurgeTest, NeverTouchesARecordThatIsBeingWritten) {
  const TestShard shard = world_.OldShard(1, 100'000);
  model::ShardLocation place;
  place.drive = world_.store->drive();
  place.present = true;
  place.generation = shard.spec.generation;
  place.volume = 1;
  place.offset = model::kVolumeHeaderBytes;
  std::optional<Result<model::ShardLocation>> written;
  world_.executor.Start(WriteInPieces(*world_.store, shard, 16 * 1024), &written);
  // Until its header is there to be read, but not yet durable.
  while (world_.Volume(1).size() <= place.offset || world_.Volume(1)[place.offset] != 'A') {
    ASSERT_TRUE(world_.executor.Step());
  }
  ASSERT_FALSE(written.has_value());
  std::optional<std::vector<Status>> purged;
  world_.executor.Start(world_.store->PurgeShards({PurgeOf(shard, place)}), &purged);
  while (!purged.has_value()) ASSERT_TRUE(world_.executor.Step());
  EXPECT_EQ(purged->front().code(), Code::kConflict);
  world_.executor.RunUntilIdle();
  ASSERT_TRUE(written.has_value() && written->ok());
  EXPECT_TRUE(world_.Read(shard, place).ok());
  EXPECT_TRUE(world_.PurgeOne(shard, place).ok());
}

TEST_F(PurgeTest, WorksOnAFullDrive) {
  const Stored stored = Store(1, 200'000);
  world_.disk->options().capacity_bytes = world_.disk->bytes_used();
  world_.options.reserved_free_bytes = 1 << 20;
  world_.Open();
  EXPECT_EQ(world_.Write(world_.OldShard(2, 100)).code(), Code::kNoSpace);
  EXPECT_TRUE(Purge(stored).ok());
  EXPECT_EQ(Read(stored).code(), Code::kNotFound);
}

TEST_F(PurgeTest, WorksInSealedVolumes) {
  const Stored first = Store(1, 200'000);
  const Stored second = Store(2, 20'000);
  SealVolumeOne();
  ASSERT_TRUE(Purge(first).ok());
  EXPECT_EQ(Read(first).code(), Code::kNotFound);
  world_.LosePower();
  world_.Open();
  EXPECT_EQ(Read(first).code(), Code::kNotFound);
  EXPECT_TRUE(Read(second).ok());
}

TEST_F(PurgeTest, FailedSyncIsNotAnsweredAndClosesTheSealedVolumeForMarks) {
  const Stored first = Store(1, 200'000);
  const Stored second = Store(2, 20'000);
  SealVolumeOne();
  Fail(Operation::kSync, 1);
  EXPECT_EQ(Purge(first).code(), Code::kIoError);
  // The mark reads as there but may be lost: no answer from this volume any more.
  EXPECT_EQ(Purge(first).code(), Code::kIoError);
  EXPECT_EQ(Purge(second).code(), Code::kIoError);
  EXPECT_TRUE(Read(second).ok());
  EXPECT_EQ(world_.store->GetStatus().io_errors, 1u);
  world_.LosePower();
  world_.Open();
  EXPECT_TRUE(Read(first).ok());  // the kernel had dropped it
  EXPECT_TRUE(Purge(first).ok());
  EXPECT_TRUE(Purge(second).ok());
}

TEST_F(PurgeTest, FailedWriteOrSyncSealsTheVolumeInUse) {
  for (const Operation kind : {Operation::kWrite, Operation::kSync}) {
    const Stored stored = Store(1, 5000);
    Fail(kind, 1);
    EXPECT_EQ(Purge(stored).code(), Code::kIoError);
    const Stored after = Store(2, 5000);
    EXPECT_GT(after.location.volume, stored.location.volume);
    EXPECT_TRUE(Read(after).ok());
  }
}

TEST_F(PurgeTest, HoleThatCannotBeMadeIsNoFailure) {
  const Stored stored = Store(1, 100'000);
  const std::vector<uint8_t> before = world_.Volume(1);
  Fail(Operation::kPunch, 1);
  EXPECT_TRUE(Purge(stored).ok());
  EXPECT_EQ(Read(stored).code(), Code::kNotFound);
  const auto body = static_cast<ptrdiff_t>(stored.location.offset) + 8192;
  EXPECT_EQ(world_.Volume(1)[static_cast<size_t>(body)], before[static_cast<size_t>(body)]);
  EXPECT_EQ(world_.store->GetStatus().state, DriveState::kOnline);
  // Asked again, it is made.
  EXPECT_EQ(Purge(stored).code(), Code::kNotFound);
  EXPECT_TRUE(std::all_of(world_.Volume(1).begin() + body, world_.Volume(1).begin() + body + 4096,
                          [](uint8_t byte) { return byte == 0; }));
}

TEST_F(PurgeTest, FailpointsBreakEachStep) {
  const Stored stored = Store(1, 20'000);
  ASSERT_TRUE(ArmFailpoints("purge.mark=error@1").ok());
  EXPECT_EQ(Purge(stored).code(), Code::kIoError);
  EXPECT_TRUE(Read(stored).ok());
  ASSERT_TRUE(ArmFailpoints("purge.sync=error@1").ok());
  EXPECT_EQ(Purge(stored).code(), Code::kIoError);
  ASSERT_TRUE(ArmFailpoints("purge.punch=error@1").ok());
  EXPECT_EQ(Purge(stored).code(), Code::kNotFound);
  EXPECT_EQ(Read(stored).code(), Code::kNotFound);
}

TEST_F(PurgeTest, MissingVolumeFileProvesNothing) {
  const Stored stored = Store(1, 5000);
  SealVolumeOne();
  world_.disk->RemoveTree(SimWorld::VolumePath(1));
  EXPECT_EQ(Purge(stored).code(), Code::kIoError);
}

TEST_F(PurgeTest, DriveThatIsGoneAnswersUnavailable) {
  const Stored stored = Store(1, 5000);
  world_.disk->RemoveTree(kDrivePath);
  world_.executor.Advance(std::chrono::seconds(1));
  EXPECT_EQ(Purge(stored).code(), Code::kUnavailable);
  EXPECT_EQ(Purge(stored).code(), Code::kUnavailable);
}

// The last record of the volume in use is dead and its last pages are holes: what comes after a
// restart must not be put where a walker passes over.
TEST_F(PurgeTest, AppendingGoesOnBehindTheDead) {
  world_.options.checkpoint_step_bytes = 1ULL << 40;
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    world_.LosePower();
    world_.Open();
    // It begins and ends with a page, so nothing of its end is left.
    const Stored stored = Store(seed, 97'984);
    ASSERT_EQ(stored.location.offset % 4096, 0u);
    ASSERT_EQ(model::RecordBytes(97'984), 24u * 4096);
    ASSERT_TRUE(Purge(stored).ok());
    world_.LosePower();
    world_.Open();
    const Stored after = Store(100 + seed, 3000);
    ASSERT_GE(after.location.offset,
              stored.location.offset + model::RecordBytes(stored.shard.body.size()));
    const WalkPage page = world_.Walk(after.location.volume);
    ASSERT_EQ(page.shards.size(), seed);
    EXPECT_EQ(page.shards.back().location, after.location);
  }
}

}  // namespace
}  // namespace ashlar::chunk_server
