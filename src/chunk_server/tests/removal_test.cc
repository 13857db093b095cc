// Removing volumes: only what is proven to be empty goes, and numbers are never used again.
#include <gtest/gtest.h>

#include <algorithm>

#include "base/log.h"
#include "chunk_server/tests/sim_world.h"
#include "model/shard_record.h"
#include "runtime/failpoint.h"

namespace ashlar::chunk_server {
namespace {

using Operation = SimDisk::Operation;

class RemovalTest : public testing::Test {
 protected:
  void SetUp() override {
    spdlog::set_level(spdlog::level::off);
    world_.options.volume_bytes = 256 * 1024;
    world_.options.allocate_step_bytes = 256 * 1024;
    world_.Open();
    // Three full volumes and one in use.
    while (stored_.empty() || stored_.back().second.volume < 4) {
      TestShard shard = world_.OldShard(stored_.size() + 1, 60'000);
      const auto location = world_.Write(shard).value();
      stored_.emplace_back(std::move(shard), location);
    }
  }
  void TearDown() override {
    (void)ArmFailpoints("").ok();
    spdlog::set_level(spdlog::level::info);
  }
  void PurgeVolume(uint32_t volume, size_t leave = 0) {
    for (const auto& [shard, location] : stored_) {
      if (location.volume != volume) continue;
      if (leave > 0) {
        --leave;
        continue;
      }
      ASSERT_TRUE(world_.PurgeOne(shard, location).ok());
    }
  }
  Status Remove(uint32_t volume) {
    return world_.executor.Run(world_.store->RemoveVolume(volume, 1));
  }
  bool Exists(uint32_t volume) {
    return world_.disk->Content(SimWorld::VolumePath(volume)) != nullptr;
  }
  void Crash() {
    world_.LosePower();
    world_.Open();
  }

  SimWorld world_;
  std::vector<std::pair<TestShard, model::ShardLocation>> stored_;
};

TEST_F(RemovalTest, AnEmptyVolumeGoesDurably) {
  PurgeVolume(2);
  EXPECT_TRUE(Remove(2).ok());
  EXPECT_FALSE(Exists(2));
  EXPECT_EQ(Remove(2).code(), Code::kNotFound);
  EXPECT_EQ(world_.executor.Run(world_.store->WalkVolume(2, 0, {})).code(), Code::kNotFound);
  Crash();
  EXPECT_FALSE(Exists(2));
  for (const auto& [shard, location] : stored_) {
    EXPECT_EQ(world_.Read(shard, location).code(),
              location.volume == 2 ? Code::kNotFound : Code::kOk);
    if (location.volume == 2) {
      EXPECT_EQ(world_.PurgeOne(shard, location).code(), Code::kNotFound);
    }
  }
}

TEST_F(RemovalTest, OneLiveRecordIsEnoughToStay) {
  PurgeVolume(2, 1);
  EXPECT_EQ(Remove(2).code(), Code::kConflict);
  EXPECT_TRUE(Exists(2));
}

TEST_F(RemovalTest, VolumesInUseStay) {
  EXPECT_EQ(Remove(99).code(), Code::kNotFound);
  const auto volumes = world_.executor.Run(world_.store->ListVolumes()).value();
  for (const VolumeInfo& volume : volumes) {
    if (!volume.takes_records) continue;
    EXPECT_EQ(Remove(volume.number).code(), Code::kConflict);
    EXPECT_TRUE(Exists(volume.number));
  }
}

// The next volume is there already, the one in use holds nothing alive: it stays all the same.
TEST_F(RemovalTest, AnEmptyVolumeInUseStays) {
  while (!Exists(5)) {
    TestShard shard = world_.OldShard(stored_.size() + 1, 1000);
    const auto location = world_.Write(shard).value();
    ASSERT_EQ(location.volume, 4u);
    stored_.emplace_back(std::move(shard), location);
    world_.executor.RunUntilIdle();
  }
  PurgeVolume(4);
  EXPECT_EQ(Remove(4).code(), Code::kConflict);
  EXPECT_TRUE(world_.Write(world_.OldShard(999, 100)).ok());
}

// Sealed by a writer of before that has not ended: there may be a record yet.
TEST_F(RemovalTest, AVolumeWithAnUnfinishedRecordStays) {
  const TestShard slow = world_.OldShard(998, 100);
  auto writer = world_.executor.Run(world_.store->OpenShard(slow.spec)).value();
  while (stored_.back().second.volume < 6) {
    TestShard shard = world_.OldShard(stored_.size() + 1, 60'000);
    const auto location = world_.Write(shard).value();
    stored_.emplace_back(std::move(shard), location);
  }
  PurgeVolume(4);
  EXPECT_EQ(Remove(4).code(), Code::kConflict);
  ASSERT_TRUE(world_.executor.Run(writer->AppendPiece(slow.body)).ok());
  const auto location = world_.executor.Run(writer->Finish(slow.leaves));
  ASSERT_TRUE(location.ok());
  EXPECT_EQ(location->volume, 4u);
  writer.reset();
  EXPECT_EQ(Remove(4).code(), Code::kConflict);  // alive now
  EXPECT_TRUE(world_.Read(slow, *location).ok());
}

// At the start the newest volume could not be scanned, and there is no space for another one: it is
// sealed, empty and still the one whose number the next start counts on from.
TEST_F(RemovalTest, TheNewestStaysEvenWhenItIsSealed) {
  PurgeVolume(4);
  world_.Close();
  if (Exists(5)) world_.disk->RemoveTree(SimWorld::VolumePath(5));
  world_.disk->options().capacity_bytes = world_.disk->bytes_used();
  world_.disk->fault = [reads = 0](Operation operation, const std::string& path) mutable {
    const bool newest = path == SimWorld::VolumePath(4);
    if (operation != Operation::kRead || !newest) return Status::Ok();
    return ++reads > 2 ? Status(Code::kIoError, "bad place") : Status::Ok();  // behind the header
  };
  world_.Volume(4)[model::kVolumeCheckpointOffset] ^= 1;  // so that there is something to scan
  world_.Open();
  world_.disk->fault = nullptr;
  const auto volumes = world_.executor.Run(world_.store->ListVolumes()).value();
  ASSERT_EQ(volumes.back().number, 4u);
  ASSERT_FALSE(volumes.back().takes_records);
  EXPECT_EQ(Remove(4).code(), Code::kConflict);
  EXPECT_TRUE(Exists(4));
}

TEST_F(RemovalTest, DoubtMeansStay) {
  PurgeVolume(1);
  PurgeVolume(2);
  PurgeVolume(3);
  // Unreadable in the middle.
  world_.disk->fault = [reads = 0](Operation operation, const std::string&) mutable {
    if (operation != Operation::kRead) return Status::Ok();
    ++reads;  // the header, a window, then its sectors
    return reads == 2 || reads == 20 ? Status(Code::kIoError, "bad place") : Status::Ok();
  };
  EXPECT_EQ(Remove(1).code(), Code::kConflict);
  // Unreadable as a whole.
  world_.disk->fault = [](Operation operation, const std::string& path) {
    const bool fails = operation == Operation::kRead && path.find(".ashlar") != std::string::npos;
    return fails ? Status(Code::kIoError, "bad place") : Status::Ok();
  };
  EXPECT_EQ(Remove(1).code(), Code::kConflict);
  world_.disk->fault = nullptr;
  // A header that is damaged, or another drive's.
  world_.Volume(1)[20] ^= 1;
  EXPECT_EQ(Remove(1).code(), Code::kConflict);
  world_.Volume(1)[20] ^= 1;
  model::VolumeHeader foreign;
  foreign.volume = 2;
  foreign.drive_uuid = TestIdentity().drive_uuid;
  foreign.cluster_id = TestIdentity().cluster_id;
  foreign.drive_uuid.bytes[3] ^= 1;
  model::VolumeHeaderBytes header;
  model::EncodeVolumeHeader(foreign, &header);
  std::copy(header.begin(), header.end(), world_.Volume(2).begin());
  EXPECT_EQ(Remove(2).code(), Code::kConflict);
  EXPECT_TRUE(Exists(1) && Exists(2));
  EXPECT_TRUE(Remove(1).ok());
}

TEST_F(RemovalTest, NumbersAreNeverUsedAgain) {
  PurgeVolume(1);
  PurgeVolume(2);
  PurgeVolume(3);
  for (const uint32_t volume : {1U, 2U, 3U}) EXPECT_TRUE(Remove(volume).ok());
  uint32_t highest = 4;
  for (int life = 0; life < 5; ++life) {
    Crash();
    for (int i = 0; i < 6; ++i) {
      const auto location = world_.Write(world_.OldShard(500, 60'000)).value();
      EXPECT_GE(location.volume, 4u);
      EXPECT_GE(location.volume, highest);
      highest = std::max(highest, location.volume);
    }
  }
  EXPECT_GT(highest, 6u);
  EXPECT_FALSE(Exists(1) || Exists(2) || Exists(3));
}

TEST_F(RemovalTest, CrashBeforeTheFolderIsDurable) {
  PurgeVolume(2);
  ASSERT_TRUE(ArmFailpoints("volume.remove=error@1").ok());
  EXPECT_EQ(Remove(2).code(), Code::kIoError);
  EXPECT_TRUE(Exists(2));
  ASSERT_TRUE(ArmFailpoints("volume.remove.before_directory_sync=error@1").ok());
  EXPECT_EQ(Remove(2).code(), Code::kIoError);
  EXPECT_FALSE(Exists(2));
  // Power loss: whether the name came back is chance; both must be fine.
  Crash();
  const Status again = Remove(2);
  EXPECT_TRUE(again.ok() || again.code() == Code::kNotFound) << again.ToString();
  EXPECT_FALSE(Exists(2));
}

TEST_F(RemovalTest, ErrorsOfTheDiskAreAnswered) {
  PurgeVolume(2);
  for (const Operation kind : {Operation::kRemove, Operation::kSyncDirectory}) {
    world_.disk->fault = [kind](Operation operation, const std::string&) {
      return operation == kind ? Status(Code::kIoError, "ordered") : Status::Ok();
    };
    EXPECT_EQ(Remove(2).code(), Code::kIoError);
    world_.disk->fault = nullptr;
    if (kind == Operation::kRemove) {
      EXPECT_TRUE(Exists(2));
    }
  }
}

// Another drive was mounted at the path: its volume of that number is not ours to remove.
TEST_F(RemovalTest, NeverOnAnotherDrive) {
  PurgeVolume(2);
  const std::string identity = std::string(kDrivePath) + "/" + kIdentityFileName;
  (*world_.disk->Content(identity))[100] ^= 1;
  EXPECT_EQ(Remove(2).code(), Code::kUnavailable);
  EXPECT_TRUE(Exists(2));
}

TEST_F(RemovalTest, WhoReadsGoesOn) {
  PurgeVolume(2);
  std::vector<std::optional<Result<WalkPage>>> walks(6);
  std::vector<std::optional<Status>> removals(2);
  for (size_t i = 0; i < walks.size(); ++i) {
    if (i % 3 == 1) {
      world_.executor.Start(world_.store->RemoveVolume(2, 1), &removals[i / 3]);
    }
    world_.executor.Start(world_.store->WalkVolume(2, 0, {.verify_bodies = true}), &walks[i]);
    for (size_t step = 0; step < i; ++step) world_.executor.Step();
  }
  world_.executor.RunUntilIdle();
  EXPECT_TRUE(removals[0]->ok());
  EXPECT_TRUE(removals[1]->code() == Code::kConflict || removals[1]->code() == Code::kNotFound);
  for (const auto& walk : walks) {
    ASSERT_TRUE(walk->ok() || walk->code() == Code::kNotFound) << walk->status().ToString();
    if (walk->ok()) {
      EXPECT_EQ((*walk)->shards.size(), 0u);
    }
  }
  EXPECT_FALSE(Exists(2));
  // A reader that had opened the file did not put it back among the volumes.
  EXPECT_EQ(Remove(2).code(), Code::kNotFound);
}

}  // namespace
}  // namespace ashlar::chunk_server
