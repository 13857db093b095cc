#include "lifecycle_worker/reclaiming/decisions.h"

#include <gtest/gtest.h>

#include "lifecycle_worker/compaction/slice_plan.h"
#include "lifecycle_worker/compaction/volume_compactor.h"

namespace ashlar::lifecycle_worker {
namespace {

using model::ReclaimCause;
using model::ReclaimPhase;
using std::chrono::seconds;

constexpr int64_t kDay = 86'400;

model::ReclaimRecord Record(ReclaimPhase phase, int64_t wall_s, int64_t clock_s) {
  model::ReclaimRecord record;
  record.phase = phase;
  record.dead_since_ms = wall_s * 1000;
  record.phase_since_ms = wall_s * 1000;
  record.phase_at_s = clock_s;
  return record;
}

ReclaimTime At(int64_t wall_s, int64_t clock_s) { return {wall_s * 1000, clock_s}; }

TEST(PeriodOver, NeedsBothClocks) {
  const Duration period = seconds(100);
  EXPECT_FALSE(PeriodOver(At(1099, 600), 1'000'000, 500, period)) << "wall clock says no";
  EXPECT_FALSE(PeriodOver(At(1100, 600), 1'000'000, 500, period)) << "a second was rounded off";
  EXPECT_TRUE(PeriodOver(At(1100, 601), 1'000'000, 500, period));
  EXPECT_FALSE(PeriodOver(At(1000 + kDay, 510), 1'000'000, 500, period)) << "jump forward";
  EXPECT_FALSE(PeriodOver(At(1000 - kDay, 5000), 1'000'000, 500, period)) << "jump back";
}

TEST(ExtentStep, OneAfterTheOther) {
  const ReclaimPeriods periods{seconds(100), seconds(300), seconds(700)};
  EXPECT_EQ(NextStep(Record(ReclaimPhase::kDead, 0, 0), At(9999, 9999), periods),
            ExtentStep::kNote);
  EXPECT_EQ(NextStep(Record(ReclaimPhase::kSeen, 1000, 50), At(1099, 9999), periods),
            ExtentStep::kWait);
  EXPECT_EQ(NextStep(Record(ReclaimPhase::kSeen, 1000, 50), At(1101, 151), periods),
            ExtentStep::kTrash);
  EXPECT_EQ(NextStep(Record(ReclaimPhase::kTrash, 1000, 50), At(1299, 400), periods),
            ExtentStep::kWait);
  EXPECT_EQ(NextStep(Record(ReclaimPhase::kTrash, 1000, 50), At(1300, 351), periods),
            ExtentStep::kPurge);
}

TEST(ShardStep, OrphansWaitLongerAndMayHaveToStay) {
  const ReclaimPeriods periods{seconds(100), seconds(300), seconds(700)};
  model::DeadShard shard;
  const OrphanGate shut;
  const OrphanGate open{true, {11'000, 11}};
  shard.cause = ReclaimCause::kMoved;
  EXPECT_EQ(NextStep(shard, At(9999, 9999), periods, open), ShardStep::kNote);
  shard.since_s = 10;
  shard.since_ms = 10'000;
  EXPECT_EQ(NextStep(shard, At(111, 110), periods, shut), ShardStep::kWait);
  EXPECT_EQ(NextStep(shard, At(111, 111), periods, shut), ShardStep::kPurge);
  shard.cause = ReclaimCause::kOrphan;
  EXPECT_EQ(NextStep(shard, At(111, 111), periods, open), ShardStep::kWait);
  EXPECT_EQ(NextStep(shard, At(711, 711), periods, shut), ShardStep::kWait);
  EXPECT_EQ(NextStep(shard, At(711, 711), periods, open), ShardStep::kPurge);
}

TEST(ShardStep, OrphansWaitForTheEndOfTheScanThatFoundThem) {
  const ReclaimPeriods periods{seconds(100), seconds(300), seconds(700)};
  model::DeadShard shard;
  shard.cause = ReclaimCause::kOrphan;
  shard.since_ms = 10'000;
  shard.since_s = 10;
  const auto step = [&](CompletedScan scan) {
    return NextStep(shard, At(9999, 9999), periods, OrphanGate{true, scan});
  };
  EXPECT_EQ(step({0, 0}), ShardStep::kWaitForScan) << "none has come to its end";
  EXPECT_EQ(step({10'000, 10}), ShardStep::kPurge);
  EXPECT_EQ(step({9999, 10}), ShardStep::kWaitForScan) << "found by the one behind it";
  EXPECT_EQ(step({kDay * 1000, 9}), ShardStep::kWaitForScan) << "its clock was a day ahead";
  shard.cause = ReclaimCause::kMoved;
  EXPECT_EQ(step({0, 0}), ShardStep::kPurge) << "no scan has to find those";
}

TEST(Orphans, StayWhileAnythingIsUncertain) {
  EXPECT_TRUE(WhyOrphansStay({.all_drives_online = true, .frozen = false}).empty());
  EXPECT_FALSE(WhyOrphansStay({.all_drives_online = false, .frozen = false}).empty());
  EXPECT_FALSE(WhyOrphansStay({.all_drives_online = true, .frozen = true}).empty());
}

TEST(ChooseEarly, OldestFirstAndOnlyWhatHelps) {
  const auto id = [](uint8_t first) {
    ExtentId made;
    made.bytes[0] = first;
    return made;
  };
  const DriveId zero{0};
  const DriveId one{1};
  const std::vector<EarlyCandidate> candidates{
      {id(1), 300, 10, {{zero, 10}}},
      {id(2), 100, 10, {{one, 10}}},
      {id(3), 200, 10, {{zero, 10}}},
      {id(4), 400, 10, {{zero, 10}}},
  };
  EXPECT_EQ(ChooseEarly(candidates, {15, 0}), (std::vector<ExtentId>{id(3), id(1)}));
  EXPECT_TRUE(ChooseEarly(candidates, {0, 0}).empty());
}

TEST(Brake, HoldsWhatIsUnusual) {
  Brake brake({.floor_bytes = 1000, .live_share = 0.01, .mean_factor = 3.0});
  EXPECT_FALSE(brake.Holds(1000, 0));
  EXPECT_TRUE(brake.Holds(1001, 0));
  EXPECT_FALSE(brake.Holds(1001, 200'000)) << "one part in a hundred of what lives";
  brake.CycleEnded(800, 800);
  EXPECT_TRUE(brake.Holds(2401, 0));
  EXPECT_FALSE(brake.Holds(2400, 0)) << "three times the mean";
}

TEST(Brake, ReleaseLetsThroughWhatWasWanted) {
  Brake brake({.floor_bytes = 1000, .live_share = 0, .mean_factor = 0});
  ASSERT_TRUE(brake.Holds(5000, 0));
  brake.CycleEnded(5000, 0);
  ASSERT_TRUE(brake.Holds(5000, 0));
  brake.Release();
  EXPECT_FALSE(brake.Holds(5000, 0));
  EXPECT_TRUE(brake.Holds(50'000, 0)) << "not more than a person has seen";
  brake.CycleEnded(5000, 5000);
  EXPECT_TRUE(brake.Holds(5000, 0)) << "once";
}

TEST(LiveRuns, OverlappingSlicesShareARun) {
  ExtentId extent;
  extent.bytes[0] = 7;
  ExtentId other;
  other.bytes[0] = 8;
  metadata_db::ExtentReferrer first;
  first.slices = {{extent, 100, 50}, {other, 0, 10}, {extent, 0, 10}};
  metadata_db::ExtentReferrer second;
  second.slices = {{extent, 120, 80}, {extent, 10, 5}, {extent, 120, 10}};
  const auto runs = LiveRuns(extent, {first, second});
  const std::vector<model::Slice> wanted{{extent, 0, 15}, {extent, 100, 100}};
  EXPECT_EQ(runs, wanted);
  const std::vector<model::Slice> moved{{other, 1000, 15}, {other, 1015, 100}};
  EXPECT_EQ(MovedSlice({extent, 120, 10}, runs, moved), (model::Slice{other, 1035, 10}));
  EXPECT_EQ(MovedSlice({extent, 10, 5}, runs, moved), (model::Slice{other, 1010, 5}));
}

TEST(IsSparse, CountsWhatWaitsAsLiving) {
  EXPECT_TRUE(IsSparse({.shards = 1, .live_bytes = 50, .waiting_bytes = 0}, 100, 0.5));
  EXPECT_FALSE(IsSparse({.shards = 2, .live_bytes = 50, .waiting_bytes = 1}, 100, 0.5));
  EXPECT_FALSE(IsSparse({.shards = 1, .live_bytes = 0, .waiting_bytes = 10}, 100, 0.5));
}

}  // namespace
}  // namespace ashlar::lifecycle_worker
