#include "process.h"

#include <utility>

#include "base/check.h"

namespace ashlar::sim {
namespace {

constexpr uint64_t kKiB = 1024;

chunk_server::LocalChunkStoreOptions DrawDrive(SimRandom& random, const UniqueId& cluster,
                                               size_t index) {
  chunk_server::LocalChunkStoreOptions drive;
  drive.path = kDrivePath;
  drive.identity.cluster_id = cluster;
  random.Fill(drive.identity.drive_uuid.bytes);
  drive.identity.drive = DriveId{static_cast<uint16_t>(index)};
  drive.volume_bytes = (256 * kKiB) << random.Below(4);
  drive.allocate_step_bytes = (32 * kKiB) << random.Below(4);
  drive.checkpoint_step_bytes = (16 * kKiB) << random.Below(4);
  drive.reserved_free_bytes = 256 * kKiB;
  drive.leaf_cache_bytes = random.Below(2) * 64 * kKiB;
  drive.purge_age_min_ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(kReclaimGrace).count();
  return drive;
}

std::vector<SimDisk*> Pointers(const std::vector<std::unique_ptr<SimDisk>>& disks) {
  std::vector<SimDisk*> pointers;
  for (const auto& disk : disks) pointers.push_back(disk.get());
  return pointers;
}

}  // namespace

World::World(const Settings& run, uint64_t seed)
    : settings(run),
      executor(seed),
      random(seed + 0x100000000),
      product_random(seed + 0x200000000),
      encoder(erasure_encoder::Code{static_cast<uint8_t>(run.data_shards),
                                    static_cast<uint8_t>(run.parity_shards)}) {
  disk_options.capacity_bytes = 1ULL << 30;
  disk_options.delay_nanoseconds_max = static_cast<int64_t>(20'000ULL << random.Below(5));
  store_options.delay_nanoseconds_max = static_cast<int64_t>(20'000ULL << random.Below(5));
  store_options.late_news = run.Fault("late-news");
  cache_options.capacity_bytes = (16 * kKiB) << (3 * random.Below(4));
  cache_options.ttl_seconds = random.Below(3) == 0 ? 1 : 3600;
  service_options.part_bytes_min = 2000;
  if (random.Below(3) == 0) service_options.packed_object_bytes_max = 4096;
  memory_budget = random.Below(4) == 0 ? 4ULL << 20 : 64ULL << 20;
  UniqueId cluster;
  random.Fill(cluster.bytes);
  const size_t drive_count =
      static_cast<size_t>(total_shards()) + random.Below(2) * random.Below(3);
  std::vector<cluster::PlacementTarget> targets;
  for (size_t i = 0; i < drive_count; ++i) {
    drives.push_back(DrawDrive(random, cluster, i));
    targets.push_back({DriveId{static_cast<uint16_t>(i)}, std::to_string(i)});
    disks.push_back(std::make_unique<SimDisk>(executor, random.Draw(), disk_options));
    CHECK(executor
              .Run(chunk_server::InitializeDrive(*disks.back(), kDrivePath, drives.back().identity))
              .ok());
  }
  auto placed = cluster::PlacementMap::Create(std::move(targets), total_shards());
  CHECK(placed.ok());
  placement = std::make_unique<cluster::PlacementMap>(std::move(*placed));
}

Process::Process(World& world) : world_(world), disks_(Pointers(world.disks)) {}
Process::~Process() = default;

Task<Status> Process::Start() {
  buffers_ = std::make_unique<BufferPool>(world_.memory_budget);
  ordered_store_ = std::make_unique<SimStore>(world_.executor, world_.rows, world_.random.Draw(),
                                              world_.store_options);
  cache_ = std::make_unique<index_cache::IndexCache>(world_.executor, world_.cache_options);
  metadata_ = std::make_unique<metadata_db::MetadataDb>(*ordered_store_, world_.executor,
                                                        world_.product_random, cache_.get());
  cache_->SetDatabase(metadata_.get());
  std::vector<chunk_server::ChunkStore*> ports;
  for (size_t i = 0; i < disks_.size(); ++i) {
    CO_ASSIGN_OR_RETURN(
        std::unique_ptr<chunk_server::ChunkStore> store,
        co_await chunk_server::OpenLocalChunkStore(*disks_[i], world_.executor, world_.drives[i]));
    ports.push_back(store.get());
    stores_.push_back(std::move(store));
  }
  object_service::ObjectService::Dependencies dependencies{
      *metadata_,       *cache_,   world_.encoder,  *world_.placement,
      std::move(ports), *buffers_, world_.executor, world_.product_random};
  service_ = std::make_unique<object_service::ObjectService>(std::move(dependencies),
                                                             world_.service_options);
  service_->WatchDrives(world_.executor);
  api_gateway::S3GatewaySettings gateway;
  gateway.root_access_key = kAccessKey;
  gateway.root_secret = Secret(kSecretKey);
  gateway_ = std::make_unique<api_gateway::S3Gateway>(*service_, world_.executor, gateway);
  api_gateway::HttpServerOptions http;
  http.access_log = false;
  http.record_metrics = false;
  http.clock = &world_.executor;
  http.random = &world_.product_random;
  http_ = std::make_unique<api_gateway::HttpServer>(
      world_.executor, http,
      [this](api_gateway::HttpExchange& exchange) { return gateway_->Handle(exchange); });
  co_return Status::Ok();
}

Task<Status> Process::StartDuties() {
  std::vector<chunk_server::ChunkStore*> ports;
  for (const auto& store : stores_) ports.push_back(store.get());
  duties_ = std::make_unique<BackgroundDuties>(
      BackgroundDuties::Dependencies{*metadata_, *service_, std::move(ports), *world_.placement,
                                     world_.encoder, *buffers_, world_.executor});
  return duties_->Start();
}

Task<void> Process::Stop() {
  if (duties_ != nullptr) co_await duties_->Stop();
  if (http_ != nullptr) co_await http_->Shutdown();
  if (service_ != nullptr) co_await service_->Shutdown();
  for (const auto& store : stores_) co_await store->Close();
  co_await ordered_store_->Close();
}

}  // namespace ashlar::sim
