#include "server/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <iostream>

#include "api_gateway/s3_gateway.h"
#include "server/commands/command.h"

namespace ashlar::server {
namespace {

constexpr char kFooter[] =
    "Every option can also stand in the environment (the name in brackets) or, by its long name, "
    "in\n"
    "the TOML file given by --config FILE; the command line wins over the environment, that over "
    "the "
    "file.\n"
    "Without root keys in the environment they are generated at the first start and kept in\n"
    "<data>/root-credentials (mode 0600).";

// The TOML file: names of `ashlar server`'s options at the top level. What stands in the
// environment wins, so it is left out here (CLI11 would let the file win).
class ServerConfig : public CLI::ConfigBase {
 public:
  explicit ServerConfig(const CLI::App* server) : server_(server) {}

  std::vector<CLI::ConfigItem> from_config(std::istream& input) const override {
    std::vector<CLI::ConfigItem> items = ConfigBase::from_config(input);
    std::erase_if(items, [this](const CLI::ConfigItem& item) {
      const CLI::Option* option = server_->get_option_no_throw("--" + item.name);
      return option != nullptr && !option->get_envname().empty() &&
             std::getenv(option->get_envname().c_str()) != nullptr;
    });
    for (CLI::ConfigItem& item : items) {
      if (item.inputs.empty() || item.inputs.front().empty()) {
        throw CLI::ConfigError("'" + item.name + "' has no value");
      }
      if (item.parents.empty()) item.parents.emplace_back("server");
    }
    return items;
  }

