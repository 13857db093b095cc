// Scrubbing on simulated drives: every kind of damage is found, once, and nothing else is.
#include "cluster/scrubber.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cluster/scrubbing/round_state.h"
#include "cluster/tests/heal_world.h"
#include "model/shard_record.h"
#include "runtime/failpoint.h"

namespace ashlar::cluster {
namespace {

using model::RepairReason;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

class ScrubberTest : public testing::Test {
 protected:
  void TearDown() override { ASSERT_TRUE(ArmFailpoints("").ok()); }
  static void Fill(HealWorld& world, int count = 14) {
    const uint64_t sizes[] = {1, 700, 5000, 256 * 1024, 256 * 1024 + 1, 1'500'000, 2'600'000};
    for (int i = 0; i < count; ++i) {
      world.Put("key-" + std::to_string(i), sizes[static_cast<size_t>(i) % std::size(sizes)]);
    }
  }
  // Old enough for everything that has a grace.
  static void Age(HealWorld& world) { world.Pass(hours(48)); }
  static ScrubFindings Findings(HealWorld& world) {
    EXPECT_TRUE(world.Scrub());
    return world.scrubber->GetStatus().findings;
  }
  static uint64_t Damage(const ScrubFindings& found) { return found.corrupt + found.missing; }
  static uint64_t Strays(const ScrubFindings& found) {
    return found.stale + found.duplicate + found.misplaced + found.orphans;
  }
  // A record of the spec with made-up content, on a drive of the test's choice.
  static model::ShardLocation WriteRecord(HealWorld& world, int drive, const ExtentId& extent,
                                          uint8_t shard, uint32_t generation) {
    const std::string body(1000, 'x');
    std::vector<Sha256Digest> leaves(1, Sha256(AsBytes(body)));
    chunk_server::ShardSpec spec;
    spec.extent = extent;
    spec.shard_index = shard;
    spec.data_shards = 4;
    spec.parity_shards = 2;
    spec.generation = generation;
    spec.body_bytes = body.size();
    spec.payload_bytes = 4000;
    return world.executor.Run(world.store(drive).WriteShard(spec, AsBytes(body), leaves)).value();
  }
  static void HealAndExpectWhole(HealWorld& world) {
    ASSERT_TRUE(world.Heal());
    EXPECT_TRUE(world.Count().complete());
    EXPECT_EQ(world.Orders().size(), 0U);
  }
};

TEST_F(ScrubberTest, AHealthyStoreHasNoFindings) {
  HealWorld world;
  Fill(world);
  Age(world);
  const ScrubFindings found = Findings(world);
  EXPECT_EQ(found.whole, 14U * 6);
  EXPECT_EQ(found.records, 14U * 6);
  EXPECT_EQ(Damage(found) + Strays(found), 0U);
  EXPECT_EQ(world.Orders().size() + world.DeadShards().size(), 0U);
  const ScrubStatus status = world.scrubber->GetStatus();
  EXPECT_GT(status.oldest_verified_ms, 0);
  EXPECT_GE(status.oldest_verified_ms, status.round_began_ms);
}

// S6: every shard of every extent once, two at a time of each extent.
TEST_F(ScrubberTest, AFlippedBitInAnyShardIsFoundAndHealed) {
  HealWorld world;
  Fill(world, 7);
  for (size_t shard = 0; shard < 6; shard += 2) {
    for (const auto& [key, extent] : world.objects) {
      world.Damage(extent, shard);
      world.Damage(extent, shard + 1);
    }
    const ScrubFindings found = Findings(world);
    EXPECT_EQ(found.corrupt, 14U);
    EXPECT_EQ(found.missing, 0U);
    for (const auto& order : world.Orders()) EXPECT_EQ(order.reason, RepairReason::kCorrupt);
    HealAndExpectWhole(world);
    world.StopHealer();
  }
}

TEST_F(ScrubberTest, AFlippedBitInAHeaderIsFoundByItsRow) {
  HealWorld world;
  Fill(world, 7);
  const ExtentId extent = world.objects["key-2"];
  const model::ShardLocation location = world.Row(extent)->locations[1];
  world.Volume(location)[location.offset + 20] ^= 1;
  const ScrubFindings found = Findings(world);
  EXPECT_EQ(Damage(found), 1U);
  EXPECT_GT(found.damaged_bytes, 0U);
  HealAndExpectWhole(world);
}

// S9: by a byte, a sector, half, to nothing; while the drive was away, so that it is opened anew.
TEST_F(ScrubberTest, ATruncatedVolumeIsFoundWhereverItIsCut) {
  for (const int cut : {0, 1, 2, 3}) {
    HealWorld world;
    Fill(world, 14);
    const model::ShardLocation location = world.Row(world.objects["key-6"])->locations[0];
    const int drive = location.drive.value;
    std::vector<uint8_t>& volume = world.Volume(location);
    uint64_t end = 0;
    for (const auto& [key, extent] : world.objects) {
      const auto row = world.Row(extent);
      for (const auto& place : row->locations) {
        if (place.drive != location.drive || place.volume != location.volume) continue;
        const uint64_t body = world.ShardBytes(*row);
        end = std::max(end, model::BodyPosition(place.offset, body) + body);
      }
    }
    while (volume[end - 1] == 0) --end;  // opening the drive anew fills it up with zeros
    const uint64_t sizes[] = {end - 1, end - 512, end / 2, 0};
    const uint64_t lost_before = world.Count().whole;
    world.Vanish(drive);
    volume.resize(sizes[cut]);
    world.ComeBack(drive);
    const uint64_t lost = lost_before - world.Count().whole;
    EXPECT_GT(lost, 0U);
    const ScrubFindings found = Findings(world);
    EXPECT_EQ(Damage(found), lost) << cut;
    EXPECT_EQ(world.Orders().size(), lost);
    HealAndExpectWhole(world);
  }
}

// S10: one volume, all volumes.
TEST_F(ScrubberTest, MissingVolumesAreFoundByTheRows) {
  for (const bool all : {false, true}) {
    HealWorld world;
    Fill(world, 14);
    world.Vanish(3);
    int removed = 0;
    for (const std::string& path : world.disk(3).Files()) {
      if (!path.ends_with(".ashlar") || (!all && removed > 0)) continue;
      world.disk(3).RemoveTree(path);
      ++removed;
    }
    ASSERT_GT(removed, 0);
    world.ComeBack(3);
    const uint64_t lost = world.Count().expected - world.Count().whole;
    EXPECT_GT(lost, 0U);
    EXPECT_EQ(Findings(world).missing, lost);
    for (const auto& order : world.Orders()) EXPECT_EQ(order.reason, RepairReason::kMissing);
    HealAndExpectWhole(world);
  }
}

// S11: a volume as it was before a shard was made again.
TEST_F(ScrubberTest, StaleContentIsTakenForMissing) {
  HealWorldOptions options;
  options.volume_bytes = 64ULL << 20;
  HealWorld world(options);
  Fill(world, 7);
  const ExtentId extent = world.objects["key-1"];
  const model::ShardLocation before = world.Row(extent)->locations[2];
  const std::vector<uint8_t> old = world.Volume(before);
  world.Damage(extent, 2);
  (void)Findings(world);
  HealAndExpectWhole(world);
  const model::ShardLocation after = world.Row(extent)->locations[2];
  ASSERT_EQ(after.volume, before.volume);
  ASSERT_EQ(after.generation, before.generation + 1);
  Age(world);
  ScrubFindings found = Findings(world);
  EXPECT_EQ(found.stale, 1U);
  EXPECT_EQ(Damage(found), 0U);
  world.Vanish(before.drive.value);
  world.Volume(before) = old;
  world.ComeBack(before.drive.value);
  found = Findings(world);
  EXPECT_EQ(Damage(found), 1U);
  HealAndExpectWhole(world);
  EXPECT_EQ(world.Row(extent)->locations[2].generation, after.generation + 1);
}

// S13, and what else nobody refers to.
// A drive that forgot a record which it had called durable gave its place to another shard. The
// other's record is whole, and of no use to this one.
TEST_F(ScrubberTest, APlaceThatTwoRowsNameIsOfOneOfThem) {
  HealWorld world;
  const ExtentId other = world.Put("other", 5000);
  const model::ShardLocation taken = world.Row(other)->locations[2];
  size_t shard = 0;
  world.before_commit = [&](model::Extent& extent) {
    while (extent.locations[shard].drive != taken.drive) ++shard;
    extent.locations[shard] = taken;
  };
  const ExtentId robbed = world.Put("robbed", 5000);
  world.before_commit = nullptr;
  EXPECT_EQ(Findings(world).missing, 1U);
  ASSERT_EQ(world.Orders().size(), 1U);
  EXPECT_EQ(world.Orders()[0].extent, robbed);
  EXPECT_EQ(world.Orders()[0].shard.value, shard);
  ASSERT_TRUE(world.Heal());
  EXPECT_TRUE(world.Count().complete());
  EXPECT_EQ(world.Row(other)->locations[2], taken);
}

TEST_F(ScrubberTest, StraysAreNamedAndHandedOnWhenTheyAreOldEnough) {
  HealWorld world;
  Fill(world, 3);
  const ExtentId extent = world.objects["key-1"];
  const auto row = world.Row(extent);
  const int home = row->locations[0].drive.value;
  const int other = row->locations[1].drive.value;
  const auto duplicate = WriteRecord(world, home, extent, 0, 0);
  const auto misplaced = WriteRecord(world, other, extent, 0, 0);
  const ExtentId unknown = NewUniqueId(world.executor, world.random);
  const auto orphan = WriteRecord(world, 2, unknown, 5, 0);
  ScrubFindings found = Findings(world);
  EXPECT_EQ(found.duplicate, 1U);
  EXPECT_EQ(found.misplaced, 1U);
  EXPECT_EQ(found.orphans, 1U);
  EXPECT_EQ(found.young_strays, 3U);
  EXPECT_EQ(world.DeadShards().size(), 0U);
  Age(world);
  found = Findings(world);
  EXPECT_EQ(Strays(found), 3U);
  EXPECT_EQ(found.young_strays, 0U);
  std::vector<model::ShardLocation> dead;
  for (const auto& shard : world.DeadShards()) {
    EXPECT_EQ(shard.cause, model::ReclaimCause::kOrphan);
    dead.push_back(shard.location);
  }
  EXPECT_THAT(dead, testing::UnorderedElementsAre(duplicate, misplaced, orphan));
  EXPECT_EQ(Damage(found), 0U);
}

TEST_F(ScrubberTest, GroupsOfAnySizeFindTheSame) {
  for (const size_t records : {size_t{1}, size_t{5}, size_t{1000}}) {
    HealWorldOptions options;
    options.scrub.group_records_max = records;
    options.scrub.page_bytes = 64 * 1024;
    HealWorld world(options);
    Fill(world, 21);
    int damaged = 0;
    for (const auto& [key, extent] : world.objects) world.Damage(extent, ++damaged % 6);
    EXPECT_EQ(Findings(world).corrupt, 21U);
    HealAndExpectWhole(world);
  }
}

TEST_F(ScrubberTest, WhatIsWrittenMeanwhileIsNoFinding) {
  HealWorldOptions options;
  options.scrub.bytes_per_second_max = 2'000'000;
  options.scrub.page_bytes = 64 * 1024;
  options.volume_bytes = 1 << 20;  // new ones are begun while others are walked
  HealWorld world(options);
  Fill(world, 14);
  Age(world);
  // Time between the walk and the comparison with the rows.
  ASSERT_TRUE(ArmFailpoints("scrub.page=delay:700").ok());
  world.StartScrubber();
  ASSERT_TRUE(world.executor.Run(world.scrubber->StartRound()).ok());
  for (int i = 0; i < 40; ++i) {
    world.Put("more-" + std::to_string(i), 200'000);
    world.Pass(std::chrono::milliseconds(300));
  }
  for (int i = 0; i < 1000 && world.scrubber->GetStatus().round_ended_ms == 0; ++i) {
    world.Pass(seconds(1));
  }
  const ScrubFindings found = world.scrubber->GetStatus().findings;
  EXPECT_EQ(Damage(found) + Strays(found), 0U);
  EXPECT_EQ(world.Orders().size(), 0U);
}

TEST_F(ScrubberTest, AShardThatWasNotWrittenAndHasNoOrderGetsOne) {
  HealWorld world;
  world.Vanish(1);
  Fill(world, 3);
  world.ComeBack(1);
  ASSERT_TRUE(world.executor.Run(world.catalog->DismissRepairs(world.Orders())).ok());
  ASSERT_EQ(world.Orders().size(), 0U);
  (void)Findings(world);
  EXPECT_EQ(world.Orders().size(), 3U);
  HealAndExpectWhole(world);
}

TEST_F(ScrubberTest, ADriveThatIsAwayIsLeftOutAndDoneWhenItIsBack) {
  HealWorld world;
  Fill(world, 14);
  world.Damage(world.objects["key-3"], 0);
  const int drive = world.Row(world.objects["key-3"])->locations[0].drive.value;
  world.Vanish(drive);
  world.StartScrubber();
  ASSERT_TRUE(world.executor.Run(world.scrubber->StartRound()).ok());
  world.Pass(minutes(5));
  ScrubStatus status = world.scrubber->GetStatus();
  EXPECT_EQ(status.round_ended_ms, 0);
  EXPECT_FALSE(status.running);
  EXPECT_TRUE(status.drives[static_cast<size_t>(drive)].skipped);
  EXPECT_EQ(status.findings.corrupt + status.findings.missing, 0U);
  EXPECT_EQ(status.oldest_verified_ms, 0);
  const auto completed = [&world] {
    return world.executor.Run(world.metadata->GetSetting(metadata_db::kScanCompletedSetting));
  };
  EXPECT_EQ(completed().code(), Code::kNotFound);
  world.ComeBack(drive);
  world.Pass(minutes(5));
  status = world.scrubber->GetStatus();
  EXPECT_NE(status.round_ended_ms, 0);
  EXPECT_EQ(completed().value(), std::to_string(status.round_ended_ms));
  EXPECT_EQ(status.findings.corrupt, 1U);
}

TEST_F(ScrubberTest, ARoundGoesOnAfterARestartAndPauseLasts) {
  HealWorldOptions options;
  options.scrub.bytes_per_second_max = 200'000;
  options.scrub.group_bytes_max = 1;
  HealWorld world(options);
  Fill(world, 21);
  world.StartScrubber();
  ASSERT_TRUE(world.executor.Run(world.scrubber->StartRound()).ok());
  const int64_t began_ms = world.scrubber->GetStatus().round_began_ms;
  const auto verified = [&world] {
    uint64_t volumes = 0;
    for (const auto& drive : world.scrubber->GetStatus().drives) volumes += drive.volumes_verified;
    return volumes;
  };
  while (verified() < 5) world.Pass(seconds(1));
  ASSERT_TRUE(world.executor.Run(world.scrubber->Pause()).ok());
  world.Pass(minutes(2));
  const uint64_t done = world.scrubber->GetStatus().bytes_done;
  world.Pass(hours(1));
  EXPECT_EQ(world.scrubber->GetStatus().bytes_done, done);
  world.CloseAll();
  world.OpenAll();
  world.StartScrubber();
  world.Pass(minutes(10));
  EXPECT_TRUE(world.scrubber->GetStatus().paused);
  EXPECT_EQ(world.scrubber->GetStatus().bytes_done, 0U);
  EXPECT_EQ(world.scrubber->GetStatus().round_began_ms, began_ms);
  ASSERT_TRUE(world.executor.Run(world.scrubber->Resume()).ok());
  world.Pass(seconds(20));
  EXPECT_GE(verified(), 5U);
  for (int i = 0; i < 3600 && world.scrubber->GetStatus().round_ended_ms == 0; ++i) {
    world.Pass(seconds(1));
  }
  EXPECT_NE(world.scrubber->GetStatus().round_ended_ms, 0);
  EXPECT_EQ(world.scrubber->GetStatus().round_began_ms, began_ms);
  // Records of the volumes that were verified before are not looked at again.
  EXPECT_LT(world.scrubber->GetStatus().findings.records, 21U * 6);
}

TEST_F(ScrubberTest, ARoundBeginsByItselfWhenItIsDue) {
  HealWorldOptions options;
  options.scrub.round = hours(24 * 30);
  HealWorld world(options);
  Fill(world, 7);
  world.StartScrubber();
  world.Pass(hours(1));
  const int64_t first = world.scrubber->GetStatus().round_began_ms;
  EXPECT_NE(world.scrubber->GetStatus().round_ended_ms, 0);
  world.Damage(world.objects["key-3"], 0);
  world.Pass(hours(24 * 29));
  EXPECT_EQ(world.scrubber->GetStatus().round_began_ms, first);
  world.Pass(hours(48));
  EXPECT_GT(world.scrubber->GetStatus().round_began_ms, first);
  EXPECT_EQ(world.Orders().size(), 1U);
}

TEST_F(ScrubberTest, AStepThatFailsIsRepeated) {
  for (const char* step : {"scrub.page", "scrub.rows", "scrub.group_done"}) {
    HealWorld world;
    Fill(world, 7);
    world.Damage(world.objects["key-3"], 0);
    ASSERT_TRUE(ArmFailpoints(std::string(step) + "=error@2").ok());
    ASSERT_TRUE(world.Scrub());
    EXPECT_EQ(world.Orders().size(), 1U) << step;
  }
}

// S14, and damage that nobody had seen: found and healed while the drive is filled again.
TEST_F(ScrubberTest, DamageAndAReplacedDriveTogether) {
  HealWorld world;
  Fill(world, 14);
  for (const auto& [key, extent] : world.objects) {
    size_t shard = 0;
    while (world.Row(extent)->locations[shard].drive.value == 4) ++shard;
    world.Damage(extent, shard);
  }
  world.Lose(4);
  ASSERT_TRUE(world.Replace(4).ok());
  world.StartHealer();
  (void)world.Scrub();
  HealAndExpectWhole(world);
  (void)Findings(world);
  EXPECT_EQ(world.Orders().size(), 0U);
}

TEST(ScrubStateTest, RowsAreReadAsTheyWereWritten) {
  ScrubRound round;
  round.began_ms = 5;
  round.ended_ms = 9;
  round.paused = true;
  EXPECT_EQ(DecodeScrubRound(EncodeScrubRound(round)).value(), round);
  VerifiedVolumes verified;
  verified.change = 3;
  verified.since_ms = {{1, 100}, {7, 200}, {VerifiedVolumes::kRest, 300}};
  EXPECT_EQ(DecodeVerifiedVolumes(EncodeVerifiedVolumes(verified)).value(), verified);
  EXPECT_EQ(verified.SinceMs(7), 200);
  EXPECT_EQ(verified.SinceMs(8), 300);
  std::string row = EncodeVerifiedVolumes(verified);
  row.pop_back();
  EXPECT_EQ(DecodeVerifiedVolumes(row).code(), Code::kCorrupt);
  EXPECT_EQ(DecodeScrubRound("").code(), Code::kCorrupt);
}

}  // namespace
}  // namespace ashlar::cluster
