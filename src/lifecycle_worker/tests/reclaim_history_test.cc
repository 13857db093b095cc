// Random histories of objects with the reclaimer at work beside them, with crashes, restarts and
// drives that go and come: every acknowledged object reads as written, reads held open over a
// delete end right, the books balance, and in the end nothing is left that nobody refers to.
//
// ASHLAR_RECLAIM_HISTORIES=500 for a long run.
#include <gtest/gtest.h>

#include <cstdlib>
#include <optional>

#include "lifecycle_worker/tests/reclaim_world.h"

namespace ashlar::lifecycle_worker {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kKeys = 12;

class History {
 public:
  explicit History(uint64_t seed) : world_(seed), random_(seed * 7919) {}

  void Play(int steps) {
    world_.reclaimer->Start(world_.executor);
    for (int i = 0; i < steps && !testing::Test::HasFatalFailure(); ++i) Step();
    Settle();
  }

 private:
  std::string Key() { return "key-" + std::to_string(random_.Below(kKeys)); }
  std::string Bytes() {
    constexpr uint64_t kLargest[] = {0, 300, 3000, 40'000, 300'000};
    return RandomText(random_, random_.Between(1, 1 + kLargest[random_.Below(5)]));
  }

  void Step() {
    switch (random_.Below(24)) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4: Together(); break;
      case 5:
      case 6: One(); break;
      case 7:
      case 8:
      case 9:
      case 10:
      case 11: Delete(); break;
      case 12:
      case 13: Copy(); break;
      case 14: Multipart(true); break;
      case 15: Multipart(false); break;
      case 16:
      case 17: HoldReader(); break;
      case 18:
      case 19: EndReader(); break;
      case 20: Check(); break;
      case 21: world_.Wait(seconds(random_.Between(1, 60))); break;
      case 22: Drive(); break;
      case 23: Crash(); break;
    }
    world_.Wait(milliseconds(random_.Between(1, 3000)));
  }

