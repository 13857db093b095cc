#include "metadata_rebuild/internal/replay.h"

#include <gtest/gtest.h>

#include <map>

#include "metadata_rebuild/internal/scratch.h"
#include "runtime/event_loop.h"

namespace ashlar::metadata_rebuild {
namespace {

using lifecycle_worker::JournaledEvent;
using lifecycle_worker::JournalSegment;
using lifecycle_worker::PieceName;

UniqueId IdOf(uint8_t first) {
  UniqueId id;
  id.bytes.fill(first);
  return id;
}

PieceName Update(uint64_t after, uint64_t through, uint8_t id = 0x80) {
  return {.checkpoint = false,
          .after = Sequence{after},
          .through = Sequence{through},
          .id = IdOf(id),
          .part = 0,
          .last = false};
}

PieceName CheckpointPart(uint64_t through, uint8_t id, uint32_t part, bool last) {
  return {.checkpoint = true,
          .after = {},
          .through = Sequence{through},
          .id = IdOf(id),
          .part = part,
          .last = last};
}

TEST(ReplayPlanTest, TheNewestWholeCheckpointAndWhatFollows) {
  const ReplayPlan plan = PlanReplay({Update(30, 40), CheckpointPart(20, 2, 1, true), Update(0, 10),
                                      CheckpointPart(10, 1, 0, true), Update(20, 30),
                                      CheckpointPart(20, 2, 0, false), Update(10, 20, 1),
                                      // Broken off before its last part.
                                      CheckpointPart(40, 3, 0, false)});
  ASSERT_EQ(plan.checkpoint.size(), 2u);
  EXPECT_EQ(plan.checkpoint[0], CheckpointPart(20, 2, 0, false));
  ASSERT_EQ(plan.updates.size(), 2u);
  EXPECT_EQ(plan.updates[0], Update(20, 30));
  EXPECT_EQ(plan.updates[1], Update(30, 40));
  EXPECT_TRUE(plan.problems.empty());
}

TEST(ReplayPlanTest, GapsAreSaid) {
  const ReplayPlan plan =
      PlanReplay({CheckpointPart(10, 1, 0, true), Update(10, 20), Update(25, 30)});
  ASSERT_EQ(plan.problems.size(), 1u);
  EXPECT_EQ(plan.problems[0], "changes 21 to 25 are missing from the journal");
  EXPECT_EQ(PlanReplay({Update(10, 20)}).problems.size(), 2u);
  // Written again after a crash: no gap.
  EXPECT_TRUE(
      PlanReplay({CheckpointPart(10, 1, 0, true), Update(10, 15), Update(10, 20), Update(20, 21)})
          .problems.empty());
  EXPECT_TRUE(PlanReplay({}).problems.empty());
}

class ReplayTest : public testing::Test {
 protected:
  ReplayTest() : loops_(1), scratch_(metadata_db::NewMemoryStore()) {}

  void Apply(const JournalSegment& segment, uint64_t covered = 0) {
    metadata_db::TransactionBody body = [&](metadata_db::Transaction& rows) {
      return ApplySegment(rows, segment, Sequence{covered});
    };
    ASSERT_TRUE(RunBlocking(loops_, Change(*scratch_, std::move(body))).ok());
  }

  static model::ObjectVersion Version(uint64_t sequence, const std::string& version_id = "null") {
    model::ObjectVersion version;
    version.sequence = Sequence{sequence};
    version.version_id = version_id;
    version.size = 1;
    version.parts.push_back(
        {.number = 1,
         .size = 1,
         .checksum_value = "",
         .slices = {{.extent = IdOf(static_cast<uint8_t>(sequence)), .offset = 0, .length = 1}}});
    return version;
  }
  static JournaledEvent Put(uint64_t sequence, bool there = true,
                            const std::string& version_id = "null") {
    JournaledEvent item;
    item.event.sequence = item.event.version_sequence = Sequence{sequence};
    item.event.bucket = BucketId{1};
    item.event.key = "k";
    item.event.version_id = version_id;
    item.event.time_ms = static_cast<int64_t>(sequence);
    item.event.first_slice =
        model::Slice{.extent = IdOf(static_cast<uint8_t>(sequence)), .offset = 0, .length = 1};
    if (there) item.version = Version(sequence, version_id);
    return item;
  }
  static JournaledEvent Remove(uint64_t sequence, uint64_t target) {
    JournaledEvent item = Put(sequence, false);
    item.event.type = model::EventType::kObjectDeleted;
    item.event.version_sequence = Sequence{target};
    item.event.first_slice.reset();
    return item;
  }
  static JournaledEvent Marker(uint64_t sequence, const std::string& version_id) {
    JournaledEvent item = Put(sequence, true, version_id);
    item.event.type = model::EventType::kObjectDeleted;
    item.event.first_slice.reset();
    item.version->kind = model::ObjectKind::kDeleteMarker;
    item.version->size = 0;
    item.version->parts.clear();
    return item;
  }
  static JournalSegment Segment(std::vector<JournaledEvent> events) {
    JournalSegment segment;
    segment.events = std::move(events);
    return segment;
  }
  // Sequences of the key, newest first.
  std::vector<uint64_t> Versions() {
    std::vector<uint64_t> found;
    for (TableWalk walk(*scratch_, 'v'); walk.Valid(); walk.Next()) {
      found.push_back(DecodeKeyVersion(walk.value())->version.sequence.value);
    }
    return found;
  }
  bool Knows(uint8_t extent) {
    return RunBlocking(loops_, scratch_->Get(ExtentKey('k', IdOf(extent))))->has_value();
  }

