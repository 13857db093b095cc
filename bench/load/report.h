// The result of a run, as a table for people and as JSON for scripts.
#pragma once

#include <string>

#include "load/options.h"
#include "load/probe.h"
#include "load/worker.h"

namespace ashlar::bench {

struct RunResult {
  Tally tally;
  ServerSnapshot server;          // differences over the run
  double client_cpu_seconds = 0;  // of this process, during the run
};

std::string TableOf(const BenchOptions& options, const RunResult& result);

// One object on one line. Absent measurements are null. Latencies are in microseconds.
std::string JsonOf(const BenchOptions& options, const RunResult& result);

}  // namespace ashlar::bench
