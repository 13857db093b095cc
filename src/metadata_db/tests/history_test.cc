// Random histories of everything that changes extents and who refers to them: clients, compactor,
// healer and reclaimer at once, each acting on what it read some steps ago.
//
// The world beside the database: what every ten bytes of every extent hold (a number), and which
// shard records lie on the drives. Every so often
//  - the books of the store balance (CheckConsistency);
//  - every version and part reads back: its ETag is made of the numbers that were written;
//  - every shard of every extent that anything refers to lies where its row says. So nothing that
//    lives was ever destroyed.
// At the end everything is deleted and reclaimed, and nothing is left.
#include <deque>
#include <random>

#include "metadata_db/tests/metadata_db_fixture.h"

namespace ashlar::metadata_db {
namespace {

using model::ReclaimPhase;

constexpr uint64_t kUnit = 10;
constexpr uint8_t kShards = 3;  // of each extent of MakeExtent

class HistoryTest : public MetadataDbTest {
 protected:
  uint32_t Chance(uint32_t below) { return static_cast<uint32_t>(random_() % below); }
  std::string AnyKey() { return "key" + std::to_string(Chance(6)); }

  // ---- the drives

  using Place = std::tuple<uint16_t, uint32_t, uint64_t>;
  static Place PlaceOf(const model::ShardLocation& location) {
    return {location.drive.value, location.volume, location.offset};
  }
  static model::DeadShard RecordOf(const ExtentId& extent, uint8_t shard,
                                   const model::ShardLocation& location) {
    return {.location = location,
            .extent = extent,
            .shard_index = shard,
            .body_bytes = 64,
            .cause = model::ReclaimCause::kOrphan,
            .since_ms = 1,
            .since_s = 0};
  }
  void WriteShard(const ExtentId& extent, uint8_t shard, const model::ShardLocation& location) {
    drives_.emplace(PlaceOf(location), RecordOf(extent, shard, location));
  }
  // One that has gone already was taken for an orphan before its extent was committed, and went
  // with the extent.
  void Purge(const model::DeadShard& shard) {
    const auto record = drives_.find(PlaceOf(shard.location));
    if (record == drives_.end()) return;
    ASSERT_EQ(record->second.extent, shard.extent);
    ASSERT_EQ(record->second.location, shard.location);
    drives_.erase(record);
  }

  // An extent with new content, its shards on the drives.
  model::Extent WriteExtent(uint64_t units) {
    model::Extent extent = MakeExtent(units * kUnit);
    for (uint64_t i = 0; i < units; ++i) content_[{extent.id, i * kUnit}] = ++last_number_;
    for (uint8_t i = 0; i < kShards; ++i) {
      WriteShard(extent.id, i, extent.locations[i]);
    }
    return extent;
  }
  // What the slices hold; nullopt: something of it is gone.
  std::optional<std::string> ContentOf(const std::vector<model::Part>& parts) {
    std::string content;
    for (const model::Part& part : parts) {
      for (const model::Slice& slice : part.slices) {
        for (uint64_t at = 0; at < slice.length; at += kUnit) {
          const auto number = content_.find({slice.extent, slice.offset + at});
          if (number == content_.end()) return std::nullopt;
          content += std::to_string(number->second) + ",";
        }
      }
    }
    return content;
  }

  // ---- clients

  std::vector<model::Slice> AnySlices(const std::vector<model::Extent>& extents) {
    std::vector<model::Slice> slices;
    for (uint32_t i = 0; i < 1 + Chance(3); ++i) {
      const model::Extent& extent = extents[Chance(static_cast<uint32_t>(extents.size()))];
      const uint64_t units = extent.data_bytes() / kUnit;
      const uint64_t first = Chance(static_cast<uint32_t>(units));
      const uint64_t count = 1 + Chance(static_cast<uint32_t>(units - first));
      slices.push_back(SliceOf(extent, first * kUnit, count * kUnit));
    }
    return slices;
  }

  void PutSome() {
    std::vector<model::Extent> extents;
    for (uint32_t i = 0; i < 1 + Chance(2); ++i) extents.push_back(WriteExtent(2 + Chance(8)));
    std::vector<PutObjectChange> changes;
    for (uint32_t i = 0; i < 1 + Chance(4); ++i) {
      PutObjectChange& change = changes.emplace_back();
      change.bucket = bucket_;
      change.key = AnyKey();
      change.version = MakeVersion(AnySlices(extents));
      change.version.etag = *ContentOf(change.version.parts);
      if (Chance(6) == 0) change.condition.etag_match = "never";
    }
    const std::vector<model::RepairOrder> repairs = {
        {.extent = extents[0].id, .shard = ShardIndex{1}}};
    (void)Put({.extents = extents, .repairs = repairs}, changes);
  }

