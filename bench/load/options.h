// The command line of ashlar-bench.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "load/connection.h"
#include "load/request.h"
#include "load/worker.h"

namespace ashlar::bench {

enum class Command { kRun, kPrepare, kClean };

struct BenchOptions {
  Command command = Command::kRun;
  RequestContext context;
  Dialer::TlsOptions tls;
  Workload workload;
  std::string operation_name;  // as given, for the report
  int connections = 16;
  int threads = 1;
  int64_t duration_ns = 0;
  uint64_t requests = 0;
  int64_t warmup_ns = 0;
  double rate = 0;
  bool poisson = false;
  bool create_bucket = true;
  bool delete_bucket = false;
  pid_t server_pid = 0;
  std::string metrics_url;
  uint64_t seed = 1;
  bool json = false;
};

// Either `options`, or the exit code after help or a complaint has been printed.
struct ParsedCommandLine {
  std::optional<BenchOptions> options;
  int exit_code = 0;
};

ParsedCommandLine ParseCommandLine(int argc, const char* const* argv);

// "get:70,put:20,head:10": names of Operation with positive weights. Empty when malformed.
std::optional<std::vector<WeightedOperation>> ParseMix(std::string_view text);

}  // namespace ashlar::bench
