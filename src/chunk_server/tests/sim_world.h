// One drive on a SimDisk and the store on it, opened, closed and crashed as a test likes.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "base/check.h"
#include "chunk_server/tests/test_shards.h"
#include "runtime/sim_disk.h"
#include "runtime/sim_executor.h"

namespace ashlar::chunk_server {

inline constexpr char kDrivePath[] = "/drive";

class SimWorld {
 public:
  explicit SimWorld(uint64_t seed = 1, SimDisk::Options disk_options = SimDisk::Options())
      : options(TestOptions(kDrivePath)) {
    disk = std::make_unique<SimDisk>(executor, seed, disk_options);
    disk->options().sync_does_nothing = false;
    disk->options().sync_directory_does_nothing = false;
    CHECK(executor.Run(InitializeDrive(*disk, kDrivePath, TestIdentity())).ok());
    disk->options() = disk_options;
  }
  ~SimWorld() {
    disk->fault = nullptr;  // it may refer to what the test had on its stack
    Close();
  }

  ChunkStore& Open() {
    Close();
    store = executor.Run(OpenLocalChunkStore(*disk, executor, options)).value();
    return *store;
  }
  void Close() {
    if (store == nullptr) return;
    executor.RunUntilIdle();
    executor.Run(store->Close());
    store.reset();
  }
  // Power fails now; what the old process still does reaches no disk.
  void LosePower() {
    std::unique_ptr<SimDisk> after = disk->Crash(disk->options());
    Close();
    disk = std::move(after);
  }
  Result<model::ShardLocation> Write(const TestShard& shard) {
    return executor.Run(store->WriteShard(shard.spec, shard.body, shard.leaves));
  }
  Status Read(const TestShard& shard, const model::ShardLocation& location) {
    return executor.Run(ReadBack(*store, shard, location));
  }
  std::vector<Status> Purge(std::vector<ShardPurge> purges) {
    return executor.Run(store->PurgeShards(std::move(purges)));
  }
  Status PurgeOne(const TestShard& shard, const model::ShardLocation& location,
                  uint64_t epoch = 1) {
    return Purge({PurgeOf(shard, location, epoch)}).front();
  }
  // A shard that is old enough to be purged.
  TestShard OldShard(uint64_t seed, uint64_t body_bytes) {
    return MakeShardOf(executor.WallMilliseconds() - 2 * options.purge_age_min_ms, seed,
                       body_bytes);
  }
  WalkPage Walk(uint32_t volume, WalkOptions walk_options = {}) {
    return executor.Run(WalkAll(*store, volume, walk_options)).value();
  }
  static std::string VolumePath(uint32_t number) {
    const std::string digits = std::to_string(number);
    return std::string(kDrivePath) + "/volumes/volume-" + std::string(8 - digits.size(), '0') +
           digits + ".ashlar";
  }
  std::vector<uint8_t>& Volume(uint32_t number) {
    std::vector<uint8_t>* content = disk->Content(VolumePath(number));
    CHECK(content != nullptr);
    return *content;
  }

  SimExecutor executor;
  LocalChunkStoreOptions options;
  std::unique_ptr<SimDisk> disk;
  std::unique_ptr<ChunkStore> store;
};

}  // namespace ashlar::chunk_server