  void CopyOne() {
    const std::string from = AnyKey();
    const auto source = Current(bucket_, from);
    if (!source.ok()) return;
    model::ObjectVersion version = **source;
    const auto copied =
        Run(db_->CopyObject({.bucket = bucket_, .key = from, .sequence = version.sequence},
                            {.bucket = bucket_,
                             .key = Chance(3) == 0 ? from : AnyKey(),  // also onto itself
                             .version = version,
                             .condition = {}}));
    ASSERT_TRUE(copied.ok()) << copied.status().ToString();
  }

  void DeleteOne() {
    std::optional<std::string> id;
    const std::string key = AnyKey();
    const auto versions = Versions();
    if (Chance(2) == 0 && !versions.empty()) {
      const VersionEntry& entry = versions[Chance(static_cast<uint32_t>(versions.size()))];
      ASSERT_TRUE(Delete(bucket_, entry.key, entry.version.version_id).ok());
    } else {
      ASSERT_TRUE(Delete(bucket_, key).ok());
    }
  }

  void Multipart() {
    const uint32_t action = Chance(5);
    if (action == 0 || uploads_.empty()) {
      model::Upload upload;
      upload.bucket = bucket_;
      upload.key = AnyKey();
      uploads_.push_back(*Run(db_->CreateUpload(upload)));
      return;
    }
    const size_t at = Chance(static_cast<uint32_t>(uploads_.size()));
    const model::Upload upload = uploads_[at];
    if (action < 3) {
      PutPart(upload);
      return;
    }
    uploads_.erase(uploads_.begin() + static_cast<ptrdiff_t>(at));
    if (action == 3) {
      ASSERT_TRUE(Run(db_->AbortUpload(bucket_, upload.key, upload.id)).ok());
      return;
    }
    CompleteUploadChange complete;
    complete.bucket = bucket_;
    complete.key = upload.key;
    complete.upload_id = upload.id;
    const auto page = Run(db_->ListParts(bucket_, upload.key, upload.id, 0, 100));
    for (const model::UploadPart& part : page->parts) {
      if (Chance(4) > 0) complete.parts.push_back({part.part.number, part.etag});
    }
    complete.assemble = [](const model::Upload&, const std::vector<model::UploadPart>& chosen) {
      model::ObjectVersion version;
      version.is_multipart = true;
      for (const model::UploadPart& part : chosen) {
        version.parts.push_back(part.part);
        version.size += part.part.size;
        version.etag += part.etag;
      }
      return Result<model::ObjectVersion>(std::move(version));
    };
    ASSERT_TRUE(Run(db_->CompleteUpload(complete)).ok());
  }

  void PutPart(const model::Upload& upload) {
    MetadataDb::PutPartChange change;
    change.bucket = bucket_;
    change.key = upload.key;
    change.upload_id = upload.id;
    std::vector<model::Extent> extents;
    const std::string from = AnyKey();
    const auto source = Current(bucket_, from);
    if (Chance(2) == 0 && source.ok() && !(*source)->parts.empty()) {
      change.source = {.bucket = bucket_, .key = from, .sequence = (*source)->sequence};
      change.part.part = (*source)->parts[0];
    } else {
      extents.push_back(WriteExtent(2 + Chance(8)));
      change.part.part = MakeVersion(AnySlices(extents)).parts[0];
    }
    change.part.part.number = 1 + Chance(4);
    change.part.etag = *ContentOf({change.part.part});
    if (Chance(4) == 0) change.began = Sequence{1};  // too late
    ASSERT_TRUE(Run(db_->PutParts({.extents = extents, .repairs = {}}, {change}))[0].ok());
  }

  // ---- background work; what it plans it does some steps later

