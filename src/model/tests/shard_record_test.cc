#include "model/shard_record.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

namespace ashlar::model {
namespace {

UniqueId IdFrom(uint8_t first) {
  UniqueId id;
  for (uint8_t i = 0; i < 16; ++i) id.bytes[i] = static_cast<uint8_t>(first + i);
  return id;
}

VolumeHeader SampleVolume() {
  VolumeHeader header;
  header.volume = 7;
  header.drive_uuid = IdFrom(0x10);
  header.cluster_id = IdFrom(0x20);
  header.created_ms = 1'700'000'000'000;
  header.checkpoint = 8192;
  return header;
}

ShardRecordHeader SampleRecord() {
  ShardRecordHeader header;
  header.extent = IdFrom(0x30);
  header.shard_index = 13;
  header.data_shards = 10;
  header.parity_shards = 4;
  header.own_offset = 4096;
  header.volume = 7;
  header.generation = 1;
  header.body_bytes = 20'000;
  header.payload_bytes = 199'000;
  header.directory_bytes = 500;
  header.unit_bytes = kUnitBytes;
  header.leaf_count = 2;
  header.root.fill(0xab);
  header.drive_uuid_prefix = 0x1716151413121110;
  return header;
}

// On disk: these bytes may never change for version 1.
TEST(ShardRecordTest, GoldenVolumeHeader) {
  VolumeHeaderBytes bytes;
  EncodeVolumeHeader(SampleVolume(), &bytes);
  EXPECT_EQ(HexEncode(ByteSpan(bytes).first(80)),
            "415348564f4c4d310100000007000000101112131415161718191a1b1c1d1e1f"
            "202122232425262728292a2b2c2d2e2f0068e5cf8b010000"
            "48fe844f000000000020000000000000373173b100000000");
}

TEST(ShardRecordTest, GoldenRecordHeader) {
  ShardRecordHeaderBytes bytes;
  EncodeShardRecordHeader(SampleRecord(), &bytes);
  EXPECT_EQ(HexEncode(bytes),
            "415348534852443101000d0a04000000303132333435363738393a3b3c3d3e3f0010000000000000"
            "0700000001000000204e0000000000005809030000000000f4010000000001000040000002000000"
            "abababababababababababababababababababababababababababababababab1011121314151617"
            "0000000011b39ff0");
}

ShardRecordHeaderBytes DeadSample() {
  ShardRecordHeaderBytes bytes;
  EncodeShardRecordHeader(SampleRecord(), &bytes);
  std::copy(kDeadMark.begin(), kDeadMark.end(), bytes.begin());
  return bytes;
}

// A purged record: other magic, all else as it was, the CRC too.
TEST(ShardRecordTest, GoldenDeadRecordHeader) {
  const ShardRecordHeaderBytes bytes = DeadSample();
  EXPECT_EQ(HexEncode(bytes),
            "415348444541443101000d0a04000000303132333435363738393a3b3c3d3e3f0010000000000000"
            "0700000001000000204e0000000000005809030000000000f4010000000001000040000002000000"
            "abababababababababababababababababababababababababababababababab1011121314151617"
            "0000000011b39ff0");
  const auto dead = DecodeDeadRecordHeader(bytes);
  ASSERT_TRUE(dead.ok()) << dead.status().ToString();
  EXPECT_EQ(*dead, SampleRecord());
}

TEST(ShardRecordTest, DeadAndAliveAreNeverMixedUp) {
  ShardRecordHeaderBytes alive;
  EncodeShardRecordHeader(SampleRecord(), &alive);
  const ShardRecordHeaderBytes dead = DeadSample();
  EXPECT_EQ(DecodeShardRecordHeader(dead).code(), Code::kCorrupt);
  EXPECT_EQ(DecodeDeadRecordHeader(alive).code(), Code::kCorrupt);
  EXPECT_EQ(DecodeDeadRecordHeader(ByteSpan(dead).first(127)).code(), Code::kCorrupt);
  for (size_t bit = 0; bit < dead.size() * 8; ++bit) {
    ShardRecordHeaderBytes bad = dead;
    bad[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    EXPECT_EQ(DecodeDeadRecordHeader(bad).code(), Code::kCorrupt) << bit;
    EXPECT_EQ(DecodeShardRecordHeader(bad).code(), Code::kCorrupt) << bit;
  }
}

TEST(ShardRecordTest, PagesToPunchTouchNobodyElse) {
  const auto pages = [](uint64_t offset, uint64_t size) {
    const PageRange range = PagesToPunch(offset, size);
    return std::pair(range.begin, range.end);
  };
  EXPECT_EQ(pages(4096, 4096), std::pair(8192UL, 8192UL));
  EXPECT_EQ(pages(4096, 8191 - 63), std::pair(8192UL, 8192UL));
  EXPECT_EQ(pages(4096, 8192), std::pair(8192UL, 12288UL));
  // The header ends in the next page: that one stays as well.
  EXPECT_EQ(pages(8192 - 64, 4096 + 64), std::pair(12288UL, 12288UL));
  EXPECT_EQ(pages(8192 - 64, 8192 + 64), std::pair(12288UL, 16384UL));
  for (uint64_t offset = 4096; offset < 3 * 4096; offset += kRecordAlignment) {
    for (uint64_t size = 192; size < 4 * 4096; size += kRecordAlignment) {
      const PageRange range = PagesToPunch(offset, size);
      ASSERT_LE(range.begin, range.end);
      if (range.begin == range.end) continue;
      ASSERT_GE(range.begin, offset + kRecordHeaderBytes);
      ASSERT_LE(range.end, offset + size);
    }
  }
}

TEST(ShardRecordTest, VolumeHeadersReadBack) {
  VolumeHeaderBytes bytes;
  EncodeVolumeHeader(SampleVolume(), &bytes);
  const auto read = DecodeVolumeHeader(bytes);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->volume, 7U);
  EXPECT_EQ(read->drive_uuid, SampleVolume().drive_uuid);
  EXPECT_EQ(read->cluster_id, SampleVolume().cluster_id);
  EXPECT_EQ(read->created_ms, 1'700'000'000'000);
  EXPECT_EQ(read->checkpoint, 8192U);
}

TEST(ShardRecordTest, AnyChangedBitOfAVolumeHeaderIsSeen) {
  VolumeHeaderBytes bytes;
  EncodeVolumeHeader(SampleVolume(), &bytes);
  for (size_t bit = 0; bit < 80 * 8; ++bit) {
    VolumeHeaderBytes bad = bytes;
    bad[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    const auto read = DecodeVolumeHeader(bad);
    if (bit / 8 < 60) {
      EXPECT_EQ(read.code(), Code::kCorrupt) << bit;
    } else if (bit / 8 >= 64 && bit / 8 < 76) {
      // A torn checkpoint reads as "none".
      ASSERT_TRUE(read.ok());
      EXPECT_EQ(read->checkpoint, kVolumeHeaderBytes);
    }
  }
  EXPECT_EQ(DecodeVolumeHeader(ByteSpan(bytes).first(4095)).code(), Code::kCorrupt);
}

TEST(ShardRecordTest, RecordHeadersReadBackAndAnyChangedBitIsSeen) {
  ShardRecordHeaderBytes bytes;
  EncodeShardRecordHeader(SampleRecord(), &bytes);
  const auto read = DecodeShardRecordHeader(bytes);
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  EXPECT_EQ(*read, SampleRecord());
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    ShardRecordHeaderBytes bad = bytes;
    bad[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    EXPECT_EQ(DecodeShardRecordHeader(bad).code(), Code::kCorrupt) << bit;
  }
  EXPECT_EQ(DecodeShardRecordHeader(ByteSpan(bytes).first(127)).code(), Code::kCorrupt);
}

// A right CRC over wrong fields: a writer with a bug.
TEST(ShardRecordTest, FieldsOutOfRangeAreRefusedUnderARightCrc) {
  const auto patched = [](size_t at, uint64_t value, size_t size) {
    ShardRecordHeaderBytes bytes;
    EncodeShardRecordHeader(SampleRecord(), &bytes);
    std::memcpy(bytes.data() + at, &value, size);
    StoreLittle32(bytes.data() + 124, Crc32c(0, ByteSpan(bytes).first(124)));
    return DecodeShardRecordHeader(bytes).code();
  };
  EXPECT_EQ(patched(10, 13, 1), Code::kOk);
  EXPECT_EQ(patched(10, 14, 1), Code::kCorrupt);          // shard index
  EXPECT_EQ(patched(11, 0, 1), Code::kCorrupt);           // k
  EXPECT_EQ(patched(12, 200, 1), Code::kCorrupt);         // m
  EXPECT_EQ(patched(13, 3, 1), Code::kCorrupt);           // tier
  EXPECT_EQ(patched(32, 4097, 8), Code::kCorrupt);        // offset
  EXPECT_EQ(patched(48, 1ULL << 40, 8), Code::kCorrupt);  // body
  EXPECT_EQ(patched(56, UINT64_MAX, 8), Code::kCorrupt);  // payload
  EXPECT_EQ(patched(64, 200'000, 4), Code::kCorrupt);     // directory
  EXPECT_EQ(patched(68, 0, 4), Code::kCorrupt);           // unit
  EXPECT_EQ(patched(72, 8192, 4), Code::kCorrupt);        // leaf bytes
  EXPECT_EQ(patched(76, 3, 4), Code::kCorrupt);           // leaf count
  EXPECT_EQ(patched(8, 2, 2), Code::kCorrupt);            // version
  EXPECT_EQ(patched(14, 1, 2), Code::kCorrupt);           // flags
}

TEST(ShardRecordTest, SizesOfRecords) {
  EXPECT_EQ(LeafCount(0), 0U);
  EXPECT_EQ(LeafCount(1), 1U);
  EXPECT_EQ(LeafCount(16384), 1U);
  EXPECT_EQ(LeafCount(16385), 2U);
  EXPECT_EQ(RecordBytes(448), 640U);
  EXPECT_EQ(RecordBytes(1), 192U);
}

TEST(ShardRecordTest, RootIsTheHashOfTheLeavesInOrder) {
  std::vector<Sha256Digest> leaves(3);
  std::string joined;
  for (size_t i = 0; i < leaves.size(); ++i) {
    leaves[i] = Sha256(AsBytes(std::string(i, 'x')));
    joined += AsText(leaves[i]);
  }
  EXPECT_EQ(ShardRoot(leaves), Sha256(AsBytes(joined)));
  EXPECT_EQ(ShardRoot({}), Sha256({}));
}

}  // namespace
}  // namespace ashlar::model
