// Random histories of writing, losing power and opening again, on a disk that keeps, drops or tears
// whatever was not synced. Checked: every acknowledged shard reads back; nothing wrong is ever
// served.
//
// The harness is checked as well: with a disk whose sync, or directory sync, does nothing, the same
// histories must lose something. ASHLAR_CRASH_HISTORIES sets how many are run.
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "base/log.h"
#include "chunk_server/tests/sim_world.h"

namespace ashlar::chunk_server {
namespace {

struct Acknowledged {
  uint64_t seed = 0;
  uint64_t body_bytes = 0;
  model::ShardLocation location;
};

struct History {
  explicit History(uint64_t seed, SimDisk::Options disk_options)
      : random(seed), world(seed, disk_options) {
    world.options.volume_bytes = 96 * 1024;
    world.options.allocate_step_bytes = 16 * 1024;
    world.options.checkpoint_step_bytes = 8 * 1024;
  }
  std::mt19937_64 random;
  SimWorld world;
  std::vector<Acknowledged> journal;
  bool power = true;
  uint64_t next_seed = 1;
};

uint64_t RandomBodyBytes(std::mt19937_64& random) {
  switch (random() % 8) {
    case 0: return 1 + random() % 64;
    case 1: return 16 * 1024 + random() % 3 - 1;
    case 2: return 50'000 + random() % 20'000;
    default: return 1 + random() % 6000;
  }
}

// Writes shards one after the other until the power is off.
Task<bool> Writer(History* history, int shards) {
  for (int i = 0; i < shards && history->power; ++i) {
    const uint64_t seed = history->next_seed++;
    const uint64_t body_bytes = RandomBodyBytes(history->random);
    const bool in_pieces = history->random() % 3 == 0;
    TestShard shard = MakeShard(seed, body_bytes);
    // As long as some writes of the others take.
    if (history->random() % 4 == 0) {
      shard.spec.patience = std::chrono::microseconds(history->random() % 500);
    }
    ChunkStore& store = *history->world.store;
    Result<model::ShardLocation> location = Status(Code::kInternal, "not written");
    if (in_pieces) {
      location = co_await WriteInPieces(store, shard, 16 * 1024);
    } else {
      location = co_await store.WriteShard(shard.spec, shard.body, shard.leaves);
    }
    if (!history->power || !location.ok()) break;
    history->journal.push_back({seed, body_bytes, *location});
  }
  co_return true;
}

// Opens on what a crash left and reads all that was acknowledged. Empty: all is well.
std::string Verify(History& history) {
  for (const Acknowledged& entry : history.journal) {
    const TestShard shard = MakeShard(entry.seed, entry.body_bytes);
    const Status status = history.world.Read(shard, entry.location);
    if (!status.ok()) {
      return "shard " + std::to_string(entry.seed) + " of " + std::to_string(entry.body_bytes) +
             " bytes: " + status.ToString();
    }
  }
  return "";
}

std::string RunHistory(uint64_t seed, SimDisk::Options disk_options) {
  History history(seed, disk_options);
  for (int life = 0; life < 4; ++life) {
    history.power = true;
    history.world.Open();
    if (std::string lost = Verify(history); !lost.empty()) {
      return "life " + std::to_string(life) + ", " + lost;
    }
    const size_t writers = 1 + history.random() % 6;
    std::vector<std::optional<bool>> done(writers);
    for (auto& one : done) history.world.executor.Start(Writer(&history, 20), &one);
    const uint64_t steps = history.random() % 1200;
    for (uint64_t i = 0; i < steps && history.world.executor.Step(); ++i) {
    }
    history.power = false;
    std::unique_ptr<SimDisk> after = history.world.disk->Crash(disk_options);
    history.world.Close();
    history.world.disk = std::move(after);
  }
  history.world.Open();
  return Verify(history);
}

int Histories(int normal) {
  const char* text = std::getenv("ASHLAR_CRASH_HISTORIES");
  return text == nullptr ? normal : std::atoi(text);
}

class CrashTest : public testing::Test {
 protected:
  void SetUp() override { spdlog::set_level(spdlog::level::off); }
  void TearDown() override { spdlog::set_level(spdlog::level::info); }
};

TEST_F(CrashTest, AcknowledgedShardsSurvivePowerLoss) {
  const int histories = Histories(600);
  for (int seed = 1; seed <= histories; ++seed) {
    const std::string lost = RunHistory(static_cast<uint64_t>(seed), SimDisk::Options());
    ASSERT_EQ(lost, "") << "seed " << seed;
  }
}

TEST_F(CrashTest, HarnessSeesALostSync) {
  SimDisk::Options options;
  options.sync_does_nothing = true;
  std::string lost;
  for (uint64_t seed = 1; seed <= 100 && lost.empty(); ++seed) lost = RunHistory(seed, options);
  EXPECT_NE(lost, "");
}

TEST_F(CrashTest, HarnessSeesALostName) {
  SimDisk::Options options;
  options.sync_directory_does_nothing = true;
  std::string lost;
  for (uint64_t seed = 1; seed <= 100 && lost.empty(); ++seed) lost = RunHistory(seed, options);
  EXPECT_NE(lost, "");
}

// A drive in the making: whatever is left after a crash, making it can go on or is done.
TEST_F(CrashTest, MakingADriveCanBeBegunAgain) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    SimExecutor executor;
    auto disk = std::make_unique<SimDisk>(executor, seed);
    for (int life = 0; life < 3; ++life) {
      std::optional<Status> made;
      executor.Start(InitializeDrive(*disk, kDrivePath, TestIdentity()), &made);
      for (uint64_t i = 0; i < seed % 23 && executor.Step(); ++i) {
      }
      const bool acknowledged = made.has_value() && made->ok();
      std::unique_ptr<SimDisk> after = disk->Crash(SimDisk::Options());
      executor.RunUntilIdle();
      disk = std::move(after);
      const DrivePathReport report = executor.Run(InspectDrivePath(*disk, kDrivePath)).value();
      ASSERT_NE(report.state, DrivePathState::kForeign) << "seed " << seed << report.detail;
      if (acknowledged) {
        ASSERT_EQ(report.state, DrivePathState::kIdentified) << "seed " << seed;
      }
    }
    const DrivePathReport report = executor.Run(InspectDrivePath(*disk, kDrivePath)).value();
    if (report.state != DrivePathState::kIdentified) {
      ASSERT_TRUE(executor.Run(InitializeDrive(*disk, kDrivePath, TestIdentity())).ok());
    }
  }
}

}  // namespace
}  // namespace ashlar::chunk_server
