// The composition root: the only place that knows all components and chooses their adapters.
#include <cstdio>
#include <cstdlib>

#include "admin/admin_api.h"
#include "admin/admin_server.h"
#include "admin/admin_token.h"
#include "api_gateway/http_server.h"
#include "api_gateway/s3_gateway.h"
#include "base/log.h"
#include "cluster/placement_map.h"
#include "erasure_encoder/erasure_encoder.h"
#include "iam/account_store.h"
#include "index_cache/index_cache.h"
#include "lifecycle_worker/metadata_journal.h"
#include "lifecycle_worker/reclaimer.h"
#include "metadata_db/metadata_db.h"
#include "metadata_db/ordered_store.h"
#include "object_service/object_service.h"
#include "runtime/event_loop.h"
#include "runtime/failpoint.h"
#include "runtime/process.h"
#include "server/credentials.h"
#include "server/drive_registry.h"
#include "server/memory_shares.h"
#include "server/options.h"
#include "server/upkeep.h"

namespace ashlar::server {
namespace {

// Each drive is a failure domain of its own: one machine.
std::vector<cluster::PlacementTarget> PlacementTargets(size_t drives) {
  std::vector<cluster::PlacementTarget> targets;
  for (size_t i = 0; i < drives; ++i) {
    targets.push_back({DriveId{static_cast<uint16_t>(i)}, "drive-" + std::to_string(i)});
  }
  return targets;
}

// Everything between the drives and the object service, in the order in which it is built.
class Store {
 public:
  Store(EventLoopGroup& loops, const ServerOptions& options)
      : loops_(loops),
        options_(options),
        memory_(DivideMemory(options)),
        buffers_(memory_.buffers) {}

  ~Store() {
    if (reclaimer_ != nullptr) loops_.RunToCompletion(reclaimer_->Stop());
    if (journal_ != nullptr) loops_.RunToCompletion(journal_->Stop());
    if (upkeep_ != nullptr) upkeep_->Stop();
    if (service_ != nullptr) loops_.RunToCompletion(service_->Shutdown());
    for (const auto& store : drives_.stores) loops_.RunToCompletion(store->Close());
  }

  Status Open() {
    ASSIGN_OR_RETURN(const erasure_encoder::Code code, erasure_encoder::ParseCode(options_.code));
    const std::string metadata_path = options_.data + "/metadata";
    RETURN_IF_ERROR(RunBlocking(
        loops_, RefuseLostMetadata(HostDisk(), DrivePaths(options_, code), metadata_path)));
    metadata_db::RocksDbOptions metadata_options;
    metadata_options.path = metadata_path;
    metadata_options.block_cache_bytes = memory_.metadata;
    metadata_options.memtable_bytes = memory_.memtable;
    ASSIGN_OR_RETURN(ordered_store_, metadata_db::OpenRocksDbStore(metadata_options));
    index_cache::IndexCacheOptions cache_options;
    cache_options.capacity_bytes = memory_.index_cache;
    cache_ = std::make_unique<index_cache::IndexCache>(SystemClock(), cache_options);
    metadata_ = std::make_unique<metadata_db::MetadataDb>(*ordered_store_, SystemClock(),
                                                          SystemRandom(), cache_.get());
    cache_->SetDatabase(metadata_.get());
    ASSIGN_OR_RETURN(drives_,
                     RunBlocking(loops_, OpenDrives(HostDisk(), SystemClock(), SystemRandom(),
                                                    *metadata_, options_, code)));
    encoder_ = std::make_unique<erasure_encoder::ErasureEncoder>(code);
    std::vector<cluster::PlacementTarget> targets = PlacementTargets(drives_.stores.size());
    ASSIGN_OR_RETURN(const cluster::PlacementMap placement,
                     cluster::PlacementMap::Create(targets, code.total()));
    placement_ = std::make_unique<cluster::PlacementMap>(placement);
    upkeep_ = std::make_unique<Upkeep>(Upkeep::Dependencies{loops_, options_, *metadata_, drives_,
                                                            std::move(targets), *placement_,
                                                            *encoder_, buffers_});
    RETURN_IF_ERROR(upkeep_->Load());
    std::vector<chunk_server::ChunkStore*> stores;
    for (const auto& store : drives_.stores) stores.push_back(store.get());
    service_ = std::make_unique<object_service::ObjectService>(
        object_service::ObjectService::Dependencies{*metadata_, *cache_, *encoder_, *placement_,
                                                    std::move(stores), buffers_, SystemClock(),
                                                    SystemRandom()},
        object_service::ObjectServiceOptions());
    service_->WatchDrives(loops_.Next());
    StartJournal();
    upkeep_->Start();
    StartReclaimer();
    return Status::Ok();
  }

  object_service::ObjectService& service() { return *service_; }
  metadata_db::MetadataDb& metadata() { return *metadata_; }
  const UniqueId& cluster_id() const { return drives_.cluster_id; }

