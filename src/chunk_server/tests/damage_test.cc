// Damage on the medium: flipped bits, cut, missing, misplaced and foreign files. Always either the
// right bytes or an error, never a write over what was there.
#include <gtest/gtest.h>

#include <set>

#include "base/log.h"
#include "chunk_server/tests/sim_world.h"
#include "model/shard_record.h"

namespace ashlar::chunk_server {
namespace {

class DamageTest : public testing::Test {
 protected:
  void SetUp() override {
    spdlog::set_level(spdlog::level::off);
    world_.disk->options().delay_nanoseconds_max = 0;
    world_.Open();
    for (uint64_t seed = 1; seed <= 3; ++seed) {
      shards_.push_back(MakeShard(seed, 3000));
      locations_.push_back(world_.Write(shards_.back()).value());
    }
  }
  void TearDown() override { spdlog::set_level(spdlog::level::info); }
  Status Read(size_t index) { return world_.Read(shards_[index], locations_[index]); }

  SimWorld world_;
  std::vector<TestShard> shards_;
  std::vector<model::ShardLocation> locations_;
};

TEST_F(DamageTest, EveryBitOfARecord) {
  std::vector<uint8_t>& volume = world_.Volume(1);
  const uint64_t begin = locations_[1].offset;
  const uint64_t used = model::kRecordHeaderBytes + 32 + 3000;
  for (uint64_t byte = begin; byte < begin + model::RecordBytes(3000); ++byte) {
    for (int bit = 0; bit < 8; ++bit) {
      volume[byte] ^= static_cast<uint8_t>(1 << bit);
      const Status status = Read(1);
      // Padding is the only place where a flip may go unseen.
      ASSERT_EQ(status.code(), byte - begin < used ? Code::kCorrupt : Code::kOk)
          << "byte " << byte - begin << " bit " << bit << " " << status.ToString();
      volume[byte] ^= static_cast<uint8_t>(1 << bit);
    }
    if (byte % 64 == 0) {
      volume[byte] ^= 1;
      ASSERT_TRUE(Read(0).ok() && Read(2).ok());
      volume[byte] ^= 1;
    }
  }
  ASSERT_TRUE(Read(1).ok());
}

// Its header is whole, and counts again as soon as the file is long enough.
TEST_F(DamageTest, NothingIsAppendedInsideARecordThatWasCutOff) {
  const TestShard large = MakeShard(9, 100'000);
  const model::ShardLocation cut = world_.Write(large).value();
  world_.Close();
  world_.Volume(1).resize(cut.offset + 300);
  world_.Open();
  std::vector<ExtentId> written;  // until the file is longer than it was
  for (uint64_t seed = 100; seed < 150; ++seed) {
    const TestShard more = MakeShard(seed, 3000);
    const auto location = world_.Write(more);
    ASSERT_TRUE(location.ok());
    ASSERT_EQ(location->volume, 1U);
    written.push_back(more.spec.extent);
  }
  const auto page = world_.executor.Run(world_.store->WalkVolume(1, 0, {}));
  ASSERT_TRUE(page.ok());
  std::set<ExtentId> met;
  for (const WalkedShard& shard : page->shards) met.insert(shard.spec.extent);
  for (const ExtentId& extent : written) EXPECT_TRUE(met.contains(extent));
  EXPECT_TRUE(Read(0).ok() && Read(1).ok() && Read(2).ok());
  EXPECT_EQ(world_.Read(large, cut).code(), Code::kCorrupt);
}

TEST_F(DamageTest, EveryBitOfTheVolumeHeader) {
  world_.Close();
  const std::vector<uint8_t> healthy = world_.Volume(1);
  for (uint64_t byte = 0; byte < model::kVolumeHeaderBytes; byte += byte < 80 ? 1 : 131) {
    for (int bit = 0; bit < 8; ++bit) {
      world_.Volume(1)[byte] ^= static_cast<uint8_t>(1 << bit);
      world_.Open();
      for (size_t i = 0; i < shards_.size(); ++i) {
        ASSERT_TRUE(Read(i).ok()) << "byte " << byte << " bit " << bit;
      }
      const TestShard more = MakeShard(50, 700);
      const auto location = world_.Write(more);
      ASSERT_TRUE(location.ok());
      ASSERT_TRUE(world_.Read(more, *location).ok());
      if (location->volume == 1) {
        ASSERT_GT(location->offset, locations_[2].offset);
      } else {
        ASSERT_NE(world_.store->GetStatus().reason, "");
      }
      world_.Close();
      for (const std::string& file : world_.disk->Files()) {
        if (file.ends_with(".ashlar")) world_.disk->RemoveTree(file);
      }
      world_.disk->PutFile(SimWorld::VolumePath(1), healthy);
    }
  }
}

// Opening never writes over anything, whatever was flipped, and what it finds decides nothing else.
TEST_F(DamageTest, DamagedHeadersHideOnlyTheirOwnRecord) {
  world_.Close();
  const std::vector<uint8_t> healthy = world_.Volume(1);
  for (size_t victim = 0; victim < shards_.size(); ++victim) {
    for (const uint64_t byte : {0, 9, 33, 50, 100, 126}) {
      std::vector<uint8_t> damaged = healthy;
      damaged[locations_[victim].offset + byte] ^= 0x10;
      world_.disk->PutFile(SimWorld::VolumePath(1), damaged);
      world_.Open();
      const auto location = world_.Write(MakeShard(60, 900));
      ASSERT_TRUE(location.ok());
      ASSERT_GT(location->offset, locations_[2].offset);
      for (size_t i = 0; i < shards_.size(); ++i) {
        ASSERT_EQ(Read(i).code(), i == victim ? Code::kCorrupt : Code::kOk);
      }
      const std::vector<uint8_t>& now = world_.Volume(1);
      ASSERT_TRUE(std::equal(damaged.begin() + model::kVolumeHeaderBytes,
                             damaged.begin() + static_cast<ptrdiff_t>(location->offset),
                             now.begin() + model::kVolumeHeaderBytes));
      world_.Close();
    }
  }
}

TEST_F(DamageTest, TruncationAtManyPoints) {
  world_.Close();
  const std::vector<uint8_t> healthy = world_.Volume(1);
  const uint64_t end = locations_[2].offset + model::RecordBytes(3000);
  for (uint64_t size = 0; size <= end; size += size % 512 == 0 ? 1 : 511) {
    std::vector<uint8_t> cut(healthy.begin(), healthy.begin() + static_cast<ptrdiff_t>(size));
    world_.disk->PutFile(SimWorld::VolumePath(1), cut);
    world_.Open();
    for (size_t i = 0; i < shards_.size(); ++i) {
      const uint64_t bytes_end = locations_[i].offset + model::kRecordHeaderBytes + 32 + 3000;
      ASSERT_EQ(Read(i).code(), bytes_end <= size ? Code::kOk : Code::kCorrupt) << size;
    }
    EXPECT_EQ(world_.store->GetStatus().io_errors, 0u);
    const TestShard more = MakeShard(70, 2000);
    const auto location = world_.Write(more);
    ASSERT_TRUE(location.ok()) << size << location.status().ToString();
    ASSERT_TRUE(world_.Read(more, *location).ok());
    if (location->volume == 1) {
      ASSERT_GE(location->offset, size);
    }
    world_.Close();
    for (const std::string& file : world_.disk->Files()) {
      if (file.ends_with(".ashlar")) world_.disk->RemoveTree(file);
    }
  }
}

TEST_F(DamageTest, MissingVolume) {
  world_.Close();
  world_.disk->RemoveTree(SimWorld::VolumePath(1));
  world_.Open();
  EXPECT_EQ(Read(0).code(), Code::kNotFound);
  EXPECT_EQ(world_.store->GetStatus().state, DriveState::kOnline);
}

TEST_F(DamageTest, MissingVolumesFolder) {
  world_.Close();
  world_.disk->RemoveTree(std::string(kDrivePath) + "/volumes");
  world_.Open();
  EXPECT_EQ(world_.store->GetStatus().state, DriveState::kOffline);
  EXPECT_EQ(Read(0).code(), Code::kUnavailable);
  EXPECT_EQ(world_.Write(shards_[0]).code(), Code::kUnavailable);
}

TEST_F(DamageTest, StaleAndWrongAddressesMiss) {
  model::ShardLocation location = locations_[0];
  location.generation += 1;
  EXPECT_EQ(world_.Read(shards_[0], location).code(), Code::kNotFound);
  EXPECT_EQ(world_.Read(shards_[0], locations_[1]).code(), Code::kNotFound);
  location = locations_[0];
  location.volume = 99;
  EXPECT_EQ(world_.Read(shards_[0], location).code(), Code::kNotFound);
  location = locations_[0];
  location.offset += 64;
  EXPECT_EQ(world_.Read(shards_[0], location).code(), Code::kCorrupt);
  location.offset += 1;
  EXPECT_EQ(world_.Read(shards_[0], location).code(), Code::kNotFound);
  location = locations_[0];
  location.drive.value += 1;
  EXPECT_EQ(world_.Read(shards_[0], location).code(), Code::kNotFound);
  location = locations_[0];
  location.present = false;
  EXPECT_EQ(world_.Read(shards_[0], location).code(), Code::kNotFound);
  location.present = true;
  location.offset = 1ULL << 60;
  EXPECT_EQ(world_.Read(shards_[0], location).code(), Code::kNotFound);
  ShardAddress address = shards_[0].AddressAt(locations_[0]);
  address.root[0] ^= 1;
  std::vector<uint8_t> out(3000, 0xee);
  EXPECT_EQ(world_.executor.Run(world_.store->ReadShard(address, 0, MutableByteSpan(out))).code(),
            Code::kCorrupt);
  EXPECT_EQ(out, std::vector<uint8_t>(3000, 0));  // nothing unverified leaks
}

TEST_F(DamageTest, MisplacedRecordIsNotTakenForTheRightOne) {
  std::vector<uint8_t>& volume = world_.Volume(1);
  const auto at = [&](uint64_t offset) { return volume.begin() + static_cast<ptrdiff_t>(offset); };
  const uint64_t size = model::RecordBytes(3000);
  // The first record was written where the second one is.
  std::copy(at(locations_[0].offset), at(locations_[0].offset + size), at(locations_[1].offset));
  EXPECT_EQ(Read(1).code(), Code::kCorrupt);
  EXPECT_EQ(world_.Read(shards_[0], locations_[1]).code(), Code::kCorrupt);
  EXPECT_TRUE(Read(0).ok());
}

TEST_F(DamageTest, VolumeOfAnotherDriveIsNeverWritten) {
  world_.Close();
  std::vector<uint8_t> foreign = world_.Volume(1);
  model::VolumeHeader header = model::DecodeVolumeHeader(foreign).value();
  header.drive_uuid.bytes[3] ^= 1;
  model::VolumeHeaderBytes bytes;
  model::EncodeVolumeHeader(header, &bytes);
  std::copy(bytes.begin(), bytes.end(), foreign.begin());
  world_.disk->PutFile(SimWorld::VolumePath(5), foreign);
  world_.Open();
  EXPECT_NE(world_.store->GetStatus().reason.find("volume 5"), std::string::npos);
  const auto location = world_.Write(MakeShard(80, 100));
  ASSERT_TRUE(location.ok());
  EXPECT_EQ(location->volume, 6u);
  EXPECT_EQ(world_.Volume(5), foreign);
}

TEST_F(DamageTest, TornTailIsAGap) {
  world_.Close();
  std::vector<uint8_t>& volume = world_.Volume(1);
  // As after a crash in the middle of a write: half a record, its header whole.
  const uint64_t half = locations_[2].offset + 1000;
  std::fill(volume.begin() + static_cast<ptrdiff_t>(half), volume.end(), uint8_t{0});
  world_.Open();
  const auto location = world_.Write(MakeShard(90, 100));
  ASSERT_TRUE(location.ok());
  EXPECT_GE(location->offset, half);
  EXPECT_EQ(location->offset % 4096, 0u);
  EXPECT_EQ(Read(2).code(), Code::kCorrupt);
  EXPECT_TRUE(Read(1).ok());
}

TEST_F(DamageTest, LargeShardEachLeaf) {
  const TestShard large = MakeShard(100, 200'000);
  const auto location = world_.Write(large);
  ASSERT_TRUE(location.ok());
  ASSERT_TRUE(world_.Read(large, *location).ok());  // its leaf list is cached
  std::vector<uint8_t>& volume = world_.Volume(location->volume);
  const uint64_t body = location->offset + model::kRecordHeaderBytes + 32 * 13;
  for (uint64_t at = 5; at < 200'000; at += model::kLeafBytes) {
    volume[body + at] ^= 4;
    EXPECT_EQ(world_.Read(large, *location).code(), Code::kCorrupt);
    const uint64_t other =
        (at + model::kLeafBytes) % 180'000 / model::kLeafBytes * model::kLeafBytes;
    EXPECT_TRUE(
        world_.executor.Run(ReadRangeBack(*world_.store, large, *location, other, 1000)).ok());
    volume[body + at] ^= 4;
  }
}

}  // namespace
}  // namespace ashlar::chunk_server
