#include "model/extent.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace ashlar::model {
namespace {

Extent SampleExtent() {
  Extent extent;
  for (uint8_t i = 0; i < 16; ++i) extent.id.bytes[i] = i;
  extent.data_shards = 2;
  extent.parity_shards = 1;
  extent.tier = Tier::kInfrequentAccess;
  extent.payload_bytes = 1000;
  extent.directory_bytes = 200;
  extent.locations = {
      {.drive = DriveId{1}, .present = true, .generation = 1, .volume = 300, .offset = 4096},
      {.drive = DriveId{2}, .present = false, .generation = 0, .volume = 0, .offset = 0},
      {.drive = DriveId{300}, .present = true, .generation = 2, .volume = 7, .offset = 1 << 20}};
  extent.roots.resize(3);
  for (uint8_t i = 0; i < 3; ++i) extent.roots[i].fill(i);
  return extent;
}

// On disk: these bytes may never change for version 1.
TEST(ExtentTest, GoldenRow) {
  const std::string row = EncodeExtent(SampleExtent());
  EXPECT_EQ(
      HexEncode(AsBytes(row)),
      "01000102030405060708090a0b0c0d0e0f020101808004e807c801"
      "010101ac0240"
      "0002"
      "01ac02020780"
      "8001" +
          std::string(64, '0') + [] {
            std::string text;
            for (int i = 0; i < 32; ++i) text += "01";
            for (int i = 0; i < 32; ++i) text += "02";
            return text;
          }());
  EXPECT_EQ(*DecodeExtent(row), SampleExtent());
}

TEST(ExtentTest, ARowOfFourteenShardsIsCompact) {
  Extent extent = SampleExtent();
  extent.data_shards = 10;
  extent.parity_shards = 4;
  extent.locations.assign(
      14,
      {.drive = DriveId{13}, .present = true, .generation = 1, .volume = 1000, .offset = 1 << 29});
  extent.roots.assign(14, Sha256Digest{});
  EXPECT_LT(EncodeExtent(extent).size(), 640U);
}

TEST(ExtentTest, DamagedRowsAreRefused) {
  const std::string row = EncodeExtent(SampleExtent());
  for (size_t size = 0; size < row.size(); ++size) {
    EXPECT_EQ(DecodeExtent(std::string_view(row).substr(0, size)).code(), Code::kCorrupt);
  }
  EXPECT_EQ(DecodeExtent(row + "x").code(), Code::kCorrupt);
  for (const auto& [at, value] :
       std::vector<std::pair<size_t, char>>{{0, 2}, {17, 0}, {17, 100}, {19, 3}, {27, 2}}) {
    std::string bad = row;
    bad[at] = value;
    EXPECT_EQ(DecodeExtent(bad).code(), Code::kCorrupt) << at;
  }
}

// Every payload byte has one place on one data shard, places do not overlap, and shards are full
// but for the tail's padding.
TEST(ExtentLayoutTest, EveryByteHasOnePlace) {
  std::mt19937 random(5);
  for (int i = 0; i < 300; ++i) {
    const int shards = 1 + static_cast<int>(random() % 5);
    const uint32_t unit = 64 * (1 + random() % 4);
    const uint64_t stripe = static_cast<uint64_t>(shards) * unit;
    const uint64_t payload = random() % (4 * stripe + 2);
    const ExtentLayout layout(shards, unit, payload);
    std::vector<std::vector<bool>> used(static_cast<size_t>(shards),
                                        std::vector<bool>(layout.shard_bytes()));
    uint64_t sum = 0;
    for (uint64_t s = 0; s < layout.stripe_count(); ++s) sum += layout.StripePayload(s);
    ASSERT_EQ(sum, payload);
    for (uint64_t offset = 0; offset < payload;) {
      const auto run = layout.Locate(offset, 1 + random() % (2 * unit));
      ASSERT_GT(run.length, 0U);
      ASSERT_EQ(run.payload_offset, offset);
      ASSERT_EQ(run.stripe, offset / stripe);
      for (uint64_t j = 0; j < run.length; ++j) {
        const size_t shard = static_cast<size_t>(run.shard);
        ASSERT_LT(run.shard_offset + j, layout.shard_bytes());
        ASSERT_FALSE(used[shard][run.shard_offset + j]);
        used[shard][run.shard_offset + j] = true;
      }
      offset += run.length;
    }
    ASSERT_EQ(layout.shard_bytes() % kTailAlignment, 0U);
    ASSERT_GE(layout.shard_bytes() * static_cast<uint64_t>(shards), payload);
    // No shard has a tail unit that a smaller one would not have needed.
    ASSERT_LT(layout.shard_bytes() * static_cast<uint64_t>(shards),
              payload + static_cast<uint64_t>(shards) * kTailAlignment);
  }
}

TEST(ExtentLayoutTest, KnownShapes) {
  const ExtentLayout empty(10, kUnitBytes, 0);
  EXPECT_EQ(empty.shard_bytes(), 0U);
  EXPECT_EQ(empty.stripe_count(), 0U);
  const ExtentLayout small(10, kUnitBytes, 4096);
  EXPECT_EQ(small.shard_bytes(), 448U);  // 409.6, rounded up to 64
  const ExtentLayout exact(10, kUnitBytes, 2 * 655'360);
  EXPECT_EQ(exact.stripe_count(), 2U);
  EXPECT_EQ(exact.shard_bytes(), 131'072U);
  const auto run = exact.Locate(655'360 + 65'536 + 5, UINT64_MAX);
  EXPECT_EQ(run.stripe, 1U);
  EXPECT_EQ(run.shard, 1);
  EXPECT_EQ(run.shard_offset, 65'536U + 5);
  EXPECT_EQ(run.length, 65'531U);
}

}  // namespace
}  // namespace ashlar::model