  void Together() {
    std::map<std::string, std::string> some;
    const uint64_t count = random_.Between(2, 6);
    for (uint64_t i = 0; i < count; ++i)
      some[Key()] = RandomText(random_, random_.Between(1, 4000));
    if (!world_.PutTogether(some).ok()) return Unknown(some);
    for (const auto& [key, bytes] : some) content_[key] = bytes;
  }
  void One() {
    const std::string key = Key();
    const std::string bytes = Bytes();
    if (!world_.Put(key, bytes).ok()) return Unknown({{key, bytes}});
    content_[key] = bytes;
  }
  void Delete() {
    const std::string key = Key();
    ASSERT_TRUE(world_.Delete(key).ok());
    content_.erase(key);
  }
  void Copy() {
    const std::string from = Key();
    const std::string to = random_.Chance(0.2) ? from : Key();
    const Status status = world_.Copy(from, to);
    if (status.ok()) content_[to] = content_.at(from);
    EXPECT_EQ(status.ok(), content_.contains(from)) << status.ToString();
  }
  void Multipart(bool complete) {
    const std::string key = Key();
    const std::string bytes = RandomText(random_, random_.Between(2, 200'000));
    const Status status = world_.Multipart(key, bytes, complete);
    if (status.ok() && complete) content_[key] = bytes;
    if (!status.ok()) Unknown({{key, bytes}});
  }
  // With a drive away writes may be refused; then nothing may have changed but what is seen now.
  void Unknown(const std::map<std::string, std::string>& tried) {
    ASSERT_TRUE(away_.has_value() || dying_);
    for (const auto& [key, bytes] : tried) {
      const auto read = world_.Get(key);
      if (dying_) continue;
      if (read.ok() && *read == bytes) {
        content_[key] = bytes;
      } else if (content_.contains(key)) {
        ASSERT_TRUE(read.ok()) << read.status().ToString();
        ASSERT_EQ(*read, content_.at(key));
      } else {
        ASSERT_EQ(read.code(), Code::kNotFound);
      }
    }
  }

  void HoldReader() {
    const std::string key = Key();
    const auto found = world_.Find(key);
    if (!found.ok()) return;
    held_.push_back({*found, content_.at(key), world_.clock.MonotonicNanoseconds()});
  }
  // Within the grace it must succeed; later it may fail, but never give other bytes.
  void EndReader() {
    if (held_.empty()) return;
    const Held held = held_.front();
    held_.erase(held_.begin());
    const int64_t age = world_.clock.MonotonicNanoseconds() - held.since_ns;
    const auto read = world_.ReadVersion(held.version);
    if (read.ok()) {
      EXPECT_EQ(*read, held.bytes);
    } else {
      EXPECT_GT(age, Duration(ReclaimWorld::kGrace).count()) << read.status().ToString();
    }
  }

  void Check() {
    for (int i = 0; i < kKeys; ++i) {
      const std::string key = "key-" + std::to_string(i);
      const auto read = world_.Get(key);
      if (!content_.contains(key)) {
        EXPECT_EQ(read.code(), Code::kNotFound) << key;
        continue;
      }
      ASSERT_TRUE(read.ok()) << key << ": " << read.status().ToString();
      EXPECT_EQ(*read, content_.at(key)) << key;
    }
  }

  void Drive() {
    if (away_) {
      world_.SetOffline(*away_, false);
      (void)world_.Run(world_.stores[static_cast<size_t>(*away_)]->Probe());
      away_.reset();
    } else {
      away_ = static_cast<int>(random_.Below(ReclaimWorld::kDrives));
      world_.SetOffline(*away_, true);
    }
  }

  // In the middle of whatever the reclaimer does, and of a put.
  void Crash() {
    if (away_) Drive();
    const std::string key = Key();
    std::map<std::string, std::string> dying{{key, Bytes()}};
    if (random_.Chance(0.5)) {
      world_.Restart();
    } else {
      const uint64_t steps = random_.Below(3000);
      for (uint64_t i = 0; i < steps; ++i) (void)world_.executor.Step();
      world_.Crash();
      world_.Open();
    }
    world_.reclaimer->Start(world_.executor);
    Check();
  }

  void Settle() {
    if (away_) Drive();
    Check();
    EndAll();
    // Copies that a crash left without a row are orphans; a scrub would hand them on.
    for (const auto& orphan : Orphans()) {
      std::vector<model::DeadShard> rows{orphan};
      ASSERT_TRUE(world_.Run(world_.Catalog().RecordDeadShards(rows)).ok());
    }
    world_.EndScan();
    world_.Wait(seconds(400));
    Check();
    EXPECT_EQ(world_.Complaints(), std::vector<std::string>());
    for (int i = 0; i < kKeys; ++i) ASSERT_TRUE(world_.Delete("key-" + std::to_string(i)).ok());
    content_.clear();
    world_.Wait(seconds(400));
    EXPECT_TRUE(world_.Reclaims().empty());
    EXPECT_TRUE(world_.DeadShards().empty());
    EXPECT_EQ(world_.Complaints(), std::vector<std::string>());
    EXPECT_TRUE(world_.LiveRecords().empty());
    EXPECT_EQ(world_.reclaimer->GetStatus().refused, 0U);
  }
  void EndAll() {
    while (!held_.empty()) EndReader();
  }
  std::vector<model::DeadShard> Orphans() {
    std::vector<model::DeadShard> orphans;
    for (const auto& record : world_.LiveRecords()) {
      model::DeadShard& shard = orphans.emplace_back();
      shard.location = record.location;
      shard.extent = record.spec.extent;
      shard.shard_index = record.spec.shard_index;
      shard.body_bytes = record.spec.body_bytes;
      shard.cause = model::ReclaimCause::kOrphan;
      shard.since_ms = world_.clock.WallMilliseconds();
    }
    return orphans;  // those that rows name are left out by RecordDeadShards
  }

  struct Held {
    object_service::VersionPtr version;
    std::string bytes;
    int64_t since_ns = 0;
  };
  ReclaimWorld world_;
  SimRandom random_;
  std::map<std::string, std::string> content_;
  std::vector<Held> held_;
  std::optional<int> away_;
  bool dying_ = false;
};

TEST(ReclaimHistory, NothingLivingIsLostNothingDeadIsLeft) {
  int histories = 12;
  if (const char* text = std::getenv("ASHLAR_RECLAIM_HISTORIES")) histories = std::atoi(text);
  uint64_t first = 1;
  if (const char* text = std::getenv("ASHLAR_TEST_SEED")) first = std::strtoull(text, nullptr, 10);
  for (uint64_t seed = first; seed < first + static_cast<uint64_t>(histories); ++seed) {
    SCOPED_TRACE("ASHLAR_RECLAIM_HISTORIES=1 ASHLAR_TEST_SEED=" + std::to_string(seed));
    History history(seed);
    history.Play(150);
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace ashlar::lifecycle_worker
