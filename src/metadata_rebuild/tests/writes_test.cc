#include "metadata_rebuild/internal/writes.h"

#include <gtest/gtest.h>

namespace ashlar::metadata_rebuild {
namespace {

constexpr int64_t kNow = 1'700'000'000'000;

UniqueId IdAt(int64_t time_ms, uint8_t tail = 1) {
  UniqueId id;
  for (size_t i = 0; i < 6; ++i) id.bytes[i] = static_cast<uint8_t>(time_ms >> (40 - 8 * i));
  id.bytes[15] = tail;
  return id;
}

model::DirectoryEntry Piece(uint64_t object_offset, uint64_t length, bool last) {
  model::DirectoryEntry entry;
  entry.bucket = "bucket";
  entry.key = "key";
  entry.object_offset = object_offset;
  entry.extent_offset = 64;
  entry.length = length;
  entry.object_size = 100;
  entry.last = last;
  entry.time_ms = kNow;
  return entry;
}

Write WriteAt(int64_t begun_ms) { return JoinEntries({{IdAt(begun_ms), Piece(0, 100, true)}}); }

TEST(WritesTest, PiecesAreJoinedInTheOrderOfTheObject) {
  const Write write =
      JoinEntries({{IdAt(kNow + 2), Piece(60, 40, true)}, {IdAt(kNow + 1), Piece(0, 60, false)}});
  EXPECT_TRUE(write.complete);
  ASSERT_EQ(write.slices.size(), 2u);
  EXPECT_EQ(write.slices[0].extent, IdAt(kNow + 1));
  EXPECT_EQ(write.slices[1].length, 40u);
  EXPECT_EQ(write.newest_extent, IdAt(kNow + 2));
}

TEST(WritesTest, WhatIsNotAllThereIsIncomplete) {
  EXPECT_FALSE(JoinEntries({{IdAt(kNow), Piece(0, 60, false)}}).complete);
  EXPECT_FALSE(JoinEntries({{IdAt(kNow), Piece(60, 40, true)}}).complete);
  EXPECT_FALSE(
      JoinEntries({{IdAt(kNow), Piece(0, 50, false)}, {IdAt(kNow), Piece(60, 40, true)}}).complete);
  EXPECT_FALSE(JoinEntries({{IdAt(kNow), Piece(0, 99, true)}}).complete);
}

TEST(WritesTest, OfAPieceThatIsThereTwiceTheLaterCounts) {
  const Write write = JoinEntries({{IdAt(kNow), Piece(0, 60, false)},
                                   {IdAt(kNow + 9), Piece(0, 60, false)},
                                   {IdAt(kNow), Piece(60, 40, true)}});
  EXPECT_TRUE(write.complete);
  ASSERT_EQ(write.slices.size(), 2u);
  EXPECT_EQ(write.slices[0].extent, IdAt(kNow + 9));
  EXPECT_EQ(write.extents.size(), 3u);
}

TEST(WritesTest, TheJournalDecidesFirst) {
  WriteContext context;
  context.extent_known = true;
  EXPECT_EQ(DecideFate(WriteAt(kNow), context), Fate::kKnown);
  EXPECT_TRUE(IsDecided(Fate::kKnown));
}

TEST(WritesTest, WithoutAJournalEverythingWholeComesBack) {
  EXPECT_EQ(DecideFate(WriteAt(0), {}), Fate::kRestored);
  const Write cut = JoinEntries({{IdAt(kNow), Piece(0, 60, false)}});
  EXPECT_EQ(DecideFate(cut, {}), Fate::kIncomplete);
  EXPECT_FALSE(IsDecided(Fate::kIncomplete));
}

TEST(WritesTest, WhatTheJournalShouldKnowWasNeverAcknowledged) {
  WriteContext context;
  context.journal_until_ms = kNow;
  EXPECT_EQ(DecideFate(WriteAt(kNow + 1), context), Fate::kRestored);
  EXPECT_EQ(DecideFate(WriteAt(kNow - kUndecidedAgeMsMax), context), Fate::kRestored);
  EXPECT_EQ(DecideFate(WriteAt(kNow - kUndecidedAgeMsMax - 1), context), Fate::kTooOld);
  EXPECT_FALSE(IsDecided(Fate::kTooOld));
}

TEST(WritesTest, AWriteThatBeganBeforeAChangeOfItsKeyIsOverwritten) {
  WriteContext context;
  context.key_changed_ms = kNow;
  EXPECT_EQ(DecideFate(WriteAt(kNow - 1), context), Fate::kOverwritten);
  EXPECT_EQ(DecideFate(WriteAt(kNow), context), Fate::kRestored);
  context.keeps_versions = true;
  EXPECT_EQ(DecideFate(WriteAt(kNow - 1), context), Fate::kRestored);
  context.bucket_deleted_ms = kNow;
  EXPECT_EQ(DecideFate(WriteAt(kNow - 1), context), Fate::kBucketDeleted);
}

TEST(WritesTest, ACopyThatCompactionMadeIsAsOldAsItsWrite) {
  // Replaced at kNow + 5. A part of an upload had copied it, and its bytes were moved later.
  model::DirectoryEntry moved = Piece(0, 100, true);
  moved.moved = true;
  const Write copy = JoinEntries({{IdAt(kNow + 9), moved}});
  WriteContext context;
  context.key_changed_ms = kNow + 5;
  EXPECT_EQ(DecideFate(copy, context), Fate::kOverwritten);
  EXPECT_EQ(DecideFate(WriteAt(kNow + 9), context), Fate::kRestored);
  context.journal_until_ms = kNow + kUndecidedAgeMsMax + 1;
  EXPECT_EQ(DecideFate(copy, context), Fate::kTooOld);
  // What is newer than all that the journal tells comes back from a copy, too.
  EXPECT_EQ(DecideFate(copy, {}), Fate::kRestored);
  context.key_changed_ms = context.journal_until_ms = kNow - 1;
  EXPECT_EQ(DecideFate(copy, context), Fate::kRestored);
}

TEST(WritesTest, AVersionHasWhatItsEntrySays) {
  model::DirectoryEntry entry = Piece(0, 100, true);
  entry.md5[0] = 0xab;
  entry.storage_class = "STANDARD_IA";
  entry.system_headers = {{"content-type", "text/plain"}};
  entry.user_metadata = {{"a", "1"}};
  entry.checksum = {.algorithm = model::ChecksumAlgorithm::kCrc32,
                    .type = model::ChecksumType::kFullObject,
                    .value = "AAAAAA=="};
  const model::ObjectVersion version = VersionOf(JoinEntries({{IdAt(kNow), entry}}));
  EXPECT_EQ(version.size, 100u);
  EXPECT_EQ(version.etag, "ab000000000000000000000000000000");
  EXPECT_EQ(version.storage_class, "STANDARD_IA");
  EXPECT_EQ(version.system_headers, entry.system_headers);
  EXPECT_EQ(version.user_metadata, entry.user_metadata);
  EXPECT_EQ(version.checksum, entry.checksum);
  ASSERT_EQ(version.parts.size(), 1u);
  EXPECT_EQ(version.parts[0].slices[0].offset, 64u);
  // Padding is no checksum.
  entry.checksum.value = "========";
  EXPECT_EQ(VersionOf(JoinEntries({{IdAt(kNow), entry}})).checksum, model::Checksum{});
}

}  // namespace
}  // namespace ashlar::metadata_rebuild
