// ExtentCatalog for the healer: pages, repair orders, shards that move.
#include "metadata_db/tests/metadata_db_fixture.h"

namespace ashlar::metadata_db {
namespace {

class HealingTest : public MetadataDbTest {
 protected:
  HealingTest() : bucket_(MakeBucket()) {}

  model::Extent PutExtent(const std::string& key) {
    model::Extent extent;
    CHECK(PutOne(bucket_, key, 10, {}, "", &extent).ok());
    return extent;
  }
  model::Extent Row(const ExtentId& id) {
    const auto extents = Run(catalog().GetExtents({id}));
    CHECK(extents.ok() && extents->at(0) != nullptr);
    return *extents->at(0);
  }
  // To the next generation at a place of its own.
  static ShardMove MoveOf(const model::Extent& extent, uint8_t shard) {
    ShardMove move{.extent = extent.id,
                   .shard_index = shard,
                   .from = extent.locations[shard],
                   .to = {.drive = DriveId{9},
                          .present = true,
                          .generation = extent.locations[shard].generation + 1,
                          .volume = 1,
                          .offset = 0},
                   .root = extent.roots[shard]};
    static uint64_t next_offset = 64;
    move.to.offset = next_offset += 64;
    return move;
  }
  Status Move(const ShardMove& move) { return Run(catalog().MoveShards({move})).at(0); }
  static model::RepairOrder OrderOf(const model::Extent& extent, uint8_t shard) {
    return {.extent = extent.id,
            .shard = ShardIndex{shard},
            .reason = model::RepairReason::kMissing,
            .noted_ms = 5};
  }
  std::vector<model::DeadShard> DeadShards() {
    return *Run(catalog().ListDeadShards(std::nullopt, 1000));
  }
  std::vector<model::RepairOrder> Repairs() {
    return *Run(catalog().ListRepairs(std::nullopt, 1000));
  }

