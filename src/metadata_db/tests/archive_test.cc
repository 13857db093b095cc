// A store is exported, imported into an empty one, and must be the same: every version with its id,
// order and content, uploads and parts, and balanced books.
#include "metadata_db/archive.h"

#include <gtest/gtest.h>

#include "metadata_db/tests/metadata_db_fixture.h"

namespace ashlar::metadata_db {
namespace {

class ArchiveTest : public MetadataDbTest {
 protected:
  MetadataExport::Page ExportAll(uint64_t bytes_max, BucketId skipped = {}) {
    MetadataExport rows(*store_);
    through_ = *Run(rows.Through());
    MetadataExport::Page all;
    for (bool at_end = false; !at_end;) {
      auto page = Run(rows.Next(bytes_max, skipped));
      CHECK(page.ok());
      at_end = page->at_end;
      ++pages_;
      Append(&all.extents, page->extents);
      Append(&all.buckets, page->buckets);
      Append(&all.versions, page->versions);
      Append(&all.uploads, page->uploads);
      Append(&all.parts, page->parts);
    }
    return all;
  }
  template <typename T>
  static void Append(std::vector<T>* to, const std::vector<T>& from) {
    to->insert(to->end(), from.begin(), from.end());
  }

  // Some of everything.
  void Fill() {
    const BucketId plain = MakeBucket("plain");
    const BucketId versioned = MakeBucket("versioned", model::Versioning::kEnabled);
    for (int i = 0; i < 20; ++i) {
      CHECK(PutOne(plain, "key" + std::to_string(i), 1000).ok());
    }
    CHECK(PutOne(plain, std::string("odd\0key\xff", 8), 7).ok());
    CHECK(Delete(plain, "key3").ok());
    for (int i = 0; i < 3; ++i) CHECK(PutOne(versioned, "k", 50).ok());
    CHECK(Delete(versioned, "k").ok());
    CHECK(PutOne(versioned, "k", 60).ok());
    SetVersioning(model::Versioning::kSuspended, "versioned");
    CHECK(PutOne(versioned, "k", 70).ok());
    SetVersioning(model::Versioning::kEnabled, "versioned");
    CHECK(PutOne(versioned, "k", 80).ok());
    CHECK(Delete(versioned, "k").ok());
    // A manifest too long for its row.
    const model::Extent extent = MakeExtent(4000);
    model::ObjectVersion wide = MakeVersion({});
    wide.parts.clear();
    for (uint32_t i = 0; i < 100; ++i) {
      wide.parts.push_back({.number = i + 1,
                            .size = 20,
                            .checksum_value = "",
                            .slices = {SliceOf(extent, 20 * i, 20)}});
    }
    wide.size = 2000;
    wide.is_multipart = true;
    std::vector<PutObjectChange> changes;
    changes.push_back({.bucket = plain, .key = "wide", .version = wide, .condition = {}});
    CHECK(Put({.extents = {extent}, .repairs = {}}, std::move(changes)).at(0).ok());
    FillUpload(plain);
  }

  void FillUpload(BucketId bucket) {
    model::Upload upload;
    upload.bucket = bucket;
    upload.key = "upload";
    const auto made = Run(db_->CreateUpload(upload));
    const model::Extent extent = MakeExtent(500);
    MetadataDb::PutPartChange part;
    part.bucket = bucket;
    part.key = "upload";
    part.upload_id = made->id;
    part.part.etag = EtagOf("part");
    part.part.part = {
        .number = 4, .size = 500, .checksum_value = "", .slices = {SliceOf(extent, 0, 500)}};
    CHECK(Run(db_->PutParts({.extents = {extent}, .repairs = {}}, {part})).at(0).ok());
  }

