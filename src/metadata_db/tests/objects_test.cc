#include "metadata_db/tests/metadata_db_fixture.h"

namespace ashlar::metadata_db {
namespace {

class ObjectsTest : public MetadataDbTest {};
INSTANTIATE_ENGINES(ObjectsTest);

TEST_P(ObjectsTest, PutAndGet) {
  const BucketId bucket = MakeBucket();
  EXPECT_EQ(Current(bucket, "k").code(), Code::kNotFound);
  model::Extent extent;
  const auto put = PutOne(bucket, "k", 10, {}, "text", &extent);
  ASSERT_TRUE(put.ok());
  EXPECT_EQ((*put)->version_id, "null");
  EXPECT_EQ((*put)->last_modified_ms, clock_.wall_ms);
  const auto read = Current(bucket, "k");
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(**read, **put);
  EXPECT_EQ(**Get(bucket, "k", "null"), **put);
  EXPECT_EQ(Get(bucket, "k", "other").code(), Code::kNotFound);
  EXPECT_EQ(**Run(db_->GetExtent(extent.id)), extent);
  EXPECT_EQ(Run(db_->GetExtent(ExtentId())).code(), Code::kNotFound);
  EXPECT_EQ(*observer_.current.at("k"), **put);
  EXPECT_EQ(observer_.extents, std::vector<ExtentId>{extent.id});
  Reopen();
  EXPECT_EQ(**Current(bucket, "k"), **put);
}

TEST_P(ObjectsTest, TheManifestOfALargeObjectIsReadFromItsOwnRow) {
  const BucketId bucket = MakeBucket();
  NewExtents extents;
  std::vector<model::Slice> slices;
  for (int i = 0; i < 200; ++i) {
    extents.extents.push_back(MakeExtent(100));
    slices.push_back(SliceOf(extents.extents.back(), 0, 100));
  }
  const NewExtents again = extents;
  const auto put = Put(
      extents, {{.bucket = bucket, .key = "big", .version = MakeVersion(slices), .condition = {}}});
  ASSERT_TRUE(put[0].ok());
  EXPECT_EQ((*Current(bucket, "big"))->parts, (*put[0])->parts);
  EXPECT_EQ((*Get(bucket, "big", "null"))->parts[0].slices.size(), 200U);
  const auto page =
      Run(db_->List({.bucket = bucket, .prefix = "", .delimiter = "", .start_after = ""}));
  EXPECT_TRUE(page->objects[0].version.parts.empty());
  ASSERT_TRUE(Delete(bucket, "big").ok());
  for (const model::Extent& extent : again.extents) EXPECT_EQ(Live(extent), 0U);
}

TEST_P(ObjectsTest, LastModifiedOfAKeyNeverGoesBack) {
  const BucketId bucket = MakeBucket();
  const auto first = PutOne(bucket, "k");
  clock_.wall_ms -= 60'000;
  const auto second = PutOne(bucket, "k");
  EXPECT_EQ((*second)->last_modified_ms, (*first)->last_modified_ms + 1);
  EXPECT_GT((*second)->sequence, (*first)->sequence);
}

TEST_P(ObjectsTest, ConditionsAreJudgedInsideTheTransaction) {
  const BucketId bucket = MakeBucket();
  const WriteCondition absent{.must_not_exist = true, .etag_match = std::nullopt};
  const WriteCondition match{.must_not_exist = false, .etag_match = EtagOf("one")};
  EXPECT_EQ(PutOne(bucket, "k", 10, match).code(), Code::kNotFound);
  EXPECT_TRUE(PutOne(bucket, "k", 10, absent, "one").ok());
  EXPECT_EQ(PutOne(bucket, "k", 10, absent).code(), Code::kPreconditionFailed);
  EXPECT_TRUE(PutOne(bucket, "k", 10, match, "two").ok());
  EXPECT_EQ(PutOne(bucket, "k", 10, match).code(), Code::kPreconditionFailed);
  EXPECT_EQ((*Current(bucket, "k"))->etag, EtagOf("two"));
}

TEST_P(ObjectsTest, OneOfTwoConditionalPutsInOneCommitWins) {
  const BucketId bucket = MakeBucket();
  const model::Extent extent = MakeExtent(20);
  std::vector<PutObjectChange> changes;
  for (uint64_t i = 0; i < 2; ++i) {
    changes.push_back({.bucket = bucket,
                       .key = "k",
                       .version = MakeVersion({SliceOf(extent, i * 10, 10)}, std::to_string(i)),
                       .condition = {.must_not_exist = true, .etag_match = std::nullopt}});
  }
  const auto results = Put({.extents = {extent}, .repairs = {}}, changes);
  EXPECT_TRUE(results[0].ok());
  EXPECT_EQ(results[1].code(), Code::kPreconditionFailed);
  EXPECT_EQ((*Current(bucket, "k"))->etag, EtagOf("0"));
  EXPECT_EQ(Live(extent), 10U);
}

TEST_P(ObjectsTest, TheObserverIsToldTheLastStateOfACommitOnly) {
  const BucketId bucket = MakeBucket();
  const model::Extent extent = MakeExtent(20);
  std::vector<PutObjectChange> changes;
  for (uint64_t i = 0; i < 2; ++i) {
    changes.push_back({.bucket = bucket,
                       .key = "k",
                       .version = MakeVersion({SliceOf(extent, i * 10, 10)}, std::to_string(i)),
                       .condition = {}});
  }
  const auto results = Put({.extents = {extent}, .repairs = {}}, changes);
  EXPECT_EQ(observer_.times["k"], 1);
  EXPECT_EQ(*observer_.current["k"], **results[1]);
}

TEST_P(ObjectsTest, APutIntoABucketThatHasGoneFails) {
  const BucketId bucket = MakeBucket();
  ASSERT_TRUE(Run(db_->DeleteBucket("bucket")).ok());
  model::Extent extent;
  EXPECT_EQ(PutOne(bucket, "k", 10, {}, "", &extent).code(), Code::kNotFound);
  EXPECT_TRUE(IsReclaimed(extent));
  MakeBucket();
  EXPECT_EQ(Current(bucket, "k").code(), Code::kNotFound);
}

TEST_P(ObjectsTest, DeleteIsOkWhateverIsThere) {
  const BucketId bucket = MakeBucket();
  (void)PutOne(bucket, "k");
  auto outcome = Delete(bucket, "k");
  ASSERT_TRUE(outcome.ok());
  EXPECT_TRUE(outcome->existed);
  EXPECT_EQ(outcome->version_id, "");
  EXPECT_FALSE(outcome->created_delete_marker);
  EXPECT_EQ(observer_.current.at("k"), nullptr);
  EXPECT_EQ(Current(bucket, "k").code(), Code::kNotFound);
  outcome = Delete(bucket, "k");
  ASSERT_TRUE(outcome.ok());
  EXPECT_FALSE(outcome->existed);
  (void)PutOne(bucket, "k");
  EXPECT_FALSE(Delete(bucket, "k", "unknown")->existed);
  EXPECT_TRUE(Delete(bucket, "k", "null")->existed);
}

TEST_P(ObjectsTest, ConditionalDelete) {
  const BucketId bucket = MakeBucket();
  EXPECT_EQ(Delete(bucket, "k", std::nullopt, EtagOf("a")).code(), Code::kNotFound);
  (void)PutOne(bucket, "k", 10, {}, "a");
  EXPECT_EQ(Delete(bucket, "k", std::nullopt, EtagOf("b")).code(), Code::kPreconditionFailed);
  EXPECT_TRUE(Current(bucket, "k").ok());
  EXPECT_TRUE(Delete(bucket, "k", std::nullopt, EtagOf("a"))->existed);
}

TEST_P(ObjectsTest, ManyDeletesInOneCommit) {
  const BucketId bucket = MakeBucket();
  std::vector<DeleteObjectChange> deletes;
  for (int i = 0; i < 50; ++i) {
    if (i % 2 == 0) (void)PutOne(bucket, "k" + std::to_string(i));
    deletes.push_back({.key = "k" + std::to_string(i), .version_id = {}, .etag_match = {}});
  }
  deletes.push_back(deletes[0]);
  const auto results = Run(db_->DeleteObjects(bucket, deletes));
  ASSERT_EQ(results.size(), 51U);
  for (size_t i = 0; i < 50; ++i) EXPECT_EQ(results[i]->existed, i % 2 == 0);
  EXPECT_FALSE(results[50]->existed);
}

TEST_P(ObjectsTest, EveryChangeIsInTheOutboxInOrder) {
  const BucketId bucket = MakeBucket();
  (void)PutOne(bucket, "a", 10, {}, "a");
  (void)PutOne(bucket, "a", 11, {}, "b");
  (void)Delete(bucket, "a");
  (void)Delete(bucket, "a");  // of nothing: no event
  (void)PutOne(bucket, "x", 1, {.must_not_exist = false, .etag_match = "no"});  // failed: no event
  (void)Run(db_->DeleteBucket("bucket"));
  const auto events = Outbox();
  ASSERT_EQ(events.size(), 5U);
  using model::EventType;
  EXPECT_EQ(events[0].type, EventType::kBucketCreated);
  EXPECT_EQ(events[1].type, EventType::kObjectPut);
  EXPECT_EQ(events[1].size, 10U);
  EXPECT_EQ(events[2].etag, EtagOf("b"));
  EXPECT_EQ(events[3].type, EventType::kObjectDeleted);
  EXPECT_EQ(events[3].version_sequence, events[2].sequence);
  EXPECT_EQ(events[4].type, EventType::kBucketDeleted);
  for (size_t i = 1; i < events.size(); ++i) {
    EXPECT_GT(events[i].sequence, events[i - 1].sequence);
  }
  EXPECT_EQ(Run(db_->ListOutbox(events[1].sequence, 2))->size(), 2U);
}

TEST_P(ObjectsTest, CopySharesSlices) {
  const BucketId bucket = MakeBucket();
  model::Extent extent;
  const auto source = PutOne(bucket, "a", 10, {}, "a", &extent);
  PutObjectChange change{.bucket = bucket, .key = "b", .version = **source, .condition = {}};
  const MetadataDb::CopySource from{.bucket = bucket, .key = "a", .sequence = (*source)->sequence};
  ASSERT_TRUE(Run(db_->CopyObject(from, change)).ok());
  EXPECT_EQ(Live(extent), 20U);
  (void)Delete(bucket, "a");
  EXPECT_EQ(Live(extent), 10U);
  EXPECT_FALSE(IsReclaimed(extent));
  EXPECT_EQ((*Current(bucket, "b"))->parts, (*source)->parts);
  EXPECT_EQ(Run(db_->CopyObject(from, change)).code(), Code::kNotFound);
  (void)Delete(bucket, "b");
  EXPECT_TRUE(IsReclaimed(extent));
}

TEST_P(ObjectsTest, ACopyOntoItselfKeepsItsData) {
  const BucketId bucket = MakeBucket();
  model::Extent extent;
  const auto source = PutOne(bucket, "a", 10, {}, "a", &extent);
  PutObjectChange change{.bucket = bucket, .key = "a", .version = **source, .condition = {}};
  change.version.user_metadata = {{"new", "yes"}};
  ASSERT_TRUE(
      Run(db_->CopyObject({.bucket = bucket, .key = "a", .sequence = (*source)->sequence}, change))
          .ok());
  EXPECT_EQ(Live(extent), 10U);
  EXPECT_FALSE(IsReclaimed(extent));
  EXPECT_EQ((*Current(bucket, "a"))->user_metadata, change.version.user_metadata);
}

}  // namespace
}  // namespace ashlar::metadata_db
