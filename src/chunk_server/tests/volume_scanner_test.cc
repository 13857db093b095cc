#include <gtest/gtest.h>

#include "chunk_server/tests/sim_world.h"
#include "chunk_server/volume_scanner.h"

namespace ashlar::chunk_server {
namespace {

class VolumeScannerTest : public testing::Test {
 protected:
  void SetUp() override {
    world_.options.volume_bytes = 4 << 20;
    world_.Open();
    for (uint64_t seed = 1; seed <= 40; ++seed) {
      shards_.push_back(MakeShard(seed, seed % 7 == 0 ? 90'000 : 100 + seed * 37));
      locations_.push_back(world_.Write(shards_.back()).value());
    }
    world_.Close();
  }
  // Which of the shards the scanner finds.
  std::vector<size_t> Scan(uint64_t begin = 0) {
    const auto file =
        world_.executor.Run(world_.disk->Open(SimWorld::VolumePath(1), Disk::OpenMode::kReadOnly))
            .value();
    const uint64_t prefix = LoadLittle64(TestIdentity().drive_uuid.bytes.data());
    const uint64_t size = world_.Volume(1).size();
    VolumeScanner scanner(*file, 1, prefix, {.begin = begin, .end = size, .limit = size});
    std::vector<size_t> found;
    while (true) {
      const auto record = world_.executor.Run(scanner.Next()).value();
      if (!record.has_value()) break;
      size_t index = 0;
      while (index < shards_.size() && locations_[index].offset != record->offset) ++index;
      found.push_back(index);
      if (index == shards_.size()) continue;
      EXPECT_EQ(record->header.extent, shards_[index].spec.extent);
      EXPECT_EQ(record->header.root, model::ShardRoot(shards_[index].leaves));
      EXPECT_EQ(record->record_bytes, model::RecordBytes(shards_[index].body.size()));
    }
    unreadable_ = scanner.unreadable_bytes();
    skipped_ = scanner.skipped_bytes();
    return found;
  }
  std::vector<size_t> AllBut(size_t missing) const {
    std::vector<size_t> expected;
    for (size_t i = 0; i < shards_.size(); ++i) {
      if (i != missing) expected.push_back(i);
    }
    return expected;
  }

  SimWorld world_;
  std::vector<TestShard> shards_;
  std::vector<model::ShardLocation> locations_;
  uint64_t unreadable_ = 0;
  uint64_t skipped_ = 0;
};

TEST_F(VolumeScannerTest, FindsEveryRecord) {
  EXPECT_EQ(Scan(), AllBut(shards_.size()));
  EXPECT_EQ(skipped_, 0u);
  EXPECT_EQ(Scan(locations_[39].offset), std::vector<size_t>{39});
  EXPECT_EQ(Scan(locations_[39].offset + 1), std::vector<size_t>{});
}

TEST_F(VolumeScannerTest, PassesOverDamage) {
  for (size_t victim = 0; victim < shards_.size(); ++victim) {
    world_.Volume(1)[locations_[victim].offset + 40] ^= 0x20;
    EXPECT_EQ(Scan(), AllBut(victim));
    EXPECT_GT(skipped_, 0u);
    world_.Volume(1)[locations_[victim].offset + 40] ^= 0x20;
  }
}

TEST_F(VolumeScannerTest, PassesOverGarbage) {
  const uint64_t begin = locations_[5].offset;
  const uint64_t end = locations_[9].offset;
  for (uint64_t at = begin; at < end; ++at) {
    world_.Volume(1)[at] = static_cast<uint8_t>("ASHSHRD1"[at % 8]);
  }
  const std::vector<size_t> found = Scan();
  ASSERT_EQ(found.size(), shards_.size() - 4);
  EXPECT_EQ(found[4], 4u);
  EXPECT_EQ(found[5], 9u);
}

// A record at a place that is not its own, or of another volume or drive, is none.
TEST_F(VolumeScannerTest, MisplacedRecordIsNone) {
  std::vector<uint8_t>& volume = world_.Volume(1);
  const auto from = volume.begin() + static_cast<ptrdiff_t>(locations_[0].offset);
  const std::vector<uint8_t> copy(from, from + static_cast<ptrdiff_t>(model::RecordBytes(137)));
  const uint64_t end = locations_[39].offset + model::RecordBytes(shards_[39].body.size());
  volume.resize(end);
  volume.insert(volume.end(), copy.begin(), copy.end());
  EXPECT_EQ(Scan(), AllBut(shards_.size()));
}

TEST_F(VolumeScannerTest, RecordCutByTheEndIsNone) {
  world_.Volume(1).resize(locations_[39].offset + 200);
  EXPECT_EQ(Scan(), AllBut(39));
}

TEST_F(VolumeScannerTest, ReadsAroundABadPlace) {
  const uint64_t bad = locations_[10].offset;
  // Reads that touch the sector of record 10 fail, whatever their size.
  int fails = 0;
  world_.disk->fault = [&](SimDisk::Operation operation, const std::string& path) {
    if (operation != SimDisk::Operation::kRead || !path.ends_with(".ashlar")) return Status::Ok();
    // The first window holds it; then its 4 KiB pieces are read in order.
    const uint64_t piece = static_cast<uint64_t>(fails++);
    const bool window = piece == 0;
    const bool sector = piece >= 1 && piece - 1 == (bad - 4096) / 4096;
    return window || sector ? Status(Code::kIoError, "bad place") : Status::Ok();
  };
  const std::vector<size_t> found = Scan();
  EXPECT_EQ(unreadable_, 4096u);
  EXPECT_GE(found.size(), 20u);
  EXPECT_EQ(found.front(), 0u);
  EXPECT_EQ(found.back(), 39u);
}

}  // namespace
}  // namespace ashlar::chunk_server
