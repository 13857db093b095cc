#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "model/object_version.h"
#include "model/tests/samples.h"

namespace ashlar::model {
namespace {

std::string Hex(const std::string& row) { return HexEncode(AsBytes(row)); }

// All prefixes of a row, and a row with something behind it, are refused.
template <typename Decode>
void ExpectExact(const std::string& row, Decode decode) {
  for (size_t size = 0; size < row.size(); ++size) {
    EXPECT_EQ(decode(std::string_view(row).substr(0, size)).code(), Code::kCorrupt) << size;
  }
  EXPECT_EQ(decode(row + "x").code(), Code::kCorrupt);
  EXPECT_EQ(decode("\x02" + row.substr(1)).code(), Code::kCorrupt);
}

// On disk: these bytes may never change for version 1.
TEST(RecordsTest, GoldenBucket) {
  const Bucket bucket{.id = BucketId{300},
                      .name = "photos",
                      .owner = "me",
                      .region = "us-east-1",
                      .created_ms = 1'700'000'000'000,
                      .versioning = Versioning::kSuspended};
  const std::string row = EncodeBucket(bucket);
  EXPECT_EQ(Hex(row), "01ac020670686f746f73026d650975732d656173742d3180d095ffbc3102");
  EXPECT_EQ(*DecodeBucket(row), bucket);
  ExpectExact(row, DecodeBucket);
}

TEST(RecordsTest, GoldenRepairOrder) {
  const RepairOrder order{.extent = SampleId(1),
                          .shard = ShardIndex{13},
                          .reason = RepairReason::kCorrupt,
                          .noted_ms = 1'700'000'000'000};
  const std::string row = EncodeRepairOrder(order);
  EXPECT_EQ(Hex(row), "010102030405060708090a0b0c0d0e0f100d0280d095ffbc31");
  EXPECT_EQ(*DecodeRepairOrder(row), order);
  ExpectExact(row, DecodeRepairOrder);
}

TEST(RecordsTest, GoldenReclaimRecord) {
  const ReclaimRecord record{.extent = SampleId(1),
                             .cause = ReclaimCause::kReplacedPart,
                             .dead_since_ms = 1'700'000'000'000};
  const std::string row = EncodeReclaimRecord(record);
  EXPECT_EQ(Hex(row), "010102030405060708090a0b0c0d0e0f100480d095ffbc31");
  EXPECT_EQ(*DecodeReclaimRecord(row), record);
  ExpectExact(row, DecodeReclaimRecord);
}

TEST(RecordsTest, GoldenOutboxEvent) {
  const OutboxEvent event{.sequence = Sequence{9},
                          .type = EventType::kObjectDeleted,
                          .bucket = BucketId{300},
                          .key = "k",
                          .version_id = "null",
                          .version_sequence = Sequence{8},
                          .size = 200,
                          .etag = "e",
                          .time_ms = 1'700'000'000'000};
  const std::string row = EncodeOutboxEvent(event);
  EXPECT_EQ(Hex(row), "010901ac02016b046e756c6c08c801016580d095ffbc31");
  EXPECT_EQ(*DecodeOutboxEvent(row), event);
  ExpectExact(row, DecodeOutboxEvent);
}

DirectoryEntry SampleEntry() {
  DirectoryEntry entry;
  entry.write_id = SampleId(0x10);
  entry.upload_id = SampleId(0x20);
  entry.part_number = 2;
  entry.bucket = "photos";
  entry.key = "k";
  entry.object_offset = 1;
  entry.extent_offset = 2;
  entry.length = 3;
  entry.last = true;
  entry.object_size = 4;
  entry.md5.fill(0xcd);
  entry.time_ms = 1'700'000'000'000;
  entry.system_headers = {{"content-type", "a/b"}};
  entry.user_metadata = {{"x", "y"}};
  return entry;
}

TEST(RecordsTest, GoldenDirectory) {
  const std::string bytes = EncodeDirectory({SampleEntry()});
  EXPECT_EQ(Hex(bytes),
            "0101000000101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f020000"
            "00010000000000000002000000000000000300000000000000010400000000000000cdcdcdcdcdcd"
            "cdcdcdcdcdcdcdcdcdcd0068e5cf8b0100000670686f746f73016b010c636f6e74656e742d747970"
            "6503612f620101780179");
  EXPECT_EQ(*DecodeDirectory(bytes), std::vector{SampleEntry()});
  ExpectExact(bytes, DecodeDirectory);
  EXPECT_TRUE(DecodeDirectory(EncodeDirectory({}))->empty());
}

TEST(RecordsTest, TheSizeOfAnEntryDependsOnItsTextsOnly) {
  EXPECT_TRUE(rc::check([](uint64_t offset, uint64_t size, int64_t time_ms, bool last) {
    DirectoryEntry entry = SampleEntry();
    entry.object_offset = offset;
    entry.extent_offset = size;
    entry.object_size = size;
    entry.time_ms = time_ms;
    entry.last = last;
    entry.md5.fill(static_cast<uint8_t>(size));
    RC_ASSERT(EncodeDirectory({entry}).size() == EncodeDirectory({SampleEntry()}).size());
    RC_ASSERT(*DecodeDirectory(EncodeDirectory({entry, entry})) == (std::vector{entry, entry}));
  }));
}

TEST(RecordsTest, ACountThatCannotBeIsRefusedWithoutMemory) {
  std::string bytes = EncodeDirectory({SampleEntry()});
  for (size_t i = 1; i < 5; ++i) bytes[i] = '\xff';
  EXPECT_EQ(DecodeDirectory(bytes).code(), Code::kCorrupt);
}

}  // namespace
}  // namespace ashlar::model
