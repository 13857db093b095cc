#include "metadata_db/transactions/schema.h"

#include <gtest/gtest.h>

#include <random>

#include "base/bytes.h"
#include "metadata_db/transactions/referrer_rows.h"

namespace ashlar::metadata_db {
namespace {

std::string RandomKey(std::mt19937& random) {
  static constexpr char kBytes[] = {'\0', '\x01', '\x02', 'a', 'b', '/', '\xfe', '\xff'};
  std::string key;
  for (size_t i = random() % 6; i > 0; --i) key.push_back(kBytes[random() % sizeof(kBytes)]);
  return key;
}

TEST(SchemaTest, RowsAreInTheOrderOfTheirKeys) {
  std::mt19937 random(1);
  const BucketId bucket{7};
  for (int i = 0; i < 20'000; ++i) {
    const std::string a = RandomKey(random);
    const std::string b = RandomKey(random);
    const std::string row_a = ObjectKey(Table::kCurrent, bucket, a);
    const std::string row_b = ObjectKey(Table::kCurrent, bucket, b);
    ASSERT_EQ(a < b, row_a < row_b);
    ASSERT_EQ(a == b, row_a == row_b);
    // What stands behind the key does not disturb the order.
    if (a < b) {
      ASSERT_LT(VersionKey(Table::kVersion, bucket, a, Sequence{0}),
                VersionKey(Table::kVersion, bucket, b, Sequence{UINT64_MAX}));
    }
    // Prefixes of keys are prefixes of rows, and only they.
    ASSERT_EQ(b.starts_with(a), row_b.starts_with(ObjectPrefix(Table::kCurrent, bucket, a)));
    const std::string behind = PrefixSuccessor(ObjectPrefix(Table::kCurrent, bucket, a));
    ASSERT_EQ(row_b < behind, b < a || b.starts_with(a));
  }
}

TEST(SchemaTest, EscapedKeysReadBack) {
  std::mt19937 random(2);
  for (int i = 0; i < 5'000; ++i) {
    const std::string key = RandomKey(random);
    const std::string row = ObjectKey(Table::kUpload, BucketId{1}, key) + "rest";
    std::string_view rest;
    ASSERT_EQ(UnescapeKey(std::string_view(row).substr(kBucketPrefixBytes), &rest), key);
    ASSERT_EQ(rest, "rest");
  }
  std::string_view rest;
  EXPECT_EQ(UnescapeKey("no end", &rest), std::nullopt);
  EXPECT_EQ(UnescapeKey(std::string_view("a\0", 2), &rest), std::nullopt);
  EXPECT_EQ(UnescapeKey(std::string_view("a\0\x02", 3), &rest), std::nullopt);
}

TEST(SchemaTest, NewerVersionsComeFirst) {
  const BucketId bucket{1};
  EXPECT_LT(VersionKey(Table::kVersion, bucket, "k", Sequence{9}),
            VersionKey(Table::kVersion, bucket, "k", Sequence{8}));
}

// The layout of keys is on disk: these bytes may never change.
TEST(SchemaTest, GoldenKeys) {
  const auto hex = [](std::string_view key) { return HexEncode(AsBytes(key)); };
  const BucketId bucket{0x0102};
  UniqueId id;
  for (uint8_t i = 0; i < 16; ++i) id.bytes[i] = i;
  EXPECT_EQ(hex(ObjectKey(Table::kCurrent, bucket, std::string_view("a\0b", 3))),
            "6f00000000000001026100ff620001");
  EXPECT_EQ(hex(VersionKey(Table::kVersion, bucket, "k", Sequence{1})),
            "7600000000000001026b0001fffffffffffffffe");
  EXPECT_EQ(hex(UploadKey(bucket, "k", id)),
            "7500000000000001026b0001000102030405060708090a0b0c0d0e0f");
  EXPECT_EQ(hex(PartKey(id, 258)), "70000102030405060708090a0b0c0d0e0f00000102");
  EXPECT_EQ(hex(RepairKey(id, ShardIndex{13})), "68000102030405060708090a0b0c0d0e0f0d");
  EXPECT_EQ(hex(OutboxKey(Sequence{258})), "710000000000000102");
  EXPECT_EQ(hex(ReferrerKey(id, VersionReferrer(bucket, std::string_view("a\0b", 3), Sequence{1}))),
            "72000102030405060708090a0b0c0d0e0f0000000000000001026100ff620001fffffffffffffffe");
  EXPECT_EQ(hex(ReferrerKey(id, PartReferrer(id, 258))),
            "72000102030405060708090a0b0c0d0e0f01000102030405060708090a0b0c0d0e0f00000102");
  EXPECT_EQ(hex(DeadShardKey({.drive = DriveId{258},
                              .present = true,
                              .generation = 9,
                              .volume = 0x01020304,
                              .offset = 0x40})),
            "640102010203040000000000000040");
}

TEST(SchemaTest, ReferrersReadBack) {
  std::mt19937 random(3);
  for (int i = 0; i < 5'000; ++i) {
    Referrer version;
    version.bucket = BucketId{random()};
    version.key = RandomKey(random);
    version.sequence = Sequence{random()};
    const std::string row = VersionReferrer(version.bucket, version.key, version.sequence);
    ASSERT_EQ(*ParseReferrer(row), version);
    ASSERT_EQ(ParseReferrer(row + "x").code(), Code::kCorrupt);
    ASSERT_EQ(ParseReferrer(row.substr(0, random() % row.size())).code(), Code::kCorrupt);
  }
  Referrer part;
  part.kind = Referrer::Kind::kPart;
  part.upload_id.bytes[3] = 4;
  part.part_number = 0x01020304;
  const std::string row = PartReferrer(part.upload_id, part.part_number);
  EXPECT_EQ(*ParseReferrer(row), part);
  EXPECT_EQ(ParseReferrer(row + "x").code(), Code::kCorrupt);
  EXPECT_EQ(ParseReferrer(row.substr(1)).code(), Code::kCorrupt);
  EXPECT_EQ(ParseReferrer("\x02" + row.substr(1)).code(), Code::kCorrupt);
}

}  // namespace
}  // namespace ashlar::metadata_db
