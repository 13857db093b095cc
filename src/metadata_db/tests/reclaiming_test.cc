// ExtentCatalog for the reclaimer: the way of a dead extent, and shards that no extent row names.
#include "metadata_db/tests/metadata_db_fixture.h"
#include "metadata_db/transactions/reference_ledger.h"
#include "metadata_db/transactions/schema.h"

namespace ashlar::metadata_db {
namespace {

using model::ReclaimPhase;

class ReclaimingTest : public MetadataDbTest {
 protected:
  ReclaimingTest() : bucket_(MakeBucket()) {}

  model::Extent PutExtent(const std::string& key) {
    model::Extent extent;
    CHECK(PutOne(bucket_, key, 10, {}, "", &extent).ok());
    return extent;
  }
  model::Extent MakeDead() {
    const model::Extent extent = PutExtent("dead");
    CHECK(Delete(bucket_, "dead").ok());
    return extent;
  }
  Status Advance(const model::ReclaimRecord& found, ReclaimPhase to, int64_t clock_s = 1) {
    return Run(catalog().AdvanceReclaims({found}, to, clock_s)).at(0);
  }
  model::Extent MakeTrash() {
    const model::Extent extent = MakeDead();
    CHECK(Advance(*ReclaimOf(extent), ReclaimPhase::kSeen).ok());
    CHECK(Advance(*ReclaimOf(extent), ReclaimPhase::kTrash).ok());
    return extent;
  }
  Status Forget(const model::Extent& extent) {
    return Run(catalog().ForgetExtents({extent.id})).at(0);
  }
  bool IsStored(const model::Extent& extent) { return Run(db_->GetExtent(extent.id)).ok(); }

  static model::DeadShard ShardOf(const model::Extent& extent, uint8_t shard) {
    return {.location = extent.locations[shard],
            .extent = extent.id,
            .shard_index = shard,
            .body_bytes = 64,
            .cause = model::ReclaimCause::kOrphan,
            .since_ms = 7,
            .since_s = 0};
  }
  Status Confirm(const model::DeadShard& shard) {
    return Run(catalog().ConfirmDeadShards({shard})).at(0);
  }
  std::vector<model::DeadShard> DeadShards() {
    return *Run(catalog().ListDeadShards(std::nullopt, 1000));
  }

