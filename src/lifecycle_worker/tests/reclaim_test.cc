// What reclaiming does and refuses, step by step. Each guard of the rules G2 to G8 has a test here
// that fails without it (tools/seeded_bugs.toml).
#include <gtest/gtest.h>

#include "lifecycle_worker/reclaiming/purger.h"
#include "lifecycle_worker/tests/reclaim_world.h"
#include "runtime/failpoint.h"

namespace ashlar::lifecycle_worker {
namespace {

using model::ReclaimCause;
using model::ReclaimPhase;
using std::chrono::hours;
using std::chrono::seconds;

class ReclaimTest : public testing::Test {
 protected:
  void PutAndDelete(const std::string& key, size_t size) {
    ASSERT_TRUE(world_.Put(key, RandomText(world_.random, size)).ok());
    ASSERT_TRUE(world_.Delete(key).ok());
  }
  // Any metadata row, as a broken book would have it.
  void WriteRow(const std::string& key, const std::string& value) {
    metadata_db::TransactionBody body = [&](metadata_db::Transaction& transaction) {
      transaction.Put(key, value);
      return Status::Ok();
    };
    std::vector<metadata_db::TransactionBody> bodies{body};
    ASSERT_TRUE(world_.Run(world_.rows->Submit(std::move(bodies))).at(0).ok());
  }
  // A record on a drive that no row names.
  model::DeadShard WriteOrphan(int drive) {
    chunk_server::ShardSpec spec;
    spec.extent = NewUniqueId(world_.clock, world_.random);
    spec.data_shards = 2;
    spec.parity_shards = 1;
    spec.body_bytes = 5000;
    spec.payload_bytes = 10'000;
    const std::vector<uint8_t> body(spec.body_bytes, 7);
    const std::vector<Sha256Digest> leaves{Sha256(body)};
    chunk_server::ChunkStore& store = *world_.stores[static_cast<size_t>(drive)];
    model::DeadShard orphan;
    orphan.location = world_.Run(store.WriteShard(spec, body, leaves)).value();
    orphan.extent = spec.extent;
    orphan.body_bytes = spec.body_bytes;
    orphan.cause = ReclaimCause::kOrphan;
    orphan.since_ms = world_.clock.WallMilliseconds();
    EXPECT_TRUE(world_.Run(world_.Catalog().RecordDeadShards({orphan})).ok());
    return orphan;
  }
  ReclaimStatus Look() { return world_.reclaimer->GetStatus(); }
  ReclaimPhase PhaseOfOnly() {
    const auto records = world_.Reclaims();
    EXPECT_EQ(records.size(), 1U);
    return records.at(0).phase;
  }

