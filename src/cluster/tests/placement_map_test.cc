#include "cluster/placement_map.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "runtime/clock.h"

namespace ashlar::cluster {
namespace {

std::vector<PlacementTarget> Targets(int count, int domains) {
  std::vector<PlacementTarget> targets;
  for (int i = 0; i < count; ++i) {
    targets.push_back({DriveId{static_cast<uint16_t>(i)}, "host-" + std::to_string(i % domains)});
  }
  return targets;
}

ExtentId RandomId() { return NewUniqueId(SystemClock(), SystemRandom()); }

TEST(PlacementMapTest, FourteenDrivesAreAPermutationAndEveryRoleIsShared) {
  const auto map = PlacementMap::Create(Targets(14, 14), 14);
  ASSERT_TRUE(map.ok());
  std::map<int, int> first_shard_count;
  for (int i = 0; i < 14'000; ++i) {
    const auto drives = map->DrivesOf(RandomId());
    EXPECT_EQ(std::set<DriveId>(drives.begin(), drives.end()).size(), 14U);
    ++first_shard_count[drives[0].value];
  }
  for (int drive = 0; drive < 14; ++drive) {
    EXPECT_GT(first_shard_count[drive], 200) << drive;
    EXPECT_LT(first_shard_count[drive], 2500) << drive;
  }
}

TEST(PlacementMapTest, NoDomainTwiceWhileAnotherIsFree) {
  const auto map = PlacementMap::Create(Targets(28, 7), 14);
  ASSERT_TRUE(map.ok());
  for (int i = 0; i < 1000; ++i) {
    std::map<int, int> per_domain;
    for (const DriveId drive : map->DrivesOf(RandomId())) ++per_domain[drive.value % 7];
    for (const auto& [domain, count] : per_domain) EXPECT_EQ(count, 2) << domain;
  }
}

TEST(PlacementMapTest, AddingADriveMovesOnlyWhatItWins) {
  const auto before = PlacementMap::Create(Targets(20, 20), 14);
  const auto after = PlacementMap::Create(Targets(21, 21), 14);
  for (int i = 0; i < 1000; ++i) {
    const ExtentId id = RandomId();
    const auto old_drives = before->DrivesOf(id);
    const std::set<DriveId> old_set(old_drives.begin(), old_drives.end());
    for (const DriveId drive : after->DrivesOf(id)) {
      EXPECT_TRUE(drive.value == 20 || old_set.contains(drive));
    }
  }
}

TEST(PlacementMapTest, TooFewDrivesAreRefused) {
  EXPECT_EQ(PlacementMap::Create(Targets(13, 13), 14).code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace ashlar::cluster
