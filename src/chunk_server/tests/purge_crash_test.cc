// Random histories of writers, purges, walks and removals with a power failure in the middle, on a
// disk that keeps, drops or tears whatever was not synced.
//
// Checked after each failure: every acknowledged shard that nobody purged reads back and is found
// once by a walk; one whose purge was answered is gone for good; one whose purge was cut short is
// either, and purging it again ends it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <random>

#include "base/log.h"
#include "chunk_server/tests/sim_world.h"
#include "model/shard_record.h"

namespace ashlar::chunk_server {
namespace {

enum class Fate { kAlive, kPurgeBegun, kPurged };

struct Entry {
  TestShard shard;
  model::ShardLocation location;
  Fate fate = Fate::kAlive;
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
  std::vector<Entry> entries;  // acknowledged
  bool power = true;
  uint64_t next_seed = 1;
  uint64_t purged = 0;
  uint64_t removed = 0;
};

uint64_t RandomBodyBytes(std::mt19937_64& random) {
  return random() % 4 == 0 ? 12'000 + random() % 30'000 : 1 + random() % 6000;
}

Task<bool> Writer(History* history) {
  for (int i = 0; i < 15 && history->power; ++i) {
    ChunkStore& store = *history->world.store;
    Entry entry;
    entry.shard = history->world.OldShard(history->next_seed++, RandomBodyBytes(history->random));
    Result<model::ShardLocation> location = Status(Code::kInternal, "not written");
    if (history->random() % 3 == 0) {
      location = co_await WriteInPieces(store, entry.shard, 16 * 1024);
    } else {
      location = co_await store.WriteShard(entry.shard.spec, entry.shard.body, entry.shard.leaves);
    }
    if (!history->power || !location.ok()) break;
    entry.location = *location;
    history->entries.push_back(std::move(entry));
  }
  co_return true;
}

// Some random ones; answers are noted.
Task<bool> PurgeSome(History* history) {
  std::vector<size_t> chosen;
  std::vector<ShardPurge> purges;
  for (size_t tries = 0; tries < 8 && !history->entries.empty(); ++tries) {
    const size_t index = history->random() % history->entries.size();
    Entry& entry = history->entries[index];
    if (entry.fate == Fate::kPurged) continue;
    entry.fate = Fate::kPurgeBegun;
    chosen.push_back(index);
    purges.push_back(PurgeOf(entry.shard, entry.location));
  }
  ChunkStore& store = *history->world.store;
  const std::vector<Status> answers = co_await store.PurgeShards(std::move(purges));
  for (size_t i = 0; history->power && i < answers.size(); ++i) {
    if (!answers[i].ok() && answers[i].code() != Code::kNotFound) continue;
    history->entries[chosen[i]].fate = Fate::kPurged;
    ++history->purged;
  }
  co_return true;
}

Task<bool> Purger(History* history) {
  for (int i = 0; i < 6 && history->power; ++i) {
    Sleep pause(std::chrono::microseconds(history->random() % 3000));
    co_await pause;
    if (history->power) co_await PurgeSome(history);
  }
  co_return true;
}

// Looks at everything while it changes, and removes what is empty.
Task<bool> Janitor(History* history, std::string* problem) {
  for (int i = 0; i < 3 && history->power; ++i) {
    ChunkStore& store = *history->world.store;
    const auto volumes = co_await store.ListVolumes();
    if (!volumes.ok()) break;
    for (const VolumeInfo& volume : *volumes) {
      const auto page = co_await WalkAll(store, volume.number, {.verify_bodies = true});
      if (!page.ok()) continue;
      if (volume.takes_records || !page->shards.empty()) continue;
      const Status removed = co_await store.RemoveVolume(volume.number, 1);
      if (!removed.ok() || !history->power) continue;
      ++history->removed;
      for (const Entry& entry : history->entries) {
        if (entry.location.volume == volume.number && entry.fate == Fate::kAlive) {
          *problem = "a volume with a live shard was removed";
        }
      }
    }
  }
  co_return true;
}

std::string Describe(const Entry& entry, const std::string& what) {
  return "volume " + std::to_string(entry.location.volume) + " offset " +
         std::to_string(entry.location.offset) + ": " + what;
}

std::string VerifyReads(History& history) {
  for (const Entry& entry : history.entries) {
    const Code code = history.world.Read(entry.shard, entry.location).code();
    const bool gone = code == Code::kNotFound;
    if (entry.fate == Fate::kAlive && code != Code::kOk) return Describe(entry, "lost");
    if (entry.fate == Fate::kPurged && !gone) return Describe(entry, "came back");
    // A hole without its mark is a shard that does not verify.
    if (code != Code::kOk && !gone && code != Code::kCorrupt) return Describe(entry, "half purged");
  }
  return "";
}

std::string VerifyWalk(History& history) {
  std::map<std::pair<uint32_t, uint64_t>, Code> found;
  ChunkStore& store = *history.world.store;
  const auto volumes = history.world.executor.Run(store.ListVolumes());
  for (const VolumeInfo& volume : *volumes) {
    const WalkPage page = history.world.Walk(volume.number, {true, 7, 20'000});
    for (const WalkedShard& shard : page.shards) {
      const auto place = std::pair(shard.location.volume, shard.location.offset);
      if (!found.emplace(place, shard.verified.code()).second) return "a record was found twice";
    }
  }
  for (const Entry& entry : history.entries) {
    const auto at = found.find({entry.location.volume, entry.location.offset});
    if (entry.fate == Fate::kAlive && (at == found.end() || at->second != Code::kOk)) {
      return Describe(entry, "not found whole by the walk");
    }
    if (entry.fate == Fate::kPurged && at != found.end())
      return Describe(entry, "walked, but dead");
  }
  return "";
}

// Purges again what was cut short.
std::string FinishPurges(History& history) {
  for (Entry& entry : history.entries) {
    if (entry.fate != Fate::kPurgeBegun) continue;
    const Status status = history.world.PurgeOne(entry.shard, entry.location);
    if (!status.ok() && status.code() != Code::kNotFound) {
      return Describe(entry, "cannot be purged again: " + status.ToString());
    }
    entry.fate = Fate::kPurged;
  }
  return "";
}

std::string Check(History& history) {
  std::string problem = VerifyReads(history);
  if (problem.empty()) problem = VerifyWalk(history);
  if (problem.empty() && history.random() % 2 == 0) {
    problem = FinishPurges(history);
    if (problem.empty()) problem = VerifyReads(history);
    if (problem.empty()) problem = VerifyWalk(history);
  }
  return problem;
}

struct Totals {
  uint64_t purged = 0;
  uint64_t cut_short = 0;
  uint64_t removed = 0;
};

std::string RunHistory(uint64_t seed, SimDisk::Options disk_options, Totals* totals) {
  History history(seed, disk_options);
  for (int life = 0; life < 5; ++life) {
    history.power = true;
    history.world.Open();
    if (std::string problem = Check(history); !problem.empty()) {
      return "life " + std::to_string(life) + ", " + problem;
    }
    std::string problem;
    std::vector<std::optional<bool>> done(6);
    for (size_t i = 0; i < 3; ++i) history.world.executor.Start(Writer(&history), &done[i]);
    history.world.executor.Start(Purger(&history), &done[3]);
    history.world.executor.Start(Purger(&history), &done[4]);
    history.world.executor.Start(Janitor(&history, &problem), &done[5]);
    const uint64_t steps = history.random() % 1500;
    for (uint64_t i = 0; i < steps && history.world.executor.Step(); ++i) {
    }
    history.power = false;
    for (const Entry& entry : history.entries) {
      if (entry.fate == Fate::kPurgeBegun) ++totals->cut_short;
    }
    history.world.LosePower();
    if (!problem.empty()) return problem;
  }
  history.world.Open();
  totals->purged += history.purged;
  totals->removed += history.removed;
  return Check(history);
}

int Histories(int normal) {
  const char* text = std::getenv("ASHLAR_CRASH_HISTORIES");
  return text == nullptr ? normal : std::atoi(text);
}

class PurgeCrashTest : public testing::Test {
 protected:
  void SetUp() override { spdlog::set_level(spdlog::level::off); }
  void TearDown() override { spdlog::set_level(spdlog::level::info); }
};

TEST_F(PurgeCrashTest, AnsweredPurgesStayAndOthersCanBeRepeated) {
  const int histories = Histories(300);
  Totals totals;
  for (int seed = 1; seed <= histories; ++seed) {
    const std::string problem =
        RunHistory(static_cast<uint64_t>(seed), SimDisk::Options(), &totals);
    ASSERT_EQ(problem, "") << "seed " << seed;
  }
  // The histories did what they are for.
  EXPECT_GT(totals.purged, static_cast<uint64_t>(histories) * 10);
  EXPECT_GT(totals.cut_short, static_cast<uint64_t>(histories));
  EXPECT_GT(totals.removed, static_cast<uint64_t>(histories) / 10);
}

TEST_F(PurgeCrashTest, HarnessSeesALostSync) {
  SimDisk::Options options;
  options.sync_does_nothing = true;
  std::string problem;
  Totals totals;
  for (uint64_t seed = 1; seed <= 100 && problem.empty(); ++seed) {
    problem = RunHistory(seed, options, &totals);
  }
  EXPECT_NE(problem, "");
}

// Power fails after each single step of one purge of one record.
TEST_F(PurgeCrashTest, CrashAtEachStepOfOnePurge) {
  std::map<Code, int> found;
  bool finished = false;
  for (uint64_t steps = 0; !finished; ++steps) {
    for (uint64_t seed = 1; seed <= 20; ++seed) {
      SimWorld world(seed);
      world.Open();
      const TestShard shard = world.OldShard(seed, 40'000);
      const TestShard neighbour = world.OldShard(seed + 1, 5000);
      const auto location = world.Write(shard).value();
      const auto next_to_it = world.Write(neighbour).value();
      world.executor.RunUntilIdle();
      std::optional<std::vector<Status>> answer;
      world.executor.Start(world.store->PurgeShards({PurgeOf(shard, location)}), &answer);
      for (uint64_t i = 0; i < steps && world.executor.Step(); ++i) {
      }
      finished = answer.has_value();
      world.LosePower();
      world.Open();
      const Code code = world.Read(shard, location).code();
      ++found[code];
      if (finished) {
        ASSERT_EQ(code, Code::kNotFound) << "steps " << steps << " seed " << seed;
      }
      ASSERT_TRUE(world.Read(neighbour, next_to_it).ok());
      ASSERT_EQ(world.Walk(1).shards.size(), code == Code::kNotFound ? 1u : 2u);
      const Status again = world.PurgeOne(shard, location);
      ASSERT_EQ(again.code(), code == Code::kNotFound ? Code::kNotFound : Code::kOk);
      ASSERT_GE(world.Walk(1).dead_bytes, model::RecordBytes(shard.body.size()));
      ASSERT_EQ(world.Walk(1, {.verify_bodies = true}).shards.size(), 1u);
    }
  }
  // Neither, both, the mark alone (kNotFound too), and the hole without its mark.
  EXPECT_GT(found[Code::kOk], 0);
  EXPECT_GT(found[Code::kNotFound], 0);
  EXPECT_GT(found[Code::kCorrupt], 0);
}

}  // namespace
}  // namespace ashlar::chunk_server
