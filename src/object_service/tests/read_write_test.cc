// Objects of all sizes, ranges, packing, failed bodies.
#include <set>

#include "object_service/checksums.h"
#include "object_service/tests/store_fixture.h"

namespace ashlar::object_service {
namespace {

using ReadWriteTest = StoreFixture;

TEST_F(ReadWriteTest, SizesAroundEveryBoundaryComeBackWhole) {
  const std::vector<size_t> sizes = {
      0,       1,         63,        64,        65,         409,        4096,       16'383,
      16'384,  16'385,    65'535,    65'536,    131'072,    131'073,    655'359,    655'360,
      655'361, 1'310'720, 1'310'721, 3'000'000, 67'108'863, 67'108'864, 67'108'865, 70'000'000};
  for (const size_t size : sizes) {
    const std::string key = "size-" + std::to_string(size);
    const std::string bytes = RandomBytes(size, size);
    const auto version = Put(key, bytes);
    ASSERT_TRUE(version.ok()) << size << " " << version.status().ToString();
    EXPECT_EQ((*version)->size, size);
    EXPECT_EQ((*version)->etag, HexEncode(Md5(AsBytes(bytes))));
    const auto back = Get(key);
    ASSERT_TRUE(back.ok()) << size << " " << back.status().ToString();
    EXPECT_TRUE(*back == bytes) << size;
  }
}

TEST_F(ReadWriteTest, DirectoriesSayWhatTheObjectIs) {
  // Packed, one extent, two extents.
  for (const size_t size : {1'000, 1'000'000, 67'108'865}) {
    const std::string bytes = RandomBytes(size, size);
    PutObjectRequest request;
    request.bucket = bucket_;
    request.key = "k";
    request.attributes.storage_class = "STANDARD_IA";
    request.attributes.user_metadata = {{"a", "b"}};
    MemoryBody body(bytes);
    const auto version = Run(service_->PutObject(request, body));
    ASSERT_TRUE(version.ok());
    const std::vector<model::Slice>& slices = (*version)->parts[0].slices;
    const auto entries = Directory(slices.back().extent);
    ASSERT_EQ(entries.size(), 1U);
    EXPECT_TRUE(entries[0].last);
    EXPECT_EQ(entries[0].key, "k");
    EXPECT_EQ(entries[0].object_size, size);
    EXPECT_EQ(HexEncode(entries[0].md5), (*version)->etag);
    EXPECT_EQ(entries[0].checksum, (*version)->checksum);
    EXPECT_EQ(entries[0].storage_class, "STANDARD_IA");
    EXPECT_EQ(entries[0].user_metadata, request.attributes.user_metadata);
    // Until the body has come to its end nothing is known of it but its lengths.
    if (slices.size() == 1) continue;
    const auto first = Directory(slices.front().extent);
    EXPECT_FALSE(first.at(0).last);
    EXPECT_EQ(first.at(0).checksum.value, std::string((*version)->checksum.value.size(), '='));
  }
}

TEST_F(ReadWriteTest, AnyRangeOfALargeObject) {
  const std::string bytes = RandomBytes(2'000'000, 7);
  ASSERT_TRUE(Put("large", bytes).ok());
  const std::vector<std::pair<uint64_t, uint64_t>> ranges = {
      {0, 1},         {65'535, 2},          {655'359, 2},     {100'000, 300'000},
      {1'999'999, 1}, {600'000, 1'400'000}, {16'384, 16'384}, {1'310'000, 690'000}};
  for (const auto& [offset, length] : ranges) {
    const auto back = Get("large", offset, length);
    ASSERT_TRUE(back.ok());
    EXPECT_TRUE(*back == bytes.substr(offset, length)) << offset << "+" << length;
  }
}

Task<Status> PutOne(ObjectService* service, BucketPtr bucket, int index, Executor* executor) {
  SwitchTo there(*executor);
  co_await there;
  PutObjectRequest request;
  request.bucket = bucket;
  request.key = "small-" + std::to_string(index);
  MemoryBody body(RandomBytes(static_cast<size_t>(index) * 13, static_cast<uint64_t>(index)));
  body.leave_md5 = index % 3 != 0;  // both kinds in one batch
  const auto result = co_await service->PutObject(request, body);
  co_return result.status();
}

Task<Status> PutMany(ObjectService* service, BucketPtr bucket, EventLoopGroup* loops, int count) {
  std::vector<Task<Status>> tasks;
  for (int i = 0; i < count; ++i) {
    tasks.push_back(PutOne(service, bucket, i, &loops->loop(static_cast<size_t>(i) % 2)));
  }
  for (const Status& status : co_await WhenAll(std::move(tasks))) CO_RETURN_IF_ERROR(status);
  co_return Status::Ok();
}

TEST_F(ReadWriteTest, SmallObjectsOfOneTickShareExtents) {
  constexpr int kCount = 300;
  const Status status = Run(PutMany(service_.get(), bucket_, loops_.get(), kCount));
  ASSERT_TRUE(status.ok()) << status.ToString();
  std::set<ExtentId> extents;
  for (int i = 0; i < kCount; ++i) {
    const auto version = Run(service_->FindVersion(bucket_, "small-" + std::to_string(i), {}));
    ASSERT_TRUE(version.ok());
    for (const model::Slice& slice : (*version)->parts.at(0).slices) extents.insert(slice.extent);
    const auto back = Get("small-" + std::to_string(i));
    ASSERT_TRUE(back.ok());
    EXPECT_EQ(*back, RandomBytes(static_cast<size_t>(i) * 13, static_cast<uint64_t>(i)));
    EXPECT_EQ((*version)->etag, HexEncode(Md5(AsBytes(*back)))) << i;
  }
  EXPECT_LT(extents.size(), kCount / 4U);
}

Task<Status> PutAlone(ObjectService* service, BucketPtr bucket, Executor* executor) {
  SwitchTo there(*executor);
  co_await there;
  PutObjectRequest request;
  request.bucket = bucket;
  request.key = "alone";
  request.alone = true;
  MemoryBody body("apart from others");
  co_return (co_await service->PutObject(request, body)).status();
}

Task<void> PutPatiently(ObjectService* service, BucketPtr bucket, std::string key,
                        std::string bytes, Duration patience, Status* out) {
  PutObjectRequest request;
  request.bucket = bucket;
  request.key = std::move(key);
  request.alone = true;
  request.patience = patience;
  MemoryBody body(std::move(bytes));
  *out = (co_await service->PutObject(request, body)).status();
}

Task<Status> PutAmongOthers(ObjectService* service, BucketPtr bucket, Executor* executor) {
  std::vector<Task<Status>> tasks;
  for (int i = 1; i < 20; ++i) {
    if (i == 10) tasks.push_back(PutAlone(service, bucket, executor));
    tasks.push_back(PutOne(service, bucket, i, executor));
  }
  for (const Status& status : co_await WhenAll(std::move(tasks))) CO_RETURN_IF_ERROR(status);
  co_return Status::Ok();
}

TEST_F(ReadWriteTest, WhoWantsToBeAloneSharesNoExtent) {
  ASSERT_TRUE(Run(PutAmongOthers(service_.get(), bucket_, &loops_->loop(0))).ok());
  const auto extent_of = [this](const std::string& key) {
    return (*Run(service_->FindVersion(bucket_, key, {})))->parts[0].slices[0].extent;
  };
  std::set<ExtentId> others;
  for (int i = 1; i < 20; ++i) others.insert(extent_of("small-" + std::to_string(i)));
  EXPECT_FALSE(others.contains(extent_of("alone")));
  EXPECT_LT(others.size(), 10U);
  EXPECT_EQ(*Get("alone"), "apart from others");
}

// Small and large: all shards wait for a client's write, which waits for nobody.
TEST_F(ReadWriteTest, WhoHasPatienceIsStoredAndHoldsUpNobody) {
  constexpr auto kPatience = std::chrono::seconds(2);
  for (const size_t size : {1000UL, 300'000UL}) {
    TaskScope scope;
    Status stored(Code::kInternal, "no answer");
    const std::string key = "patient-" + std::to_string(size);
    const std::string bytes = RandomBytes(size, 1);
    scope.Spawn(loops_->loop(0),
                PutPatiently(service_.get(), bucket_, key, bytes, kPatience, &stored));
    const int64_t begin = SystemClock().MonotonicNanoseconds();
    // More than one, as the shards of the patient one may not have been written yet at the first.
    for (int i = 0; scope.active() > 0; ++i) {
      ASSERT_TRUE(Put("hasty", RandomBytes(1000, static_cast<uint64_t>(i))).ok());
    }
    loops_->RunToCompletion(scope.Join());
    const Duration taken(SystemClock().MonotonicNanoseconds() - begin);
    EXPECT_LT(taken, kPatience / 2) << "of " << size;
    ASSERT_TRUE(stored.ok()) << stored.ToString();
    EXPECT_EQ(*Get(key), bytes);
  }
}

TEST_F(ReadWriteTest, ABodyThatFailsLeavesNothingVisible) {
  for (const size_t size : {1000UL, 1'000'000UL, 70'000'000UL}) {
    PutObjectRequest request;
    request.bucket = bucket_;
    request.key = "cut";
    MemoryBody body(RandomBytes(size, 3));
    body.fail_at = size - size / 50;
    body.piece_max = size / 50;
    const auto result = Run(service_->PutObject(request, body));
    EXPECT_EQ(result.code(), Code::kCancelled) << size;
    EXPECT_EQ(Get("cut").code(), Code::kNotFound);
  }
  EXPECT_EQ(ReclaimCount(), 1U);  // the first, complete extent of the largest
}

TEST_F(ReadWriteTest, OverwritesAndDeletesDropReferencesOnce) {
  ASSERT_TRUE(Put("key", RandomBytes(200'000, 1)).ok());
  ASSERT_TRUE(Put("key", RandomBytes(300'000, 2)).ok());
  EXPECT_EQ(ReclaimCount(), 1U);
  CopyObjectRequest copy;
  copy.source_bucket = copy.bucket = bucket_;
  copy.source_key = "key";
  copy.key = "copy";
  copy.source = *Run(service_->FindVersion(bucket_, "key", {}));
  ASSERT_TRUE(Run(service_->CopyObject(copy)).ok());
  std::vector<metadata_db::DeleteObjectChange> changes(1);
  changes[0].key = "key";
  ASSERT_TRUE(Run(service_->DeleteObjects(bucket_, changes)).front().ok());
  EXPECT_EQ(ReclaimCount(), 1U) << "the copy still refers to the extent";
  const auto back = Get("copy");
  ASSERT_TRUE(back.ok());
  EXPECT_TRUE(*back == RandomBytes(300'000, 2));
  changes[0].key = "copy";
  ASSERT_TRUE(Run(service_->DeleteObjects(bucket_, changes)).front().ok());
  EXPECT_EQ(ReclaimCount(), 2U);
}

TEST_F(ReadWriteTest, MultipartJoinsPartsInOrder) {
  CreateUploadRequest create;
  create.bucket = bucket_;
  create.key = "multi";
  const auto upload = Run(service_->CreateUpload(create));
  ASSERT_TRUE(upload.ok());
  std::string whole;
  CompleteUploadRequest complete;
  complete.bucket = bucket_;
  complete.key = "multi";
  complete.upload_id = upload->id;
  for (uint32_t number : {1U, 4U, 7U}) {
    const std::string bytes = RandomBytes(number == 4 ? 900'000 : 5000, number);
    UploadPartRequest part;
    part.bucket = bucket_;
    part.upload = *upload;
    part.part_number = number;
    MemoryBody body(bytes);
    const auto stored = Run(service_->UploadPart(part, body));
    ASSERT_TRUE(stored.ok()) << stored.status().ToString();
    complete.parts.push_back({number, stored->etag, {}});
    whole += bytes;
  }
  CompleteRefusal refusal;
  const auto version = Run(service_->CompleteUpload(complete, &refusal));
  ASSERT_TRUE(version.ok()) << version.status().ToString();
  EXPECT_EQ((*version)->checksum.value, EncodeCrc64(Crc64Nvme(0, AsBytes(whole))));
  EXPECT_TRUE((*version)->etag.ends_with("-3"));
  const auto back = Get("multi");
  ASSERT_TRUE(back.ok());
  EXPECT_TRUE(*back == whole);
  const auto middle = Get("multi", 4990, 20);
  ASSERT_TRUE(middle.ok());
  EXPECT_EQ(*middle, whole.substr(4990, 20));
}

}  // namespace
}  // namespace ashlar::object_service