  ReclaimWorld world_;
};

TEST_F(ReclaimTest, DeadSeenTrashGone) {
  ASSERT_TRUE(world_.Put("kept", RandomText(world_.random, 3000)).ok());
  PutAndDelete("gone", 3000);
  ASSERT_EQ(world_.LiveRecords().size(), 6U);
  ASSERT_TRUE(world_.Cycles(1).ok());
  EXPECT_EQ(PhaseOfOnly(), ReclaimPhase::kSeen);
  ASSERT_TRUE(world_.Cycles(3).ok());
  EXPECT_EQ(PhaseOfOnly(), ReclaimPhase::kSeen) << "the grace is not over";
  ASSERT_TRUE(world_.Cycles(2).ok());
  EXPECT_EQ(PhaseOfOnly(), ReclaimPhase::kTrash);
  ASSERT_TRUE(world_.Cycles(7).ok());
  EXPECT_EQ(PhaseOfOnly(), ReclaimPhase::kTrash) << "the trash period is not over";
  EXPECT_EQ(world_.LiveRecords().size(), 6U);
  EXPECT_EQ(Look().waiting.size(), 1U);
  EXPECT_GT(Look().oldest_waiting_since_ms, 0);
  ASSERT_TRUE(world_.Cycles(3).ok());
  EXPECT_TRUE(world_.Reclaims().empty());
  EXPECT_EQ(world_.LiveRecords().size(), 3U);
  EXPECT_EQ(Look().purged_shards, 3U);
  EXPECT_EQ(Look().forgotten_extents, 1U);
  EXPECT_TRUE(world_.Get("kept").ok());
  EXPECT_TRUE(world_.Complaints().empty());
}

TEST_F(ReclaimTest, AReadThatBeganBeforeTheDeleteGoesOn) {
  const std::string bytes = RandomText(world_.random, 300'000);
  ASSERT_TRUE(world_.Put("long", bytes).ok());
  const auto version = world_.Find("long").value();
  ASSERT_TRUE(world_.Delete("long").ok());
  ASSERT_TRUE(world_.Cycles(8).ok());
  EXPECT_EQ(PhaseOfOnly(), ReclaimPhase::kTrash);
  const auto read = world_.ReadVersion(version);
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  EXPECT_EQ(*read, bytes);
  EXPECT_EQ(PhaseOfOnly(), ReclaimPhase::kTrash) << "a read changes nothing";
  ASSERT_TRUE(world_.Cycles(12).ok());
  EXPECT_FALSE(world_.ReadVersion(version).ok()) << "gone, and never wrong bytes";
}

TEST_F(ReclaimTest, ADayForwardOrBackPurgesNothing) {
  PutAndDelete("key", 3000);
  ASSERT_TRUE(world_.Cycles(2).ok());
  world_.clock.jump_ms += 86'400'000;
  ASSERT_TRUE(world_.Cycles(1).ok());
  EXPECT_FALSE(Look().suspended.empty());
  ASSERT_TRUE(world_.Cycles(1, seconds(1)).ok());
  EXPECT_TRUE(Look().suspended.empty());
  EXPECT_EQ(PhaseOfOnly(), ReclaimPhase::kSeen) << "only the wall clock says that it is over";
  world_.clock.jump_ms -= 2 * 86'400'000;
  ASSERT_TRUE(world_.Cycles(30).ok());
  EXPECT_EQ(PhaseOfOnly(), ReclaimPhase::kSeen) << "only the reclaim clock says that it is over";
  EXPECT_EQ(Look().purged_shards, 0U);
  world_.clock.jump_ms += 86'400'000;
  ASSERT_TRUE(world_.Cycles(20).ok());
  EXPECT_TRUE(world_.Reclaims().empty());
}

TEST_F(ReclaimTest, TimeTheProcessWasDownDoesNotCount) {
  PutAndDelete("key", 3000);
  ASSERT_TRUE(world_.Cycles(1).ok());
  world_.Close();
  world_.executor.Advance(hours(1));
  world_.Open();
  ASSERT_TRUE(world_.Cycles(2, seconds(1)).ok());
  EXPECT_EQ(PhaseOfOnly(), ReclaimPhase::kSeen);
  ASSERT_TRUE(world_.Cycles(15).ok());
  EXPECT_TRUE(world_.Reclaims().empty());
}

TEST_F(ReclaimTest, WhatHasAReferrerIsNeverPurged) {
  PutAndDelete("before-trash", 3000);
  ASSERT_TRUE(world_.Cycles(1).ok());
  const ExtentId id = world_.Reclaims().at(0).extent;
  // As if the books were wrong: a version that refers, though live bytes are 0.
  const std::string row = "r" + std::string(id.View()) + std::string(9, '\0') + "key" +
                          std::string("\0\1", 2) + std::string(8, '\xff');
  WriteRow(row, "");
  ASSERT_TRUE(world_.Cycles(20).ok());
  EXPECT_EQ(PhaseOfOnly(), ReclaimPhase::kSeen);
  EXPECT_GT(Look().refused, 0U);
  EXPECT_EQ(world_.LiveRecords().size(), 3U);
}

TEST_F(ReclaimTest, WhatHasLiveBytesIsNeverPurged) {
  PutAndDelete("key", 3000);
  ASSERT_TRUE(world_.Cycles(1).ok());
  const ExtentId id = world_.Reclaims().at(0).extent;
  const std::string key = "l" + std::string(id.View());
  const auto row = world_.Run(world_.rows->Get(key)).value();
  ASSERT_TRUE(row.has_value());
  std::string alive = *row;
  alive[0] = 5;  // live bytes, a varint
  WriteRow(key, alive);
  ASSERT_TRUE(world_.Cycles(20).ok());
  EXPECT_EQ(PhaseOfOnly(), ReclaimPhase::kSeen);
  EXPECT_EQ(world_.LiveRecords().size(), 3U);
}

TEST_F(ReclaimTest, WhatCameToLifeInTheTrashIsNotPurged) {
  PutAndDelete("key", 3000);
  ASSERT_TRUE(world_.Cycles(8).ok());
  ASSERT_EQ(PhaseOfOnly(), ReclaimPhase::kTrash);
  const std::string key = "l" + std::string(world_.Reclaims().at(0).extent.View());
  std::string alive = *world_.Run(world_.rows->Get(key)).value();
  alive[0] = 5;
  WriteRow(key, alive);
  ASSERT_TRUE(world_.Cycles(15).ok());
  EXPECT_EQ(world_.LiveRecords().size(), 3U);
  EXPECT_GT(Look().refused, 0U);
}

TEST_F(ReclaimTest, ADriveThatIsAwayKeepsTheRecordWaiting) {
  PutAndDelete("key", 3000);
  ASSERT_TRUE(world_.Cycles(8).ok());
  std::optional<model::Extent> extent;
  extent = *world_.Run(world_.metadata->GetExtent(world_.Reclaims().at(0).extent)).value();
  const int away = extent->locations[1].drive.value;
  world_.SetOffline(away, true);
  (void)world_.Run(world_.stores[static_cast<size_t>(away)]->Probe());
  (void)world_.Cycles(12);
  EXPECT_EQ(world_.Reclaims().size(), 1U);
  EXPECT_EQ(world_.LiveRecords().size(), 0U) << "the others are purged";
  EXPECT_EQ(Look().waiting_for_drives, 1U);
  EXPECT_EQ(Look().purged_shards, 2U);
  world_.SetOffline(away, false);
  ASSERT_TRUE(world_.Run(world_.stores[static_cast<size_t>(away)]->Probe()).ok());
  ASSERT_TRUE(world_.Cycles(3).ok());
  EXPECT_TRUE(world_.Reclaims().empty());
  EXPECT_TRUE(world_.LiveRecords().empty());
}

TEST_F(ReclaimTest, TheBrakeHoldsUntilItIsReleased) {
  world_.options.brake_floor_bytes = 10'000;
  world_.Restart();
  PutAndDelete("big", 100'000);
  ASSERT_TRUE(world_.Cycles(25).ok());
  EXPECT_TRUE(Look().braked);
  EXPECT_GT(Look().wanted_bytes, 10'000U);
  EXPECT_EQ(world_.LiveRecords().size(), 3U);
  world_.reclaimer->Release();
  ASSERT_TRUE(world_.Cycles(1).ok());
  EXPECT_FALSE(Look().braked);
  EXPECT_TRUE(world_.LiveRecords().empty());
}

TEST_F(ReclaimTest, OrphansWaitForTheirOwnGrace) {
  WriteOrphan(0);
  world_.EndScan();
  ASSERT_TRUE(world_.Cycles(15).ok());
  EXPECT_EQ(world_.LiveRecords().size(), 1U);
  ASSERT_TRUE(world_.Cycles(10).ok());
  EXPECT_TRUE(world_.LiveRecords().empty());
  EXPECT_TRUE(world_.DeadShards().empty());
}

TEST_F(ReclaimTest, OrphansStayWhileADriveIsAway) {
  WriteOrphan(0);
  world_.EndScan();
  world_.SetOffline(3, true);
  (void)world_.Run(world_.stores[3]->Probe());
  (void)world_.Cycles(40);
  EXPECT_EQ(world_.LiveRecords().size(), 1U);
  EXPECT_FALSE(Look().orphans_stay.empty());
  world_.SetOffline(3, false);
  ASSERT_TRUE(world_.Run(world_.stores[3]->Probe()).ok());
  ASSERT_TRUE(world_.Cycles(2).ok());
  EXPECT_TRUE(world_.LiveRecords().empty());
}

TEST_F(ReclaimTest, NobodyWaitsForADriveThatWasRemoved) {
  WriteOrphan(0);
  world_.EndScan();
  world_.SetOffline(3, true);
  (void)world_.Run(world_.stores[3]->Probe());
  (void)world_.Cycles(40);
  EXPECT_EQ(world_.LiveRecords().size(), 1U);
  world_.removed.insert(DriveId{3});
  (void)world_.Cycles(2);
  EXPECT_TRUE(world_.LiveRecords().empty());
  EXPECT_TRUE(Look().orphans_stay.empty());
}

TEST_F(ReclaimTest, OrphansStayWhileMetadataAreFrozen) {
  WriteOrphan(0);
  world_.EndScan();
  std::vector<std::pair<std::string, std::string>> frozen;
  frozen.emplace_back(kFrozenSetting, "rebuilt");
  ASSERT_TRUE(world_.Run(world_.metadata->PutSettings(frozen)).ok());
  ASSERT_TRUE(world_.Cycles(40).ok());
  EXPECT_EQ(world_.LiveRecords().size(), 1U);
  ASSERT_TRUE(world_.Run(world_.reclaimer->Unfreeze()).ok());
  ASSERT_TRUE(world_.Cycles(2).ok());
  EXPECT_TRUE(world_.LiveRecords().empty());
}

TEST_F(ReclaimTest, OrphansStayUntilTheirScanHasSeenAllDrives) {
  world_.EndScan();
  world_.Wait(seconds(1));
  WriteOrphan(0);
  ASSERT_TRUE(world_.Cycles(40).ok());
  EXPECT_EQ(world_.LiveRecords().size(), 1U) << "only a scan that is under way has seen it";
  EXPECT_FALSE(Look().orphans_stay.empty());
  world_.Restart();
  ASSERT_TRUE(world_.Cycles(2).ok());
  EXPECT_EQ(world_.LiveRecords().size(), 1U);
  world_.EndScan();
  world_.Restart();
  ASSERT_TRUE(world_.Cycles(2).ok());
  EXPECT_TRUE(world_.LiveRecords().empty());
  EXPECT_TRUE(Look().orphans_stay.empty());
}

TEST_F(ReclaimTest, AnOrphanThatARowNamesByNowLives) {
  ASSERT_TRUE(world_.Put("key", RandomText(world_.random, 3000)).ok());
  const model::Extent extent = world_.ExtentOf("key");
  model::DeadShard wrong;
  wrong.location = extent.locations[0];
  wrong.extent = extent.id;
  wrong.body_bytes = 1500;
  wrong.cause = ReclaimCause::kOrphan;
  wrong.since_ms = world_.clock.WallMilliseconds();
  wrong.since_s = 1;
  // RecordDeadShards leaves it out, so the row is made by hand: the row came later than the orphan.
  EXPECT_TRUE(world_.Run(world_.Catalog().RecordDeadShards({wrong})).ok());
  EXPECT_TRUE(world_.DeadShards().empty());
  std::string key = "d";
  for (const auto& [value, bytes] :
       std::vector<std::pair<uint64_t, int>>{{wrong.location.drive.value, 2},
                                             {wrong.location.volume, 4},
                                             {wrong.location.offset, 8}}) {
    for (int i = bytes - 1; i >= 0; --i) key += static_cast<char>(value >> (8 * i) & 0xff);
  }
  WriteRow(key, model::EncodeDeadShard(wrong));
  ASSERT_EQ(world_.DeadShards().size(), 1U);
  world_.EndScan();
  ASSERT_TRUE(world_.Cycles(30).ok());
  EXPECT_EQ(world_.LiveRecords().size(), 3U);
  EXPECT_TRUE(world_.DeadShards().empty());
}

TEST_F(ReclaimTest, AReclaimerThatWasOvertakenIsRefused) {
  PutAndDelete("key", 3000);
  ASSERT_TRUE(world_.Cycles(1).ok());
  const auto extent =
      world_.Run(world_.metadata->GetExtent(world_.Reclaims().at(0).extent)).value();
  world_.Wait(seconds(60));
  std::vector<chunk_server::ChunkStore*> raw;
  for (const auto& store : world_.stores) raw.push_back(store.get());
  Purger newer(raw);
  newer.SetEpoch(1000);
  // It purges something that is not there: what counts is that the drives have seen it.
  std::vector<PurgeItem> nothing;
  for (uint16_t drive = 0; drive < ReclaimWorld::kDrives; ++drive) {
    PurgeItem& item = nothing.emplace_back();
    item.extent = extent->id;
    item.location = {DriveId{drive}, true, 9, 1, 300'032};
  }
  (void)world_.Run(newer.Purge(nothing));
  (void)world_.Cycles(30);
  EXPECT_EQ(world_.LiveRecords().size(), 3U);
  EXPECT_GT(Look().refused, 0U);
  world_.Restart();
  ASSERT_TRUE(world_.Cycles(3).ok());
  EXPECT_TRUE(world_.LiveRecords().empty());
}

TEST_F(ReclaimTest, AStaleGenerationIsNotPurged) {
  ASSERT_TRUE(world_.Put("key", RandomText(world_.random, 3000)).ok());
  const model::Extent extent = world_.ExtentOf("key");
  world_.Wait(seconds(60));
  std::vector<chunk_server::ChunkStore*> raw;
  for (const auto& store : world_.stores) raw.push_back(store.get());
  Purger purger(raw);
  purger.SetEpoch(1000);
  PurgeItem item{extent.id, 0, extent.locations[0], ReclaimCause::kMoved};
  item.location.generation += 1;
  EXPECT_EQ(world_.Run(purger.Purge({item})).at(0).code(), Code::kConflict);
  EXPECT_EQ(world_.LiveRecords().size(), 3U);
}

TEST_F(ReclaimTest, AYoungExtentIsNotPurged) {
  ASSERT_TRUE(world_.Put("key", RandomText(world_.random, 3000)).ok());
  const model::Extent extent = world_.ExtentOf("key");
  std::vector<chunk_server::ChunkStore*> raw;
  for (const auto& store : world_.stores) raw.push_back(store.get());
  Purger purger(raw);
  purger.SetEpoch(1000);
  const PurgeItem item{extent.id, 0, extent.locations[0], ReclaimCause::kDeleted};
  EXPECT_EQ(world_.Run(purger.Purge({item})).at(0).code(), Code::kConflict);
  EXPECT_EQ(world_.LiveRecords().size(), 3U);
}

TEST_F(ReclaimTest, SpacePressureEmptiesTheTrashEarly) {
  PutAndDelete("key", 100'000);
  ASSERT_TRUE(world_.Cycles(8).ok());
  ASSERT_EQ(PhaseOfOnly(), ReclaimPhase::kTrash);
  world_.options.pressure_free_share = 0.05;
  for (auto& disk : world_.disks) disk->options().capacity_bytes = disk->bytes_used() + 1000;
  world_.Restart();
  ASSERT_TRUE(world_.Cycles(1).ok());
  EXPECT_TRUE(world_.LiveRecords().empty());
}

TEST_F(ReclaimTest, SpacePressureDoesNotShortenTheGrace) {
  PutAndDelete("key", 100'000);
  world_.options.pressure_free_share = 0.5;
  for (auto& disk : world_.disks) disk->options().capacity_bytes = disk->bytes_used() + 1000;
  world_.Restart();
  ASSERT_TRUE(world_.Cycles(3).ok());
  EXPECT_EQ(world_.LiveRecords().size(), 3U);
}

TEST_F(ReclaimTest, AFullStoreIsDeletedIntoUsability) {
  world_.options.pressure_free_share = 0.05;
  for (auto& disk : world_.disks) disk->options().capacity_bytes = 4 << 20;
  world_.store_options.reserved_free_bytes = 1 << 20;
  world_.Restart();
  int count = 0;
  while (true) {
    const Status status =
        world_.Put("key-" + std::to_string(count), RandomText(world_.random, 200'000));
    if (!status.ok()) {
      EXPECT_EQ(status.code(), Code::kNoSpace) << status.ToString();
      break;
    }
    ASSERT_LT(++count, 1000);
  }
  for (int i = 0; i < count; ++i) {
    ASSERT_TRUE(world_.Delete("key-" + std::to_string(i)).ok());
  }
  ASSERT_FALSE(world_.Put("new", RandomText(world_.random, 200'000)).ok());
  ASSERT_TRUE(world_.Cycles(30).ok());
  EXPECT_TRUE(world_.LiveRecords().empty());
  EXPECT_GT(Look().removed_volumes, 0U);
  const Status again = world_.Put("new", RandomText(world_.random, 200'000));
  EXPECT_TRUE(again.ok()) << again.ToString();
}

// Dies at the step, the first time it comes by.
class CrashAtStep : public ReclaimTest, public testing::WithParamInterface<const char*> {
 protected:
  ~CrashAtStep() override { (void)ArmFailpoints(""); }
};

TEST_P(CrashAtStep, NothingLivingIsLostAndNothingLeaks) {
  std::map<std::string, std::string> kept;
  std::vector<std::string> dropped;
  for (int batch = 0; batch < 120; ++batch) {
    std::map<std::string, std::string> some;
    for (int i = 0; i < 4; ++i) {
      some["key-" + std::to_string(batch) + "-" + std::to_string(i)] =
          RandomText(world_.random, 100 + world_.random.Below(6000));
    }
    ASSERT_TRUE(world_.PutTogether(some).ok());
    for (const auto& [key, bytes] : some) {
      if (batch % 4 == 0 && key.ends_with("-3")) {
        kept[key] = bytes;
      } else {
        dropped.push_back(key);
      }
    }
  }
  for (const std::string& key : dropped) ASSERT_TRUE(world_.Delete(key).ok());
  ASSERT_TRUE(ArmFailpoints(std::string(GetParam()) + "=error").ok());
  bool reached = false;
  for (int i = 0; i < 60 && !reached; ++i) reached = !world_.Cycles(1).ok();
  ASSERT_TRUE(reached) << "the step never came";
  world_.Crash();
  (void)ArmFailpoints("");
  world_.Open();
  ASSERT_TRUE(world_.Cycles(60).ok());
  for (const auto& [key, bytes] : kept) {
    const auto read = world_.Get(key);
    ASSERT_TRUE(read.ok()) << key << ": " << read.status().ToString();
    EXPECT_EQ(*read, bytes);
  }
  EXPECT_TRUE(world_.Reclaims().empty());
  const std::string step = GetParam();
  // These two leave copies that only the orphan scan finds.
  if (step == "compact.written" || step == "volume_compact.written") return;
  EXPECT_EQ(world_.Complaints(), std::vector<std::string>());
}

INSTANTIATE_TEST_SUITE_P(Steps, CrashAtStep,
                         testing::Values("reclaim.seen", "reclaim.trash", "reclaim.before_purge",
                                         "reclaim.after_purge", "reclaim.shards_noted",
                                         "reclaim.before_shard_purge", "reclaim.after_shard_purge",
                                         "compact.written", "compact.moved",
                                         "volume_compact.written", "volume_compact.moved",
                                         "volume_compact.removed"));

}  // namespace
}  // namespace ashlar::lifecycle_worker
