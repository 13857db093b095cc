// Live bytes, reclaim records and repair orders: the books of what may be reclaimed.
#include <random>
#include <unordered_map>

#include "metadata_db/tests/metadata_db_fixture.h"

namespace ashlar::metadata_db {
namespace {

class ReferencesTest : public MetadataDbTest {};
INSTANTIATE_ENGINES(ReferencesTest);

TEST_P(ReferencesTest, OverwriteAndDeleteDropReferences) {
  const BucketId bucket = MakeBucket();
  model::Extent first;
  model::Extent second;
  (void)PutOne(bucket, "k", 10, {}, "", &first);
  EXPECT_EQ(Live(first), 10U);
  (void)PutOne(bucket, "k", 20, {}, "", &second);
  EXPECT_EQ(Live(first), 0U);
  EXPECT_TRUE(IsReclaimed(first));
  EXPECT_FALSE(IsReclaimed(second));
  (void)Delete(bucket, "k");
  EXPECT_TRUE(IsReclaimed(second));
  // The rows stay until reclaiming has removed the shards.
  EXPECT_TRUE(Run(db_->GetExtent(first.id)).ok());
}

TEST_P(ReferencesTest, ASharedExtentLivesUntilItsLastObjectGoes) {
  const BucketId bucket = MakeBucket();
  const model::Extent extent = MakeExtent(30);
  std::vector<PutObjectChange> changes;
  for (uint64_t i = 0; i < 3; ++i) {
    changes.push_back({.bucket = bucket,
                       .key = "k" + std::to_string(i),
                       .version = MakeVersion({SliceOf(extent, i * 10, 10)}),
                       .condition = {}});
  }
  (void)Put({.extents = {extent}, .repairs = {}}, changes);
  EXPECT_EQ(Live(extent), 30U);
  for (uint64_t i = 0; i < 3; ++i) {
    EXPECT_FALSE(IsReclaimed(extent));
    (void)Delete(bucket, "k" + std::to_string(i));
    EXPECT_EQ(Live(extent), 20U - i * 10);
  }
  EXPECT_TRUE(IsReclaimed(extent));
  EXPECT_EQ(Run(catalog().ListReclaims(ExtentId{}, 10))->at(0).cause,
            model::ReclaimCause::kDeleted);
}

TEST_P(ReferencesTest, AnExtentWhoseChangesAllFailedIsReclaimed) {
  const BucketId bucket = MakeBucket();
  model::Extent extent;
  const WriteCondition match{.must_not_exist = false, .etag_match = "x"};
  ASSERT_FALSE(PutOne(bucket, "k", 10, match, "", &extent).ok());
  EXPECT_EQ(Live(extent), 0U);
  ASSERT_TRUE(IsReclaimed(extent));
  EXPECT_EQ(Run(catalog().ListReclaims(ExtentId{}, 10))->at(0).cause,
            model::ReclaimCause::kFailedWrite);
}

TEST_P(ReferencesTest, NothingCanReferToADeadExtent) {
  const BucketId bucket = MakeBucket();
  model::Extent extent;
  (void)PutOne(bucket, "k", 10, {}, "", &extent);
  (void)Delete(bucket, "k");
  const auto put = Put({}, {{.bucket = bucket,
                             .key = "zombie",
                             .version = MakeVersion({SliceOf(extent, 0, 10)}),
                             .condition = {}}});
  EXPECT_EQ(put[0].code(), Code::kConflict);
  EXPECT_EQ(Current(bucket, "zombie").code(), Code::kNotFound);
}

TEST_P(ReferencesTest, SlicesMustLieInKnownExtents) {
  const BucketId bucket = MakeBucket();
  const model::Extent extent = MakeExtent(10);
  const model::Extent unknown = MakeExtent(10);
  const auto results =
      Put({.extents = {extent}, .repairs = {}}, {{.bucket = bucket,
                                                  .key = "beyond",
                                                  .version = MakeVersion({SliceOf(extent, 5, 6)}),
                                                  .condition = {}},
                                                 {.bucket = bucket,
                                                  .key = "unknown",
                                                  .version = MakeVersion({SliceOf(unknown, 0, 1)}),
                                                  .condition = {}},
                                                 {.bucket = bucket,
                                                  .key = "good",
                                                  .version = MakeVersion({SliceOf(extent, 5, 5)}),
                                                  .condition = {}}});
  EXPECT_EQ(results[0].code(), Code::kInvalidArgument);
  EXPECT_EQ(results[1].code(), Code::kInvalidArgument);
  EXPECT_TRUE(results[2].ok());
  EXPECT_EQ(Live(extent), 5U);
}

TEST_P(ReferencesTest, AbandonedExtentsAreReclaimedUnlessTheyDidArrive) {
  const BucketId bucket = MakeBucket();
  const model::Extent lost = MakeExtent(10);
  model::Extent arrived;
  (void)PutOne(bucket, "k", 10, {}, "", &arrived);
  ASSERT_TRUE(Run(db_->RecordAbandonedExtents({.extents = {lost, arrived}, .repairs = {}})).ok());
  EXPECT_TRUE(IsReclaimed(lost));
  EXPECT_FALSE(IsReclaimed(arrived));
  EXPECT_EQ(Live(arrived), 10U);
}

TEST_P(ReferencesTest, ARepeatedPutOfTheSameExtentsKeepsTheBooks) {
  const BucketId bucket = MakeBucket();
  const model::Extent extent = MakeExtent(10);
  const std::vector<PutObjectChange> changes = {{.bucket = bucket,
                                                 .key = "k",
                                                 .version = MakeVersion({SliceOf(extent, 0, 10)}),
                                                 .condition = {}}};
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(Put({.extents = {extent}, .repairs = {}}, changes)[0].ok());
  }
  EXPECT_EQ(Live(extent), 10U);
  EXPECT_FALSE(IsReclaimed(extent));
}

TEST_P(ReferencesTest, RepairOrders) {
  const BucketId bucket = MakeBucket();
  const model::Extent live = MakeExtent(10);
  const model::Extent dead = MakeExtent(10);
  const auto order = [](const model::Extent& extent, uint8_t shard) {
    return model::RepairOrder{.extent = extent.id,
                              .shard = ShardIndex{shard},
                              .reason = model::RepairReason::kNotWritten,
                              .noted_ms = 5};
  };
  (void)Put({.extents = {live, dead}, .repairs = {order(live, 2), order(dead, 1)}},
            {{.bucket = bucket,
              .key = "k",
              .version = MakeVersion({SliceOf(live, 0, 10)}),
              .condition = {}}});
  EXPECT_EQ(*Run(catalog().ListRepairs(std::nullopt, 10)), std::vector{order(live, 2)});
  auto again = order(live, 2);
  again.noted_ms = 99;
  auto more = order(live, 0);
  ASSERT_TRUE(Run(db_->RecordRepairs({again, more, order(MakeExtent(1), 0)})).ok());
  EXPECT_EQ(*Run(catalog().ListRepairs(std::nullopt, 10)), (std::vector{more, order(live, 2)}));
}

// Random puts, copies, overwrites and deletes; after each, live bytes equal the slices of what can
// be reached, and an extent has a reclaim record exactly when they are none.
TEST_P(ReferencesTest, TheBooksBalanceAfterAnyHistory) {
  std::mt19937 random(11);
  const BucketId bucket = MakeBucket();
  std::map<std::string, Version> objects;
  std::vector<model::Extent> extents;
  for (int step = 0; step < 250; ++step) {
    const std::string key(1, static_cast<char>('a' + random() % 8));
    const uint32_t action = random() % 4;
    if (action < 2) {
      const model::Extent extent = MakeExtent(100);
      extents.push_back(extent);
      std::vector<PutObjectChange> changes;
      for (uint64_t i = 0; i < 1 + random() % 3; ++i) {
        changes.push_back({.bucket = bucket,
                           .key = std::string(1, static_cast<char>('a' + random() % 8)),
                           .version = MakeVersion({SliceOf(extent, i * 30, 30)}),
                           .condition = {}});
        if (random() % 5 == 0) changes.back().condition.etag_match = "never";
      }
      const auto results = Put({.extents = {extent}, .repairs = {}}, changes);
      for (size_t i = 0; i < changes.size(); ++i) {
        if (results[i].ok()) objects[changes[i].key] = *results[i];
      }
    } else if (action == 2 && !objects.empty()) {
      auto source = objects.begin();
      std::advance(source, random() % objects.size());
      const auto copied = Run(db_->CopyObject(
          {.bucket = bucket, .key = source->first, .sequence = source->second->sequence},
          {.bucket = bucket, .key = key, .version = *source->second, .condition = {}}));
      ASSERT_TRUE(copied.ok());
      objects[key] = *copied;
    } else {
      ASSERT_EQ(Delete(bucket, key)->existed, objects.erase(key) == 1);
    }
    std::unordered_map<ExtentId, uint64_t> expected;
    for (const auto& [name, version] : objects) {
      for (const auto& part : version->parts) {
        for (const auto& slice : part.slices) expected[slice.extent] += slice.length;
      }
    }
    if (step % 10 != 9) continue;
    for (const model::Extent& extent : extents) {
      ASSERT_EQ(Live(extent), expected[extent.id]);
      ASSERT_EQ(IsReclaimed(extent), expected[extent.id] == 0);
    }
  }
}

}  // namespace
}  // namespace ashlar::metadata_db
