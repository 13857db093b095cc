// The metadata half of the check: books of a database with MetadataDb's own rows, sound at first
// and then spoiled one by one. The drives are tested with the real server
// (tests/faults/test_fsck.py).
#include "fsck/fsck.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "fsck/internal/extent_table.h"
#include "fsck/internal/metadata_walk.h"
#include "metadata_db/metadata_db.h"
#include "runtime/event_loop.h"

namespace ashlar::fsck {
namespace {

class FsckBooksTest : public testing::Test {
 protected:
  FsckBooksTest() : loops_(1), store_(metadata_db::NewMemoryStore()) {
    db_ =
        std::make_unique<metadata_db::MetadataDb>(*store_, SystemClock(), SystemRandom(), nullptr);
    CHECK(Run(db_->PutSettings(
                  {{"cluster_id", std::string(16, 'c')}, {"drives", std::string(48, 'd')}}))
              .ok());
    bucket_ = Run(db_->CreateBucket("bucket", "owner", "region"))->id;
    for (int i = 0; i < 3; ++i) extents_.push_back(Put("key" + std::to_string(i), 100, 100));
    extents_.push_back(Put("sparse", 1000, 100));
    Put("overwritten", 50, 50);
    Put("overwritten", 50, 50);
  }

  template <typename T>
  T Run(Task<T> task) {
    return RunBlocking(loops_, std::move(task));
  }

  ExtentId Put(const std::string& key, uint64_t extent_bytes, uint64_t bytes) {
    model::Extent extent;
    extent.id = NewUniqueId(SystemClock(), SystemRandom());
    extent.data_shards = 2;
    extent.parity_shards = 1;
    extent.payload_bytes = extent_bytes;
    for (uint16_t i = 0; i < 3; ++i) {
      extent.locations.push_back(
          {.drive = DriveId{i}, .present = true, .generation = 1, .volume = 1, .offset = 4096});
      extent.roots.push_back(Sha256(AsBytes(key)));
    }
    model::ObjectVersion version;
    version.size = bytes;
    version.parts.push_back(
        {.number = 1, .size = bytes, .checksum_value = "", .slices = {{extent.id, 0, bytes}}});
    std::vector<metadata_db::PutObjectChange> changes;
    changes.push_back({.bucket = bucket_, .key = key, .version = version, .condition = {}});
    CHECK(
        Run(db_->PutObjects({.extents = {extent}, .repairs = {}}, std::move(changes))).at(0).ok());
    return extent.id;
  }

  FsckReport Walk(MetadataFacts* facts = nullptr) {
    FsckReport report;
    MetadataFacts own;
    const auto view = store_->NewSnapshot();
    const Status status =
        WalkMetadata(*view, FsckOptions(), facts == nullptr ? &own : facts, &report);
    EXPECT_TRUE(status.ok()) << status.ToString();
    return report;
  }

  // Changes rows behind the back of the database.
  void Spoil(const std::function<void(metadata_db::Transaction&)>& change) {
    std::vector<metadata_db::TransactionBody> bodies;
    bodies.push_back([&change](metadata_db::Transaction& rows) {
      change(rows);
      return Status::Ok();
    });
    CHECK(Run(store_->Submit(std::move(bodies))).at(0).ok());
  }
  std::string RowOf(char table, const std::string& prefix = "") {
    const auto view = store_->NewSnapshot();
    const auto cursor = view->NewCursor();
    cursor->Seek(table + prefix);
    CHECK(cursor->Valid() && cursor->key()[0] == table);
    return std::string(cursor->key());
  }
  std::string Extent(size_t index) { return std::string(extents_[index].View()); }

