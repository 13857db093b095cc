// A small store below the object service, on simulated time and disks: drives in slots, metadata in
// memory, drive states, healer and scrubber. Drives can vanish, come back, be lost, damaged and
// replaced; the power can fail. Count() looks at the bytes of the volume files by itself and shares
// no code with the chunk stores.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "chunk_server/drive_slot.h"
#include "chunk_server/local_chunk_store.h"
#include "cluster/drive_states.h"
#include "cluster/healer.h"
#include "cluster/risk.h"
#include "cluster/scrubber.h"
#include "metadata_db/extent_catalog.h"
#include "runtime/sim_disk.h"
#include "runtime/sim_executor.h"

namespace ashlar::cluster {

struct HealWorldOptions {
  erasure_encoder::Code code{4, 2};
  int drives = 6;
  HealerOptions heal;
  ScrubberOptions scrub;
  Duration transient_wait = std::chrono::minutes(10);
  uint64_t seed = 1;
  uint64_t volume_bytes = 4ULL << 20;
};

// What lies on the drives, seen from the rows.
struct ShardCount {
  uint64_t extents = 0;
  uint64_t expected = 0;         // shards that the rows name or miss
  uint64_t whole = 0;            // of those: there, and right in every byte
  uint64_t strays = 0;           // whole records that no row names
  uint64_t fewest = UINT64_MAX;  // whole shards of the worst extent
  bool complete() const { return whole == expected; }
};

class HealWorld {
 public:
  explicit HealWorld(const HealWorldOptions& options = HealWorldOptions());
  ~HealWorld();

  // ---- content: one object, one extent; content follows from the key
  ExtentId Put(const std::string& key, uint64_t bytes);
  void Delete(const std::string& key);
  metadata_db::ExtentPtr Row(const ExtentId& extent);
  std::vector<model::RepairOrder> Orders();
  std::vector<model::DeadShard> DeadShards();
  // Are the whole records of each extent the coding of what was put, and enough to read it?
  ShardCount Count();
  bool Readable(const ExtentId& extent) { return WholeShards(*Row(extent)) >= code().data_shards; }

  // ---- drives
  DriveId Drive(int index) const { return DriveId{static_cast<uint16_t>(index)}; }
  void Vanish(int drive);  // and it is noticed
  void ComeBack(int drive);
  void Lose(int drive);  // for ever
  Status Replace(int drive) { return executor.Run(states->Replace(Drive(drive))); }
  chunk_server::ChunkStore& store(int drive) { return *slots[static_cast<size_t>(drive)]; }
  SimDisk& disk(int drive) { return *disks[static_cast<size_t>(drive)]; }
  // The file of a volume, to be damaged.
  std::vector<uint8_t>& Volume(const model::ShardLocation& location);
  // Flips a bit of the shard's body.
  void Damage(const ExtentId& extent, size_t shard);
  uint64_t ShardBytes(const model::Extent& extent) const;

  // ---- services
  void StartHealer();
  void StopHealer();
  // Until the healer has nothing to do; false: not within the (virtual) time.
  bool Heal(Duration limit = std::chrono::hours(2));
  void StartScrubber();
  void StopScrubber();
  bool Scrub(Duration limit = std::chrono::hours(24));
  void Pass(Duration time);
  // Power fails everywhere; the metadata keep what was committed. All is opened again.
  void CrashAndReopen();
  void CloseAll();
  void OpenAll();

  erasure_encoder::Code code() const { return options.code; }

  HealWorldOptions options;
  SimExecutor executor;
  SimRandom random{7};
  BufferPool buffers{64ULL << 20};
  erasure_encoder::ErasureEncoder encoder;
  std::unique_ptr<metadata_db::OrderedStore> rows;
  std::unique_ptr<metadata_db::MetadataDb> metadata;
  std::unique_ptr<metadata_db::ExtentCatalog> catalog;
  std::vector<std::unique_ptr<SimDisk>> disks;
  std::vector<std::unique_ptr<chunk_server::DriveSlot>> slots;
  std::vector<chunk_server::ChunkStore*> stores;
  std::vector<UniqueId> uuids;
  std::unique_ptr<PlacementMap> placement;
  std::unique_ptr<DriveStates> states;
  std::unique_ptr<Healer> healer;
  std::unique_ptr<Scrubber> scrubber;
  std::map<std::string, ExtentId> objects;
  BucketId bucket;
  bool busy = false;                                  // clients are served
  std::function<void(model::Extent&)> before_commit;  // of Put: changes the row

 private:
  chunk_server::LocalChunkStoreOptions StoreOptions(size_t index) const;
  std::unique_ptr<chunk_server::ChunkStore> OpenStore(size_t index);
  Task<Status> MakeDrive(DriveId drive, DriveStates::Settings settings);
  uint64_t WholeShards(const model::Extent& extent);
  bool IsWhole(const model::Extent& extent, size_t shard);
  uint64_t CountStrays();
  std::map<ExtentId, std::vector<std::string>> bodies_;  // what each shard must be
};

}  // namespace ashlar::cluster
