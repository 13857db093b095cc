// What the tests of MetadataDb share: a database over each store, and makers of values.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/digest.h"
#include "metadata_db/consistency_check.h"
#include "metadata_db/extent_catalog.h"
#include "metadata_db/metadata_db.h"
#include "metadata_db/tests/temporary_directory.h"
#include "runtime/event_loop.h"

namespace ashlar::metadata_db {

class FakeClock final : public Clock {
 public:
  int64_t WallMilliseconds() override { return wall_ms.load(); }
  int64_t MonotonicNanoseconds() override { return monotonic_ns.load(); }
  std::atomic<int64_t> wall_ms{1'700'000'000'000};
  std::atomic<int64_t> monotonic_ns{0};
};

// Remembers the last that was told of each key.
class FakeObserver final : public CacheObserver {
 public:
  void OnCurrentChanging(BucketId, const std::string& key) override { ++changing[key]; }
  void OnCurrentUnchanged(BucketId, const std::string& key) override { --changing[key]; }
  void OnBucketChanging(const std::string& name) override { ++changing[name]; }
  void OnBucketUnchanged(const std::string& name) override { --changing[name]; }
  void OnCurrentChanged(BucketId, const std::string& key,
                        std::shared_ptr<const model::ObjectVersion> current) override {
    this->current[key] = std::move(current);
    ++times[key];
    --changing[key];
  }
  void OnExtentAdded(std::shared_ptr<const model::Extent> extent) override {
    extents.push_back(extent->id);
  }
  void OnExtentChanged(const ExtentId& extent) override { changed_extents.push_back(extent); }
  void OnBucketChanged(const std::string& name,
                       std::shared_ptr<const model::Bucket> bucket) override {
    buckets[name] = std::move(bucket);
    --changing[name];
  }
  // Things that are announced as changing, and not told yet.
  bool Settled() const {
    return std::all_of(changing.begin(), changing.end(),
                       [](const auto& thing) { return thing.second == 0; });
  }
  std::map<std::string, std::shared_ptr<const model::ObjectVersion>> current;
  std::map<std::string, int> times;
  std::map<std::string, int> changing;
  std::map<std::string, std::shared_ptr<const model::Bucket>> buckets;
  std::vector<ExtentId> extents;
  std::vector<ExtentId> changed_extents;
};

enum class Engine { kMemory, kRocksDb };

using Version = std::shared_ptr<const model::ObjectVersion>;

class MetadataDbTest : public testing::TestWithParam<Engine> {
 protected:
  MetadataDbTest() : loops_(1) { Open(); }
  // Whatever a test did, the books balance.
  void TearDown() override {
    if (store_ == nullptr) return;
    EXPECT_EQ(Findings(), "");
    EXPECT_TRUE(observer_.Settled());
  }

  void Open() {
    if (GetParam() == Engine::kMemory) {
      if (!store_) store_ = NewMemoryStore();
    } else {
      store_.reset();
      RocksDbOptions options;
      options.path = directory_.path() + "/db";
      options.block_cache_bytes = 1 << 20;
      options.memtable_bytes = 1 << 20;
      options.free_bytes_min = 0;
      auto store = OpenRocksDbStore(options);
      CHECK(store.ok());
      store_ = std::move(store).value();
    }
    db_ = std::make_unique<MetadataDb>(*store_, clock_, SystemRandom(), &observer_);
  }
  // As after a restart of the process.
  void Reopen() {
    db_.reset();
    Open();
  }

  template <typename T>
  T Run(Task<T> task) {
    return RunBlocking(loops_, std::move(task));
  }

  ExtentCatalog catalog() { return ExtentCatalog(*db_); }
  // Changes rows behind the back of the database.
  void Doctor(const std::function<void(Transaction&)>& change) {
    std::vector<TransactionBody> bodies;
    bodies.push_back([&change](Transaction& transaction) {
      change(transaction);
      return Status::Ok();
    });
    CHECK(Run(store_->Submit(std::move(bodies))).at(0).ok());
  }
  // What a walk over the whole store says; "" when all books balance.
  std::string Findings() {
    const auto snapshot = store_->NewSnapshot();
    const auto findings = CheckConsistency(*snapshot);
    if (!findings.ok()) return findings.status().ToString();
    std::string text;
    for (const std::string& finding : *findings) text += finding + "\n";
    return text;
  }

  BucketId MakeBucket(const std::string& name = "bucket",
                      model::Versioning versioning = model::Versioning::kNever) {
    auto bucket = Run(db_->CreateBucket(name, "owner", "us-east-1"));
    CHECK(bucket.ok());
    if (versioning != model::Versioning::kNever) SetVersioning(versioning, name);
    return bucket->id;
  }
  void SetVersioning(model::Versioning versioning, const std::string& name = "bucket") {
    CHECK(Run(db_->SetVersioning(name, versioning)).ok());
  }