  EventLoopGroup loops_;
  std::unique_ptr<metadata_db::OrderedStore> store_;
  std::unique_ptr<metadata_db::MetadataDb> db_;
  BucketId bucket_;
  std::vector<ExtentId> extents_;
};

TEST_F(FsckBooksTest, SoundBooks) {
  MetadataFacts facts;
  const FsckReport report = Walk(&facts);
  EXPECT_EQ(report.book_errors, 0u) << report.book_error_texts.front();
  EXPECT_EQ(report.objects, 5u);
  EXPECT_EQ(report.extents, 6u);
  EXPECT_EQ(report.dead_extents, 1u);
  EXPECT_EQ(report.live_bytes, 450u);
  EXPECT_EQ(report.code, "2+1");
  EXPECT_EQ(facts.drives.size(), 3u);
  EXPECT_TRUE(facts.extents.Find(extents_[0]).has_value());
}

TEST_F(FsckBooksTest, EachSpoiledRowIsFound) {
  const std::string live = RowOf('l', Extent(0));
  const auto expect_error = [this](const char* what, auto change) {
    const auto before = store_->NewSnapshot();
    std::vector<std::pair<std::string, std::string>> rows;
    const auto cursor = before->NewCursor();
    for (cursor->Seek(""); cursor->Valid(); cursor->Next()) {
      rows.emplace_back(cursor->key(), cursor->value());
    }
    Spoil(change);
    EXPECT_GT(Walk().book_errors, 0u) << what;
    EXPECT_EQ(Walk().ExitCode(), 2) << what;
    Spoil([this, &rows](metadata_db::Transaction& all) {
      std::vector<std::string> now;
      {
        const auto walk = all.NewCursor();
        for (walk->Seek(""); walk->Valid(); walk->Next()) now.emplace_back(walk->key());
      }
      for (const std::string& key : now) all.Delete(key);
      for (const auto& [key, value] : rows) all.Put(key, value);
    });
    ASSERT_EQ(Walk().book_errors, 0u);
  };
  using Rows = metadata_db::Transaction;
  expect_error("live bytes differ",
               [&](Rows& rows) { rows.Put(live, std::string("\x63\x64", 2)); });
  expect_error("no live bytes", [&](Rows& rows) { rows.Delete(live); });
  expect_error("referrer is missing", [&](Rows& rows) { rows.Delete(RowOf('r', Extent(1))); });
  expect_error("referrer too many", [&](Rows& rows) {
    rows.Put('r' + Extent(1) + RowOf('r', Extent(0)).substr(17), "");
  });
  expect_error("extent is missing", [&](Rows& rows) { rows.Delete('e' + Extent(2)); });
  expect_error("in use and to be reclaimed", [&](Rows& rows) { rows.Put('g' + Extent(0), ""); });
  expect_error("dead without a record", [&](Rows& rows) { rows.Delete(RowOf('g')); });
  expect_error("sparse row is missing", [&](Rows& rows) { rows.Delete('y' + Extent(3)); });
  expect_error("sparse row too many", [&](Rows& rows) { rows.Put('y' + Extent(0), ""); });
  expect_error("version row is damaged", [&](Rows& rows) { rows.Put(RowOf('o'), "x"); });
  expect_error("extent row is damaged", [&](Rows& rows) { rows.Put('e' + Extent(0), "x"); });
  expect_error("extent row under a foreign key", [&](Rows& rows) {
    const auto row = rows.Get('e' + Extent(0));
    rows.Put('e' + Extent(1), **row);
  });
}

TEST_F(FsckBooksTest, VersionsAndUploadsAreCounted) {
  ASSERT_TRUE(Run(db_->SetVersioning("bucket", model::Versioning::kEnabled)).ok());
  Put("key0", 10, 10);
  std::vector<metadata_db::DeleteObjectChange> deletes;
  deletes.push_back({.key = "key1", .version_id = {}, .etag_match = {}});
  ASSERT_TRUE(Run(db_->DeleteObjects(bucket_, std::move(deletes))).at(0).ok());
  model::Upload upload;
  upload.bucket = bucket_;
  upload.key = "upload";
  ASSERT_TRUE(Run(db_->CreateUpload(upload)).ok());
  const FsckReport report = Walk();
  EXPECT_EQ(report.book_errors, 0u) << report.book_error_texts.front();
  EXPECT_EQ(report.objects, 4u);
  EXPECT_EQ(report.versions, 7u);
  EXPECT_EQ(report.delete_markers, 1u);
  EXPECT_EQ(report.uploads, 1u);
}

TEST_F(FsckBooksTest, ExitCodesSayHowBadItIs) {
  FsckReport report;
  EXPECT_EQ(report.ExitCode(), 0);
  report.strays.in_grace = report.strays.purged = report.damaged_bytes = 7;
  EXPECT_EQ(report.ExitCode(), 0);
  for (uint64_t* finding :
       {&report.shards.missing, &report.shards.corrupt, &report.strays.orphan, &report.strays.stale,
        &report.strays.duplicate, &report.strays.misplaced, &report.drives_missing}) {
    *finding = 1;
    EXPECT_EQ(report.ExitCode(), 1);
    *finding = 0;
  }
  report.extents_unreadable = 1;
  EXPECT_EQ(report.ExitCode(), 2);
}

}  // namespace
}  // namespace ashlar::fsck
