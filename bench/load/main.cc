// ashlar-bench: an S3 load generator that knows nothing of our server but the protocol.
//
// Exit code: 0 all requests were answered rightly, 1 some were not, 2 wrong usage or no connection.
#include <sys/prctl.h>
#include <sys/resource.h>

#include <csignal>
#include <cstdio>
#include <memory>
#include <thread>
#include <vector>

#include "load/options.h"
#include "load/probe.h"
#include "load/report.h"
#include "load/worker.h"

namespace ashlar::bench {
namespace {

constexpr unsigned long kTimerSlackNs = 1000;

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

class Bench {
 public:
  Bench(const BenchOptions& options, const Dialer* dialer) : options_(options), dialer_(dialer) {
    for (int i = 0; i < options_.threads; ++i) {
      Worker::Options worker = WorkerOptions(static_cast<uint64_t>(i));
      // The first (connections % threads) workers take one connection more.
      worker.connections = options_.connections / options_.threads +
                           (i < options_.connections % options_.threads ? 1 : 0);
      workers_.push_back(std::make_unique<Worker>(worker, options_.context, options_.workload));
    }
  }

  // One request outside the measured workload. False, with the cause printed, when it failed.
  bool Once(Operation operation) {
    Workload single = options_.workload;
    single.operations = {{operation, 1}};
    Worker worker(WorkerOptions(0), options_.context, single);
    Phase phase;
    phase.requests = 1;
    counters_.issued = 0;
    const Tally tally = worker.Run(phase);
    if (tally.Errors() == 0) return true;
    std::fprintf(stderr, "%s: %s\n", std::string(Name(operation)).c_str(),
                 tally.first_error.c_str());
    return false;
  }

  RunResult Measure() {
    if (options_.warmup_ns > 0) {
      Phase warmup;
      warmup.duration_ns = options_.warmup_ns;
      RunPhase(warmup);
    }
    Phase phase;
    phase.duration_ns = options_.duration_ns;
    phase.requests = options_.requests;
    const ServerProbe probe(options_.server_pid, options_.metrics_url);
    const ServerSnapshot before = probe.Take();
    const double cpu_before = CpuSeconds();
    RunResult result;
    result.tally = RunPhase(phase);
    result.client_cpu_seconds = CpuSeconds() - cpu_before;
    result.server = probe.Take().Since(before);
    return result;
  }

 private:
  Worker::Options WorkerOptions(uint64_t index) {
    Worker::Options worker;
    worker.dialer = dialer_;
    worker.pool = &pool_;
    worker.counters = &counters_;
    worker.seed = options_.seed * 1000 + index + 1;
    return worker;
  }

  Tally RunPhase(Phase phase) {
    counters_.issued = 0;
    const auto count = static_cast<double>(workers_.size());
    phase.rate = options_.rate / count;
    phase.poisson = options_.poisson;
    std::vector<Tally> tallies(workers_.size());
    std::vector<std::thread> threads;
    for (size_t i = 1; i < workers_.size(); ++i) {
      Phase own = phase;
      own.start_shift = static_cast<double>(i) / count;
      threads.emplace_back([this, &tallies, own, i] { tallies[i] = workers_[i]->Run(own); });
    }
    tallies[0] = workers_[0]->Run(phase);
    for (std::thread& thread : threads) thread.join();
    for (size_t i = 1; i < tallies.size(); ++i) tallies[0].Merge(tallies[i]);
    return std::move(tallies[0]);
  }

  const BenchOptions options_;
  const Dialer* dialer_;
  const BodyPool pool_;
  SharedCounters counters_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

int Main(const BenchOptions& options) {
  signal(SIGPIPE, SIG_IGN);  // OpenSSL writes to its socket without MSG_NOSIGNAL
  // The default of 50 us would be added to every open-loop latency; workers inherit this.
  prctl(PR_SET_TIMERSLACK, kTimerSlackNs);
  std::string error;
  const auto dialer = Dialer::Make(options.context.endpoint, options.tls, &error);
  if (dialer == nullptr) {
    std::fprintf(stderr, "%s\n", error.c_str());
    return 2;
  }
  Bench bench(options, dialer.get());
  if (options.create_bucket && !bench.Once(Operation::kCreateBucket)) return 2;
  const RunResult result = bench.Measure();
  const std::string text = options.json ? JsonOf(options, result) + "\n" : TableOf(options, result);
  std::fputs(text.c_str(), stdout);
  if (options.delete_bucket && !bench.Once(Operation::kDeleteBucket)) return 1;
  return result.tally.Errors() == 0 ? 0 : 1;
}

}  // namespace
}  // namespace ashlar::bench

int main(int argc, char** argv) {
  const auto parsed = ashlar::bench::ParseCommandLine(argc, argv);
  if (!parsed.options) return parsed.exit_code;
  return ashlar::bench::Main(*parsed.options);
}
