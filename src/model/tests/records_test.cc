#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "model/object_version.h"
#include "model/tests/samples.h"

namespace ashlar::model {
namespace {

std::string Hex(const std::string& row) { return HexEncode(AsBytes(row)); }
std::string Unhex(std::string_view hex) {
  std::string bytes;
  CHECK(HexDecode(hex, &bytes));
  return bytes;
}

// All prefixes of a row, a row with something behind it, and other formats are refused.
template <typename Decode>
void ExpectExact(const std::string& row, Decode decode) {
  for (size_t size = 0; size < row.size(); ++size) {
    EXPECT_EQ(decode(std::string_view(row).substr(0, size)).code(), Code::kCorrupt) << size;
  }
  EXPECT_EQ(decode(row + "x").code(), Code::kCorrupt);
  // Neither older formats, whose fields are others, nor one that does not exist yet.
  for (const int format : {0, row[0] - 1, row[0] + 1}) {
    std::string other = row;
    other[0] = static_cast<char>(format);
    EXPECT_EQ(decode(other).code(), Code::kCorrupt) << format;
  }
}

// On disk: these bytes may never change for the format that they begin with.
TEST(RecordsTest, GoldenBucket) {
  const Bucket bucket{.id = BucketId{300},
                      .name = "photos",
                      .owner = "me",
                      .region = "us-east-1",
                      .created_ms = 1'700'000'000'000,
                      .versioning = Versioning::kSuspended};
  const std::string row = EncodeBucket(bucket);
  EXPECT_EQ(Hex(row), "02ac020670686f746f73026d650975732d656173742d3180d095ffbc31020000000000");
  EXPECT_EQ(*DecodeBucket(row), bucket);
  ExpectExact(row, DecodeBucket);
  // The first format, before object lock and configurations.
  EXPECT_EQ(*DecodeBucket(Unhex("01ac020670686f746f73026d650975732d656173742d3180d095ffbc3102")),
            bucket);
}

TEST(RecordsTest, GoldenBucketWithSettings) {
  Bucket bucket;
  bucket.id = BucketId{300};
  bucket.name = "photos";
  bucket.versioning = Versioning::kEnabled;
  bucket.object_lock = true;
  bucket.default_retention = {.mode = RetentionMode::kGovernance, .days = 30, .years = 0};
  bucket.configurations = {{"cors", "<x/>"}, {"policy", "{}"}};
  const std::string row = EncodeBucket(bucket);
  EXPECT_EQ(Hex(row),
            "02ac020670686f746f73000000010101"
            "1e000204636f7273043c782f3e06706f6c696379027b7d");
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
                             .dead_since_ms = 1'700'000'000'000,
                             .phase = ReclaimPhase::kTrash,
                             .phase_at_s = 300,
                             .phase_since_ms = 1'700'000'000'001};
  const std::string row = EncodeReclaimRecord(record);
  EXPECT_EQ(Hex(row), "020102030405060708090a0b0c0d0e0f100480d095ffbc3102ac0281d095ffbc31");
  EXPECT_EQ(*DecodeReclaimRecord(row), record);
  ExpectExact(row, DecodeReclaimRecord);
}

DeadShard SampleDeadShard() {
  return {.location = {.drive = DriveId{300},
                       .present = true,
                       .generation = 2,
                       .volume = 7,
                       .offset = 64ULL * 1000},
          .extent = SampleId(1),
          .shard_index = 13,
          .body_bytes = 6400,
          .cause = ReclaimCause::kOrphan,
          .since_ms = 1'700'000'000'000,
          .since_s = 300};
}

TEST(RecordsTest, GoldenDeadShard) {
  const std::string row = EncodeDeadShard(SampleDeadShard());
  EXPECT_EQ(Hex(row), "01ac020207e8070102030405060708090a0b0c0d0e0f100d80320780d095ffbc31ac02");
  EXPECT_EQ(*DecodeDeadShard(row), SampleDeadShard());
  ExpectExact(row, DecodeDeadShard);
}

TEST(RecordsTest, ADeadShardOutsideOfEveryDriveIsRefused) {
  std::string row;
  Encoder out(&row);
  out.U8(1);
  out.Varint(UINT16_MAX + 1);
  row += EncodeDeadShard(SampleDeadShard()).substr(3);
  EXPECT_EQ(DecodeDeadShard(row).code(), Code::kCorrupt);
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
                          .time_ms = 1'700'000'000'000,
                          .first_slice = {}};
  const std::string row = EncodeOutboxEvent(event);
  EXPECT_EQ(Hex(row), "020901ac02016b046e756c6c08c801016580d095ffbc3100");
  EXPECT_EQ(*DecodeOutboxEvent(row), event);
  ExpectExact(row, DecodeOutboxEvent);
}

TEST(RecordsTest, GoldenOutboxEventWithSlice) {
  OutboxEvent event;
  event.sequence = Sequence{9};
  event.key = "k";
  event.first_slice = Slice{.extent = SampleId(1), .offset = 300, .length = 200};
  const std::string row = EncodeOutboxEvent(event);
  EXPECT_EQ(Hex(row), "02090000016b0000000000010102030405060708090a0b0c0d0e0f10ac02c801");
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
  entry.checksum = {.algorithm = ChecksumAlgorithm::kCrc32,
                    .type = ChecksumType::kFullObject,
                    .value = "AAAAAA=="};
  entry.storage_class = "GLACIER";
  entry.system_headers = {{"content-type", "a/b"}};
  entry.user_metadata = {{"x", "y"}};
  entry.extras = SampleExtras();
  return entry;
}

TEST(RecordsTest, GoldenDirectory) {
  const std::string bytes = EncodeDirectory({SampleEntry()});
  EXPECT_EQ(Hex(bytes),
            "0301000000101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f020000"
            "00010000000000000002000000000000000300000000000000010400000000000000cdcdcdcdcdcd"
            "cdcdcdcdcdcdcdcdcdcd0068e5cf8b0100000670686f746f73016b0100084141414141413d3d0747"
            "4c4143494552010c636f6e74656e742d7479706503612f6201017801791f026d65016101016b0176"
            "020280d095ffbc31012f");
  EXPECT_EQ(*DecodeDirectory(bytes), std::vector{SampleEntry()});
  ExpectExact(bytes, DecodeDirectory);
  EXPECT_TRUE(DecodeDirectory(EncodeDirectory({}))->empty());
  DirectoryEntry moved = SampleEntry();
  moved.moved = true;
  EXPECT_EQ(EncodeDirectory({moved})[1 + 4 + 16 + 16 + 4 + 3 * 8], '\x03');
  EXPECT_EQ(*DecodeDirectory(EncodeDirectory({moved})), std::vector{moved});
  ExpectExact(EncodeDirectory({moved}), DecodeDirectory);
  // The second format, before extras.
  DirectoryEntry without = SampleEntry();
  without.extras = {};
  const std::string second = Unhex(
      "0201000000101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f020000"
      "00010000000000000002000000000000000300000000000000010400000000000000cdcdcdcdcdcd"
      "cdcdcdcdcdcdcdcdcdcd0068e5cf8b0100000670686f746f73016b0100084141414141413d3d0747"
      "4c4143494552010c636f6e74656e742d7479706503612f620101780179");
  EXPECT_EQ(*DecodeDirectory(second), std::vector{without});
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
    entry.checksum.value = std::string(SampleEntry().checksum.value.size(), '=');
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
