// Options of `ashlar server`: command line, environment and TOML file, in this order of precedence.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/secret.h"
#include "base/status.h"

namespace ashlar::server {

inline constexpr char kVersion[] = "0.1.0";
inline constexpr uint64_t kBufferBytesMin = 16ULL << 20;   // less does not serve one large upload
inline constexpr uint64_t kMemoryBytesMin = 128ULL << 20;  // less has no share worth having

struct ServerOptions {
  std::string config_path;  // of the TOML file, when there is one
  std::string data;
  std::vector<std::string> drives;  // empty: <data>/drive-01 ...
  std::string code = "10+4";
  std::string listen = "127.0.0.1:9000";
  std::string admin_listen = "127.0.0.1:9001";
  std::string tls_cert;
  std::string tls_key;
  std::string region = "us-east-1";
  std::vector<std::string> domains;  // for virtual-host addressing
  std::string root_access_key;
  Secret root_secret_key;
  std::string log_level = "info";
  bool access_log = true;
  bool show_credentials = false;
  int threads = 0;
  uint64_t memory_bytes = 236ULL << 20;
  // Shares of memory_bytes (memory_shares.h); 0: as it divides.
  uint64_t memory_budget_bytes = 0;
  uint64_t cache_bytes = 0;
  uint64_t metadata_cache_bytes = 0;
  uint64_t connections_max = 10'000;
  uint64_t volume_bytes = 1ULL << 30;
  uint64_t reserved_free_bytes = 32ULL << 20;
  uint64_t heal_bytes_per_second = 200'000'000;
  uint64_t heal_wait_seconds = 600;
  uint64_t scrub_days = 30;
  uint64_t reclaim_grace_seconds = 24 * 3600;
  uint64_t trash_period_seconds = 72 * 3600;
  uint64_t orphan_grace_seconds = 7 * 24 * 3600;
  uint64_t reclaim_brake_bytes = 64ULL << 30;
  uint64_t journal_period_ms = 1000;
};

// Parses the whole command line. Prints help or version itself. `exit_code` is set and false
// returned when the process should end now; true: run `ashlar server` with *options.
bool ParseCommandLine(int argc, char** argv, ServerOptions* options, int* exit_code);

}  // namespace ashlar::server