  // What the admin API shows and changes.
  admin::AdminSources AdminSources(iam::AccountStore& accounts) {
    std::vector<std::string> paths = DrivePaths(options_, encoder_->code());
    for (size_t i = 0; i < paths.size(); ++i) {
      if (!drives_.paths[i].empty()) paths[i] = drives_.paths[i];
    }
    return admin::AdminSources{
        .metadata = *metadata_,
        .catalog = upkeep_->catalog(),
        .drives = upkeep_->drives(),
        .healer = upkeep_->healer(),
        .scrubber = upkeep_->scrubber(),
        .reclaimer = *reclaimer_,
        .accounts = accounts,
        .disk = HostDisk(),
        .clock = SystemClock(),
        .probe = [this] { return service_->Probe(); },
        .cluster_id = drives_.cluster_id,
        .data_shards = encoder_->code().data_shards,
        .parity_shards = encoder_->code().parity_shards,
        .drive_paths = std::move(paths),
        .metadata_path = options_.data + "/metadata",
        .token_path = options_.data + "/" + admin::kTokenFileName,
        .certificate_path = options_.tls_cert,
        .scrub_round = std::chrono::hours(24 * options_.scrub_days),
        .version = kVersion,
    };
  }

 private:
  void StartJournal() {
    lifecycle_worker::MetadataJournalOptions journal_options;
    journal_options.period = std::chrono::milliseconds(options_.journal_period_ms);
    journal_options.settings = RegistrationSettingNames(drives_.stores.size());
    journal_options.settings.emplace_back(iam::kAccountsSetting);
    journal_ = std::make_unique<lifecycle_worker::MetadataJournal>(
        lifecycle_worker::MetadataJournal::Dependencies{*ordered_store_, *metadata_, *service_,
                                                        SystemClock(), SystemRandom()},
        std::move(journal_options));
    journal_->Start(loops_.Next());
  }
  void StartReclaimer() {
    lifecycle_worker::ReclaimerOptions reclaim;
    reclaim.grace = std::chrono::seconds(options_.reclaim_grace_seconds);
    reclaim.trash_period = std::chrono::seconds(options_.trash_period_seconds);
    reclaim.orphan_grace = std::chrono::seconds(options_.orphan_grace_seconds);
    reclaim.sparse_age_min = std::min(reclaim.sparse_age_min, reclaim.grace);
    reclaim.brake_floor_bytes = options_.reclaim_brake_bytes;
    reclaim.foreground_busy = ClientsAreServed;
    std::vector<chunk_server::ChunkStore*> stores;
    for (const auto& store : drives_.stores) stores.push_back(store.get());
    reclaimer_ = std::make_unique<lifecycle_worker::Reclaimer>(
        lifecycle_worker::Reclaimer::Dependencies{
            *metadata_, *service_, std::move(stores), SystemClock(),
            [states = &upkeep_->drives()](DriveId drive) { return states->IsRemoved(drive); }},
        std::move(reclaim));
    reclaimer_->Start(loops_.Next());
  }