  Sequence through_;
  int pages_ = 0;
};

INSTANTIATE_TEST_SUITE_P(Engines, ArchiveTest, testing::Values(Engine::kMemory, Engine::kRocksDb));

TEST_P(ArchiveTest, WhatIsImportedIsWhatWasExported) {
  Fill();
  const MetadataExport::Page all = ExportAll(2000);
  EXPECT_GT(pages_, 5);
  EXPECT_EQ(all.buckets.size(), 2u);
  EXPECT_EQ(all.uploads.size(), 1u);
  EXPECT_EQ(all.parts.size(), 1u);

  const auto target = NewMemoryStore();
  MetadataImport import(*target, clock_);
  ASSERT_TRUE(Run(import.AddBuckets(all.buckets)).ok());
  std::map<std::pair<BucketId, std::string>, MetadataImport::Key> keys;
  for (const ArchivedVersion& item : all.versions) {
    MetadataImport::Key& key = keys[{item.bucket, item.key}];
    key.bucket = item.bucket;
    key.name = item.key;
    key.versions.push_back(item.version);
  }
  for (auto& [name, key] : keys) {
    NewExtents extents;
    for (const model::ObjectVersion& version : key.versions) {
      for (const model::Part& part : version.parts) {
        for (const model::Slice& slice : part.slices) {
          extents.extents.push_back(**Run(db_->GetExtent(slice.extent)));
        }
      }
    }
    ASSERT_TRUE(Run(import.Add(std::move(extents), {key}, {})).ok());
  }
  NewExtents of_part;
  of_part.extents.push_back(**Run(db_->GetExtent(all.parts[0].part.part.slices[0].extent)));
  const MetadataImport::Upload upload{.upload = all.uploads[0], .parts = all.parts};
  ASSERT_TRUE(Run(import.Add(std::move(of_part), {}, {upload})).ok());
  ASSERT_TRUE(Run(import.Finish(through_)).ok());

  const auto snapshot = target->NewSnapshot();
  const auto findings = CheckConsistency(*snapshot);
  ASSERT_TRUE(findings.ok());
  EXPECT_TRUE(findings->empty()) << findings->front();
  MetadataDb imported(*target, clock_, SystemRandom(), nullptr);
  for (const ArchivedVersion& item : all.versions) {
    const auto found = Run(imported.GetVersion(item.bucket, item.key, item.version.version_id));
    ASSERT_TRUE(found.ok()) << item.key;
    EXPECT_EQ(**found, item.version);
  }
  // A delete marker on top hides the versions below.
  EXPECT_EQ(Run(imported.GetCurrent(all.buckets[1].id, "k")).code(), Code::kNotFound);
  EXPECT_TRUE(Run(imported.GetCurrent(all.buckets[0].id, "wide")).ok());
  // Sequences go on where they were.
  EXPECT_GT(imported.ReserveSequence(), through_);
  const auto parts =
      Run(imported.ListParts(all.uploads[0].bucket, "upload", all.uploads[0].id, 0, 9));
  ASSERT_TRUE(parts.ok());
  EXPECT_EQ(parts->parts.at(0), all.parts[0].part);
}

TEST_P(ArchiveTest, ExportLeavesOutABucketAndSeesOneMomentOnly) {
  const BucketId first = MakeBucket("first");
  const BucketId second = MakeBucket("second");
  ASSERT_TRUE(PutOne(first, "a").ok());
  ASSERT_TRUE(PutOne(second, "b").ok());
  MetadataExport rows(*store_);
  ASSERT_TRUE(PutOne(first, "later").ok());
  ASSERT_TRUE(Delete(first, "a").ok());
  const auto page = Run(rows.Next(1 << 20, second));
  ASSERT_TRUE(page.ok());
  EXPECT_TRUE(page->at_end);
  ASSERT_EQ(page->versions.size(), 1u);
  EXPECT_EQ(page->versions[0].key, "a");
  EXPECT_EQ(page->extents.size(), 2u);
  EXPECT_EQ(page->buckets.size(), 1u);
}

TEST_P(ArchiveTest, ImportRefusesWhatCannotBe) {
  const auto target = NewMemoryStore();
  MetadataImport import(*target, clock_);
  const model::Extent extent = MakeExtent(100);
  model::ObjectVersion version = MakeVersion({SliceOf(extent, 50, 51)});
  version.sequence = Sequence{5};
  const MetadataImport::Key outside{.bucket = BucketId{1}, .name = "k", .versions = {version}};
  EXPECT_EQ(Run(import.Add({.extents = {extent}, .repairs = {}}, {outside}, {})).code(),
            Code::kInvalidArgument);
  version = MakeVersion({SliceOf(extent, 0, 100)});
  version.sequence = Sequence{5};
  const MetadataImport::Key unknown{.bucket = BucketId{1}, .name = "k", .versions = {version}};
  EXPECT_EQ(Run(import.Add({}, {unknown}, {})).code(), Code::kInvalidArgument);
  model::ObjectVersion twin = version;
  twin.sequence = Sequence{6};
  const MetadataImport::Key twins{.bucket = BucketId{1}, .name = "k", .versions = {version, twin}};
  EXPECT_EQ(Run(import.Add({.extents = {extent}, .repairs = {}}, {twins}, {})).code(),
            Code::kInvalidArgument);
  const auto snapshot = target->NewSnapshot();
  const auto cursor = snapshot->NewCursor();
  cursor->Seek("");
  EXPECT_FALSE(cursor->Valid()) << "something was added all the same";
}

TEST_P(ArchiveTest, ReadVersionsStopsAtItsLimitAndKnowsWhatHasGone) {
  const BucketId bucket = MakeBucket();
  const Sequence first = (*PutOne(bucket, "k"))->sequence;
  const Sequence second = (*PutOne(bucket, "k"))->sequence;
  const std::vector<VersionName> names = {{bucket, "k", first}, {bucket, "k", second}};
  const auto all = Run(ReadVersions(*store_, names, 1 << 20));
  ASSERT_TRUE(all.ok());
  ASSERT_EQ(all->size(), 2u);
  EXPECT_FALSE(all->at(0).has_value());
  EXPECT_EQ(all->at(1)->sequence, second);
  EXPECT_EQ(Run(ReadVersions(*store_, names, 1))->size(), 1u);
}

}  // namespace
}  // namespace ashlar::metadata_db