  void PlanCompaction() {
    const auto sparse = *Run(catalog().ListSparse(ExtentId{}, 100));
    const auto all = *Run(catalog().ListExtents(ExtentId{}, 10'000));
    std::vector<ExtentId> ids;
    for (const ExtentUse& use : sparse) ids.push_back(use.extent);
    if (!all.empty() && Chance(3) == 0) ids = {all[Chance(static_cast<uint32_t>(all.size()))]->id};
    if (ids.empty()) return;
    NewExtents extents;
    std::vector<ReferrerMove> moves;
    extents.extents.push_back(MakeExtent(1'000 * kUnit));
    const model::Extent& to = extents.extents[0];
    for (uint8_t i = 0; i < kShards; ++i) WriteShard(to.id, i, to.locations[i]);
    uint64_t offset = 0;
    for (const ExtentId& id : ids) {
      const auto referrers = Run(catalog().ListReferrers(id));
      ASSERT_TRUE(referrers.ok()) << referrers.status().ToString();
      for (const ExtentReferrer& referrer : *referrers) {
        ReferrerMove& move = moves.emplace_back();
        move.referrer = referrer.referrer;
        for (const model::Slice& slice : referrer.slices) {
          if (Chance(8) == 0 || offset + slice.length > to.data_bytes()) continue;
          move.slices.push_back({.from = slice, .to = SliceOf(to, offset, slice.length)});
          for (uint64_t at = 0; at < slice.length; at += kUnit) {
            content_[{to.id, offset + at}] = content_.at({slice.extent, slice.offset + at});
          }
          offset += slice.length;
        }
      }
    }
    later_.push_back([this, extents, moves] { (void)Run(catalog().MoveSlices(extents, moves)); });
  }

  void PlanHealing() {
    const auto all = *Run(catalog().ListExtents(ExtentId{}, 10'000));
    if (all.empty()) return;
    const ExtentPtr extent = all[Chance(static_cast<uint32_t>(all.size()))];
    const auto shard = static_cast<uint8_t>(Chance(kShards));
    ShardMove move{.extent = extent->id,
                   .shard_index = shard,
                   .from = extent->locations[shard],
                   .to = MakeExtent(1).locations[Chance(kShards)],
                   .root = extent->roots[shard]};
    move.to.generation = move.from.generation + 1;
    WriteShard(move.extent, shard, move.to);
    later_.push_back([this, move] { (void)Run(catalog().MoveShards({move})); });
  }

  void PlanReclaiming() {
    auto found = *Run(catalog().ListReclaims(ExtentId{}, 1'000));
    std::erase_if(found, [this](const auto&) { return Chance(2) == 0; });
    const auto to = static_cast<ReclaimPhase>(1 + Chance(2));
    later_.push_back([this, found, to] { (void)Run(catalog().AdvanceReclaims(found, to, 1)); });
  }

  void EmptyTrash() {
    std::vector<ExtentId> ids;
    const auto records = *Run(catalog().ListReclaims(ExtentId{}, 1'000));
    for (const model::ReclaimRecord& record : records) {
      if (record.phase == ReclaimPhase::kTrash && Chance(2) == 0) ids.push_back(record.extent);
    }
    const auto extents = *Run(catalog().GetExtents(ids));
    for (const ExtentPtr& extent : extents) {
      ASSERT_NE(extent, nullptr);
      for (uint8_t i = 0; i < kShards; ++i) Purge(RecordOf(extent->id, i, extent->locations[i]));
      std::erase_if(content_, [&](const auto& unit) { return unit.first.first == extent->id; });
    }
    // Some that are not in the trash are asked for as well.
    const auto all = *Run(catalog().ListExtents(ExtentId{}, 10'000));
    const size_t trash = ids.size();
    for (size_t i = 0; i < 3 && !all.empty(); ++i) {
      const ExtentId id = all[Chance(static_cast<uint32_t>(all.size()))]->id;
      if (ReclaimPhaseOf(id) != ReclaimPhase::kTrash) ids.push_back(id);
    }
    const auto results = Run(catalog().ForgetExtents(ids));
    for (size_t i = 0; i < ids.size(); ++i) {
      ASSERT_EQ(results[i].code(), i < trash ? Code::kOk : Code::kConflict);
    }
  }
  std::optional<ReclaimPhase> ReclaimPhaseOf(const ExtentId& id) {
    const auto records = *Run(catalog().ListReclaims(ExtentId{}, 10'000));
    for (const model::ReclaimRecord& record : records) {
      if (record.extent == id) return record.phase;
    }
    return std::nullopt;
  }

  void ScanForOrphans() {
    std::vector<model::DeadShard> records;
    for (const auto& [place, record] : drives_) records.push_back(record);
    ASSERT_TRUE(Run(catalog().RecordDeadShards(records)).ok());
  }

  void PurgeDeadShards() {
    // Stands for the grace period: what was in flight when a shard was found dead has ended.
    if (!later_.empty()) return;
    const auto dead = *Run(catalog().ListDeadShards(std::nullopt, 10'000));
    const auto results = Run(catalog().ConfirmDeadShards(dead));
    std::vector<model::DeadShard> purged;
    for (size_t i = 0; i < dead.size(); ++i) {
      if (!results[i].ok()) continue;
      Purge(dead[i]);
      purged.push_back(dead[i]);
    }
    ASSERT_TRUE(Run(catalog().ForgetDeadShards(purged)).ok());
  }

  // ---- checks

  std::vector<VersionEntry> Versions() {
    ListVersionsRequest request;
    request.bucket = bucket_;
    request.max_entries = 100'000;
    return Run(db_->ListVersions(request))->versions;
  }

  void CheckAll() {
    ASSERT_EQ(Findings(), "");
    for (const VersionEntry& entry : Versions()) {
      const auto version = Get(bucket_, entry.key, entry.version.version_id);
      ASSERT_TRUE(version.ok());
      if ((*version)->kind == model::ObjectKind::kDeleteMarker) continue;
      ASSERT_EQ(ContentOf((*version)->parts), (*version)->etag);
    }
    for (const model::Upload& upload : uploads_) {
      const auto page = Run(db_->ListParts(bucket_, upload.key, upload.id, 0, 100));
      ASSERT_TRUE(page.ok());
      for (const model::UploadPart& part : page->parts) {
        ASSERT_EQ(ContentOf({part.part}), part.etag);
      }
    }
    const auto extents = *Run(catalog().ListExtents(ExtentId{}, 10'000));
    for (const ExtentPtr& extent : extents) {
      if (*Run(db_->LiveBytes(extent->id)) == 0) continue;
      for (uint8_t i = 0; i < kShards; ++i) {
        const auto record = drives_.find(PlaceOf(extent->locations[i]));
        ASSERT_NE(record, drives_.end()) << "a live shard was destroyed";
        ASSERT_EQ(record->second.extent, extent->id);
        ASSERT_EQ(record->second.shard_index, i);
        ASSERT_EQ(record->second.location, extent->locations[i]);
      }
    }
  }

  void Step() {
    switch (Chance(16)) {
      case 0:
      case 1:
      case 2: PutSome(); break;
      case 3: CopyOne(); break;
      case 4:
      case 5: DeleteOne(); break;
      case 6:
      case 7:
      case 8: Multipart(); break;
      case 9: PlanCompaction(); break;
      case 10: PlanHealing(); break;
      case 11: PlanReclaiming(); break;
      case 12: EmptyTrash(); break;
      case 13:
        ScanForOrphans();
        PurgeDeadShards();
        break;
      case 14:
        // What was planned comes in any order.
        std::shuffle(later_.begin(), later_.end(), random_);
        for (; !later_.empty(); later_.pop_back()) later_.back()();
        break;
      default:
        if (Chance(5) == 0) {
          SetVersioning(Chance(2) == 0 ? model::Versioning::kEnabled
                                       : model::Versioning::kSuspended);
        }
    }
  }

  // After this nothing may be left of any extent.
  void DeleteAndReclaimAll() {
    later_.clear();
    for (const VersionEntry& entry : Versions()) {
      ASSERT_TRUE(Delete(bucket_, entry.key, entry.version.version_id).ok());
    }
    for (const model::Upload& upload : uploads_) {
      ASSERT_TRUE(Run(db_->AbortUpload(bucket_, upload.key, upload.id)).ok());
    }
    uploads_.clear();
    for (const ReclaimPhase to : {ReclaimPhase::kSeen, ReclaimPhase::kTrash}) {
      std::vector<model::ReclaimRecord> found = *Run(catalog().ListReclaims(ExtentId{}, 10'000));
      std::erase_if(found, [to](const auto& record) { return record.phase >= to; });
      for (const Status& status : Run(catalog().AdvanceReclaims(found, to, 1))) {
        ASSERT_TRUE(status.ok()) << status.ToString();
      }
    }
    while (!Run(catalog().ListReclaims(ExtentId{}, 1))->empty()) EmptyTrash();
    ScanForOrphans();
    PurgeDeadShards();
    EXPECT_TRUE(drives_.empty());
    EXPECT_TRUE(Run(catalog().ListExtents(ExtentId{}, 1))->empty());
    EXPECT_TRUE(Run(catalog().ListRepairs(std::nullopt, 1))->empty());
    EXPECT_TRUE(Run(catalog().ListDeadShards(std::nullopt, 1))->empty());
    EXPECT_EQ(Findings(), "");
  }

  std::mt19937_64 random_;
  BucketId bucket_;
  std::map<std::pair<ExtentId, uint64_t>, uint32_t> content_;
  uint32_t last_number_ = 0;
  std::map<Place, model::DeadShard> drives_;  // records, whether dead or not
  std::vector<model::Upload> uploads_;
  std::deque<std::function<void()>> later_;
};
INSTANTIATE_ENGINES(HistoryTest);

TEST_P(HistoryTest, NothingThatLivesIsLostAndNothingThatIsDeadStays) {
  const char* seed_text = getenv("ASHLAR_HISTORY_SEED");
  const uint64_t first_seed = seed_text == nullptr ? 1 : strtoull(seed_text, nullptr, 10);
  const uint64_t histories = GetParam() == Engine::kMemory ? 20 : 3;
  for (uint64_t seed = first_seed; seed < first_seed + histories; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    random_.seed(seed);
    bucket_ = MakeBucket("bucket");
    for (int step = 0; step < 300; ++step) {
      Step();
      if (step % 10 == 9) CheckAll();
      if (HasFatalFailure()) return;
    }
    DeleteAndReclaimAll();
    if (HasFailure()) return;
    ASSERT_TRUE(Run(db_->DeleteBucket("bucket")).ok());
  }
}

}  // namespace
}  // namespace ashlar::metadata_db
