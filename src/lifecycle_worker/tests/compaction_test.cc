// Sparse extents are gathered, sparse volumes emptied; what lives stays readable, also for readers
// that began before, and directories move along.
#include <gtest/gtest.h>

#include <algorithm>

#include "lifecycle_worker/tests/reclaim_world.h"

namespace ashlar::lifecycle_worker {
namespace {

class CompactionTest : public testing::Test {
 protected:
  void ExpectContent(const std::map<std::string, std::string>& content) {
    for (const auto& [key, bytes] : content) {
      const auto read = world_.Get(key);
      ASSERT_TRUE(read.ok()) << key << ": " << read.status().ToString();
      EXPECT_EQ(*read, bytes) << key;
    }
  }
  std::set<ExtentId> ExtentsOf(const std::map<std::string, std::string>& content) {
    std::set<ExtentId> extents;
    for (const auto& [key, bytes] : content) extents.insert(world_.ExtentOf(key).id);
    return extents;
  }
  std::vector<model::DirectoryEntry> DirectoryOf(const model::Extent& extent) {
    // A version that is the directory.
    auto version = std::make_shared<model::ObjectVersion>();
    version->size = extent.payload_bytes;
    EXPECT_LE(extent.payload_bytes, 2 * model::kUnitBytes);
    std::string payload;
    const model::ExtentLayout layout(extent.data_shards, extent.unit_bytes, extent.payload_bytes);
    for (size_t shard = 0; shard < extent.data_shards; ++shard) {
      chunk_server::ShardAddress address{extent.id, static_cast<uint8_t>(shard),
                                         layout.shard_bytes(), extent.locations[shard],
                                         extent.roots[shard]};
      std::vector<uint8_t> body(layout.shard_bytes());
      auto& store = *world_.stores[address.location.drive.value];
      EXPECT_TRUE(world_.Run(store.ReadShard(address, 0, body)).ok());
      payload += AsText(body);
    }
    payload.resize(extent.payload_bytes);
    return model::DecodeDirectory(payload.substr(extent.data_bytes())).value();
  }

