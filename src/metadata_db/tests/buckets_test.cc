#include "metadata_db/tests/metadata_db_fixture.h"

namespace ashlar::metadata_db {
namespace {

class BucketsTest : public MetadataDbTest {};
INSTANTIATE_ENGINES(BucketsTest);

TEST_P(BucketsTest, CreateGetDelete) {
  EXPECT_EQ(Run(db_->GetBucket("b")).code(), Code::kNotFound);
  const auto made = Run(db_->CreateBucket("b", "me", "eu"));
  ASSERT_TRUE(made.ok());
  EXPECT_EQ(made->created_ms, clock_.wall_ms);
  EXPECT_EQ(Run(db_->CreateBucket("b", "you", "eu")).code(), Code::kAlreadyExists);
  const auto read = Run(db_->GetBucket("b"));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(**read, *made);
  EXPECT_EQ(*observer_.buckets.at("b"), *made);
  EXPECT_TRUE(Run(db_->DeleteBucket("b")).ok());
  EXPECT_EQ(observer_.buckets.at("b"), nullptr);
  EXPECT_EQ(Run(db_->DeleteBucket("b")).code(), Code::kNotFound);
  EXPECT_EQ(Run(db_->GetBucket("b")).code(), Code::kNotFound);
  const auto again = Run(db_->CreateBucket("b", "me", "eu"));
  ASSERT_TRUE(again.ok());
  EXPECT_GT(again->id, made->id);
}

// What the check says of the setting is said in the same transaction.
TEST_P(BucketsTest, CreateMayDependOnASetting) {
  const auto make = [&] {
    model::Bucket bucket;
    bucket.name = "b";
    MetadataDb::SettingCheck check{"door", [](const std::string& value) -> Status {
                                     if (value == "open") return Status::Ok();
                                     return {Code::kPreconditionFailed, "it is shut"};
                                   }};
    return Run(db_->CreateBucket(std::move(bucket), std::move(check))).code();
  };
  EXPECT_EQ(make(), Code::kPreconditionFailed);  // never set
  ASSERT_TRUE(Run(db_->PutSettings({{"door", "shut"}})).ok());
  EXPECT_EQ(make(), Code::kPreconditionFailed);
  EXPECT_EQ(Run(db_->GetBucket("b")).code(), Code::kNotFound);
  ASSERT_TRUE(Run(db_->PutSettings({{"door", "open"}})).ok());
  EXPECT_EQ(make(), Code::kOk);
  EXPECT_TRUE(Run(db_->GetBucket("b")).ok());
}

TEST_P(BucketsTest, ListIsOrderedFilteredAndPaged) {
  for (const char* name : {"c", "a1", "a3", "a2", "b"}) MakeBucket(name);
  const auto names = [&](const std::string& prefix, const std::string& after, uint32_t max) {
    std::string text;
    const auto buckets = Run(db_->ListBuckets(prefix, after, max));
    for (const auto& bucket : *buckets) text += bucket.name + " ";
    return text;
  };
  EXPECT_EQ(names("", "", 100), "a1 a2 a3 b c ");
  EXPECT_EQ(names("a", "", 100), "a1 a2 a3 ");
  EXPECT_EQ(names("a", "a1", 1), "a2 ");
  EXPECT_EQ(names("b", "a1", 5), "b ");
  EXPECT_EQ(names("", "a3", 1), "b ");
  EXPECT_EQ(names("z", "", 5), "");
}

TEST_P(BucketsTest, DeleteRefusesWhileAnObjectOrVersionIsThere) {
  const BucketId bucket = MakeBucket("bucket", model::Versioning::kEnabled);
  const std::string id = PutOne(bucket, "k").value()->version_id;
  EXPECT_EQ(Run(db_->DeleteBucket("bucket")).code(), Code::kConflict);
  const auto marker = Delete(bucket, "k");
  EXPECT_EQ(Run(db_->DeleteBucket("bucket")).code(), Code::kConflict);
  ASSERT_TRUE(Delete(bucket, "k", id).ok());
  EXPECT_EQ(Run(db_->DeleteBucket("bucket")).code(), Code::kConflict);
  ASSERT_TRUE(Delete(bucket, "k", marker->version_id).ok());
  EXPECT_TRUE(Run(db_->DeleteBucket("bucket")).ok());
}

TEST_P(BucketsTest, DeleteAbortsOpenUploads) {
  const BucketId bucket = MakeBucket();
  std::vector<model::Extent> extents;
  for (int i = 0; i < 3; ++i) {
    model::Upload upload;
    upload.bucket = bucket;
    upload.key = "k" + std::to_string(i);
    const auto made = Run(db_->CreateUpload(upload));
    for (uint32_t number = 1; number <= 1500; number += 500) {
      const model::Extent extent = MakeExtent(500);
      std::vector<MetadataDb::PutPartChange> parts;
      for (uint32_t j = 0; j < 500; ++j) {
        MetadataDb::PutPartChange part;
        part.bucket = bucket;
        part.key = upload.key;
        part.upload_id = made->id;
        part.part.etag = EtagOf("x");
        part.part.part = {.number = number + j,
                          .size = 1,
                          .checksum_value = "",
                          .slices = {SliceOf(extent, j, 1)}};
        parts.push_back(part);
      }
      for (const auto& result : Run(db_->PutParts({.extents = {extent}, .repairs = {}}, parts))) {
        ASSERT_TRUE(result.ok()) << result.status().ToString();
      }
      extents.push_back(extent);
    }
  }
  // 4,500 parts: more than one transaction gives up.
  ASSERT_TRUE(Run(db_->DeleteBucket("bucket")).ok());
  for (const model::Extent& extent : extents) {
    EXPECT_EQ(Live(extent), 0U);
    EXPECT_TRUE(IsReclaimed(extent));
  }
}

TEST_P(BucketsTest, SettingsAreKept) {
  EXPECT_EQ(Run(db_->GetSetting("a")).code(), Code::kNotFound);
  ASSERT_TRUE(Run(db_->PutSettings({{"a", "1"}, {"b", std::string("\0", 1)}})).ok());
  Reopen();
  EXPECT_EQ(*Run(db_->GetSetting("a")), "1");
  EXPECT_EQ(*Run(db_->GetSetting("b")), std::string("\0", 1));
}

TEST_P(BucketsTest, SequencesAreNotGivenTwiceAfterARestart) {
  const BucketId first = MakeBucket("a");
  uint64_t last = 0;
  for (int i = 0; i < 5; ++i) {
    const auto version = PutOne(first, "k");
    EXPECT_GT((*version)->sequence.value, last);
    last = (*version)->sequence.value;
    Reopen();
    EXPECT_GT(db_->ReserveSequence().value, last);
  }
  for (const auto& event : Outbox()) EXPECT_LE(event.sequence.value, last);
}

}  // namespace
}  // namespace ashlar::metadata_db
