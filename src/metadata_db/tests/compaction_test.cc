// ExtentCatalog for the compactor: sparse extents, who refers to them, slices that move.
#include "metadata_db/tests/metadata_db_fixture.h"

namespace ashlar::metadata_db {
namespace {

using std::string_literals::operator""s;

class CompactionTest : public MetadataDbTest {
 protected:
  // Objects k0, k1, ... of 10 bytes each, in one extent.
  model::Extent PutPacked(BucketId bucket, size_t objects) {
    const model::Extent extent = MakeExtent(objects * 10);
    std::vector<PutObjectChange> changes;
    for (size_t i = 0; i < objects; ++i) {
      changes.push_back({.bucket = bucket,
                         .key = "k" + std::to_string(i),
                         .version = MakeVersion({SliceOf(extent, i * 10, 10)}),
                         .condition = {}});
    }
    for (const auto& result : Put({.extents = {extent}, .repairs = {}}, changes)) {
      CHECK(result.ok());
    }
    return extent;
  }
  std::vector<ExtentId> Sparse() {
    std::vector<ExtentId> ids;
    const auto sparse = *Run(catalog().ListSparse(ExtentId{}, 100));
    for (const ExtentUse& use : sparse) {
      ids.push_back(use.extent);
    }
    return ids;
  }
  std::vector<ExtentReferrer> Referrers(const model::Extent& extent) {
    auto referrers = Run(catalog().ListReferrers(extent.id));
    CHECK(referrers.ok());
    return *referrers;
  }
  // Everything that lives in `from`, one after the other in an extent of its own.
  struct Plan {
    model::Extent extent;
    std::vector<ReferrerMove> moves;
  };
  Plan PlanOf(const model::Extent& from) {
    Plan plan{.extent = MakeExtent(10'000), .moves = {}};
    uint64_t offset = 0;
    for (const ExtentReferrer& referrer : Referrers(from)) {
      ReferrerMove& move = plan.moves.emplace_back();
      move.referrer = referrer.referrer;
      for (const model::Slice& slice : referrer.slices) {
        move.slices.push_back({.from = slice, .to = SliceOf(plan.extent, offset, slice.length)});
        offset += slice.length;
      }
    }
    return plan;
  }
  std::vector<Status> Move(const Plan& plan) {
    return Run(catalog().MoveSlices({.extents = {plan.extent}, .repairs = {}}, plan.moves));
  }
  Version Copy(BucketId bucket, const std::string& from, const std::string& to) {
    const Version source = *Current(bucket, from);
    auto copied =
        Run(db_->CopyObject({.bucket = bucket, .key = from, .sequence = source->sequence},
                            {.bucket = bucket, .key = to, .version = *source, .condition = {}}));
    CHECK(copied.ok());
    return *copied;
  }
};
INSTANTIATE_ENGINES(CompactionTest);

TEST_P(CompactionTest, AnExtentIsSparseWhileAtMostHalfOfItLives) {
  const BucketId bucket = MakeBucket();
  const model::Extent extent = PutPacked(bucket, 5);
  (void)Delete(bucket, "k0");
  (void)Delete(bucket, "k1");
  EXPECT_TRUE(Sparse().empty());  // 30 of 50
  (void)Delete(bucket, "k2");
  const auto sparse = *Run(catalog().ListSparse(ExtentId{}, 100));
  ASSERT_EQ(sparse.size(), 1U);
  EXPECT_EQ(sparse[0].extent, extent.id);
  EXPECT_EQ(sparse[0].live_bytes, 20U);
  EXPECT_EQ(sparse[0].data_bytes, 50U);
  EXPECT_TRUE(Run(catalog().ListSparse(extent.id, 100))->empty());
  (void)Copy(bucket, "k3", "copy");
  EXPECT_TRUE(Sparse().empty());
  (void)Delete(bucket, "copy");
  EXPECT_EQ(Sparse(), std::vector{extent.id});
  (void)Delete(bucket, "k3");
  (void)Delete(bucket, "k4");
  EXPECT_TRUE(Sparse().empty());
  EXPECT_TRUE(IsReclaimed(extent));
}

TEST_P(CompactionTest, AnExtentOfWhichLittleEverLivedIsSparse) {
  const BucketId bucket = MakeBucket();
  const model::Extent extent = MakeExtent(100);
  const WriteCondition never{.must_not_exist = false, .etag_match = "never"};
  (void)Put({.extents = {extent}, .repairs = {}},
            {{.bucket = bucket,
              .key = "a",
              .version = MakeVersion({SliceOf(extent, 0, 50)}),
              .condition = {}},
             {.bucket = bucket,
              .key = "b",
              .version = MakeVersion({SliceOf(extent, 50, 50)}),
              .condition = never}});
  EXPECT_EQ(Sparse(), std::vector{extent.id});
}

TEST_P(CompactionTest, ReferrersAreVersionsAndParts) {
  const BucketId bucket = MakeBucket("bucket", model::Versioning::kEnabled);
  model::Extent extent;
  const Version first = *PutOne(bucket, "old\0one"s, 30, {}, "", &extent);
  const Version copy = Copy(bucket, "old\0one"s, "copy");
  // It becomes an older version; its rows do not change.
  ASSERT_TRUE(PutOne(bucket, "old\0one"s).ok());
  model::Upload upload;
  upload.bucket = bucket;
  upload.key = "up";
  upload = *Run(db_->CreateUpload(upload));
  MetadataDb::PutPartChange part;
  part.bucket = bucket;
  part.key = upload.key;
  part.upload_id = upload.id;
  part.part.part = {.number = 700, .size = 10, .checksum_value = "", .slices = {}};
  part.source = {.bucket = bucket, .key = "copy", .sequence = copy->sequence, .offset = 20};
  ASSERT_TRUE(Run(db_->PutParts({}, {part}))[0].ok());

  const auto referrers = Referrers(extent);
  ASSERT_EQ(referrers.size(), 3U);
  EXPECT_EQ(referrers[0].referrer.key, "copy");
  EXPECT_EQ(referrers[0].referrer.sequence, copy->sequence);
  EXPECT_EQ(referrers[1].referrer, (Referrer{.kind = Referrer::Kind::kVersion,
                                             .bucket = bucket,
                                             .key = "old\0one"s,
                                             .sequence = first->sequence,
                                             .upload_id = {},
                                             .part_number = 0}));
  EXPECT_EQ(referrers[1].bucket_name, "bucket");
  EXPECT_EQ(referrers[1].slices, std::vector{SliceOf(extent, 0, 30)});
  EXPECT_EQ(referrers[2].referrer, (Referrer{.kind = Referrer::Kind::kPart,
                                             .bucket = {},
                                             .key = "",
                                             .sequence = {},
                                             .upload_id = upload.id,
                                             .part_number = 700}));
  EXPECT_EQ(referrers[2].slices, std::vector{SliceOf(extent, 20, 10)});
  EXPECT_EQ(Run(catalog().ListReferrers(extent.id, 2))->size(), 2U);
  EXPECT_TRUE(Run(catalog().ListReferrers(MakeExtent(1).id))->empty());
}

TEST_P(CompactionTest, SlicesMoveAndTheObjectStaysWhatItIs) {
  const BucketId bucket = MakeBucket();
  const model::Extent old = PutPacked(bucket, 4);
  (void)Delete(bucket, "k0");
  (void)Delete(bucket, "k2");
  const Version before = *Current(bucket, "k1");
  const size_t events = Outbox().size();
  clock_.wall_ms += 1000;
  const Plan plan = PlanOf(old);
  for (const Status& status : Move(plan)) EXPECT_TRUE(status.ok());

  model::ObjectVersion expected = *before;
  expected.parts[0].slices = {SliceOf(plan.extent, 0, 10)};
  EXPECT_EQ(**Current(bucket, "k1"), expected);
  EXPECT_EQ(*observer_.current.at("k1"), expected);
  EXPECT_EQ(observer_.extents.back(), plan.extent.id);
  EXPECT_EQ(Live(plan.extent), 20U);
  EXPECT_EQ(Live(old), 0U);
  EXPECT_EQ(ReclaimOf(old)->cause, model::ReclaimCause::kCompacted);
  EXPECT_EQ(Sparse(), std::vector{plan.extent.id});  // 20 of 10,000
  EXPECT_TRUE(Referrers(old).empty());
  // Who keeps a copy of the metadata learns where the content is now.
  const auto told = Outbox();
  ASSERT_EQ(told.size(), events + 2);
  EXPECT_EQ(told[events].type, model::EventType::kSlicesMoved);
  EXPECT_EQ(told[events].key, "k1");
  EXPECT_EQ(told[events].version_sequence, before->sequence);
  EXPECT_EQ(told[events].first_slice, SliceOf(plan.extent, 0, 10));
  Reopen();
  EXPECT_EQ(**Current(bucket, "k1"), expected);
}

TEST_P(CompactionTest, AnOlderVersionMovesSilently) {
  const BucketId bucket = MakeBucket("bucket", model::Versioning::kEnabled);
  model::Extent old;
  const Version first = *PutOne(bucket, "k", 10, {}, "", &old);
  const Version second = *PutOne(bucket, "k", 20);
  const int told = observer_.times["k"];
  const Plan plan = PlanOf(old);
  EXPECT_TRUE(Move(plan)[0].ok());
  EXPECT_EQ((*Get(bucket, "k", first->version_id))->parts[0].slices,
            std::vector{SliceOf(plan.extent, 0, 10)});
  EXPECT_EQ(**Current(bucket, "k"), *second);
  EXPECT_EQ(observer_.times["k"], told);
}

TEST_P(CompactionTest, ThePartOfAnOpenUploadMoves) {
  const BucketId bucket = MakeBucket();
  model::Upload upload;
  upload.bucket = bucket;
  upload.key = "up";
  upload = *Run(db_->CreateUpload(upload));
  const model::Extent old = MakeExtent(10);
  MetadataDb::PutPartChange part;
  part.bucket = bucket;
  part.key = upload.key;
  part.upload_id = upload.id;
  part.part.part = {.number = 3, .size = 10, .checksum_value = "", .slices = {SliceOf(old, 0, 10)}};
  part.part.etag = EtagOf("x");
  part.began = db_->ReserveSequence();
  const auto stored = *Run(db_->PutParts({.extents = {old}, .repairs = {}}, {part}))[0];
  const Plan plan = PlanOf(old);
  const size_t events = Outbox().size();
  ASSERT_TRUE(Move(plan)[0].ok());
  const auto told = Outbox();
  ASSERT_EQ(told.size(), events + 1);
  EXPECT_EQ(told[events].type, model::EventType::kPartMoved);
  EXPECT_EQ(told[events].first_slice, SliceOf(plan.extent, 0, 10));
  model::UploadPart expected = stored;
  expected.part.slices = {SliceOf(plan.extent, 0, 10)};
  EXPECT_EQ(Run(db_->ListParts(bucket, "up", upload.id, 0, 10))->parts, std::vector{expected});
  EXPECT_TRUE(IsReclaimed(old));

  ASSERT_TRUE(Run(db_->AbortUpload(bucket, "up", upload.id)).ok());
  EXPECT_TRUE(IsReclaimed(plan.extent));
  EXPECT_EQ(Move(plan)[0].code(), Code::kConflict);
}

TEST_P(CompactionTest, ACopyTakesItsBytesFromWhereTheyLieNow) {
  const BucketId bucket = MakeBucket();
  const model::Extent old = PutPacked(bucket, 2);
  const Version found = *Current(bucket, "k1");  // and then compaction comes
  const Plan plan = PlanOf(old);
  ASSERT_TRUE(Move(plan)[1].ok());
  ASSERT_TRUE(IsReclaimed(old));
  MetadataDb::CopySource from{.bucket = bucket, .key = "k1", .sequence = found->sequence};
  const auto copied = Run(
      db_->CopyObject(from, {.bucket = bucket, .key = "copy", .version = *found, .condition = {}}));
  ASSERT_TRUE(copied.ok()) << copied.status().ToString();
  EXPECT_EQ((*copied)->parts[0].slices, std::vector{SliceOf(plan.extent, 10, 10)});
  EXPECT_EQ((*Current(bucket, "copy"))->parts, (*copied)->parts);
  EXPECT_EQ(Live(plan.extent), 30U);

  model::Upload upload;
  upload.bucket = bucket;
  upload.key = "up";
  upload = *Run(db_->CreateUpload(upload));
  MetadataDb::PutPartChange part;
  part.bucket = bucket;
  part.key = upload.key;
  part.upload_id = upload.id;
  part.part.part = {.number = 1, .size = 4, .checksum_value = "", .slices = {}};
  part.source = from;
  part.source->offset = 3;
  const auto range = Run(db_->PutParts({}, {part}))[0];
  ASSERT_TRUE(range.ok()) << range.status().ToString();
  EXPECT_EQ(range->part.slices, std::vector{SliceOf(plan.extent, 13, 4)});
  EXPECT_EQ(Live(plan.extent), 34U);
  part.source->offset = 7;
  EXPECT_EQ(Run(db_->PutParts({}, {part}))[0].code(), Code::kInvalidArgument);
}

TEST_P(CompactionTest, WhoeverChangedMeanwhileConflicts) {
  const BucketId bucket = MakeBucket();
  const model::Extent old = PutPacked(bucket, 4);
  Plan plan = PlanOf(old);
  (void)Delete(bucket, "k0");
  model::Extent newer;
  (void)PutOne(bucket, "k1", 10, {}, "", &newer);
  plan.moves[2].slices[0].from.offset += 1;
  const auto results = Move(plan);
  EXPECT_EQ(results[0].code(), Code::kConflict);
  EXPECT_EQ(results[1].code(), Code::kConflict);
  EXPECT_EQ(results[2].code(), Code::kConflict);
  EXPECT_TRUE(results[3].ok());
  EXPECT_EQ(Live(old), 10U);
  EXPECT_EQ(Live(plan.extent), 10U);
  EXPECT_EQ(Live(newer), 10U);
  EXPECT_EQ((*Current(bucket, "k2"))->parts[0].slices, std::vector{SliceOf(old, 20, 10)});
}

TEST_P(CompactionTest, AnExtentToWhichNobodyCameIsDead) {
  const BucketId bucket = MakeBucket();
  const model::Extent old = PutPacked(bucket, 1);
  const Plan plan = PlanOf(old);
  (void)Delete(bucket, "k0");
  EXPECT_EQ(Move(plan)[0].code(), Code::kConflict);
  EXPECT_EQ(ReclaimOf(plan.extent)->cause, model::ReclaimCause::kFailedWrite);
  EXPECT_EQ(Current(bucket, "k0").code(), Code::kNotFound);
}

TEST_P(CompactionTest, ARepeatedMoveChangesNothing) {
  const BucketId bucket = MakeBucket();
  const model::Extent old = PutPacked(bucket, 1);
  const Plan plan = PlanOf(old);
  ASSERT_TRUE(Move(plan)[0].ok());
  EXPECT_EQ(Move(plan)[0].code(), Code::kConflict);
  EXPECT_EQ(Live(plan.extent), 10U);
  EXPECT_FALSE(IsReclaimed(plan.extent));
}

TEST_P(CompactionTest, WhatWouldChangeTheObjectIsRefused) {
  const BucketId bucket = MakeBucket();
  const model::Extent old = PutPacked(bucket, 2);
  const Version before = *Current(bucket, "k0");
  Plan shorter = PlanOf(old);
  shorter.moves[0].slices[0].to.length -= 1;
  Plan beyond = PlanOf(old);
  beyond.moves[0].slices[0].to.offset = beyond.extent.data_bytes() - 9;
  Plan unknown = PlanOf(old);
  unknown.moves[0].slices[0].to.extent = MakeExtent(1).id;
  Plan twice = PlanOf(old);
  twice.moves[0].slices.push_back(twice.moves[0].slices[0]);
  EXPECT_EQ(Move(shorter)[0].code(), Code::kInvalidArgument);
  EXPECT_EQ(Move(beyond)[0].code(), Code::kInvalidArgument);
  EXPECT_EQ(Move(unknown)[0].code(), Code::kInvalidArgument);
  EXPECT_EQ(Move(twice)[0].code(), Code::kConflict);
  EXPECT_EQ(**Current(bucket, "k0"), *before);
}

// A version with several slices in an extent refers to it as long as one is left.
TEST_P(CompactionTest, SomeOfTheSlicesOfAVersionMove) {
  const BucketId bucket = MakeBucket();
  const model::Extent a = MakeExtent(30);
  const model::Extent b = MakeExtent(30);
  const std::vector<model::Slice> slices = {SliceOf(a, 0, 10), SliceOf(b, 0, 10),
                                            SliceOf(a, 10, 10), SliceOf(a, 0, 10)};
  const Version version =
      *Put({.extents = {a, b}, .repairs = {}},
           {{.bucket = bucket, .key = "k", .version = MakeVersion(slices), .condition = {}}})[0];
  const Referrer referrer = Referrers(a).at(0).referrer;
  EXPECT_EQ(Referrers(a).at(0).slices, (std::vector{slices[0], slices[2], slices[3]}));
  // One goes into the other extent, one elsewhere in its own, one stays.
  const ReferrerMove move{.referrer = referrer,
                          .slices = {{.from = slices[2], .to = SliceOf(b, 20, 10)},
                                     {.from = slices[0], .to = SliceOf(a, 20, 10)}}};
  ASSERT_TRUE(Run(catalog().MoveSlices({}, {move}))[0].ok());
  EXPECT_EQ((*Current(bucket, "k"))->parts[0].slices,
            (std::vector{SliceOf(a, 20, 10), slices[1], SliceOf(b, 20, 10), slices[3]}));
  EXPECT_EQ(Live(a), 20U);
  EXPECT_EQ(Live(b), 20U);
  EXPECT_EQ(Referrers(a).size(), 1U);
}

// The manifest leaves the row when it becomes too long for it, and comes back.
TEST_P(CompactionTest, ManifestsFindTheirPlace) {
  const BucketId bucket = MakeBucket();
  constexpr uint64_t kSlices = 55;
  const model::Extent old = MakeExtent(300);
  std::vector<model::Slice> slices;
  for (uint64_t i = 0; i < kSlices; ++i) slices.push_back(SliceOf(old, i, 1));
  ASSERT_TRUE(
      Put({.extents = {old}, .repairs = {}},
          {{.bucket = bucket, .key = "k", .version = MakeVersion(slices), .condition = {}}})[0]
          .ok());
  // Offsets of two bytes, then of one byte, then of two bytes again, and still.
  for (const uint64_t first : {5'000, 0, 5'000, 6'000}) {
    const Version version = *Current(bucket, "k");
    const model::Extent extent = MakeExtent(10'000);
    ReferrerMove move;
    move.referrer.bucket = bucket;
    move.referrer.key = "k";
    move.referrer.sequence = version->sequence;
    for (uint64_t i = 0; i < kSlices; ++i) {
      move.slices.push_back(
          {.from = version->parts[0].slices[i], .to = SliceOf(extent, first + i, 1)});
    }
    ASSERT_TRUE(Run(catalog().MoveSlices({.extents = {extent}, .repairs = {}}, {move}))[0].ok());
    EXPECT_EQ((*Current(bucket, "k"))->parts[0].slices[1], SliceOf(extent, first + 1, 1));
    EXPECT_EQ(Findings(), "");
  }
  ASSERT_TRUE(Delete(bucket, "k").ok());
}

}  // namespace
}  // namespace ashlar::metadata_db
