#include "lifecycle_worker/journal_segment.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/bytes.h"

namespace ashlar::lifecycle_worker {
namespace {

UniqueId IdOf(uint8_t first) {
  UniqueId id;
  for (uint8_t i = 0; i < 16; ++i) id.bytes[i] = static_cast<uint8_t>(first + i);
  return id;
}

model::ObjectVersion Version(uint64_t sequence) {
  model::ObjectVersion version;
  version.sequence = Sequence{sequence};
  version.size = 5;
  version.etag = "5d41402abc4b2a76b9719d911017c592";
  version.last_modified_ms = 1'700'000'000'000;
  version.parts.push_back({.number = 1,
                           .size = 5,
                           .checksum_value = "",
                           .slices = {{.extent = IdOf(1), .offset = 3, .length = 5}}});
  return version;
}

// One of everything.
JournalSegment Sample() {
  JournalSegment segment;
  segment.name = {.checkpoint = false,
                  .after = Sequence{6},
                  .through = Sequence{9},
                  .id = IdOf(0x40),
                  .part = 0,
                  .last = false};
  segment.written_ms = 1'700'000'000'000;
  segment.settings = {{"code", "10+4"}};
  segment.buckets.push_back({.id = BucketId{2},
                             .name = "photos",
                             .owner = "me",
                             .region = "us-east-1",
                             .created_ms = 1'700'000'000'000,
                             .versioning = model::Versioning::kEnabled});
  model::OutboxEvent put;
  put.sequence = put.version_sequence = Sequence{7};
  put.bucket = BucketId{2};
  put.key = "k";
  put.version_id = "null";
  put.first_slice = model::Slice{.extent = IdOf(1), .offset = 3, .length = 5};
  model::OutboxEvent gone = put;
  gone.sequence = Sequence{8};
  gone.type = model::EventType::kObjectDeleted;
  gone.first_slice.reset();
  segment.events = {{.event = put, .version = Version(7)}, {.event = gone, .version = {}}};
  segment.versions.push_back({.bucket = BucketId{2}, .key = "old", .version = Version(4)});
  model::Upload upload;
  upload.id = IdOf(0x60);
  upload.bucket = BucketId{2};
  upload.key = "u";
  segment.uploads.push_back(upload);
  model::UploadPart part;
  part.sequence = Sequence{5};
  part.part.number = 3;
  segment.parts.push_back({.upload = upload.id, .began = Sequence{4}, .part = part});
  segment.extents = {IdOf(1), IdOf(0x70)};
  return segment;
}

// On the drives of every store: these bytes may never change for version 1 of the segment and for
// the formats of the rows inside it, which carry their own (here bucket 2, upload 2).
TEST(JournalSegmentTest, GoldenBytes) {
  const std::string bytes = EncodeJournalSegment(Sample());
  EXPECT_EQ(HexEncode(AsBytes(bytes).first(5)), "019e98bab2");
  EXPECT_EQ(HexEncode(Sha256(AsBytes(bytes))),
            "8ee0be6d22b80813f49ff11f3dfde1953abea0c94fe581ef268e6d716074858a");
  EXPECT_EQ(*DecodeJournalSegment(bytes), Sample());
}

TEST(JournalSegmentTest, EveryFlippedBitAndEveryCutIsFound) {
  const std::string bytes = EncodeJournalSegment(Sample());
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(DecodeJournalSegment(bytes.substr(0, size)).code(), Code::kCorrupt) << size;
  }
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string damaged = bytes;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_EQ(DecodeJournalSegment(damaged).code(), Code::kCorrupt) << bit;
  }
  EXPECT_EQ(DecodeJournalSegment(bytes + "x").code(), Code::kCorrupt);
}

TEST(JournalSegmentTest, NamesAreReadBackAndSortLikeTheirNumbers) {
  PieceName update = Sample().name;
  EXPECT_EQ(FormatPieceName(update),
            "update-00000000000000000006-00000000000000000009-404142434445464748494a4b4c4d4e4f");
  EXPECT_EQ(ParsePieceName(FormatPieceName(update)), update);
  PieceName checkpoint{.checkpoint = true,
                       .after = {},
                       .through = Sequence{12},
                       .id = IdOf(1),
                       .part = 7,
                       .last = false};
  EXPECT_EQ(ParsePieceName(FormatPieceName(checkpoint)), checkpoint);
  checkpoint.last = true;
  EXPECT_EQ(FormatPieceName(checkpoint),
            "checkpoint-00000000000000000012-0102030405060708090a0b0c0d0e0f10-00000007-last");
  EXPECT_EQ(ParsePieceName(FormatPieceName(checkpoint)), checkpoint);
  std::string upper = FormatPieceName(update);
  std::transform(upper.begin() + 7, upper.end(), upper.begin() + 7, ::toupper);
  EXPECT_FALSE(ParsePieceName(upper).has_value());
  for (const char* bad :
       {"", "update-", "update-1-2-3", "checkpoint-00000000000000000012-x", "key"}) {
    EXPECT_FALSE(ParsePieceName(bad).has_value()) << bad;
  }
}

TEST(JournalSegmentTest, ACheckpointCoversWhatIsOlder) {
  const PieceName checkpoint{.checkpoint = true,
                             .after = {},
                             .through = Sequence{10},
                             .id = IdOf(0x50),
                             .part = 0,
                             .last = true};
  PieceName update{.checkpoint = false,
                   .after = Sequence{5},
                   .through = Sequence{9},
                   .id = IdOf(0x60),
                   .part = 0,
                   .last = false};
  EXPECT_TRUE(IsCoveredBy(update, checkpoint));
  update.through = Sequence{11};
  EXPECT_FALSE(IsCoveredBy(update, checkpoint));
  // Settings alone, written before or behind it.
  update.after = update.through = Sequence{10};
  EXPECT_FALSE(IsCoveredBy(update, checkpoint));
  update.id = IdOf(0x40);
  EXPECT_TRUE(IsCoveredBy(update, checkpoint));
  PieceName other = checkpoint;
  EXPECT_FALSE(IsCoveredBy(other, checkpoint));
  other.id = IdOf(0x51);
  EXPECT_TRUE(IsCoveredBy(other, checkpoint));
}

}  // namespace
}  // namespace ashlar::lifecycle_worker