  const BucketId bucket_;
};
INSTANTIATE_ENGINES(ReclaimingTest);

TEST_P(ReclaimingTest, AnExtentGoesFromDeadToTheTrashAndOut) {
  const model::Extent extent = PutExtent("k");
  ASSERT_TRUE(Run(db_->RecordRepairs({{.extent = extent.id, .shard = ShardIndex{2}}})).ok());
  ASSERT_TRUE(Delete(bucket_, "k").ok());
  model::ReclaimRecord expected{
      .extent = extent.id, .cause = model::ReclaimCause::kDeleted, .dead_since_ms = clock_.wall_ms};
  EXPECT_EQ(ReclaimOf(extent), expected);

  clock_.wall_ms += 1000;
  EXPECT_TRUE(Advance(expected, ReclaimPhase::kSeen, 40).ok());
  expected.phase = ReclaimPhase::kSeen;
  expected.phase_at_s = 40;
  expected.phase_since_ms = clock_.wall_ms;
  EXPECT_EQ(ReclaimOf(extent), expected);

  clock_.wall_ms += 1000;
  EXPECT_TRUE(Advance(expected, ReclaimPhase::kTrash, 50).ok());
  expected.phase = ReclaimPhase::kTrash;
  expected.phase_at_s = 50;
  expected.phase_since_ms = clock_.wall_ms;
  EXPECT_EQ(ReclaimOf(extent), expected);
  EXPECT_TRUE(IsStored(extent));

  EXPECT_TRUE(Forget(extent).ok());
  EXPECT_EQ(ReclaimOf(extent), std::nullopt);
  EXPECT_FALSE(IsStored(extent));
  EXPECT_EQ(Run(db_->LiveBytes(extent.id)).code(), Code::kNotFound);
  EXPECT_TRUE(Run(catalog().ListRepairs(std::nullopt, 10))->empty());
  EXPECT_EQ(observer_.changed_extents, std::vector{extent.id});
  // Also when the answer to the first call got lost.
  EXPECT_EQ(Forget(extent).code(), Code::kNotFound);
}

TEST_P(ReclaimingTest, NoStepIsLeftOutOrTakenTwice) {
  const model::Extent extent = MakeDead();
  const model::ReclaimRecord dead = *ReclaimOf(extent);
  EXPECT_EQ(Advance(dead, ReclaimPhase::kTrash).code(), Code::kInvalidArgument);
  EXPECT_EQ(Forget(extent).code(), Code::kConflict);
  ASSERT_TRUE(Advance(dead, ReclaimPhase::kSeen, 7).ok());
  EXPECT_EQ(Advance(dead, ReclaimPhase::kSeen, 9).code(), Code::kConflict);
  const model::ReclaimRecord seen = *ReclaimOf(extent);
  EXPECT_EQ(seen.phase_at_s, 7);
  EXPECT_EQ(Forget(extent).code(), Code::kConflict);
  EXPECT_EQ(Advance(seen, ReclaimPhase::kDead).code(), Code::kInvalidArgument);
  // Who did not see the record as it is does not move it on.
  model::ReclaimRecord misread = seen;
  misread.phase_at_s -= 1;
  EXPECT_EQ(Advance(misread, ReclaimPhase::kTrash).code(), Code::kConflict);
  ASSERT_TRUE(Advance(seen, ReclaimPhase::kTrash).ok());
  EXPECT_EQ(Advance(seen, ReclaimPhase::kTrash).code(), Code::kConflict);
  model::ReclaimRecord unknown = seen;
  unknown.extent = MakeExtent(1).id;
  EXPECT_EQ(Advance(unknown, ReclaimPhase::kTrash).code(), Code::kNotFound);
}

TEST_P(ReclaimingTest, ALiveExtentIsNotForgotten) {
  const model::Extent extent = PutExtent("k");
  const auto results = Run(catalog().ForgetExtents({extent.id, MakeExtent(1).id}));
  EXPECT_EQ(results[0].code(), Code::kConflict);
  EXPECT_EQ(results[1].code(), Code::kNotFound);
  EXPECT_TRUE(IsStored(extent));
}

// The guards behind the reclaim record, for books that a fault of ours has put out of balance: each
// of them alone keeps the extent.
TEST_P(ReclaimingTest, LiveBytesKeepAnExtentWhateverItsRecordSays) {
  const std::string live = EncodeLiveBytes({.live = 1, .data = 10});
  const std::string none = EncodeLiveBytes({.live = 0, .data = 10});
  const auto set_live = [this](const model::Extent& extent, const std::string& row) {
    Doctor(
        [&](Transaction& rows) { rows.Put(TableKey(Table::kLiveBytes, extent.id.View()), row); });
  };
  const model::Extent seen = MakeDead();
  ASSERT_TRUE(Advance(*ReclaimOf(seen), ReclaimPhase::kSeen).ok());
  set_live(seen, live);
  EXPECT_EQ(Advance(*ReclaimOf(seen), ReclaimPhase::kTrash).code(), Code::kConflict);
  EXPECT_EQ(ReclaimOf(seen)->phase, ReclaimPhase::kSeen);
  set_live(seen, none);
  const model::Extent trash = MakeTrash();
  set_live(trash, live);
  EXPECT_EQ(Forget(trash).code(), Code::kConflict);
  EXPECT_TRUE(IsStored(trash));
  set_live(trash, none);
  EXPECT_TRUE(Forget(trash).ok());
}

TEST_P(ReclaimingTest, AReferrerKeepsAnExtentWhateverItsRecordSays) {
  const std::string part = PartReferrer(UniqueId{}, 1);
  const auto refer = [&](const model::Extent& extent) {
    Doctor([&](Transaction& rows) { rows.Put(ReferrerKey(extent.id, part), ""); });
  };
  const auto drop = [&](const model::Extent& extent) {
    Doctor([&](Transaction& rows) { rows.Delete(ReferrerKey(extent.id, part)); });
  };
  const model::Extent seen = MakeDead();
  ASSERT_TRUE(Advance(*ReclaimOf(seen), ReclaimPhase::kSeen).ok());
  refer(seen);
  EXPECT_EQ(Advance(*ReclaimOf(seen), ReclaimPhase::kTrash).code(), Code::kConflict);
  EXPECT_EQ(ReclaimOf(seen)->phase, ReclaimPhase::kSeen);
  drop(seen);
  const model::Extent trash = MakeTrash();
  refer(trash);
  EXPECT_EQ(Forget(trash).code(), Code::kConflict);
  EXPECT_TRUE(IsStored(trash));
  drop(trash);
  EXPECT_TRUE(Forget(trash).ok());
}

TEST_P(ReclaimingTest, ForgettingOneLeavesTheRepairsOfItsNeighbours) {
  // The one in the middle of the table goes.
  std::map<ExtentId, std::pair<std::string, model::Extent>> by_id;
  for (const char* key : {"a", "b", "c"}) {
    const model::Extent extent = PutExtent(key);
    by_id[extent.id] = {key, extent};
  }
  std::vector<model::Extent> extents;
  for (const auto& [id, entry] : by_id) extents.push_back(entry.second);
  for (const model::Extent& extent : extents) {
    for (uint8_t shard : {0, 2}) {
      ASSERT_TRUE(
          Run(db_->RecordRepairs({{.extent = extent.id, .shard = ShardIndex{shard}}})).ok());
    }
  }
  ASSERT_TRUE(Delete(bucket_, by_id[extents[1].id].first).ok());
  ASSERT_TRUE(Advance(*ReclaimOf(extents[1]), ReclaimPhase::kSeen).ok());
  ASSERT_TRUE(Advance(*ReclaimOf(extents[1]), ReclaimPhase::kTrash).ok());
  ASSERT_TRUE(Forget(extents[1]).ok());
  const auto left = *Run(catalog().ListRepairs(std::nullopt, 100));
  ASSERT_EQ(left.size(), 4U);
  for (const model::RepairOrder& order : left) EXPECT_NE(order.extent, extents[1].id);
}

TEST_P(ReclaimingTest, ReclaimsComeInPages) {
  std::vector<ExtentId> dead;
  for (int i = 0; i < 5; ++i) dead.push_back(MakeDead().id);
  std::sort(dead.begin(), dead.end());
  std::vector<ExtentId> listed;
  for (ExtentId after; true; after = listed.back()) {
    const auto page = *Run(catalog().ListReclaims(after, 2));
    if (page.empty()) break;
    for (const model::ReclaimRecord& record : page) listed.push_back(record.extent);
  }
  EXPECT_EQ(listed, dead);
}

// ---- dead shards

TEST_P(ReclaimingTest, DeadShardsAreRecordedOnceAndListedByPlace) {
  const model::Extent gone = MakeExtent(10);
  std::vector<model::DeadShard> shards;
  for (uint8_t i = 0; i < 3; ++i) shards.push_back(ShardOf(gone, i));
  ASSERT_TRUE(Run(catalog().RecordDeadShards({shards[2], shards[0], shards[1]})).ok());
  model::DeadShard again = shards[1];
  again.since_ms += 100;
  ASSERT_TRUE(Run(catalog().RecordDeadShards({again})).ok());
  EXPECT_EQ(DeadShards(), shards);
  const auto page = *Run(catalog().ListDeadShards(shards[0], 1));
  EXPECT_EQ(page, std::vector{shards[1]});

  model::DeadShard nowhere = ShardOf(MakeExtent(1), 0);
  nowhere.location.present = false;
  EXPECT_EQ(Run(catalog().RecordDeadShards({ShardOf(MakeExtent(1), 0), nowhere})).code(),
            Code::kInvalidArgument);
  EXPECT_EQ(DeadShards(), shards);  // all, or none
}

TEST_P(ReclaimingTest, AShardThatAnExtentNamesIsNotDead) {
  const model::Extent extent = PutExtent("k");
  const model::Extent dead = MakeDead();
  std::vector<model::DeadShard> named = {ShardOf(extent, 0), ShardOf(dead, 1)};
  ASSERT_TRUE(Run(catalog().RecordDeadShards(named)).ok());
  EXPECT_TRUE(DeadShards().empty());
  // Another generation at that place is not the shard that the row names; nor is another place.
  model::DeadShard generation = ShardOf(extent, 0);
  generation.location.generation += 1;
  model::DeadShard place = ShardOf(extent, 1);
  place.location.volume += 1;
  ASSERT_TRUE(Run(catalog().RecordDeadShards({generation, place})).ok());
  EXPECT_EQ(DeadShards(), (std::vector{generation, place}));
}

TEST_P(ReclaimingTest, DeadShardsAreConfirmedBeforeTheyAreDestroyed) {
  const model::Extent extent = MakeExtent(10);
  const model::DeadShard early = ShardOf(extent, 0);
  const model::DeadShard dead = ShardOf(MakeExtent(10), 1);
  ASSERT_TRUE(Run(catalog().RecordDeadShards({early, dead})).ok());
  EXPECT_TRUE(Confirm(early).ok());
  // The scan came between the write of the shard and the commit of its extent.
  ASSERT_TRUE(
      Put({.extents = {extent}, .repairs = {}}, {{.bucket = bucket_,
                                                  .key = "k",
                                                  .version = MakeVersion({SliceOf(extent, 0, 10)}),
                                                  .condition = {}}})[0]
          .ok());
  const auto results = Run(catalog().ConfirmDeadShards({early, dead}));
  EXPECT_EQ(results[0].code(), Code::kConflict);
  EXPECT_TRUE(results[1].ok());
  EXPECT_EQ(DeadShards(), std::vector{dead});
  // Only by way of a row.
  EXPECT_EQ(Confirm(early).code(), Code::kNotFound);

  for (int field = 0; field < 3; ++field) {
    model::DeadShard other = dead;
    if (field == 0) other.extent = extent.id;
    if (field == 1) other.shard_index = 2;
    if (field == 2) other.location.generation = 9;
    EXPECT_EQ(Confirm(other).code(), Code::kConflict);
    EXPECT_TRUE(Run(catalog().ForgetDeadShards({other})).ok());
    EXPECT_EQ(DeadShards(), std::vector{dead});
  }
  EXPECT_TRUE(Run(catalog().ForgetDeadShards({dead, early})).ok());
  EXPECT_TRUE(DeadShards().empty());
}

TEST_P(ReclaimingTest, TheClockOfADeadShardStartsOnce) {
  model::DeadShard shard = ShardOf(MakeExtent(10), 1);
  const model::DeadShard unknown = ShardOf(MakeExtent(10), 1);
  ASSERT_TRUE(Run(catalog().RecordDeadShards({shard})).ok());
  ASSERT_TRUE(Run(catalog().MarkDeadShardsSeen({shard, unknown}, 50)).ok());
  ASSERT_TRUE(Run(catalog().MarkDeadShardsSeen({shard}, 90)).ok());
  shard.since_s = 50;
  EXPECT_EQ(DeadShards(), std::vector{shard});
  EXPECT_TRUE(Confirm(shard).ok());
}

// ---- outbox

TEST_P(ReclaimingTest, TheOutboxIsTrimmedUpToASequence) {
  for (int i = 0; i < 5; ++i) (void)PutExtent("k");
  const auto before = Outbox();
  ASSERT_EQ(before.size(), 6U);
  ASSERT_TRUE(Run(db_->TrimOutbox(before[2].sequence)).ok());
  EXPECT_EQ(Outbox(), std::vector(before.begin() + 3, before.end()));
  ASSERT_TRUE(Run(db_->TrimOutbox(before[2].sequence)).ok());
  EXPECT_EQ(Outbox().size(), 3U);
  ASSERT_TRUE(Run(db_->TrimOutbox(Sequence{UINT64_MAX})).ok());
  EXPECT_TRUE(Outbox().empty());
  (void)PutExtent("later");
  EXPECT_EQ(Outbox().size(), 1U);
  ASSERT_TRUE(Run(db_->TrimOutbox(Sequence{UINT64_MAX})).ok());
  EXPECT_TRUE(Outbox().empty());
}

TEST_P(ReclaimingTest, ALongOutboxIsTrimmedInSteps) {
  constexpr uint64_t kEvents = 4'500;
  Doctor([](Transaction& rows) {
    for (uint64_t i = 1; i <= kEvents; ++i) {
      model::OutboxEvent event;
      event.sequence = Sequence{i};
      rows.Put(OutboxKey(event.sequence), model::EncodeOutboxEvent(event));
    }
  });
  ASSERT_TRUE(Run(db_->TrimOutbox(Sequence{4'400})).ok());
  EXPECT_EQ(Outbox().size(), 100U);
  EXPECT_EQ(Outbox()[0].sequence, Sequence{4'401});
}

TEST_P(ReclaimingTest, AnEventOfAPutSaysWhereItsContentBegins) {
  const model::Extent extent = PutExtent("k");
  ASSERT_TRUE(
      Put({}, {{.bucket = bucket_, .key = "empty", .version = MakeVersion({}), .condition = {}}})[0]
          .ok());
  ASSERT_TRUE(Delete(bucket_, "k").ok());
  const auto events = Outbox();
  ASSERT_EQ(events.size(), 4U);
  EXPECT_EQ(events[1].first_slice, SliceOf(extent, 0, 10));
  EXPECT_EQ(events[2].first_slice, std::nullopt);
  EXPECT_EQ(events[3].first_slice, std::nullopt);
}

}  // namespace
}  // namespace ashlar::metadata_db