  const BucketId bucket_;
};
INSTANTIATE_ENGINES(HealingTest);

TEST_P(HealingTest, ExtentsComeInPages) {
  std::vector<ExtentId> ids;
  for (const char* key : {"a", "b", "c", "d", "e"}) ids.push_back(PutExtent(key).id);
  std::sort(ids.begin(), ids.end());
  std::vector<ExtentId> listed;
  for (ExtentId after; true; after = listed.back()) {
    const auto page = Run(catalog().ListExtents(after, 2));
    ASSERT_TRUE(page.ok());
    ASSERT_LE(page->size(), 2U);
    if (page->empty()) break;
    for (const ExtentPtr& extent : *page) listed.push_back(extent->id);
  }
  EXPECT_EQ(listed, ids);
  const auto some = Run(catalog().GetExtents({ids[3], UniqueId{}, ids[0]}));
  ASSERT_EQ(some->size(), 3U);
  EXPECT_EQ(some->at(0)->id, ids[3]);
  EXPECT_EQ(some->at(1), nullptr);
  EXPECT_EQ(some->at(2)->id, ids[0]);
}

TEST_P(HealingTest, WhatIsDeadIsNotAmongTheLiving) {
  const model::Extent kept = PutExtent("kept");
  const model::Extent gone = PutExtent("gone");
  (void)Delete(bucket_, "gone");
  const std::vector<ExtentId> ids = {gone.id, UniqueId{}, kept.id};
  EXPECT_NE(Run(catalog().GetExtents(ids))->at(0), nullptr) << "until it is purged";
  const auto living = Run(catalog().GetLivingExtents(ids));
  ASSERT_EQ(living->size(), 3U);
  EXPECT_EQ(living->at(0), nullptr);
  EXPECT_EQ(living->at(1), nullptr);
  ASSERT_NE(living->at(2), nullptr);
  EXPECT_EQ(*living->at(2), kept);
}

TEST_P(HealingTest, AShardMoves) {
  model::Extent extent = PutExtent("k");
  ASSERT_TRUE(Run(db_->RecordRepairs({OrderOf(extent, 1), OrderOf(extent, 2)})).ok());
  const ShardMove move = MoveOf(extent, 1);
  // Also when the answer to the first call got lost.
  for (int i = 0; i < 2; ++i) {
    clock_.wall_ms += 1000;
    EXPECT_TRUE(Move(move).ok());
    model::Extent expected = extent;
    expected.locations[1] = move.to;
    EXPECT_EQ(Row(extent.id), expected);
    EXPECT_EQ(Repairs(), std::vector{OrderOf(extent, 2)});
    const auto dead = DeadShards();
    ASSERT_EQ(dead.size(), 1U);
    EXPECT_EQ(dead[0], (model::DeadShard{.location = move.from,
                                         .extent = extent.id,
                                         .shard_index = 1,
                                         .body_bytes = 64,
                                         .cause = model::ReclaimCause::kMoved,
                                         .since_ms = 1'700'000'001'000,
                                         .since_s = 0}));
    EXPECT_EQ(observer_.changed_extents, std::vector{extent.id});
  }
}

TEST_P(HealingTest, AShardThatWasNeverWrittenLeavesNothingBehind) {
  model::Extent extent = MakeExtent(10);
  extent.locations[2] = {.drive = DriveId{2}};
  ASSERT_TRUE(Put({.extents = {extent}, .repairs = {OrderOf(extent, 2)}},
                  {{.bucket = bucket_,
                    .key = "k",
                    .version = MakeVersion({SliceOf(extent, 0, 10)}),
                    .condition = {}}})[0]
                  .ok());
  const ShardMove move = MoveOf(extent, 2);
  EXPECT_TRUE(Move(move).ok());
  EXPECT_EQ(Row(extent.id).locations[2], move.to);
  EXPECT_TRUE(Repairs().empty());
  EXPECT_TRUE(DeadShards().empty());
}

TEST_P(HealingTest, WhoComesSecondConflicts) {
  const model::Extent extent = PutExtent("k");
  const ShardMove first = MoveOf(extent, 0);
  const ShardMove second = MoveOf(extent, 0);
  // In one commit, one answer each.
  const auto results = Run(catalog().MoveShards({first, second}));
  EXPECT_TRUE(results[0].ok());
  EXPECT_EQ(results[1].code(), Code::kConflict);
  EXPECT_EQ(Row(extent.id).locations[0], first.to);
  const auto dead = DeadShards();
  ASSERT_EQ(dead.size(), 2U);  // by drive: `from` on 0, `to` on 9
  EXPECT_EQ(dead[0].location, first.from);
  EXPECT_EQ(dead[1].location, second.to);
  EXPECT_EQ(dead[1].cause, model::ReclaimCause::kFailedWrite);
  EXPECT_EQ(dead[1].body_bytes, 64U);
}

TEST_P(HealingTest, TheRowMustNameEveryFieldOfFrom) {
  const model::Extent extent = PutExtent("k");
  std::vector<ShardMove> moves(5, MoveOf(extent, 0));
  moves[0].from.generation = 0;
  moves[1].from.offset += 64;
  moves[2].from.volume += 1;
  moves[3].from.drive = DriveId{5};
  moves[4].from = {.drive = moves[4].from.drive};
  for (const ShardMove& move : moves) EXPECT_EQ(Move(move).code(), Code::kConflict);
  EXPECT_EQ(Row(extent.id), extent);
  EXPECT_TRUE(observer_.changed_extents.empty());
}

TEST_P(HealingTest, ADeadExtentIsNotHealed) {
  const model::Extent dead = PutExtent("k");
  ASSERT_TRUE(Delete(bucket_, "k").ok());
  const model::Extent unknown = MakeExtent(10);
  const ShardMove of_dead = MoveOf(dead, 0);
  const ShardMove of_unknown = MoveOf(unknown, 0);
  const auto results = Run(catalog().MoveShards({of_dead, of_unknown}));
  EXPECT_EQ(results[0].code(), Code::kNotFound);
  EXPECT_EQ(results[1].code(), Code::kNotFound);
  EXPECT_EQ(Row(dead.id), dead);
  const auto shards = DeadShards();
  ASSERT_EQ(shards.size(), 2U);
  EXPECT_EQ(shards[0].location, of_dead.to);
  EXPECT_EQ(shards[1].location, of_unknown.to);
}

TEST_P(HealingTest, RootsAreFilledInOrEqual) {
  model::Extent extent = MakeExtent(10);
  extent.roots[1] = {};
  ASSERT_TRUE(
      Put({.extents = {extent}, .repairs = {}}, {{.bucket = bucket_,
                                                  .key = "k",
                                                  .version = MakeVersion({SliceOf(extent, 0, 10)}),
                                                  .condition = {}}})[0]
          .ok());
  ShardMove fill = MoveOf(extent, 1);
  fill.root = Sha256(AsBytes("new"));
  EXPECT_TRUE(Move(fill).ok());
  EXPECT_EQ(Row(extent.id).roots[1], fill.root);
  ShardMove differs = MoveOf(extent, 0);
  differs.root = Sha256(AsBytes("other"));
  EXPECT_EQ(Move(differs).code(), Code::kConflict);
  EXPECT_EQ(Row(extent.id).locations[0], extent.locations[0]);
  EXPECT_EQ(DeadShards().back().location, differs.to);
}

TEST_P(HealingTest, WhatIsNotAMoveIsRefused) {
  const model::Extent extent = PutExtent("k");
  ShardMove nowhere = MoveOf(extent, 0);
  nowhere.to.present = false;
  ShardMove same_generation = MoveOf(extent, 0);
  same_generation.to.generation = same_generation.from.generation;
  ShardMove no_shard = MoveOf(extent, 0);
  no_shard.shard_index = 3;
  for (const ShardMove& move : {nowhere, same_generation, no_shard}) {
    EXPECT_EQ(Move(move).code(), Code::kInvalidArgument);
  }
  EXPECT_EQ(Row(extent.id), extent);
  EXPECT_TRUE(DeadShards().empty());
}

TEST_P(HealingTest, AMoveTakesBackThatItsShardWasThoughtDead) {
  const model::Extent extent = PutExtent("k");
  const ShardMove move = MoveOf(extent, 0);
  const model::DeadShard orphan{.location = move.to,
                                .extent = extent.id,
                                .shard_index = 0,
                                .body_bytes = 64,
                                .cause = model::ReclaimCause::kOrphan,
                                .since_ms = 1,
                                .since_s = 0};
  ASSERT_TRUE(Run(catalog().RecordDeadShards({orphan})).ok());
  ASSERT_EQ(DeadShards(), std::vector{orphan});
  EXPECT_TRUE(Move(move).ok());
  ASSERT_EQ(DeadShards().size(), 1U);
  EXPECT_EQ(DeadShards()[0].location, move.from);
}

TEST_P(HealingTest, RepairOrdersComeInPagesAndAreDismissed) {
  const model::Extent extent = PutExtent("a");
  const model::Extent other = PutExtent("b");
  const auto& [low, high] = std::minmax(extent.id, other.id);
  std::vector<model::RepairOrder> orders;
  for (const ExtentId& id : {low, high}) {
    for (uint8_t shard = 0; shard < 3; ++shard) {
      orders.push_back(OrderOf(id == extent.id ? extent : other, shard));
    }
  }
  ASSERT_TRUE(Run(db_->RecordRepairs(orders)).ok());
  const auto first = *Run(catalog().ListRepairs(std::nullopt, 4));
  const auto second = *Run(catalog().ListRepairs(first.back(), 4));
  EXPECT_EQ(first, std::vector(orders.begin(), orders.begin() + 4));
  EXPECT_EQ(second, std::vector(orders.begin() + 4, orders.end()));

  model::RepairOrder outdated = orders[1];
  outdated.noted_ms -= 1;
  const model::RepairOrder unknown = OrderOf(MakeExtent(1), 0);
  ASSERT_TRUE(Run(catalog().DismissRepairs({orders[0], outdated, unknown, orders[4]})).ok());
  EXPECT_EQ(Repairs(), (std::vector{orders[1], orders[2], orders[3], orders[5]}));
}

TEST_P(HealingTest, WhatWasWrittenBeforeItsDriveWasExchangedGetsRepairOrders) {
  const auto put = [&](const std::string& key, uint64_t exchanges_seen) {
    const model::Extent extent = MakeExtent(10);
    std::vector<PutObjectChange> changes;
    changes.push_back({.bucket = bucket_,
                       .key = key,
                       .version = MakeVersion({SliceOf(extent, 0, 10)}),
                       .condition = {}});
    NewExtents extents{.extents = {extent}, .repairs = {}, .exchanges_seen = exchanges_seen};
    CHECK(Put(std::move(extents), std::move(changes))[0].ok());
    return extent;
  };
  const auto orders_of = [&](const model::Extent& extent) {
    std::vector<int> shards;
    for (const model::RepairOrder& order : Repairs()) {
      if (order.extent == extent.id) shards.push_back(order.shard.value);
    }
    return shards;
  };
  const uint64_t none = db_->drive_exchanges();
  EXPECT_TRUE(orders_of(put("a", none)).empty());
  const DriveId drive = MakeExtent(10).locations[2].drive;
  ASSERT_TRUE(Run(db_->NoteDriveExchanged(drive)).ok());
  EXPECT_EQ(db_->drive_exchanges(), none + 1);
  EXPECT_EQ(orders_of(put("b", none)), std::vector{2});
  EXPECT_TRUE(orders_of(put("c", none + 1)).empty()) << "written to the new drive";
  EXPECT_TRUE(orders_of(put("d", UINT64_MAX)).empty()) << "not written by this process";
}

TEST_P(HealingTest, NoShardMovesToADriveThatWasExchangedMeanwhile) {
  const model::Extent extent = PutExtent("k");
  ASSERT_TRUE(Run(db_->RecordRepairs({OrderOf(extent, 1)})).ok());
  ShardMove move = MoveOf(extent, 1);
  move.exchanges_seen = catalog().drive_exchanges();
  ASSERT_TRUE(Run(db_->NoteDriveExchanged(move.to.drive)).ok());
  EXPECT_EQ(Move(move).code(), Code::kConflict);
  EXPECT_EQ(Row(extent.id), extent);
  EXPECT_EQ(Repairs(), std::vector{OrderOf(extent, 1)}) << "it is still to be made";
  const auto dead = DeadShards();
  ASSERT_EQ(dead.size(), 1U);
  EXPECT_EQ(dead[0].location, move.to);
  EXPECT_EQ(dead[0].cause, model::ReclaimCause::kFailedWrite);
  // Written after the exchange.
  move.exchanges_seen = catalog().drive_exchanges();
  EXPECT_TRUE(Move(move).ok());
  EXPECT_TRUE(Repairs().empty());
}

}  // namespace
}  // namespace ashlar::metadata_db
