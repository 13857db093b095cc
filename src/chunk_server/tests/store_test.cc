// The store's ordinary life: what is written reads back, in all sizes and ranges, now and after
// opening again.
#include <gtest/gtest.h>

#include <random>

#include "chunk_server/tests/sim_world.h"
#include "model/shard_record.h"

namespace ashlar::chunk_server {
namespace {

TEST(StoreTest, AllSizesReadBackAlsoAfterReopening) {
  SimWorld world;
  world.options.volume_bytes = 4 << 20;
  world.Open();
  std::vector<std::pair<TestShard, model::ShardLocation>> written;
  const uint64_t sizes[] = {1,     63,      64,      65,      4096,           16383,
                            16384, 16385,   32768,   48000,   49152,          49153,
                            65536, 100'000, 655'360, 1 << 20, (3 << 20) + 17, 6'710'886};
  uint64_t seed = 1;
  for (const uint64_t size : sizes) {
    const TestShard whole = MakeShard(seed++, size);
    const auto one = world.Write(whole);
    ASSERT_TRUE(one.ok()) << size << one.status().ToString();
    EXPECT_EQ(one->drive, TestIdentity().drive);
    EXPECT_TRUE(one->present);
    EXPECT_EQ(one->generation, whole.spec.generation);
    written.emplace_back(whole, *one);
    const TestShard pieces = MakeShard(seed++, size);
    const auto other = world.executor.Run(WriteInPieces(*world.store, pieces, 64 * 1024));
    ASSERT_TRUE(other.ok()) << size << other.status().ToString();
    written.emplace_back(pieces, *other);
  }
  for (int open = 0; open < 2; ++open) {
    for (const auto& [shard, location] : written) {
      const Status status = world.Read(shard, location);
      EXPECT_TRUE(status.ok()) << shard.body.size() << status.ToString();
    }
    world.Open();
  }
}

TEST(StoreTest, RangesAtOddOffsets) {
  SimWorld world;
  world.options.volume_bytes = 8 << 20;
  world.Open();
  std::mt19937_64 random(5);
  for (const uint64_t size :
       {uint64_t{1}, uint64_t{777}, uint64_t{40'000}, uint64_t{49'153}, uint64_t{1'234'567}}) {
    const TestShard shard = MakeShard(size, size);
    const auto location = world.Write(shard);
    ASSERT_TRUE(location.ok());
    for (int i = 0; i < 60; ++i) {
      uint64_t begin = random() % size;
      uint64_t end = begin + 1 + random() % (size - begin);
      if (i % 4 == 1) begin = begin / model::kLeafBytes * model::kLeafBytes;
      if (i % 4 == 2) end = std::min(model::AlignUp(end, model::kLeafBytes), size);
      if (i % 4 == 3) end = size;
      const Status status =
          world.executor.Run(ReadRangeBack(*world.store, shard, *location, begin, end - begin));
      EXPECT_TRUE(status.ok()) << size << " " << begin << ".." << end << status.ToString();
    }
    EXPECT_TRUE(world.executor.Run(ReadRangeBack(*world.store, shard, *location, size, 0)).ok());
    std::vector<uint8_t> out(2);
    EXPECT_EQ(
        world.executor
            .Run(world.store->ReadShard(shard.AddressAt(*location), size - 1, MutableByteSpan(out)))
            .code(),
        Code::kInvalidArgument);
  }
}

// The bar of the project: a 64 KiB range of a large shard reads at most its leaves and their list.
TEST(StoreTest, RangeReadsLittleMoreThanItself) {
  SimWorld world;
  world.options.volume_bytes = 64 << 20;
  world.Open();
  const TestShard shard = MakeShard(9, 6'710'886);
  const auto location = world.Write(shard);
  ASSERT_TRUE(location.ok());
  uint64_t before = world.disk->bytes_read();
  ASSERT_TRUE(
      world.executor.Run(ReadRangeBack(*world.store, shard, *location, 1'000'001, 65'536)).ok());
  EXPECT_LE(world.disk->bytes_read() - before, 65'536u + 2 * 16'384 + 128 + 32 * 410);
  before = world.disk->bytes_read();  // the leaf list is known now
  ASSERT_TRUE(
      world.executor.Run(ReadRangeBack(*world.store, shard, *location, 1'048'576, 65'536)).ok());
  EXPECT_EQ(world.disk->bytes_read() - before, 65'536u);
}

TEST(StoreTest, VolumesRotateAndNoWriteMakesAFile) {
  SimWorld world;
  world.Open();
  uint64_t creations = 0;
  bool writing = false;
  uint64_t while_writing_only = 0;
  world.disk->fault = [&](SimDisk::Operation operation, const std::string&) {
    if (operation == SimDisk::Operation::kCreate) {
      ++creations;
      if (writing) ++while_writing_only;
    }
    return Status::Ok();
  };
  std::vector<std::pair<TestShard, model::ShardLocation>> written;
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    TestShard shard = MakeShard(seed, 10'000);
    const auto location = world.Write(shard);
    ASSERT_TRUE(location.ok());
    written.emplace_back(std::move(shard), *location);
    world.executor.RunUntilIdle();
  }
  EXPECT_GE(written.back().second.volume, 4u);
  // One volume for about 50 records; the one ahead counts too.
  EXPECT_LE(creations, uint64_t{written.back().second.volume} + 1);
  EXPECT_EQ(world.store->GetStatus().volumes, creations + 1);
  for (const auto& [shard, location] : written) EXPECT_TRUE(world.Read(shard, location).ok());
  for (const std::string& file : world.disk->Files()) {
    EXPECT_EQ(file.find(".new"), std::string::npos) << file;
  }
}

TEST(StoreTest, RecordLargerThanAVolumeGetsOneOfItsOwn) {
  SimWorld world;
  world.options.volume_bytes = 64 * 1024;
  world.Open();
  ASSERT_TRUE(world.Write(MakeShard(1, 100)).ok());
  const TestShard large = MakeShard(2, 300'000);
  const auto location = world.Write(large);
  ASSERT_TRUE(location.ok()) << location.status().ToString();
  EXPECT_TRUE(world.Read(large, *location).ok());
  world.Open();
  EXPECT_TRUE(world.Read(large, *location).ok());
}

TEST(StoreTest, UnfinishedWriterLeavesAGap) {
  SimWorld world;
  world.Open();
  const TestShard before = MakeShard(1, 3000);
  const auto first = world.Write(before);
  const TestShard lost = MakeShard(2, 40'000);
  {
    auto writer = world.executor.Run(world.store->OpenShard(lost.spec));
    ASSERT_TRUE(writer.ok());
    const ByteSpan piece = ByteSpan(lost.body).first(32 * 1024);
    ASSERT_TRUE(world.executor.Run((*writer)->AppendPiece(piece)).ok());
    EXPECT_EQ(world.executor.Run((*writer)->Finish(lost.leaves)).code(), Code::kInvalidArgument);
  }
  const TestShard after = MakeShard(3, 3000);
  const auto last = world.Write(after);
  ASSERT_TRUE(first.ok() && last.ok());
  world.Open();
  EXPECT_TRUE(world.Read(before, *first).ok());
  EXPECT_TRUE(world.Read(after, *last).ok());
}

TEST(StoreTest, WrongArgumentsAreRefused) {
  SimWorld world;
  world.Open();
  TestShard shard = MakeShard(1, 100);
  shard.spec.body_bytes = 0;
  shard.body.clear();
  shard.leaves.clear();
  EXPECT_EQ(world.Write(shard).code(), Code::kInvalidArgument);
  shard = MakeShard(1, 100);
  shard.spec.shard_index = 14;
  EXPECT_EQ(world.Write(shard).code(), Code::kInvalidArgument);
  shard = MakeShard(1, 100);
  shard.leaves.emplace_back();
  EXPECT_EQ(world.Write(shard).code(), Code::kInvalidArgument);
  LocalChunkStoreOptions options = TestOptions(kDrivePath);
  options.volume_bytes = 0;
  EXPECT_FALSE(world.executor.Run(OpenLocalChunkStore(*world.disk, world.executor, options)).ok());
}

TEST(StoreTest, GroupCommitSharesSyncs) {
  SimWorld world;
  world.options.volume_bytes = 4 << 20;
  world.Open();
  const uint64_t before = world.disk->syncs();
  constexpr int kWriters = 64;
  std::vector<TestShard> shards;
  for (int i = 0; i < kWriters; ++i) shards.push_back(MakeShard(static_cast<uint64_t>(i), 500));
  std::vector<std::optional<Result<model::ShardLocation>>> results(kWriters);
  for (int i = 0; i < kWriters; ++i) {
    world.executor.Start(world.store->WriteShard(shards[i].spec, shards[i].body, shards[i].leaves),
                         &results[i]);
  }
  world.executor.RunUntilIdle();
  for (int i = 0; i < kWriters; ++i) {
    ASSERT_TRUE(results[i].has_value() && results[i]->ok());
    EXPECT_TRUE(world.Read(shards[i], **results[i]).ok());
  }
  EXPECT_LE(world.disk->syncs() - before, 12u);
}

// Each volume has room for three of them, so most see many volumes filled by others before theirs.
TEST(StoreTest, ManyLargeShardsAtOnceAllFindAVolume) {
  SimDisk::Options disk;
  disk.delay_nanoseconds_max = 1'000'000;
  SimWorld world(1, disk);
  world.Open();
  constexpr size_t kWriters = 128;
  std::vector<TestShard> shards;
  for (size_t i = 0; i < kWriters; ++i) shards.push_back(MakeShard(i, 150'000));
  std::vector<std::optional<Result<model::ShardLocation>>> results(kWriters);
  for (size_t i = 0; i < kWriters; ++i) {
    world.executor.Start(WriteInPieces(*world.store, shards[i], 64 * 1024), &results[i]);
  }
  world.executor.RunUntilIdle();
  for (size_t i = 0; i < kWriters; ++i) {
    ASSERT_TRUE(results[i].has_value());
    ASSERT_TRUE(results[i]->ok()) << i << ": " << results[i]->status().ToString();
    EXPECT_TRUE(world.Read(shards[i], **results[i]).ok());
  }
}

TEST(StoreTest, CheckpointShortensTheScan) {
  SimWorld world;
  world.options.volume_bytes = 8 << 20;
  world.Open();
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    ASSERT_TRUE(world.Write(MakeShard(seed, 10'000)).ok());
  }
  world.executor.RunUntilIdle();
  std::vector<uint8_t>& volume = world.Volume(1);
  const auto header = model::DecodeVolumeHeader(volume);
  ASSERT_TRUE(header.ok());
  EXPECT_GT(header->checkpoint, 2'900'000u);  // one step of 32 KiB behind at most
  world.Close();
  const uint64_t before = world.disk->bytes_read();
  world.Open();
  EXPECT_LT(world.disk->bytes_read() - before, 300'000u);
  // A checkpoint that lies, or is torn, costs time and nothing else.
  const TestShard shard = MakeShard(999, 5000);
  const auto location = world.Write(shard);
  ASSERT_TRUE(location.ok());
  world.Close();
  world.Volume(1)[model::kVolumeCheckpointOffset] ^= 0x40;
  world.Open();
  EXPECT_TRUE(world.Read(shard, *location).ok());
  const auto next = world.Write(MakeShard(1000, 50));
  ASSERT_TRUE(next.ok());
  EXPECT_GT(next->offset, location->offset);
}

TEST(StoreTest, ManyVolumesOpenAndOnlySomeStayOpen) {
  SimWorld world;
  world.options.volume_bytes = 16 * 1024;
  world.options.allocate_step_bytes = 16 * 1024;
  world.Open();
  std::vector<std::pair<TestShard, model::ShardLocation>> written;
  for (uint64_t seed = 1; seed <= 150; ++seed) {
    TestShard shard = MakeShard(seed, 9000);
    const auto location = world.Write(shard);
    ASSERT_TRUE(location.ok());
    written.emplace_back(std::move(shard), *location);
  }
  EXPECT_GE(world.store->GetStatus().volumes, 150u);
  world.Open();
  for (const auto& [shard, location] : written) EXPECT_TRUE(world.Read(shard, location).ok());
}

TEST(StoreTest, StatusTellsSpaceAndVolumes) {
  SimWorld world;
  world.Open();
  const DriveStatus status = world.store->GetStatus();
  EXPECT_EQ(status.state, DriveState::kOnline);
  EXPECT_EQ(status.reason, "");
  EXPECT_EQ(status.volumes, 1u);
  EXPECT_GT(status.space.total_bytes, 0u);
  EXPECT_EQ(world.store->drive(), TestIdentity().drive);
  EXPECT_TRUE(world.executor.Run(world.store->Probe()).ok());
  EXPECT_TRUE(world.executor.Run(world.store->Probe()).ok());
}

TEST(StoreTest, OfflineStoreSaysSo) {
  SimExecutor executor;
  const std::unique_ptr<ChunkStore> store = MakeOfflineChunkStore(DriveId{3}, "no such path");
  const TestShard shard = MakeShard(1, 10);
  EXPECT_EQ(executor.Run(store->WriteShard(shard.spec, shard.body, shard.leaves)).code(),
            Code::kUnavailable);
  EXPECT_EQ(executor.Run(store->OpenShard(shard.spec)).code(), Code::kUnavailable);
  EXPECT_EQ(executor.Run(ReadBack(*store, shard, {})).code(), Code::kUnavailable);
  EXPECT_EQ(executor.Run(store->Probe()).code(), Code::kUnavailable);
  EXPECT_EQ(store->GetStatus().state, DriveState::kOffline);
  EXPECT_EQ(store->GetStatus().reason, "no such path");
  executor.Run(store->Close());
}

}  // namespace
}  // namespace ashlar::chunk_server