  ReclaimWorld world_;
};

TEST_F(CompactionTest, SparseExtentsAreGathered) {
  std::map<std::string, std::string> content;
  for (int batch = 0; batch < 4; ++batch) {
    std::map<std::string, std::string> some;
    for (int i = 0; i < 10; ++i) {
      some["key-" + std::to_string(batch) + "-" + std::to_string(i)] =
          RandomText(world_.random, 500 + world_.random.Below(3000));
    }
    ASSERT_TRUE(world_.PutTogether(some).ok());
    content.insert(some.begin(), some.end());
  }
  ASSERT_LE(ExtentsOf(content).size(), 12U) << "small objects share extents";
  std::map<std::string, std::string> kept;
  for (const auto& [key, bytes] : content) {
    if (key.ends_with("-1") || key.ends_with("-2") || key.ends_with("-3")) {
      kept[key] = bytes;
    } else {
      ASSERT_TRUE(world_.Delete(key).ok());
    }
  }
  const std::set<ExtentId> before = ExtentsOf(kept);
  const auto old_reader = world_.Find(kept.begin()->first).value();
  ASSERT_TRUE(world_.Cycles(3).ok());
  const std::set<ExtentId> after = ExtentsOf(kept);
  EXPECT_EQ(after.size(), 1U);
  for (const ExtentId& id : after) EXPECT_FALSE(before.contains(id));
  ExpectContent(kept);
  EXPECT_EQ(world_.ReadVersion(old_reader).value(), kept.begin()->second);
  EXPECT_EQ(world_.reclaimer->GetStatus().compacted_extents, before.size());
  EXPECT_EQ(world_.Complaints(), std::vector<std::string>());

  // The metadata journal hears of it.
  const auto events = world_.Run(world_.metadata->ListOutbox(Sequence{0}, 10'000)).value();
  EXPECT_EQ(static_cast<size_t>(std::count_if(events.begin(), events.end(),
                                              [](const model::OutboxEvent& event) {
                                                return event.type == model::EventType::kSlicesMoved;
                                              })),
            kept.size());
  std::map<std::string, uint64_t> sizes;
  for (const auto& entry : DirectoryOf(world_.ExtentOf(kept.begin()->first))) {
    EXPECT_TRUE(entry.last);
    EXPECT_TRUE(entry.moved);
    EXPECT_EQ(entry.bucket, "bucket");
    EXPECT_EQ(entry.md5, Md5(AsBytes(kept.at(entry.key))));
    EXPECT_EQ(entry.length, kept.at(entry.key).size());
    const auto version = world_.Find(entry.key).value();
    EXPECT_EQ(version->parts[0].slices[0].offset, entry.extent_offset);
    sizes[entry.key] = entry.length;
  }
  EXPECT_EQ(sizes.size(), kept.size());

  world_.Restart();
  ASSERT_TRUE(world_.Cycles(25).ok());
  ExpectContent(kept);
  EXPECT_EQ(world_.Complaints(), std::vector<std::string>());
  EXPECT_EQ(world_.LiveRecords().size(), 3U) << "the old extents are gone";
}

TEST_F(CompactionTest, CopiesShareWhatIsGathered) {
  std::map<std::string, std::string> content;
  for (int i = 0; i < 10; ++i) {
    content["key-" + std::to_string(i)] = RandomText(world_.random, 2000);
  }
  ASSERT_TRUE(world_.PutTogether(content).ok());
  ASSERT_TRUE(world_.Copy("key-3", "copy").ok());
  for (int i = 0; i < 10; ++i) {
    const std::string key = "key-" + std::to_string(i);
    if (i == 3) continue;
    ASSERT_TRUE(world_.Delete(key).ok());
  }
  const ExtentId before = world_.ExtentOf("copy").id;
  ASSERT_TRUE(world_.Cycles(3).ok());
  const auto original = world_.Find("key-3").value();
  const auto copy = world_.Find("copy").value();
  EXPECT_NE(original->parts[0].slices[0].extent, before);
  EXPECT_EQ(original->parts[0].slices[0], copy->parts[0].slices[0]);
  ExpectContent({{"key-3", content["key-3"]}, {"copy", content["key-3"]}});
  EXPECT_EQ(world_.Complaints(), std::vector<std::string>());
}

TEST_F(CompactionTest, ADriveAwayDoesNotKeepExtentsFromBeingGathered) {
  std::map<std::string, std::string> content;
  for (int i = 0; i < 10; ++i) {
    content["key-" + std::to_string(i)] = RandomText(world_.random, 2000);
  }
  ASSERT_TRUE(world_.PutTogether(content).ok());
  for (int i = 1; i < 10; ++i) ASSERT_TRUE(world_.Delete("key-" + std::to_string(i)).ok());
  world_.SetOffline(world_.ExtentOf("key-0").locations[0].drive.value, true);
  (void)world_.Cycles(3);
  EXPECT_EQ(world_.Get("key-0").value(), content["key-0"]);
}

TEST_F(CompactionTest, SparseVolumesAreEmptiedAndRemoved) {
  std::map<std::string, std::string> kept;
  // Small records: their purge gives no pages back.
  for (int i = 0; i < 1200; ++i) {
    const std::string key = "key-" + std::to_string(i);
    const std::string bytes = RandomText(world_.random, 3000);
    ASSERT_TRUE(world_.Put(key, bytes).ok());
    if (i % 8 == 0) {
      kept[key] = bytes;
    } else {
      ASSERT_TRUE(world_.Delete(key).ok());
    }
  }
  const uint64_t before = world_.Volumes();
  ASSERT_TRUE(world_.Cycles(60).ok());
  EXPECT_LT(world_.Volumes(), before);
  EXPECT_GT(world_.reclaimer->GetStatus().moved_shards, 0U);
  EXPECT_GT(world_.reclaimer->GetStatus().removed_volumes, 0U);
  ExpectContent(kept);
  EXPECT_EQ(world_.Complaints(), std::vector<std::string>());
  world_.Restart();
  ExpectContent(kept);
  EXPECT_EQ(world_.LiveRecords().size(), 3 * kept.size());
}

TEST_F(CompactionTest, ADamagedShardIsLeftToTheHealer) {
  std::map<std::string, std::string> kept;
  for (int i = 0; i < 600; ++i) {
    const std::string key = "key-" + std::to_string(i);
    const std::string bytes = RandomText(world_.random, 6000);
    ASSERT_TRUE(world_.Put(key, bytes).ok());
    if (i == 100) {
      kept[key] = bytes;
    } else {
      ASSERT_TRUE(world_.Delete(key).ok());
    }
  }
  const model::ShardLocation at = world_.ExtentOf("key-100").locations[1];
  const std::string digits = std::to_string(at.volume);
  const std::string path =
      "/drive/volumes/volume-" + std::string(8 - digits.size(), '0') + digits + ".ashlar";
  std::vector<uint8_t>* volume = world_.disks[at.drive.value]->Content(path);
  ASSERT_NE(volume, nullptr);
  (*volume)[at.offset + 1000] ^= 1;
  ASSERT_TRUE(world_.Cycles(60).ok());
  ExpectContent(kept);
  const auto repairs = world_.Run(world_.Catalog().ListRepairs(std::nullopt, 100)).value();
  ASSERT_EQ(repairs.size(), 1U);
  EXPECT_EQ(repairs[0].reason, model::RepairReason::kCorrupt);
  EXPECT_EQ(world_.ExtentOf("key-100").locations[1], at) << "moved by the healer, not by us";
}

}  // namespace
}  // namespace ashlar::lifecycle_worker
