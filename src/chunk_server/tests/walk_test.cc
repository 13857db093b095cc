// Walking volumes: every record once, verified; damage and holes counted; bounded reading; the
// volume in use while writers append.
#include <gtest/gtest.h>

#include <algorithm>

#include "base/log.h"
#include "chunk_server/drive/drive.h"
#include "chunk_server/maintenance/volume_walk.h"
#include "chunk_server/tests/sim_world.h"
#include "model/shard_record.h"

namespace ashlar::chunk_server {
namespace {

constexpr WalkOptions kVerify{.verify_bodies = true};

class WalkTest : public testing::Test {
 protected:
  void SetUp() override {
    spdlog::set_level(spdlog::level::off);
    world_.options.volume_bytes = 32 << 20;
    world_.Open();
  }
  void TearDown() override { spdlog::set_level(spdlog::level::info); }
  void Store(uint64_t body_bytes) {
    shards_.push_back(world_.OldShard(shards_.size() + 1, body_bytes));
    locations_.push_back(world_.Write(shards_.back()).value());
  }
  uint8_t& ByteOfBody(size_t index, uint64_t at) {
    const uint64_t body = model::BodyPosition(locations_[index].offset, shards_[index].body.size());
    return world_.Volume(1)[body + at];
  }

  SimWorld world_;
  std::vector<TestShard> shards_;
  std::vector<model::ShardLocation> locations_;
};

TEST_F(WalkTest, GivesEveryRecordWithAllThatItsHeaderSays) {
  for (const uint64_t size : {100, 16'384, 50'000, 1'048'576, 7, 3'000'000, 20'000}) Store(size);
  const WalkPage page = world_.Walk(1, kVerify);
  ASSERT_EQ(page.shards.size(), shards_.size());
  for (size_t i = 0; i < shards_.size(); ++i) {
    const WalkedShard& walked = page.shards[i];
    const ShardSpec& spec = shards_[i].spec;
    EXPECT_TRUE(walked.verified.ok()) << walked.verified.ToString();
    EXPECT_EQ(walked.location, locations_[i]);
    EXPECT_EQ(walked.root, model::ShardRoot(shards_[i].leaves));
    EXPECT_EQ(walked.record_bytes, model::RecordBytes(shards_[i].body.size()));
    EXPECT_EQ(walked.spec.extent, spec.extent);
    EXPECT_EQ(walked.spec.shard_index, spec.shard_index);
    EXPECT_EQ(walked.spec.data_shards, spec.data_shards);
    EXPECT_EQ(walked.spec.parity_shards, spec.parity_shards);
    EXPECT_EQ(walked.spec.generation, spec.generation);
    EXPECT_EQ(walked.spec.body_bytes, spec.body_bytes);
    EXPECT_EQ(walked.spec.payload_bytes, spec.payload_bytes);
    EXPECT_EQ(walked.spec.directory_bytes, spec.directory_bytes);
    EXPECT_EQ(walked.spec.unit_bytes, spec.unit_bytes);
  }
  EXPECT_EQ(page.damaged_bytes + page.unreadable_bytes + page.dead_bytes, 0u);
}

TEST_F(WalkTest, PagesOfAnySizeGiveTheSame) {
  for (uint64_t i = 0; i < 60; ++i) Store(i % 9 == 0 ? 1'100'000 : 100 + i * 531);
  for (size_t i = 0; i < shards_.size(); i += 4) {
    ASSERT_TRUE(world_.PurgeOne(shards_[i], locations_[i]).ok());
  }
  ByteOfBody(1, 5) ^= 1;
  for (int i = 0; i < 128; ++i) world_.Volume(1)[locations_[2].offset + i] = 0xcc;
  const WalkPage whole = world_.Walk(1, kVerify);
  EXPECT_EQ(whole.shards.size(), 60u - 15 - 1);
  EXPECT_EQ(whole.damaged_bytes, model::RecordBytes(shards_[2].body.size()));
  for (const bool verify : {false, true}) {
    for (const uint32_t records_max : {1U, 3U, 1000U}) {
      for (const uint64_t bytes_max : {1ULL, 10'000ULL, 300'000ULL, 1ULL << 40}) {
        const WalkPage page = world_.Walk(1, {verify, records_max, bytes_max});
        ASSERT_EQ(page.shards.size(), whole.shards.size()) << records_max << " " << bytes_max;
        for (size_t i = 0; i < page.shards.size(); ++i) {
          EXPECT_EQ(page.shards[i].location, whole.shards[i].location);
          if (!verify) continue;
          EXPECT_EQ(page.shards[i].verified.code(), whole.shards[i].verified.code());
        }
        EXPECT_EQ(page.dead_bytes, whole.dead_bytes);
        EXPECT_EQ(page.damaged_bytes, whole.damaged_bytes);
        EXPECT_EQ(page.next_offset, whole.next_offset);
      }
    }
  }
}

TEST_F(WalkTest, PageIsBoundedAlsoWhereNothingLies) {
  Store(100);
  world_.disk->PutFile(SimWorld::VolumePath(1), [&] {
    std::vector<uint8_t> content = world_.Volume(1);
    content.resize(8 << 20);
    return content;
  }());
  world_.Open();
  ASSERT_TRUE(world_.Write(world_.OldShard(50, 31 << 20)).ok());  // does not fit: another volume
  ASSERT_TRUE(world_.Write(world_.OldShard(51, 100)).ok());
  uint64_t offset = 0;
  int pages = 0;
  for (bool at_end = false; !at_end; ++pages) {
    const uint64_t read = world_.disk->bytes_read();
    const WalkPage page =
        world_.executor.Run(world_.store->WalkVolume(1, offset, {false, 1024, 1 << 20})).value();
    EXPECT_LE(world_.disk->bytes_read() - read, (1u << 20) + 300'000);
    offset = page.next_offset;
    at_end = page.at_end;
  }
  EXPECT_GE(pages, 8);
}

TEST_F(WalkTest, ReadsWhatItMustAndNoMore) {
  for (int i = 0; i < 300; ++i) Store(20'000);
  Store(9 << 20);
  Store(9 << 20);
  const uint64_t bytes = locations_.back().offset + model::RecordBytes(9 << 20);
  uint64_t before = world_.disk->bytes_read();
  ASSERT_EQ(world_.Walk(1, kVerify).shards.size(), 302u);
  const uint64_t verified = world_.disk->bytes_read() - before;
  EXPECT_GE(verified, bytes - 2 * 4096);
  EXPECT_LE(verified, bytes + bytes / 20);
  before = world_.disk->bytes_read();
  ASSERT_EQ(world_.Walk(1).shards.size(), 302u);
  EXPECT_LE(world_.disk->bytes_read() - before, 300u * 21'000);  // not the two large bodies
}

TEST_F(WalkTest, FindsEachKindOfDamage) {
  for (const uint64_t size : {50'000, 50'000, 2'000'000, 2'000'000, 50'000, 100}) Store(size);
  ByteOfBody(0, 49'999) ^= 0x80;
  world_.Volume(1)[locations_[1].offset + model::kRecordHeaderBytes + 40] ^= 1;  // a leaf digest
  ByteOfBody(2, 1'999'999) ^= 1;
  world_.Volume(1)[locations_[4].offset + 90] ^= 1;  // the header: the record is not there
  const WalkPage page = world_.Walk(1, kVerify);
  std::vector<std::pair<uint64_t, Code>> found;
  for (const WalkedShard& shard : page.shards) {
    found.emplace_back(shard.location.offset, shard.verified.code());
  }
  const std::vector<std::pair<uint64_t, Code>> expected = {
      {locations_[0].offset, Code::kCorrupt}, {locations_[1].offset, Code::kCorrupt},
      {locations_[2].offset, Code::kCorrupt}, {locations_[3].offset, Code::kOk},
      {locations_[5].offset, Code::kOk},
  };
  EXPECT_EQ(found, expected);
  EXPECT_GT(page.damaged_bytes, 49'000u);
  // Headers only: bodies are nobody's business.
  const WalkPage headers = world_.Walk(1);
  for (const WalkedShard& shard : headers.shards) EXPECT_TRUE(shard.verified.ok());
}

// A file of which some sectors cannot be read, whatever is asked for around them.
class BadSectors final : public DiskFile {
 public:
  BadSectors(std::unique_ptr<DiskFile> inner, uint64_t begin, uint64_t end)
      : inner_(std::move(inner)), begin_(begin), end_(end) {}
  Task<Status> ReadAt(uint64_t offset, MutableByteSpan out) override {
    if (offset < end_ && offset + out.size() > begin_) {
      co_return Status(Code::kIoError, "bad sector");
    }
    co_return co_await inner_->ReadAt(offset, out);
  }
  Task<Result<uint64_t>> Size() override { return inner_->Size(); }
  Task<Status> WriteAt(uint64_t, std::span<const ByteSpan>) override { co_return Never(); }
  Task<Status> Sync() override { co_return Never(); }
  Task<Status> Allocate(uint64_t, uint64_t) override { co_return Never(); }
  Task<Status> PunchHole(uint64_t, uint64_t) override { co_return Never(); }
  Task<Status> Truncate(uint64_t) override { co_return Never(); }
  Task<Result<uint64_t>> AllocatedBytes() override { co_return Never(); }
  Task<Result<uint64_t>> DataEnd(uint64_t) override { co_return Never(); }

 private:
  static Status Never() { return Status(Code::kInternal, "not for walking"); }
  const std::unique_ptr<DiskFile> inner_;
  const uint64_t begin_;
  const uint64_t end_;
};

TEST_F(WalkTest, UnreadablePlaceIsThatRecordsOnly) {
  for (int i = 0; i < 40; ++i) Store(60'000);
  const uint64_t end = world_.Volume(1).size();
  const auto walk = [&](uint64_t bad_begin, uint64_t bad_end, uint64_t bytes_max) {
    auto file =
        world_.executor.Run(world_.disk->Open(SimWorld::VolumePath(1), Disk::OpenMode::kReadOnly));
    ReadableVolume volume;
    volume.file = std::make_shared<BadSectors>(std::move(file.value()), bad_begin, bad_end);
    volume.end = end;
    Drive drive(*world_.disk, world_.executor, world_.options);
    WalkPage all;
    while (!all.at_end) {
      const WalkPage page =
          world_.executor
              .Run(WalkPageAt(drive, 1, volume, all.next_offset, {true, 1024, bytes_max}))
              .value();
      all.shards.insert(all.shards.end(), page.shards.begin(), page.shards.end());
      all.unreadable_bytes += page.unreadable_bytes;
      all.damaged_bytes += page.damaged_bytes;
      all.next_offset = page.next_offset;
      all.at_end = page.at_end;
    }
    return all;
  };
  const uint64_t bad = model::AlignUp(locations_[20].offset + 20'000, 4096);
  for (const uint64_t bytes_max : {1ULL << 40, 100'000ULL}) {
    const WalkPage page = walk(bad, bad + 4096, bytes_max);
    ASSERT_EQ(page.shards.size(), 40u);
    for (size_t i = 0; i < 40; ++i) {
      EXPECT_EQ(page.shards[i].verified.code(), i == 20 ? Code::kIoError : Code::kOk) << i;
    }
    EXPECT_EQ(page.unreadable_bytes, 4096u);
  }
  // A header that cannot be read hides its record; it is no damage that was seen.
  const uint64_t header = locations_[10].offset / 4096 * 4096;
  const WalkPage page = walk(header, header + 4096, 1ULL << 40);
  EXPECT_EQ(page.shards.size(), 39u);
  EXPECT_EQ(page.unreadable_bytes, 4096u);
}

TEST_F(WalkTest, DeadRecordsAndHolesAreCounted) {
  for (int i = 0; i < 20; ++i) Store(30'000);
  const uint64_t record = model::RecordBytes(30'000);
  for (size_t i = 5; i < 15; ++i) {
    ASSERT_TRUE(world_.PurgeOne(shards_[i], locations_[i]).ok());
  }
  const WalkPage page = world_.Walk(1, kVerify);
  EXPECT_EQ(page.shards.size(), 10u);
  EXPECT_EQ(page.dead_bytes, 10 * record);
  EXPECT_EQ(page.damaged_bytes, 0u);
}

// A record of a large body has room behind it that is never written. After a crash the next record
// must not begin there: a walker passes over the whole record.
TEST_F(WalkTest, RecordsBehindALargeOneAreFoundAfterACrash) {
  world_.options.checkpoint_step_bytes = 1ULL << 40;
  world_.Open();
  for (int life = 0; life < 4; ++life) {
    Store(model::kAlignedBodyBytesMin + static_cast<uint64_t>(life) * 5000);
    world_.LosePower();
    world_.Open();
    Store(100);
  }
  const WalkPage page = world_.Walk(1, kVerify);
  ASSERT_EQ(page.shards.size(), locations_.size());
  for (size_t i = 0; i < locations_.size(); ++i) {
    EXPECT_EQ(page.shards[i].location, locations_[i]);
  }
}

TEST_F(WalkTest, UnknownVolumeAndGoneDrive) {
  EXPECT_EQ(world_.executor.Run(world_.store->WalkVolume(99, 0, {})).code(), Code::kNotFound);
  world_.disk->RemoveTree(kDrivePath);
  EXPECT_EQ(world_.executor.Run(world_.store->WalkVolume(99, 0, {})).code(), Code::kUnavailable);
  EXPECT_EQ(world_.executor.Run(world_.store->ListVolumes()).code(), Code::kUnavailable);
}

TEST_F(WalkTest, ListTellsWhichVolumesTakeRecords) {
  world_.options.volume_bytes = 512 * 1024;
  world_.Open();
  for (int i = 0; i < 30; ++i) Store(60'000);
  const auto volumes = world_.executor.Run(world_.store->ListVolumes()).value();
  ASSERT_GE(volumes.size(), 4u);
  for (size_t i = 0; i < volumes.size(); ++i) {
    EXPECT_EQ(volumes[i].number, i + 1);
    EXPECT_EQ(volumes[i].file_bytes, world_.Volume(volumes[i].number).size());
    EXPECT_EQ(volumes[i].takes_records, volumes[i].number >= locations_.back().volume) << i;
  }
}

Task<bool> Append(SimWorld* world, uint64_t first_seed, int count) {
  for (int i = 0; i < count; ++i) {
    const TestShard shard = world->OldShard(first_seed + static_cast<uint64_t>(i), 40'000);
    ChunkStore& store = *world->store;
    Result<model::ShardLocation> location = Status(Code::kInternal, "not written");
    if (i % 2 == 0) {
      location = co_await WriteInPieces(store, shard, 16 * 1024);
    } else {
      location = co_await store.WriteShard(shard.spec, shard.body, shard.leaves);
    }
    if (!location.ok()) co_return false;
  }
  co_return true;
}

// What a walk sees of the volume in use is whole, and was acknowledged or failed before it began.
TEST_F(WalkTest, VolumeInUseIsWalkedUpToTheFirstUnfinishedRecord) {
  std::vector<std::optional<bool>> done(4);
  for (size_t i = 0; i < done.size(); ++i) {
    world_.executor.Start(Append(&world_, 1000 * (i + 1), 40), &done[i]);
  }
  size_t walks = 0;
  size_t largest = 0;
  const auto all_done = [&] {
    return std::all_of(done.begin(), done.end(), [](const auto& one) { return one.has_value(); });
  };
  while (!all_done()) {
    for (int i = 0; i < 17; ++i) world_.executor.Step();
    const WalkPage page = world_.Walk(1, kVerify);
    for (const WalkedShard& shard : page.shards) ASSERT_TRUE(shard.verified.ok());
    ASSERT_EQ(page.damaged_bytes, 0u);
    ASSERT_GE(page.shards.size(), largest);
    largest = page.shards.size();
    ++walks;
  }
  EXPECT_GT(walks, 10u);
  EXPECT_GT(largest, 100u);
  EXPECT_EQ(world_.Walk(1, kVerify).shards.size(), 160u);
}

}  // namespace
}  // namespace ashlar::chunk_server
