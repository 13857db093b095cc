#include "model/object_version.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "model/tests/samples.h"

namespace ashlar::model {
namespace {

std::string Hex(const std::string& row) { return HexEncode(AsBytes(row)); }

// On disk: these bytes may never change for version 1.
TEST(ObjectVersionTest, GoldenRow) {
  const std::string row = EncodeObjectVersion(SampleVersion());
  EXPECT_EQ(Hex(row),
            "011ee807203031323334353637383961626364656630313233343536373839616263646566d80402"
            "d41d8cd98f00b204e9800998ecf8427e02fbd095ffbc310b5354414e444152445f4941010c636f6e"
            "74656e742d747970650a746578742f706c61696e020161013101620001010a4141414141413d3d2d"
            "320201ac02084141414141413d3d020102030405060708090a0b0c0d0e0f10006402030405060708"
            "090a0b0c0d0e0f101107c80103ac02084141414141413d3d020102030405060708090a0b0c0d0e0f"
            "10006402030405060708090a0b0c0d0e0f101107c801");
  EXPECT_EQ(*DecodeObjectVersion(row), SampleVersion());
}

TEST(ObjectVersionTest, GoldenPlainRow) {
  ObjectVersion version;
  version.sequence = Sequence{5};
  version.size = 4;
  version.etag = "098f6bcd4621d373cade4e832627b4f6";
  version.last_modified_ms = 1'700'000'000'000;
  version.parts = {{.number = 1,
                    .size = 4,
                    .checksum_value = "",
                    .slices = {{.extent = SampleId(1), .offset = 0, .length = 4}}}};
  const std::string row = EncodeObjectVersion(version);
  EXPECT_EQ(Hex(row),
            "0100050401098f6bcd4621d373cade4e832627b4f680d095ffbc3100000101040001010203040506"
            "0708090a0b0c0d0e0f100004");
  EXPECT_EQ(*DecodeObjectVersion(row), version);
}

TEST(ObjectVersionTest, GoldenRowWithExtras) {
  ObjectVersion version;
  version.sequence = Sequence{5};
  version.etag = "098f6bcd4621d373cade4e832627b4f6";
  version.last_modified_ms = 1'700'000'000'000;
  version.extras = SampleExtras();
  const std::string row = EncodeObjectVersion(version);
  EXPECT_EQ(Hex(row),
            "0120050001098f6bcd4621d373cade4e832627b4f680d095ffbc310000"
            "1f026d65016101016b0176020280d095ffbc31012f"
            "00");
  EXPECT_EQ(*DecodeObjectVersion(row), version);
  EXPECT_EQ(DecodeObjectVersionSummary(row)->extras, version.extras);
}

TEST(ObjectLockTest, WhoMayDeleteUntilWhen) {
  ObjectLock lock;
  EXPECT_FALSE(IsLocked(lock, 0, false));
  lock.mode = RetentionMode::kGovernance;
  lock.retain_until_ms = 1000;
  EXPECT_TRUE(IsLocked(lock, 999, false));
  EXPECT_FALSE(IsLocked(lock, 999, true));
  EXPECT_FALSE(IsLocked(lock, 1000, false));
  lock.mode = RetentionMode::kCompliance;
  EXPECT_TRUE(IsLocked(lock, 999, true));
  EXPECT_FALSE(IsLocked(lock, 1000, false));
  lock.legal_hold = LegalHold::kOn;
  EXPECT_TRUE(IsLocked(lock, 5000, true));
}

TEST(ObjectLockTest, TheDefaultOfABucketIsForWhatHasNoRetention) {
  constexpr int64_t kDayMs = 24LL * 3600 * 1000;
  Bucket bucket;
  bucket.default_retention = {.mode = RetentionMode::kGovernance, .days = 2, .years = 0};
  EXPECT_EQ(LockOfNewVersion(bucket, {}, 0), ObjectLock{});  // object lock is off
  bucket.object_lock = true;
  const ObjectLock held{
      .mode = RetentionMode::kNone, .retain_until_ms = 0, .legal_hold = LegalHold::kOn};
  EXPECT_EQ(LockOfNewVersion(bucket, held, 5), (ObjectLock{.mode = RetentionMode::kGovernance,
                                                           .retain_until_ms = 5 + 2 * kDayMs,
                                                           .legal_hold = LegalHold::kOn}));
  const ObjectLock own{
      .mode = RetentionMode::kCompliance, .retain_until_ms = 7, .legal_hold = LegalHold::kNeverSet};
  EXPECT_EQ(LockOfNewVersion(bucket, own, 5), own);
  bucket.default_retention = {.mode = RetentionMode::kGovernance, .days = 0, .years = 1};
  EXPECT_EQ(LockOfNewVersion(bucket, {}, 0).retain_until_ms, 365 * kDayMs);
}

TEST(ObjectVersionTest, TheRowOfASmallObjectIsSmall) {
  ObjectVersion version = SampleVersion();
  version.version_id = "null";
  version.storage_class = "STANDARD";
  version.sequence = Sequence{1ULL << 40};
  version.etag = "d41d8cd98f00b204e9800998ecf8427e";
  version.system_headers = {{"content-type", "application/octet-stream"}};
  version.user_metadata = {{"mtime", "1700000000.123456789"}};
  version.checksum = {.algorithm = ChecksumAlgorithm::kCrc64Nvme,
                      .type = ChecksumType::kFullObject,
                      .value = "AAAAAAAAAAA="};
  version.size = 300;
  version.parts = {SamplePart(1)};
  version.parts[0].checksum_value = "";
  version.parts[0].slices = {{.extent = SampleId(9), .offset = 60'000'000, .length = 300}};
  EXPECT_LT(EncodeObjectVersion(version).size(), 250U);
}

TEST(ObjectVersionTest, SummaryIsAllButTheParts) {
  ObjectVersion expected = SampleVersion();
  expected.parts.clear();
  EXPECT_EQ(*DecodeObjectVersionSummary(EncodeObjectVersion(SampleVersion())), expected);
  EXPECT_FALSE(DecodeObjectVersionSummary("").ok());
}

TEST(ObjectVersionTest, EtagsOfEveryFormReadBack) {
  const std::string md5 = "098f6bcd4621d373cade4e832627b4f6";
  for (const std::string& etag :
       {std::string(), md5, md5 + "-1", md5 + "-10000", md5 + "-01", md5 + "-0", md5 + "-",
        md5 + "-123456", md5 + "x", md5.substr(1), std::string("098F6BCD4621D373CADE4E832627B4F6"),
        std::string("any text")}) {
    ObjectVersion version;
    version.etag = etag;
    EXPECT_EQ(DecodeObjectVersion(EncodeObjectVersion(version))->etag, etag);
  }
}

TEST(ObjectVersionTest, CutRowsAreRefused) {
  const std::string row = EncodeObjectVersion(SampleVersion());
  for (size_t size = 0; size < row.size(); ++size) {
    EXPECT_EQ(DecodeObjectVersion(std::string_view(row).substr(0, size)).code(), Code::kCorrupt);
  }
  EXPECT_EQ(DecodeObjectVersion(row + "x").code(), Code::kCorrupt);
}

TEST(ObjectVersionTest, SlicesThatDoNotMakeUpThePartAreRefused) {
  ObjectVersion version;
  version.parts = {{.number = 1,
                    .size = 4,
                    .checksum_value = "",
                    .slices = {{.extent = SampleId(1), .offset = 0, .length = 4}}}};
  std::string row = EncodeObjectVersion(version);
  row.back() = 5;
  EXPECT_EQ(DecodeObjectVersion(row).code(), Code::kCorrupt);
}

TEST(UploadTest, GoldenRows) {
  Upload upload;
  upload.id = SampleId(0x40);
  upload.bucket = BucketId{9};
  upload.key = "k";
  upload.owner = "o";
  upload.initiated_ms = 1'700'000'000'000;
  upload.key_sequence = Sequence{8};
  upload.system_headers = {{"content-type", "a/b"}};
  upload.checksum_algorithm = ChecksumAlgorithm::kSha256;
  upload.checksum_type = ChecksumType::kComposite;
  EXPECT_EQ(Hex(EncodeUpload(upload)),
            "02404142434445464748494a4b4c4d4e4f09016b016f80d095ffbc3108085354414e44415244010c"
            "636f6e74656e742d7479706503612f6200050100");
  EXPECT_EQ(*DecodeUpload(EncodeUpload(upload)), upload);
  // The first format, before extras.
  std::string first;
  ASSERT_TRUE(
      HexDecode("01404142434445464748494a4b4c4d4e4f09016b016f80d095ffbc3108085354414e44415244010c"
                "636f6e74656e742d7479706503612f62000501",
                &first));
  EXPECT_EQ(*DecodeUpload(first), upload);
  upload.extras = SampleExtras();
  EXPECT_EQ(*DecodeUpload(EncodeUpload(upload)), upload);

  UploadPart part;
  part.sequence = Sequence{77};
  part.etag = "098f6bcd4621d373cade4e832627b4f6";
  part.last_modified_ms = 1'700'000'000'000;
  part.part = SamplePart(2);
  EXPECT_EQ(Hex(EncodeUploadPart(part)),
            "014d01098f6bcd4621d373cade4e832627b4f680d095ffbc3100000002ac02084141414141413d3d"
            "020102030405060708090a0b0c0d0e0f10006402030405060708090a0b0c0d0e0f101107c801");
  EXPECT_EQ(*DecodeUploadPart(EncodeUploadPart(part)), part);
  EXPECT_EQ(*DecodeManifest(EncodeManifest({part.part})), std::vector{part.part});
}

Part ArbitraryPart() {
  Part part;
  part.number = *rc::gen::inRange<uint32_t>(1, 10'001);
  part.checksum_value = *rc::gen::arbitrary<std::string>();
  const size_t slices = *rc::gen::inRange<size_t>(0, 5);
  for (size_t i = 0; i < slices; ++i) {
    Slice slice;
    slice.extent = SampleId(*rc::gen::arbitrary<uint8_t>());
    slice.offset = *rc::gen::inRange<uint64_t>(0, 1ULL << 50);
    slice.length = *rc::gen::inRange<uint64_t>(0, 1ULL << 40);
    part.size += slice.length;
    part.slices.push_back(slice);
  }
  return part;
}

TEST(ObjectVersionTest, AnyVersionReadsBack) {
  EXPECT_TRUE(rc::check([] {
    ObjectVersion version;
    version.sequence = Sequence{*rc::gen::arbitrary<uint64_t>()};
    version.version_id = *rc::gen::arbitrary<std::string>();
    version.kind = *rc::gen::element(ObjectKind::kData, ObjectKind::kDeleteMarker);
    version.size = *rc::gen::arbitrary<uint64_t>();
    version.etag = *rc::gen::arbitrary<std::string>();
    version.last_modified_ms = *rc::gen::arbitrary<int64_t>();
    version.storage_class = *rc::gen::arbitrary<std::string>();
    version.system_headers = *rc::gen::arbitrary<HeaderList>();
    version.user_metadata = *rc::gen::arbitrary<HeaderList>();
    version.checksum.value = *rc::gen::arbitrary<std::string>();
    version.is_multipart = *rc::gen::arbitrary<bool>();
    const size_t parts = *rc::gen::inRange<size_t>(0, 4);
    for (size_t i = 0; i < parts; ++i) version.parts.push_back(ArbitraryPart());
    const auto read = DecodeObjectVersion(EncodeObjectVersion(version));
    RC_ASSERT(read.ok());
    RC_ASSERT(*read == version);
  }));
}

TEST(ObjectVersionTest, TheSlicesOfARangeAreCutAtItsEnds) {
  ExtentId a, b;
  a.bytes[0] = 1;
  b.bytes[0] = 2;
  const std::vector<Part> parts = {
      {.number = 1, .size = 10, .checksum_value = "", .slices = {{a, 100, 6}, {b, 0, 4}}},
      {.number = 2, .size = 5, .checksum_value = "", .slices = {{a, 50, 5}}}};
  const std::vector<Slice> whole = {{a, 100, 6}, {b, 0, 4}, {a, 50, 5}};
  const std::vector<Slice> middle = {{a, 105, 1}, {b, 0, 4}, {a, 50, 1}};
  EXPECT_EQ(SlicesOfRange(parts, 0, 15), whole);
  EXPECT_EQ(SlicesOfRange(parts, 5, 6), middle);
  EXPECT_EQ(SlicesOfRange(parts, 6, 4), std::vector({Slice{b, 0, 4}}));
  EXPECT_EQ(SlicesOfRange(parts, 14, 1), std::vector({Slice{a, 54, 1}}));
  EXPECT_TRUE(SlicesOfRange(parts, 15, 0).empty());
}

TEST(ObjectVersionTest, ArbitraryBytesNeverCrash) {
  EXPECT_TRUE(rc::check([](std::string bytes) {
    bytes.insert(bytes.begin(), 1);
    (void)DecodeObjectVersion(bytes).ok();
    (void)DecodeUpload(bytes).ok();
    (void)DecodeUploadPart(bytes).ok();
    (void)DecodeManifest(bytes).ok();
    (void)DecodeDirectory(bytes).ok();
    (void)DecodeDeadShard(bytes).ok();
    bytes[0] = 2;
    (void)DecodeReclaimRecord(bytes).ok();
    (void)DecodeOutboxEvent(bytes).ok();
    (void)DecodeDirectory(bytes).ok();
  }));
}

}  // namespace
}  // namespace ashlar::model