  EventLoopGroup loops_;
  std::unique_ptr<metadata_db::OrderedStore> scratch_;
};

TEST_F(ReplayTest, AnOverwriteTakesAwayWhatWasThere) {
  Apply(Segment({Put(5), Put(6)}));
  EXPECT_EQ(Versions(), std::vector<uint64_t>{6});
  EXPECT_TRUE(Knows(5));
  // The one that overwrote had gone itself when the journal was written.
  Apply(Segment({Put(7, false), Remove(8, 7)}));
  EXPECT_EQ(Versions(), std::vector<uint64_t>{});
  EXPECT_TRUE(Knows(7));
}

TEST_F(ReplayTest, VersionsStayAndSoDoMarkers) {
  Apply(Segment({Put(5, true, "a"), Put(6, true, "b"), Marker(7, "c")}));
  EXPECT_EQ(Versions(), (std::vector<uint64_t>{7, 6, 5}));
  Apply(Segment({Remove(8, 6)}));
  EXPECT_EQ(Versions(), (std::vector<uint64_t>{7, 5}));
  // A null version replaces only the null one.
  Apply(Segment({Put(9), Put(10)}));
  EXPECT_EQ(Versions(), (std::vector<uint64_t>{10, 7, 5}));
  Apply(Segment({Marker(11, "null")}));
  EXPECT_EQ(Versions(), (std::vector<uint64_t>{11, 7, 5}));
}

TEST_F(ReplayTest, ReadTwiceDoesNoHarm) {
  const JournalSegment segment = Segment({Put(5), Put(6), Remove(7, 6), Put(8)});
  Apply(segment);
  Apply(segment);
  EXPECT_EQ(Versions(), std::vector<uint64_t>{8});
}

TEST_F(ReplayTest, EventsThatTheCheckpointCoversAreLeftOut) {
  JournalSegment checkpoint;
  checkpoint.versions.push_back({.bucket = BucketId{1}, .key = "k", .version = Version(6)});
  checkpoint.extents = {IdOf(5)};
  Apply(checkpoint);
  // Journaled before the checkpoint, when 5 was still there.
  Apply(Segment({Put(5)}), 6);
  EXPECT_EQ(Versions(), std::vector<uint64_t>{6});
}

TEST_F(ReplayTest, AWriteFromADirectoryReplacesTheNullVersion) {
  Apply(Segment({Put(5), Put(6, true, "a")}));
  metadata_db::TransactionBody body = [&](metadata_db::Transaction& rows) {
    return ApplyVersion(rows, BucketId{1}, "k", Version(9));
  };
  ASSERT_TRUE(RunBlocking(loops_, Change(*scratch_, std::move(body))).ok());
  EXPECT_EQ(Versions(), (std::vector<uint64_t>{9, 6}));
}

// It may hold bytes of a version that was deleted long ago, and of which a part has a copy: what
// its directory says of that write is not to come back.
TEST_F(ReplayTest, AnExtentToWhichAPartMovedIsKnown) {
  JournaledEvent moved;
  moved.event.sequence = Sequence{8};
  moved.event.type = model::EventType::kPartMoved;
  moved.event.first_slice = model::Slice{IdOf(40), 0, 10};
  JournalSegment segment;
  segment.events.push_back(moved);
  EXPECT_FALSE(Knows(40));
  Apply(segment);
  EXPECT_TRUE(Knows(40));
  EXPECT_EQ(Versions(), std::vector<uint64_t>());
}

TEST_F(ReplayTest, ABucketThatWasDeletedAndMadeAgain) {
  JournalSegment segment;
  segment.buckets.push_back(
      {.id = BucketId{9}, .name = "b", .owner = "", .region = "", .created_ms = 3});
  JournaledEvent gone;
  gone.event.sequence = Sequence{8};
  gone.event.type = model::EventType::kBucketDeleted;
  gone.event.bucket = BucketId{1};
  gone.event.key = "b";
  gone.event.time_ms = 2;
  segment.events.push_back(gone);
  Apply(segment);
  EXPECT_TRUE(RunBlocking(loops_, scratch_->Get('b' + Big64(9)))->has_value());
  EXPECT_FALSE(RunBlocking(loops_, scratch_->Get('b' + Big64(1)))->has_value());
  EXPECT_EQ(ReadBig(**RunBlocking(loops_, scratch_->Get("db"))), 2u);
}

TEST(ScratchTest, NewestGenerationOfAShardComesFirst) {
  model::ShardRecordHeader header;
  header.generation = 1;
  const std::string old = RecordKey(header, DriveId{1});
  header.generation = 2;
  EXPECT_LT(RecordKey(header, DriveId{5}), old);
  header.shard_index = 1;
  EXPECT_GT(RecordKey(header, DriveId{0}), old);
}

}  // namespace
}  // namespace ashlar::metadata_rebuild
