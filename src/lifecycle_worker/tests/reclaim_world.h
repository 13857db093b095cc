// A whole store below the gateway on simulated disks and time, with a Reclaimer: written to,
// crashed, reopened and looked at as a test likes. One thread, everything from a seed.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "chunk_server/local_chunk_store.h"
#include "cluster/placement_map.h"
#include "erasure_encoder/erasure_encoder.h"
#include "index_cache/index_cache.h"
#include "lifecycle_worker/reclaimer.h"
#include "metadata_db/extent_catalog.h"
#include "object_service/object_service.h"
#include "runtime/sim_disk.h"
#include "runtime/sim_executor.h"

namespace ashlar::lifecycle_worker {

// The executor's clock, and a wall clock that somebody may set.
class SkewedClock final : public Clock {
 public:
  explicit SkewedClock(SimExecutor& executor) : executor_(executor) {}
  int64_t WallMilliseconds() override { return executor_.WallMilliseconds() + jump_ms; }
  int64_t MonotonicNanoseconds() override { return executor_.MonotonicNanoseconds(); }
  int64_t jump_ms = 0;

 private:
  SimExecutor& executor_;
};

// The memory store, of which a process that has died sees nothing any more.
class MortalStore final : public metadata_db::OrderedStore {
 public:
  explicit MortalStore(metadata_db::OrderedStore& inner) : inner_(inner) {}
  bool dead = false;
  Task<std::vector<Status>> Submit(std::vector<metadata_db::TransactionBody> bodies,
                                   Duration patience) override;
  Task<Result<std::optional<std::string>>> Get(std::string key) override;
  std::unique_ptr<metadata_db::Snapshot> NewSnapshot() override { return inner_.NewSnapshot(); }
  Task<Status> Read(metadata_db::ReadBody body) override;

 private:
  metadata_db::OrderedStore& inner_;
};

class ReclaimWorld {
 public:
  static constexpr int kDrives = 4;
  static constexpr auto kGrace = std::chrono::seconds(20);
  static constexpr auto kTrash = std::chrono::seconds(40);
  static constexpr auto kOrphanGrace = std::chrono::seconds(100);

  explicit ReclaimWorld(uint64_t seed = 1);
  ~ReclaimWorld();

  void Open();
  void Close();
  // The process and the power are gone, now. Open goes on from there.
  void Crash();
  // A clean end and a new start.
  void Restart() {
    Close();
    Open();
  }
  void SetOffline(int drive, bool offline) {
    disks[static_cast<size_t>(drive)]->options().vanished = offline;
  }

  // What the scrubber leaves when a round has seen all drives to its end.
  void EndScan();
  // Virtual time passes; background work goes on.
  void Wait(Duration duration);
  // `count` cycles, `apart` from each other.
  Status Cycles(int count, Duration apart = std::chrono::seconds(5));

  Status Put(const std::string& key, const std::string& bytes);
  // At one time, so that small ones share extents.
  Status PutTogether(const std::map<std::string, std::string>& objects_by_key);
  Status Delete(const std::string& key);
  Status Copy(const std::string& from, const std::string& to);
  Result<object_service::VersionPtr> Find(const std::string& key);
  Result<std::string> ReadVersion(object_service::VersionPtr version);
  Result<std::string> Get(const std::string& key);
  // Parts are `bytes` cut in two; completed or aborted.
  Status Multipart(const std::string& key, const std::string& bytes, bool complete);

  std::vector<model::ReclaimRecord> Reclaims();
  std::vector<model::DeadShard> DeadShards();
  metadata_db::ExtentCatalog Catalog() { return metadata_db::ExtentCatalog(*metadata); }
  model::Extent ExtentOf(const std::string& key);
  // Records that are alive on the drives, by walking them.
  std::vector<chunk_server::WalkedShard> LiveRecords();
  uint64_t Volumes();
  // Complaints about live records that nothing names, named ones that are missing, and unbalanced
  // books. Empty: all is right.
  std::vector<std::string> Complaints();

  template <typename T>
  T Run(Task<T> task) {
    return executor.Run(std::move(task));
  }

  SimExecutor executor;
  SkewedClock clock;
  SimRandom random;
  ReclaimerOptions options;
  chunk_server::LocalChunkStoreOptions store_options;
  std::vector<std::unique_ptr<SimDisk>> disks;
  std::unique_ptr<metadata_db::OrderedStore> rows;

  std::unique_ptr<MortalStore> mortal;
  std::unique_ptr<BufferPool> buffers;
  std::vector<std::unique_ptr<chunk_server::ChunkStore>> stores;
  std::unique_ptr<index_cache::IndexCache> cache;
  std::unique_ptr<metadata_db::MetadataDb> metadata;
  std::unique_ptr<erasure_encoder::ErasureEncoder> encoder;
  std::unique_ptr<cluster::PlacementMap> placement;
  std::unique_ptr<object_service::ObjectService> objects;
  std::unique_ptr<Reclaimer> reclaimer;
  object_service::BucketPtr bucket;
  std::set<DriveId> removed;

 private:
  std::vector<UniqueId> drive_uuids_;
};

std::string RandomText(SimRandom& random, size_t size);

}  // namespace ashlar::lifecycle_worker