  EventLoopGroup& loops_;
  const ServerOptions& options_;
  const MemoryShares memory_;
  BufferPool buffers_;
  std::unique_ptr<metadata_db::OrderedStore> ordered_store_;
  std::unique_ptr<index_cache::IndexCache> cache_;
  std::unique_ptr<metadata_db::MetadataDb> metadata_;
  OpenedDrives drives_;
  std::unique_ptr<erasure_encoder::ErasureEncoder> encoder_;
  std::unique_ptr<cluster::PlacementMap> placement_;
  std::unique_ptr<Upkeep> upkeep_;
  std::unique_ptr<object_service::ObjectService> service_;
  std::unique_ptr<lifecycle_worker::MetadataJournal> journal_;
  std::unique_ptr<lifecycle_worker::Reclaimer> reclaimer_;
};

api_gateway::S3GatewaySettings GatewaySettings(const ServerOptions& options) {
  api_gateway::S3GatewaySettings settings;
  settings.region = options.region;
  settings.domains = options.domains;
  return settings;
}

// Ids that are stable for the store and say nothing about it.
iam::StoreRoot RootOf(const RootCredentials& credentials, const UniqueId& cluster_id) {
  iam::StoreRoot root;
  const Sha256Digest digest = Sha256(AsBytes("root:" + std::string(cluster_id.View())));
  root.canonical_id = HexEncode(digest);
  for (size_t i = 0; i < 12; ++i)
    root.account_id.push_back(static_cast<char>('0' + digest[i] % 10));
  root.access_key = credentials.access_key;
  root.secret_key = credentials.secret_key;
  return root;
}

void PrintWelcome(const ServerOptions& options, const RootCredentials& credentials, uint16_t port) {
  const std::string scheme = options.tls_cert.empty() ? "http" : "https";
  const std::string host = options.listen.substr(0, options.listen.rfind(':'));
  const std::string endpoint = scheme + "://" + host + ":" + std::to_string(port);
  std::printf("Ashlar serves S3 at %s\n", endpoint.c_str());
  if (options.show_credentials) {
    const char* access_key = credentials.access_key.c_str();
    const char* secret_key = credentials.secret_key.Reveal().c_str();
    std::printf(
        "\n  access key  %s\n  secret key  %s\n\nTry it:\n\n"
        "  export AWS_ACCESS_KEY_ID=%s AWS_SECRET_ACCESS_KEY=%s AWS_DEFAULT_REGION=%s\n"
        "  aws --endpoint-url %s s3 mb s3://first && "
        "aws --endpoint-url %s s3 cp README.md s3://first/\n"
        "  rclone ls :s3,provider=Other,env_auth,endpoint='%s':first\n"
        "  curl http://%s/readyz\n\n",
        access_key, secret_key, access_key, secret_key, options.region.c_str(), endpoint.c_str(),
        endpoint.c_str(), endpoint.c_str(), options.admin_listen.c_str());
  } else {
    std::printf("The root keys come from %s\n", credentials.source.c_str());
  }
  std::fflush(stdout);
}

Status Serve(const ServerOptions& options) {
  RETURN_IF_ERROR(MakePrivateDirectory(options.data));
  ASSIGN_OR_RETURN(const std::unique_ptr<FileLock> lock,
                   FileLock::Acquire(options.data + "/ashlar.lock"));
  RaiseOpenFilesLimit();
  EventLoopGroup loops(options.threads);
  ASSIGN_OR_RETURN(
      const RootCredentials credentials,
      RunBlocking(loops, LoadOrCreateCredentials(HostDisk(), SystemRandom(), options)));
  ASSIGN_OR_RETURN(
      const Secret admin_token,
      RunBlocking(loops, admin::LoadOrCreateToken(HostDisk(), SystemRandom(), options.data)));
  Store store(loops, options);
  RETURN_IF_ERROR(store.Open());

  ASSIGN_OR_RETURN(Secret sealing_key,
                   RunBlocking(loops, LoadOrCreateSealingKey(HostDisk(), SystemRandom(),
                                                             store.metadata(), options.data)));
  iam::AccountStore accounts({store.metadata(), SystemClock(), SystemRandom()},
                             RootOf(credentials, store.cluster_id()), std::move(sealing_key));
  RETURN_IF_ERROR(RunBlocking(loops, accounts.Load()));

  api_gateway::S3Gateway gateway(store.service(), accounts, SystemClock(),
                                 GatewaySettings(options));
  api_gateway::HttpServerOptions http_options;
  http_options.access_log = options.access_log;
  http_options.connections_max = options.connections_max;
  api_gateway::HttpServer http(
      loops, http_options,
      [&gateway](api_gateway::HttpExchange& exchange) { return gateway.Handle(exchange); });
  admin::AdminApi admin_api(store.AdminSources(accounts), admin_token);
  admin::AdminServerOptions admin_options;
  admin_options.version = kVersion;
  admin_options.api = &admin_api;
  admin::AdminServer admin(loops, admin_options, [&store] { return store.service().Probe(); });

  // Whatever was started is shut down again, also when a later step fails.
  const auto run = [&]() -> Status {
    ListenOptions admin_listen;
    admin_listen.address = options.admin_listen;
    ASSIGN_OR_RETURN(const uint16_t admin_port, admin.Listen(admin_listen));
    ListenOptions listen;
    listen.address = options.listen;
    listen.tls_certificate_path = options.tls_cert;
    listen.tls_key_path = options.tls_key;
    ASSIGN_OR_RETURN(const uint16_t port, http.Listen(listen));
    spdlog::info("msg=ready port={} admin_port={} cluster={}", port, admin_port,
                 store.cluster_id().ToHex());
    PrintWelcome(options, credentials, port);
    spdlog::info("msg=\"stopping; requests in flight are finished\" signal={}",
                 WaitForStopSignal());
    return Status::Ok();
  };
  const Status status = run();
  admin.AnnounceShutdown();
  loops.RunToCompletion(http.Shutdown());
  loops.RunToCompletion(admin.Shutdown());
  loops.RunToCompletion(admin_api.Shutdown());
  return status;
}

}  // namespace
}  // namespace ashlar::server

int main(int argc, char** argv) {
  using namespace ashlar;  // NOLINT: the entry point
  PrepareSignals();
  InitLog();
  if (const char* failpoints = std::getenv("ASHLAR_FAILPOINTS")) {
    const Status armed = ArmFailpoints(failpoints);
    if (!armed.ok()) {
      std::fprintf(stderr, "ashlar: %s\n", armed.message().c_str());
      return 2;
    }
  }
  server::ServerOptions options;
  int exit_code = 0;
  if (!server::ParseCommandLine(argc, argv, &options, &exit_code)) return exit_code;
  (void)SetLogLevel(options.log_level);
  const Status status = server::Serve(options);
  if (!status.ok()) {
    std::fprintf(stderr, "ashlar: %s\n", status.message().c_str());
    if (!options.config_path.empty()) {
      std::fprintf(stderr, "Settings file: %s\n", options.config_path.c_str());
    }
    return 1;
  }
  return 0;
}
