// Healing on simulated drives: what is lost comes back, bit for bit, and nothing is touched that
// cannot be proven.
#include "cluster/healer.h"

#include <gtest/gtest.h>

#include "cluster/tests/heal_world.h"
#include "runtime/failpoint.h"

namespace ashlar::cluster {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

class HealerTest : public testing::Test {
 protected:
  void TearDown() override { ASSERT_TRUE(ArmFailpoints("").ok()); }
  // Extents of one byte, around the edges of a stripe, and of several chunks.
  static void Fill(HealWorld& world, int count = 12) {
    const uint64_t sizes[] = {1, 700, 5000, 256 * 1024, 256 * 1024 + 1, 1'500'000, 2'600'000};
    for (int i = 0; i < count; ++i) {
      world.Put("key-" + std::to_string(i), sizes[static_cast<size_t>(i) % std::size(sizes)]);
    }
  }
  static void ExpectAllWhole(HealWorld& world) {
    const ShardCount count = world.Count();
    EXPECT_EQ(count.whole, count.expected);
    EXPECT_EQ(world.Orders().size(), 0U);
    EXPECT_EQ(world.healer->Status().unrecoverable_now, 0U);
  }
  // Second by second: a healer that makes shards without end fails, instead of never ending.
  static void PassWithoutHaste(HealWorld& world, int time_s) {
    for (int i = 0; i < time_s; ++i) {
      world.Pass(seconds(1));
      ASSERT_LT(world.DeadShards().size(), 100U) << "after " << i + 1 << " s";
    }
  }
};

TEST_F(HealerTest, AShardThatWasNotWrittenIsMadeWhenItsDriveIsBack) {
  HealWorld world;
  world.Vanish(2);
  Fill(world);
  EXPECT_EQ(world.Orders().size(), 12U);
  ASSERT_TRUE(world.Heal());
  EXPECT_EQ(world.Orders().size(), 12U);
  EXPECT_EQ(world.healer->Status().waiting_for_drive, 12U);
  EXPECT_EQ(world.healer->Status().extents_by_remaining[1], 12U);
  world.Pass(minutes(11));
  EXPECT_EQ(world.healer->Status().waiting_for_replacement, 12U);
  world.ComeBack(2);
  ASSERT_TRUE(world.Heal());
  ExpectAllWhole(world);
  EXPECT_EQ(world.healer->Status().shards_made, 12U);
}

TEST_F(HealerTest, AllThatTheCodeCanLoseIsRebuiltFromTheRest) {
  for (const erasure_encoder::Code code : {erasure_encoder::Code{10, 4}, {4, 2}, {2, 1}}) {
    HealWorldOptions options;
    options.code = code;
    options.drives = code.total();
    HealWorld world(options);
    Fill(world, 7);
    for (int i = 0; i < code.parity_shards; ++i) world.Lose(i);
    EXPECT_EQ(world.Count().fewest, code.data_shards);
    for (int i = 0; i < code.parity_shards; ++i) ASSERT_TRUE(world.Replace(i).ok());
    ASSERT_TRUE(world.Heal());
    ExpectAllWhole(world);
    EXPECT_EQ(world.healer->Status().shards_made, 7U * code.parity_shards);
    EXPECT_FALSE(world.states->View()[0].refilling);
  }
}

TEST_F(HealerTest, DamageIsRebuiltAndTheOldPlaceBecomesADeadShard) {
  HealWorld world;
  const ExtentId extent = world.Put("key", 1'000'000);
  const model::ShardLocation before = world.Row(extent)->locations[1];
  world.Damage(extent, 1);
  model::RepairOrder order;
  order.extent = extent;
  order.shard = ShardIndex{1};
  order.reason = model::RepairReason::kCorrupt;
  ASSERT_TRUE(world.executor.Run(world.metadata->RecordRepairs({order})).ok());
  ASSERT_TRUE(world.Heal());
  ExpectAllWhole(world);
  const model::ShardLocation after = world.Row(extent)->locations[1];
  EXPECT_EQ(after.generation, before.generation + 1);
  const auto dead = world.DeadShards();
  ASSERT_EQ(dead.size(), 1U);
  EXPECT_EQ(dead[0].location, before);
  EXPECT_EQ(dead[0].cause, model::ReclaimCause::kMoved);
}

TEST_F(HealerTest, AnOrderForAWholeShardIsDismissed) {
  HealWorld world;
  const ExtentId extent = world.Put("key", 100'000);
  const auto before = world.Row(extent)->locations;
  model::RepairOrder order;
  order.extent = extent;
  order.shard = ShardIndex{3};
  order.reason = model::RepairReason::kUnreadable;
  ASSERT_TRUE(world.executor.Run(world.metadata->RecordRepairs({order})).ok());
  ASSERT_TRUE(world.Heal());
  EXPECT_EQ(world.Orders().size(), 0U);
  EXPECT_EQ(world.Row(extent)->locations, before);
  EXPECT_EQ(world.healer->Status().shards_found_whole, 1U);
}

// More than m lost: nothing is touched, and all comes back with one of them.
TEST_F(HealerTest, FewerThanKReadableChangesNothingUntilOneReturns) {
  HealWorld world;
  Fill(world, 7);
  const auto before = world.Count();
  world.Vanish(0);
  world.Lose(1);
  world.Lose(2);
  ASSERT_TRUE(world.Replace(1).ok());
  ASSERT_TRUE(world.Replace(2).ok());
  ASSERT_TRUE(world.Heal());
  EXPECT_EQ(world.healer->Status().unrecoverable_now, 7U);
  EXPECT_EQ(world.healer->Status().shards_made, 0U);
  EXPECT_EQ(world.Count().fewest, 3U);
  EXPECT_EQ(world.Count().strays, 0U);
  world.ComeBack(0);
  ASSERT_TRUE(world.Heal());
  ExpectAllWhole(world);
  EXPECT_EQ(world.Count().expected, before.expected);
}

// S15: two lost and a flipped bit on a third, for some extents.
TEST_F(HealerTest, OnlyTheExtentsWithOneDamageTooManyStayAsTheyAre) {
  HealWorld world;
  Fill(world, 6);
  const ExtentId damaged = world.objects["key-3"];
  size_t shard = 0;
  while (world.Row(damaged)->locations[shard].drive.value < 3) ++shard;
  world.Damage(damaged, shard);
  world.Lose(0);
  world.Lose(1);
  ASSERT_TRUE(world.Replace(0).ok());
  ASSERT_TRUE(world.Replace(1).ok());
  ASSERT_TRUE(world.Heal());
  EXPECT_EQ(world.healer->Status().unrecoverable_now, 1U);
  ShardCount count = world.Count();
  EXPECT_EQ(count.whole, count.expected - 3);
  EXPECT_EQ(world.Orders().size(), 3U);
  // The bit flips back (the drive with the good copy returns).
  world.Damage(damaged, shard);
  world.Pass(minutes(2));
  ASSERT_TRUE(world.Heal());
  ExpectAllWhole(world);
}

TEST_F(HealerTest, ARefillGoesOnAfterARestart) {
  HealWorldOptions options;
  options.heal.batch_extents = 4;
  options.heal.bytes_per_second = 200'000;
  HealWorld world(options);
  Fill(world, 28);
  world.Lose(4);
  ASSERT_TRUE(world.Replace(4).ok());
  world.StartHealer();
  while (world.states->View()[4].sweep.cursor.IsZero()) world.Pass(seconds(1));
  const SweepProgress progress = world.states->View()[4].sweep;
  world.CloseAll();
  world.OpenAll();
  EXPECT_TRUE(world.states->View()[4].refilling);
  EXPECT_FALSE(world.states->View()[4].sweep.cursor < progress.cursor);
  world.StartHealer();
  world.Pass(seconds(1));
  ASSERT_EQ(world.healer->Status().sweeps.size(), 1U);
  EXPECT_EQ(world.healer->Status().sweeps[0].progress.shards_total, 28U);
  ASSERT_TRUE(world.Heal());
  ExpectAllWhole(world);
  EXPECT_FALSE(world.states->View()[4].refilling);
  EXPECT_LT(world.healer->Status().shards_made, 28U);
}

TEST_F(HealerTest, AFullRefillCountsWhatAnIndependentWalkFinds) {
  HealWorld world;
  Fill(world, 30);
  world.Lose(5);
  const uint64_t lost = world.Count().expected - world.Count().whole;
  ASSERT_TRUE(world.Replace(5).ok());
  world.Put("after", 3000);
  ASSERT_TRUE(world.Heal());
  ExpectAllWhole(world);
  EXPECT_EQ(world.healer->Status().shards_made, lost);
  EXPECT_EQ(world.Count().strays, 0U);
}

TEST_F(HealerTest, ADrainedDriveIsEmptyAndThenRemoved) {
  HealWorldOptions options;
  options.drives = 7;
  HealWorld world(options);
  Fill(world, 20);
  EXPECT_EQ(world.executor.Run(world.states->Drain(world.Drive(9))).code(), Code::kInvalidArgument);
  ASSERT_TRUE(world.executor.Run(world.states->Drain(world.Drive(3))).ok());
  // One more would leave too few.
  EXPECT_EQ(world.executor.Run(world.states->Drain(world.Drive(4))).code(), Code::kConflict);
  const metadata_db::ExtentPtr after = world.Row(world.Put("after", 3000));
  for (const auto& location : after->locations) EXPECT_NE(location.drive, world.Drive(3));
  ASSERT_TRUE(world.Heal());
  world.Pass(minutes(3));
  ExpectAllWhole(world);
  EXPECT_EQ(world.states->View()[3].role, DriveRole::kRemoved);
  for (const auto& [key, extent] : world.objects) {
    const metadata_db::ExtentPtr row = world.Row(extent);
    for (const auto& location : row->locations) EXPECT_NE(location.drive, world.Drive(3));
  }
  world.CloseAll();
  world.OpenAll();
  EXPECT_EQ(world.states->View()[3].role, DriveRole::kRemoved);
  const metadata_db::ExtentPtr later = world.Row(world.Put("later", 3000));
  for (const auto& location : later->locations) EXPECT_NE(location.drive, world.Drive(3));
}

TEST_F(HealerTest, ADrainMakesNothingOfDeadExtents) {
  HealWorldOptions options;
  options.drives = 7;
  HealWorld world(options);
  Fill(world, 20);
  for (int i = 0; i < 10; ++i) world.Delete("key-" + std::to_string(i));
  ASSERT_TRUE(world.executor.Run(world.states->Drain(world.Drive(3))).ok());
  world.StartHealer();
  ASSERT_NO_FATAL_FAILURE(PassWithoutHaste(world, 120));
  const auto dead = world.DeadShards();
  for (const model::DeadShard& shard : dead) EXPECT_EQ(shard.cause, model::ReclaimCause::kMoved);
  EXPECT_GT(dead.size(), 0U);
  // Reclaiming, which nobody does here, ends the drain.
  EXPECT_EQ(world.states->View()[3].role, DriveRole::kDraining);
}

TEST_F(HealerTest, OrdersOfDeadExtentsAreDismissed) {
  HealWorld world;
  const ExtentId extent = world.Put("key", 100'000);
  world.Damage(extent, 1);
  world.Damage(extent, 2);  // found while the other one is made: it would be ordered in its turn
  model::RepairOrder order;
  order.extent = extent;
  order.shard = ShardIndex{1};
  order.reason = model::RepairReason::kCorrupt;
  ASSERT_TRUE(world.executor.Run(world.metadata->RecordRepairs({order})).ok());
  world.Delete("key");
  world.StartHealer();
  ASSERT_NO_FATAL_FAILURE(PassWithoutHaste(world, 30));
  EXPECT_EQ(world.Orders().size(), 0U);
  EXPECT_EQ(world.DeadShards().size(), 0U) << "nothing was made of it";
}

TEST_F(HealerTest, ADriveIsNotRemovedWhileAnExtentNamesIt) {
  HealWorldOptions options;
  options.drives = 7;
  HealWorld world(options);
  Fill(world, 20);
  world.Vanish(5);  // the only place for some of the shards
  ASSERT_TRUE(world.executor.Run(world.states->Drain(world.Drive(3))).ok());
  world.StartHealer();
  world.Pass(minutes(9));
  EXPECT_EQ(world.states->View()[3].role, DriveRole::kDraining);
  EXPECT_GT(world.healer->Status().shards_made, 0U);
  world.ComeBack(5);
  world.Pass(minutes(5));
  ASSERT_TRUE(world.Heal());
  ExpectAllWhole(world);
  EXPECT_EQ(world.states->View()[3].role, DriveRole::kRemoved);
}

TEST_F(HealerTest, ADriveThatStaysAwayIsRebuiltOnASpareOne) {
  HealWorldOptions options;
  options.drives = 7;
  HealWorld world(options);
  Fill(world, 20);
  world.Vanish(3);
  ASSERT_TRUE(world.Heal());
  EXPECT_EQ(world.healer->Status().shards_made, 0U);
  world.Pass(minutes(11));
  ASSERT_TRUE(world.Heal());
  ExpectAllWhole(world);
  world.ComeBack(3);
  EXPECT_GT(world.Count().strays, 0U);
}

TEST_F(HealerTest, OnlyALostDriveCanBeReplaced) {
  HealWorld world;
  EXPECT_EQ(world.Replace(1).code(), Code::kConflict);
  EXPECT_EQ(world.Replace(17).code(), Code::kInvalidArgument);
  EXPECT_EQ(world.executor.Run(world.states->Drain(world.Drive(1))).code(), Code::kConflict);
  EXPECT_EQ(world.executor.Run(world.states->Activate(world.Drive(1))).code(), Code::kConflict);
}

TEST_F(HealerTest, ObjectsThatAreDeletedMeanwhileLeaveNothingBehindButDeadShards) {
  HealWorld world;
  Fill(world, 20);
  world.Lose(2);
  ASSERT_TRUE(world.Replace(2).ok());
  world.options.heal.bytes_per_second = 500'000;
  world.StartHealer();
  for (int i = 0; i < 20; i += 2) {
    world.Pass(seconds(1));
    world.Delete("key-" + std::to_string(i));
    world.Put("key-" + std::to_string(i + 1), 40'000);
  }
  ASSERT_TRUE(world.Heal());
  EXPECT_EQ(world.Orders().size(), 0U);
  for (const auto& [key, extent] : world.objects) EXPECT_TRUE(world.Readable(extent)) << key;
  // Every record that no row names is known to reclaiming.
  EXPECT_GE(world.DeadShards().size(), world.Count().strays);
}

TEST_F(HealerTest, AFullDriveIsLeftForLater) {
  HealWorld world;
  Fill(world, 7);
  world.Lose(1);
  ASSERT_TRUE(world.Replace(1).ok());
  world.disk(1).options().capacity_bytes = 2 << 20;
  ASSERT_TRUE(world.Heal());
  EXPECT_FALSE(world.Count().complete());
  EXPECT_GT(world.healer->Status().failures, 0U);
  world.disk(1).options().capacity_bytes = 1ULL << 40;
  world.Pass(minutes(3));
  ASSERT_TRUE(world.Heal());
  ExpectAllWhole(world);
}

TEST_F(HealerTest, ADriveThatHangsDoesNotHoldUpTheOthers) {
  HealWorld world;
  Fill(world, 7);
  world.Lose(1);
  ASSERT_TRUE(world.Replace(1).ok());
  world.disk(3).options().delay_nanoseconds_max = 60'000'000'000;
  world.StartHealer();
  world.Pass(minutes(2));
  EXPECT_GT(world.healer->Status().failures, 0U);
  world.disk(3).options().delay_nanoseconds_max = 100'000;
  world.Pass(minutes(5));
  ASSERT_TRUE(world.Heal());
  ExpectAllWhole(world);
}

TEST_F(HealerTest, GivesWayToClients) {
  HealWorldOptions options;
  options.heal.bytes_per_second = 400'000;
  std::map<bool, int64_t> took;
  for (const bool busy : {false, true}) {
    HealWorld world(options);
    world.busy = busy;
    Fill(world, 14);
    world.Lose(1);
    ASSERT_TRUE(world.Replace(1).ok());
    const int64_t began = world.executor.MonotonicNanoseconds();
    ASSERT_TRUE(world.Heal());
    took[busy] = world.executor.MonotonicNanoseconds() - began;
  }
  EXPECT_GT(took[true], took[false] * 3 / 2);
}

TEST_F(HealerTest, AStepThatFailsIsRepeatedAndNothingIsLost) {
  for (const char* step : {"heal.read", "heal.shard_written", "heal.before_move"}) {
    for (const char* hit : {"@1", "@2", "@5"}) {
      HealWorldOptions options;
      options.heal.batch_extents = 1;
      HealWorld world(options);
      Fill(world, 7);
      world.Lose(0);
      ASSERT_TRUE(world.Replace(0).ok());
      ASSERT_TRUE(ArmFailpoints(std::string(step) + "=error" + hit).ok());
      ASSERT_TRUE(world.Heal());
      world.Pass(minutes(5));
      ASSERT_TRUE(world.Heal());
      ExpectAllWhole(world);
    }
  }
}

TEST_F(HealerTest, PowerFailuresAtAnyTimeLoseNothing) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    HealWorldOptions options;
    options.seed = seed;
    options.heal.bytes_per_second = 5'000'000;
    options.heal.batch_extents = 3;
    HealWorld world(options);
    Fill(world, 14);
    world.Lose(1);
    world.Lose(2);
    ASSERT_TRUE(world.Replace(1).ok());
    ASSERT_TRUE(world.Replace(2).ok());
    SimRandom random(seed);
    for (int crash = 0; crash < 4; ++crash) {
      world.StartHealer();
      world.Pass(std::chrono::milliseconds(random.Below(1500)));
      world.CrashAndReopen();
      EXPECT_GE(world.Count().fewest, 4U) << seed;
    }
    ASSERT_TRUE(world.Heal()) << seed;
    const ShardCount count = world.Count();
    ASSERT_EQ(count.whole, count.expected) << seed;
  }
}

TEST_F(HealerTest, ARootThatTheRowDoesNotKnowIsFilledIn) {
  // As metadata that were rebuilt from the drives have it: the shard was not found.
  HealWorld world;
  size_t missing = 0;
  Sha256Digest root{};
  world.before_commit = [&](model::Extent& extent) {
    while (extent.locations[missing].present) ++missing;
    root = std::exchange(extent.roots[missing], Sha256Digest{});
  };
  world.Vanish(2);
  const ExtentId extent = world.Put("key", 300'000);
  world.ComeBack(2);
  ASSERT_TRUE(world.Heal());
  ExpectAllWhole(world);
  EXPECT_EQ(world.Row(extent)->roots[missing], root);
}

TEST_F(HealerTest, AShardThatIsNotWhatTheRowSaysIsNeverNamed) {
  HealWorld world;
  world.before_commit = [](model::Extent& extent) {
    for (size_t i = 0; i < extent.roots.size(); ++i) {
      if (!extent.locations[i].present) extent.roots[i][0] ^= 1;
    }
  };
  world.Vanish(2);
  const ExtentId extent = world.Put("key", 300'000);
  const auto before = world.Row(extent)->locations;
  world.ComeBack(2);
  ASSERT_TRUE(world.Heal());
  EXPECT_EQ(world.Row(extent)->locations, before);
  EXPECT_EQ(world.Orders().size(), 1U);
  EXPECT_EQ(world.Count().strays, 0U);
  EXPECT_GT(world.healer->Status().failures, 0U);
}

TEST_F(HealerTest, RiskIsCountedByRemainingParitiesNowAndWithoutADrive) {
  HealWorld world;
  Fill(world, 10);
  world.Vanish(5);
  const auto report = world.executor.Run(AssessRisk(*world.catalog, world.states->View()));
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->extents, 10U);
  ASSERT_EQ(report->now.by_remaining.size(), 2U);
  EXPECT_EQ(report->now.by_remaining[1], 10U);
  EXPECT_EQ(report->drives[0].shards, 10U);
  EXPECT_EQ(report->drives[0].without.by_remaining[0], 10U);
  EXPECT_EQ(report->drives[5].without.by_remaining[1], 10U);
  world.Vanish(4);
  const auto worse = world.executor.Run(AssessRisk(*world.catalog, world.states->View()));
  ASSERT_TRUE(worse.ok());
  EXPECT_EQ(worse->drives[0].without.unreadable, 10U);
}

}  // namespace
}  // namespace ashlar::cluster