 private:
  const CLI::App* server_;
};

// It stands between slashes in the scope of every signature, and in host names. An error's text.
std::string CheckRegion(const std::string& name) {
  const auto may_stand = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  };
  if (!name.empty() && name.size() <= 63 && std::all_of(name.begin(), name.end(), may_stand)) {
    return {};
  }
  return "'" + name + "' is no region: 1 to 63 of a-z, 0-9 and '-'";
}

void AddServerOptions(CLI::App& server, ServerOptions* options, std::string* secret) {
  server.add_option("--data", options->data, "Folder of the store: metadata, keys, default drives")
      ->envname("ASHLAR_DATA")
      ->required();
  server
      .add_option("--drive", options->drives,
                  "Folder of one drive; repeat for each (default: <data>/drive-01 ...)")
      ->envname("ASHLAR_DRIVES")
      ->delimiter(',');
  server
      .add_option("--code", options->code,
                  "Erasure code, data+parity shards; fixed when the store is made")
      ->envname("ASHLAR_CODE")
      ->capture_default_str();
  server.add_option("--listen", options->listen, "Address of the S3 API")
      ->envname("ASHLAR_LISTEN")
      ->capture_default_str();
  server
      .add_option("--admin-listen", options->admin_listen,
                  "Address of /healthz, /readyz, /metrics and the admin API")
      ->envname("ASHLAR_ADMIN_LISTEN")
      ->capture_default_str();
  auto* cert =
      server.add_option("--tls-cert", options->tls_cert, "PEM certificate chain: serve TLS")
          ->envname("ASHLAR_TLS_CERT");
  auto* key = server.add_option("--tls-key", options->tls_key, "PEM private key")
                  ->envname("ASHLAR_TLS_KEY");
  cert->needs(key);
  key->needs(cert);
  server.add_option("--region", options->region, "Region that requests are signed for")
      ->envname("ASHLAR_REGION")
      ->check(CLI::Validator(CheckRegion, "NAME"))
      ->capture_default_str();
  server
      .add_option("--domain", options->domains,
                  "Domain for virtual-host addressing (bucket.<domain>); repeatable")
      ->envname("ASHLAR_DOMAINS")
      ->delimiter(',');
  server
      .add_option("--root-access-key", options->root_access_key,
                  "Access key of the root user; environment or file only, with the secret")
      ->envname("ASHLAR_ROOT_ACCESS_KEY");
  server
      .add_option("--root-secret-key", *secret,
                  "Its secret; better in the environment: a command line is visible to others")
      ->envname("ASHLAR_ROOT_SECRET_KEY");
  server.add_flag("--show-credentials", options->show_credentials,
                  "Print the root keys and commands to try on standard output");
  server.add_option("--log-level", options->log_level, "trace, debug, info, warn or error")
      ->envname("ASHLAR_LOG_LEVEL")
      ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error"}))
      ->capture_default_str();
  server.add_option("--access-log", options->access_log, "One log line a request")
      ->envname("ASHLAR_ACCESS_LOG")
      ->capture_default_str();
}

void AddLimits(CLI::App& server, ServerOptions* options) {
  server
      .add_option("--threads", options->threads, "Event loops; 0: one for each CPU, and kept there")
      ->envname("ASHLAR_THREADS")
      ->check(CLI::Range(0, 256))
      ->capture_default_str();
  server
      .add_option("--memory", options->memory_bytes,
                  "Bytes that the process stays below (suffixes KiB, MiB, GiB); divided among the "
                  "three below and what else it keeps")
      ->envname("ASHLAR_MEMORY")
      ->transform(CLI::AsSizeValue(false))
      ->check(CLI::Range(kMemoryBytesMin, uint64_t{1} << 40))
      ->capture_default_str();
  server
      .add_option("--memory-budget", options->memory_budget_bytes,
                  "Bytes for data in flight, instead of their share of --memory; beyond it 503 "
                  "SlowDown")
      ->envname("ASHLAR_MEMORY_BUDGET")
      ->transform(CLI::AsSizeValue(false))
      ->check(CLI::Range(kBufferBytesMin, uint64_t{1} << 40));
  server
      .add_option("--cache", options->cache_bytes,
                  "Bytes of the index cache, instead of its share of --memory")
      ->envname("ASHLAR_CACHE")
      ->transform(CLI::AsSizeValue(false));
  server
      .add_option("--metadata-cache", options->metadata_cache_bytes,
                  "Bytes of the metadata database in memory, instead of their share of --memory; "
                  "more for stores of tens of millions of objects")
      ->envname("ASHLAR_METADATA_CACHE")
      ->transform(CLI::AsSizeValue(false))
      ->check(CLI::Range(uint64_t{8} << 20, uint64_t{1} << 40));
  server.add_option("--connections-max", options->connections_max, "Connections at one time")
      ->envname("ASHLAR_CONNECTIONS_MAX")
      ->check(CLI::Range(uint64_t{1}, uint64_t{1} << 20))
      ->capture_default_str();
  server.add_option("--volume-size", options->volume_bytes, "Size at which volumes are sealed")
      ->envname("ASHLAR_VOLUME_SIZE")
      ->transform(CLI::AsSizeValue(false))
      ->check(CLI::Range(uint64_t{16} << 20, uint64_t{64} << 30))
      ->capture_default_str();
  server
      .add_option("--reserved-free", options->reserved_free_bytes,
                  "Bytes kept free on each drive: below it writes are refused, deletes go on")
      ->envname("ASHLAR_RESERVED_FREE")
      ->transform(CLI::AsSizeValue(false))
      ->capture_default_str();
}

// "90", "90s", "15m", "24h", "7d".
CLI::AsNumberWithUnit AsSeconds() {
  const std::map<std::string, uint64_t> units{{"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86'400}};
  return CLI::AsNumberWithUnit(units, CLI::AsNumberWithUnit::DEFAULT, "TIME");
}

void AddReclaiming(CLI::App& server, ServerOptions* options) {
  const CLI::Range seconds(uint64_t{1}, uint64_t{10} * 365 * 86'400);
  server
      .add_option("--reclaim-grace", options->reclaim_grace_seconds,
                  "Time that what nothing refers to stays as it is (s, m, h, d)")
      ->envname("ASHLAR_RECLAIM_GRACE")
      ->transform(AsSeconds())
      ->check(seconds)
      ->capture_default_str();
  server
      .add_option("--trash-period", options->trash_period_seconds,
                  "Time in the trash after that; less when a drive is nearly full")
      ->envname("ASHLAR_TRASH_PERIOD")
      ->transform(AsSeconds())
      ->check(seconds)
      ->capture_default_str();
  server
      .add_option("--orphan-grace", options->orphan_grace_seconds,
                  "Time that shards stay which the metadata have never heard of")
      ->envname("ASHLAR_ORPHAN_GRACE")
      ->transform(AsSeconds())
      ->check(seconds)
      ->capture_default_str();
  server
      .add_option("--reclaim-brake", options->reclaim_brake_bytes,
                  "Reclaiming stops and asks when it wants to purge more than this at one time "
                  "(and more than 1 % of what lives, and three times what it usually does)")
      ->envname("ASHLAR_RECLAIM_BRAKE")
      ->transform(CLI::AsSizeValue(false))
      ->capture_default_str();
}

void AddUpkeep(CLI::App& server, ServerOptions* options) {
  server
      .add_option("--heal-bandwidth", options->heal_bytes_per_second,
                  "Bytes of shards a second that healing makes at most; a quarter of it while "
                  "clients are served")
      ->envname("ASHLAR_HEAL_BANDWIDTH")
      ->transform(CLI::AsSizeValue(false))
      ->check(CLI::Range(uint64_t{1} << 16, uint64_t{1} << 40))
      ->capture_default_str();
  server
      .add_option("--heal-wait", options->heal_wait_seconds,
                  "Seconds that a drive may be away before its shards are made elsewhere")
      ->envname("ASHLAR_HEAL_WAIT")
      ->check(CLI::Range(uint64_t{0}, uint64_t{1} << 30))
      ->capture_default_str();
  server.add_option("--scrub-days", options->scrub_days, "Days in which everything is read once")
      ->envname("ASHLAR_SCRUB_DAYS")
      ->check(CLI::Range(uint64_t{1}, uint64_t{3650}))
      ->capture_default_str();
  server
      .add_option(
          "--journal-period", options->journal_period_ms,
          "Milliseconds between two updates of the copy of the metadata on the drives: a lost "
          "metadata folder costs this and at most a quarter more")
      ->envname("ASHLAR_JOURNAL_PERIOD")
      ->check(CLI::Range(uint64_t{10}, uint64_t{86'400'000}))
      ->capture_default_str();
}

}  // namespace

bool ParseCommandLine(int argc, char** argv, ServerOptions* options, int* exit_code) {
  CLI::App app("Ashlar: a self-hosted, S3-compatible object store.", "ashlar");
  app.set_version_flag("--version", kVersion);
  app.require_subcommand(1);
  app.get_formatter()->column_width(34);

  CLI::App* server = app.add_subcommand("server", "Run the whole store in this process");
  server->footer(kFooter);
  server->fallthrough();  // --config is read by the outer parser
  app.set_config("--config", "", "TOML file with the settings of `ashlar server` [ASHLAR_CONFIG]")
      ->envname("ASHLAR_CONFIG");
  app.config_formatter(std::make_shared<ServerConfig>(server));
  app.allow_config_extras(CLI::config_extras_mode::error);
  server->allow_config_extras(CLI::config_extras_mode::error);
  server->set_help_flag("--help,-h", "Print this help and exit");
  std::string secret;
  AddServerOptions(*server, options, &secret);
  AddLimits(*server, options);
  AddUpkeep(*server, options);
  AddReclaiming(*server, options);

  const CLI::App* routes =
      app.add_subcommand("routes", "Print every S3 operation and its state as JSON");
  const std::vector<Command> commands = {AddAdmin(app), AddFsck(app), AddRebuildMetadata(app)};

  *exit_code = 0;
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    *exit_code = app.exit(error) == 0 ? 0 : 2;
    const std::string path = app.get_config_ptr()->as<std::string>();
    if (*exit_code != 0 && !path.empty()) std::cerr << "Settings file: " << path << "\n";
    return false;
  }
  options->config_path = app.get_config_ptr()->as<std::string>();
  if (routes->parsed()) {
    std::cout << api_gateway::RoutesAsJson() << "\n";
    return false;
  }
  for (const Command& command : commands) {
    if (!command.parser->parsed()) continue;
    *exit_code = command.run();
    return false;
  }
  options->root_secret_key = Secret(std::move(secret));
  return true;
}

}  // namespace ashlar::server