  // Its shards lie where no other shard ever lay.
  static model::Extent MakeExtent(uint64_t bytes) {
    static uint64_t next_offset = 4096;
    model::Extent extent;
    extent.id = NewUniqueId(SystemClock(), SystemRandom());
    extent.data_shards = 2;
    extent.parity_shards = 1;
    extent.payload_bytes = bytes + 100;
    extent.directory_bytes = 100;
    for (uint16_t i = 0; i < 3; ++i) {
      extent.locations.push_back({.drive = DriveId{i},
                                  .present = true,
                                  .generation = 1,
                                  .volume = 7,
                                  .offset = next_offset});
      next_offset += 64;
      extent.roots.push_back(Sha256(AsBytes("root")));
    }
    return extent;
  }
  static model::Slice SliceOf(const model::Extent& extent, uint64_t offset, uint64_t length) {
    return {.extent = extent.id, .offset = offset, .length = length};
  }
  static model::ObjectVersion MakeVersion(std::vector<model::Slice> slices,
                                          const std::string& text = "") {
    model::ObjectVersion version;
    model::Part part;
    for (const model::Slice& slice : slices) part.size += slice.length;
    part.slices = std::move(slices);
    version.size = part.size;
    version.etag = HexEncode(Md5(AsBytes(text)));
    version.parts.push_back(std::move(part));
    return version;
  }
  static std::string EtagOf(const std::string& text) { return HexEncode(Md5(AsBytes(text))); }

  std::vector<Result<Version>> Put(NewExtents extents, std::vector<PutObjectChange> changes) {
    return Run(db_->PutObjects(std::move(extents), std::move(changes)));
  }
  // One object with an extent of its own.
  Result<Version> PutOne(BucketId bucket, const std::string& key, uint64_t bytes = 10,
                         WriteCondition condition = {}, const std::string& text = "",
                         model::Extent* extent_out = nullptr) {
    const model::Extent extent = MakeExtent(bytes);
    if (extent_out != nullptr) *extent_out = extent;
    std::vector<PutObjectChange> changes;
    changes.push_back({.bucket = bucket,
                       .key = key,
                       .version = MakeVersion({SliceOf(extent, 0, bytes)}, text),
                       .condition = std::move(condition)});
    return Put({.extents = {extent}, .repairs = {}}, std::move(changes)).at(0);
  }
  Result<DeleteOutcome> Delete(BucketId bucket, const std::string& key,
                               std::optional<std::string> version_id = std::nullopt,
                               std::optional<std::string> etag = std::nullopt) {
    std::vector<DeleteObjectChange> changes;
    changes.push_back(
        {.key = key, .version_id = std::move(version_id), .etag_match = std::move(etag)});
    return Run(db_->DeleteObjects(bucket, std::move(changes))).at(0);
  }
  Result<Version> Current(BucketId bucket, const std::string& key) {
    return Run(db_->GetCurrent(bucket, key));
  }
  Result<Version> Get(BucketId bucket, const std::string& key, const std::string& version_id) {
    return Run(db_->GetVersion(bucket, key, version_id));
  }
  uint64_t Live(const model::Extent& extent) {
    auto live = Run(db_->LiveBytes(extent.id));
    EXPECT_TRUE(live.ok()) << live.status().ToString();
    return live.ok() ? *live : UINT64_MAX;
  }
  std::optional<model::ReclaimRecord> ReclaimOf(const model::Extent& extent) {
    const auto records = Run(catalog().ListReclaims(ExtentId{}, 100'000));
    CHECK(records.ok());
    for (const model::ReclaimRecord& record : *records) {
      if (record.extent == extent.id) return record;
    }
    return std::nullopt;
  }
  bool IsReclaimed(const model::Extent& extent) { return ReclaimOf(extent).has_value(); }
  std::vector<model::OutboxEvent> Outbox() {
    auto events = Run(db_->ListOutbox(Sequence{0}, 10'000));
    CHECK(events.ok());
    return *events;
  }

  TemporaryDirectory directory_;
  EventLoopGroup loops_;
  FakeClock clock_;
  FakeObserver observer_;
  std::unique_ptr<OrderedStore> store_;
  std::unique_ptr<MetadataDb> db_;
};

#define INSTANTIATE_ENGINES(suite)                                        \
  INSTANTIATE_TEST_SUITE_P(                                               \
      Engines, suite, testing::Values(Engine::kMemory, Engine::kRocksDb), \
      [](const auto& info) { return info.param == Engine::kMemory ? "Memory" : "RocksDb"; })

}  // namespace ashlar::metadata_db
