// World: what survives the process: drives, rows of the database, time and chance.
// Process: one incarnation of the product on it, from the disk up to the HTTP server.
//
//   world.disks (SimDisk) <- DriveSlot, LocalChunkStore x n    <-+
//   world.rows            <- SimStore <- MetadataDb, IndexCache  <-+- ObjectService <- S3Gateway
//
// A crash: the disks and the database die first; then what was under way runs into their errors and
// ends, as nobody hears it any more. So no memory is leaked and no frame is destroyed half way.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "api_gateway/http_server.h"
#include "api_gateway/s3_gateway.h"
#include "background_duties.h"
#include "chunk_server/drive_slot.h"
#include "chunk_server/local_chunk_store.h"
#include "cluster/placement_map.h"
#include "erasure_encoder/erasure_encoder.h"
#include "iam/account_store.h"
#include "index_cache/index_cache.h"
#include "metadata_db/metadata_db.h"
#include "object_service/object_service.h"
#include "runtime/buffer_pool.h"
#include "runtime/sim_disk.h"
#include "runtime/sim_executor.h"
#include "settings.h"
#include "store/sim_store.h"

namespace ashlar::sim {

inline constexpr char kDrivePath[] = "/drive";

// The setting of the database that names the drive that stands in this place.
[[nodiscard]] std::string UuidSetting(size_t drive);

struct World {
  World(const Settings& run, uint64_t seed);

  const Settings& settings;
  SimExecutor executor;
  SimRandom random;          // of the simulation's own decisions
  SimRandom product_random;  // given to the product
  std::vector<std::unique_ptr<SimDisk>> disks;
  std::vector<std::unique_ptr<SimDisk>> retired;  // of drives that were replaced; they are gone
  std::vector<chunk_server::LocalChunkStoreOptions> drives;
  SimDisk::Options disk_options;
  SimRows rows;
  erasure_encoder::ErasureEncoder encoder;
  std::unique_ptr<cluster::PlacementMap> placement;
  // Drawn for the history.
  index_cache::IndexCacheOptions cache_options;
  object_service::ObjectServiceOptions service_options;
  uint64_t memory_budget = 0;
  Duration heal_wait{};  // with duties
  SimStore::Options store_options;

  int total_shards() const { return settings.data_shards + settings.parity_shards; }
};

class Process {
 public:
  explicit Process(World& world);
  ~Process();

  // Opens everything; not ok only when the product refuses to start.
  Task<Status> Start();
  // No call is under way any more, or all of them fail: waits for the rest.
  Task<void> Stop();
  // After Start: healing, scrubbing and reclaiming too.
  void StartDuties() { duties_->Start(); }
  BackgroundDuties* duties() { return duties_.get(); }  // null without --duties
  // A new, empty disk stands in the place of one that is lost, and the drive is told to be
  // replaced.
  Task<Status> ReplaceDrive(size_t drive);

  SimStore& store() { return *ordered_store_; }
  metadata_db::MetadataDb& metadata() { return *metadata_; }
  object_service::ObjectService& service() { return *service_; }
  chunk_server::ChunkStore& chunk_store(size_t drive) { return *stores_[drive]; }
  api_gateway::HttpServer& http() { return *http_; }
  BufferPool& buffers() { return *buffers_; }

 private:
  // The drives as they are registered. As server/drive_registry.h does it, with a setting a drive.
  Task<Status> OpenDrives();
  Task<Status> MakeDrive(DriveId drive, cluster::DriveStates::Settings settings);
  void MakeDuties(std::vector<chunk_server::ChunkStore*> ports);

  World& world_;
  std::vector<SimDisk*> disks_;  // of this incarnation, whatever comes after it
  std::unique_ptr<BufferPool> buffers_;
  std::unique_ptr<SimStore> ordered_store_;
  std::unique_ptr<index_cache::IndexCache> cache_;
  std::unique_ptr<metadata_db::MetadataDb> metadata_;
  std::vector<std::unique_ptr<chunk_server::DriveSlot>> stores_;
  std::unique_ptr<object_service::ObjectService> service_;
  std::unique_ptr<BackgroundDuties> duties_;
  std::unique_ptr<iam::AccountStore> accounts_;
  std::unique_ptr<api_gateway::S3Gateway> gateway_;
  std::unique_ptr<api_gateway::HttpServer> http_;
};

// Keys that the gateway of the simulation knows.
inline constexpr char kAccessKey[] = "SIMULATION";
inline constexpr char kSecretKey[] = "a secret of the simulation";

}  // namespace ashlar::sim
