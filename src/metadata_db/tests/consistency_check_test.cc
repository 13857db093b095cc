// The checker itself: a store in order has no findings, and each row put out of order is one.
#include "metadata_db/consistency_check.h"

#include <algorithm>

#include "metadata_db/tests/metadata_db_fixture.h"
#include "metadata_db/transactions/reference_ledger.h"
#include "metadata_db/transactions/schema.h"

namespace ashlar::metadata_db {
namespace {

class ConsistencyCheckTest : public MetadataDbTest {
 protected:
  // A store with something in every table.
  ConsistencyCheckTest() {
    bucket_ = MakeBucket();
    (void)PutOne(bucket_, "old null", 10, {}, "", &live_);
    SetVersioning(model::Versioning::kEnabled);
    (void)PutOne(bucket_, "old null");
    (void)PutOne(bucket_, "gone", 10, {}, "", &dead_);
    (void)Delete(bucket_, "gone", (*Current(bucket_, "gone"))->version_id);
    // A manifest apart, in an extent that is sparse.
    sparse_ = MakeExtent(1'000);
    std::vector<model::Slice> slices;
    for (uint64_t i = 0; i < 100; ++i) slices.push_back(SliceOf(sparse_, i, 1));
    long_ = *Put(
        {.extents = {sparse_}, .repairs = {}},
        {{.bucket = bucket_, .key = "long", .version = MakeVersion(slices), .condition = {}}})[0];
    model::Upload upload;
    upload.bucket = bucket_;
    upload.key = "up";
    upload_ = *Run(db_->CreateUpload(upload));
    const model::Extent extent = MakeExtent(10);
    MetadataDb::PutPartChange part;
    part.bucket = bucket_;
    part.key = "up";
    part.upload_id = upload_.id;
    part.part.part = {
        .number = 2, .size = 10, .checksum_value = "", .slices = {SliceOf(extent, 0, 10)}};
    CHECK(Run(db_->PutParts({.extents = {extent}, .repairs = {}}, {part}))[0].ok());
    CHECK(Run(db_->RecordRepairs({{.extent = live_.id, .shard = ShardIndex{1}}})).ok());
    CHECK(Findings().empty());
  }

  // Changes rows, looks, and changes them back.
  void ExpectFinding(const std::string& text, const std::function<void(Transaction&)>& change) {
    const auto before = Rows();
    Doctor(change);
    const std::string findings = Findings();
    EXPECT_NE(findings.find(text), std::string::npos) << text << "; found: " << findings;
    const auto after = Rows();
    EXPECT_NE(before, after) << text;
    Doctor([&](Transaction& rows) {
      for (const auto& [key, value] : after) rows.Delete(key);
      for (const auto& [key, value] : before) rows.Put(key, value);
    });
    EXPECT_EQ(Findings(), "");
  }
  std::map<std::string, std::string> Rows() {
    std::map<std::string, std::string> rows;
    const auto snapshot = store_->NewSnapshot();
    const auto cursor = snapshot->NewCursor();
    for (cursor->Seek(""); cursor->Valid(); cursor->Next()) {
      rows.emplace(cursor->key(), cursor->value());
    }
    return rows;
  }
  static void DeleteAll(Transaction& rows, Table table) {
    std::vector<std::string> keys;
    {
      const auto cursor = rows.NewCursor();
      cursor->Seek(TableKey(table));
      for (; cursor->Valid() && cursor->key()[0] == static_cast<char>(table); cursor->Next()) {
        keys.emplace_back(cursor->key());
      }
    }
    CHECK(!keys.empty());
    for (const std::string& key : keys) rows.Delete(key);
  }
  static std::string Of(Table table, const model::Extent& extent) {
    return TableKey(table, extent.id.View());
  }

  BucketId bucket_;
  model::Extent live_;
  model::Extent dead_;
  model::Extent sparse_;
  Version long_;
  model::Upload upload_;
};
INSTANTIATE_ENGINES(ConsistencyCheckTest);

TEST_P(ConsistencyCheckTest, ARowThatIsMissingIsFound) {
  const std::pair<Table, std::string> expected[] = {
      {Table::kCurrent, "live bytes"},
      {Table::kVersion, "pointer to no null version"},
      {Table::kNullVersion, "null version without its pointer"},
      {Table::kUpload, "part of no upload"},
      {Table::kPart, "referrer that does not refer"},
      {Table::kExtent, "slices of no extent"},
      {Table::kLiveBytes, "extent without live bytes"},
      {Table::kReferrer, "slices without a referrer row"},
      {Table::kSparse, "sparse row missing"},
      {Table::kReclaim, "reclaim record missing"},
  };
  for (const auto& [table, text] : expected) {
    ExpectFinding(text, [table = table](Transaction& rows) { DeleteAll(rows, table); });
  }
}

TEST_P(ConsistencyCheckTest, ARowTooManyIsFound) {
  const model::Extent unknown = MakeExtent(10);
  const auto put = [](const std::string& key, const std::string& value) {
    return [=](Transaction& rows) { rows.Put(key, value); };
  };
  ExpectFinding("referrer that does not refer",
                put(ReferrerKey(live_.id, PartReferrer(upload_.id, 9)), ""));
  ExpectFinding("referrer that does not refer",
                put(ReferrerKey(dead_.id, VersionReferrer(bucket_, "k", Sequence{1})), ""));
  ExpectFinding("sparse row too many", put(Of(Table::kSparse, live_), ""));
  ExpectFinding("sparse row too many", put(Of(Table::kSparse, dead_), ""));
  ExpectFinding("reclaim record too many",
                put(Of(Table::kReclaim, live_), model::EncodeReclaimRecord({.extent = live_.id})));
  ExpectFinding("live bytes of no extent",
                put(Of(Table::kLiveBytes, unknown), EncodeLiveBytes({.live = 0, .data = 10})));
  ExpectFinding("manifest of no version",
                put(VersionKey(Table::kManifest, bucket_, "long", Sequence{1}), ""));
  ExpectFinding("pointer to no null version",
                put(ObjectKey(Table::kNullVersion, bucket_, "long"), BigEndian64(1)));
  ExpectFinding("repair order for no shard",
                put(RepairKey(live_.id, ShardIndex{3}),
                    model::EncodeRepairOrder({.extent = live_.id, .shard = ShardIndex{3}})));
  ExpectFinding("repair order for no shard",
                put(RepairKey(unknown.id, ShardIndex{0}),
                    model::EncodeRepairOrder({.extent = unknown.id, .shard = ShardIndex{0}})));
}

TEST_P(ConsistencyCheckTest, AWrongRowIsFound) {
  ExpectFinding("live bytes 9, but slices of 10", [this](Transaction& rows) {
    rows.Put(Of(Table::kLiveBytes, live_), EncodeLiveBytes({.live = 9, .data = 10}));
  });
  ExpectFinding("wrong data bytes", [this](Transaction& rows) {
    rows.Put(Of(Table::kLiveBytes, live_), EncodeLiveBytes({.live = 10, .data = 11}));
  });
  ExpectFinding("slice beyond its extent", [this](Transaction& rows) {
    model::Extent shorter = live_;
    shorter.payload_bytes -= 1;
    rows.Put(Of(Table::kExtent, live_), model::EncodeExtent(shorter));
  });
  ExpectFinding("foreign dead shard", [this](Transaction& rows) {
    model::DeadShard shard;
    shard.location = live_.locations[0];
    rows.Put(DeadShardKey(live_.locations[1]), model::EncodeDeadShard(shard));
  });
}

TEST_P(ConsistencyCheckTest, AVersionWithoutItsManifestIsAnError) {
  const std::string key = VersionKey(Table::kManifest, bucket_, "long", long_->sequence);
  ExpectFinding("kCorrupt", [&](Transaction& rows) { rows.Delete(key); });
}

TEST_P(ConsistencyCheckTest, FindingsAreBounded) {
  Doctor([this](Transaction& rows) {
    for (uint32_t i = 0; i < 1'000; ++i) {
      rows.Put(ReferrerKey(live_.id, PartReferrer(upload_.id, 100 + i)), "");
    }
  });
  EXPECT_EQ(CheckConsistency(*store_->NewSnapshot())->size(), 100U);
  Doctor([this](Transaction& rows) {
    for (uint32_t i = 0; i < 1'000; ++i) {
      rows.Delete(ReferrerKey(live_.id, PartReferrer(upload_.id, 100 + i)));
    }
  });
}

}  // namespace
}  // namespace ashlar::metadata_db
