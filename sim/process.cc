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

std::string UuidSetting(size_t drive) { return "sim.drive." + std::to_string(drive); }

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
  const bool evacuate = run.Duty("evacuate") && SimRandom(seed + 0x400000000).Below(2) == 0;
  heal_wait = evacuate ? std::chrono::seconds(2) : std::chrono::hours(1);
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
  CO_RETURN_IF_ERROR(co_await OpenDrives());
  std::vector<chunk_server::ChunkStore*> ports;
  for (const auto& store : stores_) ports.push_back(store.get());
  object_service::ObjectService::Dependencies dependencies{
      *metadata_, *cache_,   world_.encoder,  *world_.placement,
      ports,      *buffers_, world_.executor, world_.product_random};
  service_ = std::make_unique<object_service::ObjectService>(std::move(dependencies),
                                                             world_.service_options);
  if (world_.settings.duties) {
    MakeDuties(std::move(ports));
    CO_RETURN_IF_ERROR(co_await duties_->Load());
  }
  service_->WatchDrives(world_.executor);
  api_gateway::S3GatewaySettings gateway;
  iam::StoreRoot root;
  root.account_id = "000000000001";
  root.canonical_id = std::string(64, '1');
  root.access_key = kAccessKey;
  root.secret_key = Secret(kSecretKey);
  accounts_ = std::make_unique<iam::AccountStore>(
      iam::AccountStore::Dependencies{*metadata_, world_.executor, world_.product_random},
      std::move(root), Secret(std::string(iam::kSealingKeyBytes, 'k')));
  CO_RETURN_IF_ERROR(co_await accounts_->Load());
  gateway_ =
      std::make_unique<api_gateway::S3Gateway>(*service_, *accounts_, world_.executor, gateway);
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

void Process::MakeDuties(std::vector<chunk_server::ChunkStore*> ports) {
  std::vector<std::string> settings;
  for (size_t i = 0; i < disks_.size(); ++i) {
    settings.push_back(UuidSetting(i));
    settings.push_back("drive." + std::to_string(i));  // cluster/drive_states.cc
  }
  duties_ = std::make_unique<BackgroundDuties>(BackgroundDuties::Dependencies{
      *ordered_store_, *metadata_, *service_, std::move(ports), *world_.placement, world_.encoder,
      *buffers_, world_.executor, world_.product_random,
      [this](DriveId drive, cluster::DriveStates::Settings committed) {
        return MakeDrive(drive, std::move(committed));
      },
      world_.heal_wait, std::move(settings)});
}

Task<Status> Process::OpenDrives() {
  for (size_t i = 0; i < disks_.size(); ++i) {
    chunk_server::LocalChunkStoreOptions drive = world_.drives[i];
    if (world_.settings.duties) {
      const Result<std::string> uuid = co_await metadata_->GetSetting(UuidSetting(i));
      if (!uuid.ok() && uuid.code() != Code::kNotFound) co_return uuid.status();
      if (uuid.ok()) {
        drive.identity.drive_uuid = UniqueId::FromView(*uuid);
        // Committed, and cut short before it was made. When that fails it is offline.
        (void)co_await chunk_server::InitializeDrive(*disks_[i], kDrivePath, drive.identity);
      }
    }
    CO_ASSIGN_OR_RETURN(
        std::unique_ptr<chunk_server::ChunkStore> store,
        co_await chunk_server::OpenLocalChunkStore(*disks_[i], world_.executor, drive));
    stores_.push_back(std::make_unique<chunk_server::DriveSlot>(std::move(store)));
  }
  co_return Status::Ok();
}

Task<Status> Process::MakeDrive(DriveId drive, cluster::DriveStates::Settings settings) {
  SimDisk& disk = *disks_[drive.value];
  CO_ASSIGN_OR_RETURN(const chunk_server::DrivePathReport report,
                      co_await chunk_server::InspectDrivePath(disk, kDrivePath));
  if (report.state != chunk_server::DrivePathState::kMissing &&
      report.state != chunk_server::DrivePathState::kEmpty) {
    co_return Status(Code::kConflict, "something is at its path");
  }
  chunk_server::LocalChunkStoreOptions made = world_.drives[drive.value];
  made.identity.drive_uuid = NewUniqueId(world_.executor, world_.product_random);
  settings.emplace_back(UuidSetting(drive.value), made.identity.drive_uuid.View());
  CO_RETURN_IF_ERROR(co_await metadata_->PutSettings(std::move(settings)));
  CO_RETURN_IF_ERROR(co_await chunk_server::InitializeDrive(disk, kDrivePath, made.identity));
  CO_ASSIGN_OR_RETURN(std::unique_ptr<chunk_server::ChunkStore> store,
                      co_await chunk_server::OpenLocalChunkStore(disk, world_.executor, made));
  co_await stores_[drive.value]->Exchange(std::move(store));
  co_return Status::Ok();
}

Task<Status> Process::ReplaceDrive(size_t drive) {
  disks_[drive] = world_.disks[drive].get();
  return duties_->Replace(DriveId{static_cast<uint16_t>(drive)});
}

Task<void> Process::Stop() {
  if (duties_ != nullptr) co_await duties_->Stop();
  if (http_ != nullptr) co_await http_->Shutdown();
  if (service_ != nullptr) co_await service_->Shutdown();
  for (const auto& store : stores_) co_await store->Close();
  co_await ordered_store_->Close();
}

}  // namespace ashlar::sim
