#include "metadata_db/tests/metadata_db_fixture.h"

namespace ashlar::metadata_db {
namespace {

class UploadsTest : public MetadataDbTest {
 protected:
  model::Upload Create(BucketId bucket, const std::string& key) {
    model::Upload upload;
    upload.bucket = bucket;
    upload.key = key;
    upload.owner = "me";
    auto made = Run(db_->CreateUpload(upload));
    CHECK(made.ok());
    return *made;
  }
  Result<model::UploadPart> PutPart(const model::Upload& upload, uint32_t number, uint64_t bytes,
                                    const std::string& text, Sequence began = {},
                                    model::Extent* extent_out = nullptr) {
    const model::Extent extent = MakeExtent(bytes);
    if (extent_out != nullptr) *extent_out = extent;
    MetadataDb::PutPartChange change;
    change.bucket = upload.bucket;
    change.key = upload.key;
    change.upload_id = upload.id;
    change.part.etag = EtagOf(text);
    change.part.part = {.number = number,
                        .size = bytes,
                        .checksum_value = "",
                        .slices = {SliceOf(extent, 0, bytes)}};
    change.began = began;
    return Run(db_->PutParts({.extents = {extent}, .repairs = {}}, {change})).at(0);
  }
  static CompleteUploadChange Completion(const model::Upload& upload,
                                         std::vector<std::pair<uint32_t, std::string>> parts) {
    CompleteUploadChange change;
    change.bucket = upload.bucket;
    change.key = upload.key;
    change.upload_id = upload.id;
    for (const auto& [number, text] : parts) {
      change.parts.push_back({.number = number, .etag = EtagOf(text)});
    }
    change.assemble =
        [](const model::Upload&,
           const std::vector<model::UploadPart>& chosen) -> Result<model::ObjectVersion> {
      model::ObjectVersion version;
      version.is_multipart = true;
      version.etag = EtagOf("all") + "-" + std::to_string(chosen.size());
      for (const model::UploadPart& part : chosen) {
        version.size += part.part.size;
        version.parts.push_back(part.part);
      }
      return version;
    };
    return change;
  }
};
INSTANTIATE_ENGINES(UploadsTest);

TEST_P(UploadsTest, CompleteHandsOverTheParts) {
  const BucketId bucket = MakeBucket();
  const model::Upload upload = Create(bucket, "k");
  EXPECT_EQ(*Run(db_->GetUpload(bucket, "k", upload.id)), upload);
  EXPECT_EQ(Run(db_->GetUpload(bucket, "other", upload.id)).code(), Code::kNotFound);
  std::vector<model::Extent> extents(3);
  for (uint32_t i = 0; i < 3; ++i) {
    ASSERT_TRUE(PutPart(upload, i + 1, 10 + i, std::to_string(i), {}, &extents[i]).ok());
  }
  const auto done = Run(db_->CompleteUpload(Completion(upload, {{1, "0"}, {3, "2"}})));
  ASSERT_TRUE(done.ok()) << done.status().ToString();
  EXPECT_EQ((*done)->size, 22U);
  EXPECT_EQ(**Current(bucket, "k"), **done);
  EXPECT_EQ(Live(extents[0]), 10U);
  EXPECT_EQ(Live(extents[2]), 12U);
  EXPECT_TRUE(IsReclaimed(extents[1]));
  EXPECT_EQ(Run(db_->GetUpload(bucket, "k", upload.id)).code(), Code::kNotFound);
  EXPECT_EQ(PutPart(upload, 4, 1, "late").code(), Code::kNotFound);
  EXPECT_EQ(Run(db_->AbortUpload(bucket, "k", upload.id)).code(), Code::kNotFound);
  EXPECT_EQ(Outbox().back().version_sequence, (*done)->sequence);
}

TEST_P(UploadsTest, ARepeatedCompleteGivesTheSameAnswerForAWeek) {
  const BucketId bucket = MakeBucket();
  const model::Upload upload = Create(bucket, "k");
  (void)PutPart(upload, 1, 10, "a");
  const auto completion = Completion(upload, {{1, "a"}});
  const auto first = Run(db_->CompleteUpload(completion));
  ASSERT_TRUE(first.ok());
  (void)PutOne(bucket, "k", 1, {}, "newer");
  Reopen();
  const auto second = Run(db_->CompleteUpload(completion));
  ASSERT_TRUE(second.ok());
  EXPECT_EQ((*second)->etag, (*first)->etag);
  EXPECT_EQ((*second)->sequence, (*first)->sequence);
  EXPECT_EQ((*Current(bucket, "k"))->etag, EtagOf("newer"));
  auto other = completion;
  other.parts[0].number = 2;
  EXPECT_EQ(Run(db_->CompleteUpload(other)).code(), Code::kNotFound);
  other = completion;
  other.key = "other";
  EXPECT_EQ(Run(db_->CompleteUpload(other)).code(), Code::kNotFound);
  // After a week the next upload sweeps it away.
  clock_.wall_ms += 7LL * 24 * 3600 * 1000 + 1;
  (void)Create(bucket, "sweeper");
  EXPECT_EQ(Run(db_->CompleteUpload(completion)).code(), Code::kNotFound);
}

TEST_P(UploadsTest, CompleteRefusesWrongPartsWithoutEffect) {
  const BucketId bucket = MakeBucket();
  const model::Upload upload = Create(bucket, "k");
  model::Extent extent;
  (void)PutPart(upload, 1, 10, "a", {}, &extent);
  for (const auto& change :
       {Completion(upload, {{1, "b"}}), Completion(upload, {{1, "a"}, {2, "a"}})}) {
    EXPECT_EQ(Run(db_->CompleteUpload(change)).code(), Code::kInvalidArgument);
  }
  auto failing = Completion(upload, {{1, "a"}});
  failing.assemble = [](const model::Upload&,
                        const std::vector<model::UploadPart>&) -> Result<model::ObjectVersion> {
    return Status(Code::kCorrupt, "mine");
  };
  EXPECT_EQ(Run(db_->CompleteUpload(failing)).code(), Code::kCorrupt);
  EXPECT_EQ(Live(extent), 10U);
  EXPECT_EQ(Current(bucket, "k").code(), Code::kNotFound);
  EXPECT_TRUE(Run(db_->CompleteUpload(Completion(upload, {{1, "a"}}))).ok());
}

TEST_P(UploadsTest, ConditionsOfComplete) {
  const BucketId bucket = MakeBucket();
  const WriteCondition absent{.must_not_exist = true, .etag_match = std::nullopt};
  const WriteCondition match{.must_not_exist = false, .etag_match = EtagOf("x")};
  const auto attempt = [&](const WriteCondition& condition, auto&& between) {
    const model::Upload upload = Create(bucket, "k");
    (void)PutPart(upload, 1, 10, "a");
    between();
    auto completion = Completion(upload, {{1, "a"}});
    completion.condition = condition;
    return Run(db_->CompleteUpload(completion)).code();
  };
  const auto nothing = [] {};
  const auto put = [&] { (void)PutOne(bucket, "k", 1, {}, "x"); };
  const auto remove = [&] { (void)Delete(bucket, "k"); };
  EXPECT_EQ(attempt(match, nothing), Code::kNotFound);
  EXPECT_EQ(attempt(absent, put), Code::kPreconditionFailed);  // told before the conflict
  EXPECT_EQ(attempt(absent, nothing), Code::kPreconditionFailed);
  EXPECT_EQ(attempt(match, put), Code::kConflict);  // identical content, yet changed
  EXPECT_EQ(attempt(absent, remove), Code::kConflict);
  EXPECT_EQ(attempt(absent, nothing), Code::kOk);
  put();
  EXPECT_EQ(attempt(match, nothing), Code::kOk);
}

TEST_P(UploadsTest, TheUploadOfAPartThatBeganLaterStays) {
  const BucketId bucket = MakeBucket();
  const model::Upload upload = Create(bucket, "k");
  const Sequence early = db_->ReserveSequence();
  const Sequence late = db_->ReserveSequence();
  model::Extent early_extent;
  model::Extent late_extent;
  ASSERT_TRUE(PutPart(upload, 1, 10, "late", late, &late_extent).ok());
  ASSERT_TRUE(PutPart(upload, 1, 11, "early", early, &early_extent).ok());
  auto page = Run(db_->ListParts(bucket, "k", upload.id, 0, 100));
  ASSERT_EQ(page->parts.size(), 1U);
  EXPECT_EQ(page->parts[0].etag, EtagOf("late"));
  EXPECT_TRUE(IsReclaimed(early_extent));
  EXPECT_EQ(Live(late_extent), 10U);
  // One that began in between two that are stored one after the other, but ends last of all.
  const Sequence next = db_->ReserveSequence();
  ASSERT_TRUE(PutPart(upload, 1, 12, "next", next).ok());
  EXPECT_TRUE(IsReclaimed(late_extent));
  page = Run(db_->ListParts(bucket, "k", upload.id, 0, 100));
  EXPECT_EQ(page->parts[0].etag, EtagOf("next"));
}

TEST_P(UploadsTest, PartsAreListedInPages) {
  const BucketId bucket = MakeBucket();
  const model::Upload upload = Create(bucket, "k");
  for (const uint32_t number : {300U, 1U, 7U, 10'000U}) (void)PutPart(upload, number, 1, "x");
  const auto first = Run(db_->ListParts(bucket, "k", upload.id, 0, 2));
  EXPECT_TRUE(first->truncated);
  EXPECT_EQ(first->upload, upload);
  EXPECT_EQ(first->parts[1].part.number, 7U);
  const auto second = Run(db_->ListParts(bucket, "k", upload.id, 7, 2));
  EXPECT_FALSE(second->truncated);
  EXPECT_EQ(second->parts[0].part.number, 300U);
  EXPECT_EQ(second->parts[1].part.number, 10'000U);
  EXPECT_EQ(Run(db_->ListParts(bucket, "k", UniqueId(), 0, 2)).code(), Code::kNotFound);
}

TEST_P(UploadsTest, AbortGivesUpEverything) {
  const BucketId bucket = MakeBucket();
  const model::Upload upload = Create(bucket, "k");
  model::Extent extent;
  (void)PutPart(upload, 1, 10, "a", {}, &extent);
  ASSERT_TRUE(Run(db_->AbortUpload(bucket, "k", upload.id)).ok());
  EXPECT_TRUE(IsReclaimed(extent));
  EXPECT_EQ(Run(db_->AbortUpload(bucket, "k", upload.id)).code(), Code::kNotFound);
  EXPECT_EQ(Run(db_->CompleteUpload(Completion(upload, {{1, "a"}}))).code(), Code::kNotFound);
  EXPECT_TRUE(Run(db_->DeleteBucket("bucket")).ok());
}

TEST_P(UploadsTest, PartsCanShareTheSlicesOfAnObject) {
  const BucketId bucket = MakeBucket();
  model::Extent extent;
  const auto source = PutOne(bucket, "src", 100, {}, "s", &extent);
  const model::Upload upload = Create(bucket, "k");
  MetadataDb::PutPartChange change;
  change.bucket = bucket;
  change.key = "k";
  change.upload_id = upload.id;
  change.part.etag = EtagOf("range");
  change.part.part = {
      .number = 1, .size = 40, .checksum_value = "", .slices = {SliceOf(extent, 10, 40)}};
  change.source = {.bucket = bucket, .key = "src", .sequence = (*source)->sequence};
  ASSERT_TRUE(Run(db_->PutParts({}, {change})).at(0).ok());
  EXPECT_EQ(Live(extent), 140U);
  (void)Delete(bucket, "src");
  EXPECT_EQ(Live(extent), 40U);
  EXPECT_EQ(Run(db_->PutParts({}, {change})).at(0).code(), Code::kNotFound);
  ASSERT_TRUE(Run(db_->CompleteUpload(Completion(upload, {{1, "range"}}))).ok());
  EXPECT_EQ(Live(extent), 40U);
}

TEST_P(UploadsTest, UploadsAreListedByKeyThenTimeWithDelimiterAndMarkers) {
  const BucketId bucket = MakeBucket();
  std::vector<model::Upload> made;
  for (const char* key : {"b", "a", "a", "d/1", "d/2", "e"}) {
    clock_.wall_ms += 10;
    made.push_back(Create(bucket, key));
  }
  const auto list = [&](const std::string& delimiter, const std::string& key, const std::string& id,
                        uint32_t max) {
    ListUploadsRequest request;
    request.bucket = bucket;
    request.delimiter = delimiter;
    request.key_marker = key;
    request.upload_id_marker = id;
    request.max_entries = max;
    const auto page = Run(db_->ListUploads(request));
    CHECK(page.ok());
    std::string text;
    for (const auto& upload : page->uploads) {
      for (size_t i = 0; i < made.size(); ++i) {
        if (made[i].id == upload.id) text += upload.key + std::to_string(i) + " ";
      }
    }
    for (const auto& prefix : page->common_prefixes) text += "[" + prefix + "] ";
    return text + (page->truncated ? "T" : "");
  };
  EXPECT_EQ(list("", "", "", 100), "a1 a2 b0 d/13 d/24 e5 ");
  EXPECT_EQ(list("/", "", "", 100), "a1 a2 b0 e5 [d/] ");
  EXPECT_EQ(list("", "", "", 1), "a1 T");
  EXPECT_EQ(list("", "a", made[1].id.ToHex(), 1), "a2 T");
  EXPECT_EQ(list("", "a", "", 1), "b0 T");
  EXPECT_EQ(list("", "", made[1].id.ToHex(), 1), "a1 T");
  EXPECT_EQ(list("/", "d/", "", 9), "e5 ");
  ListUploadsRequest bad;
  bad.bucket = bucket;
  bad.key_marker = "a";
  bad.upload_id_marker = "not hex";
  EXPECT_EQ(Run(db_->ListUploads(bad)).code(), Code::kInvalidArgument);
}

TEST_P(UploadsTest, TenThousandPartsCompleteQuickly) {
  const BucketId bucket = MakeBucket();
  const model::Upload upload = Create(bucket, "k");
  const model::Extent extent = MakeExtent(10'000);
  std::vector<MetadataDb::PutPartChange> changes;
  std::vector<std::pair<uint32_t, std::string>> names;
  for (uint32_t number = 1; number <= 10'000; ++number) {
    MetadataDb::PutPartChange change;
    change.bucket = bucket;
    change.key = "k";
    change.upload_id = upload.id;
    change.part.etag = EtagOf("x");
    change.part.part = {.number = number,
                        .size = 1,
                        .checksum_value = "",
                        .slices = {SliceOf(extent, number - 1, 1)}};
    changes.push_back(change);
    names.emplace_back(number, "x");
  }
  (void)Run(db_->PutParts({.extents = {extent}, .repairs = {}}, changes));
  const int64_t begin = SystemClock().MonotonicNanoseconds();
  const auto done = Run(db_->CompleteUpload(Completion(upload, names)));
  const int64_t ms = (SystemClock().MonotonicNanoseconds() - begin) / 1'000'000;
  ASSERT_TRUE(done.ok());
  RecordProperty("complete_ms", static_cast<int>(ms));
  EXPECT_EQ((*Current(bucket, "k"))->parts.size(), 10'000U);
  EXPECT_EQ(Live(extent), 10'000U);
}

}  // namespace
}  // namespace ashlar::metadata_db
