// ashlar-histories: lets many clients loose on few keys of a running server, and checks afterwards
// that all their answers can be explained.
//
// Whoever kills and restarts the server under it says so on standard input: "down" once the process
// is gone, "up" once it answers again. Both are answered by a line when that is done. What
// "unknown" means follows from it: a request cut off by a kill cannot act after it.
#include <poll.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <iostream>

#include "histories/judge.h"
#include "histories/workload.h"

namespace ashlar::histories {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kExplained = 0;
constexpr int kViolated = 1;
constexpr int kNotRun = 2;

// Reads lines from standard input without blocking for longer than asked.
class Orders {
 public:
  // "" when none came in time.
  std::string Next(Clock::time_point deadline) {
    while (true) {
      const size_t end = buffer_.find('\n');
      if (end != std::string::npos) {
        std::string line = buffer_.substr(0, end);
        buffer_.erase(0, end + 1);
        return line;
      }
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
      if (left <= 0) return "";
      pollfd input{ended_ ? -1 : STDIN_FILENO, POLLIN, 0};
      if (poll(&input, 1, static_cast<int>(left)) <= 0) continue;
      std::array<char, 256> piece;
      const ssize_t got = read(STDIN_FILENO, piece.data(), piece.size());
      if (got <= 0) ended_ = true;
      if (got > 0) buffer_.append(piece.data(), static_cast<size_t>(got));
    }
  }

 private:
  std::string buffer_;
  bool ended_ = false;
};

void Say(const std::string& line) { std::cout << line << std::endl; }

// False when the server did not come back or answered nonsense.
bool Run(Workload* workload, double seconds) {
  if (!workload->Prepare()) return false;
  Say("running");
  workload->Resume();
  Orders orders;
  const auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                      std::chrono::duration<double>(seconds));
  bool down = false;
  while (down || Clock::now() < end) {
    const std::string order = orders.Next(down ? Clock::now() + std::chrono::minutes(2) : end);
    if (order == "down") {
      workload->Pause();
      down = true;
      Say("paused");
    } else if (order == "up" && down) {
      if (!workload->EndRound()) return false;
      down = false;
      workload->Resume();
      Say("running");
    } else if (down) {
      Say("the server is down and nobody says that it is up again");
      return false;
    }
  }
  workload->Pause();
  return workload->EndRound();
}

int Report(const Workload& workload, const WorkloadSettings& settings) {
  const auto began = Clock::now();
  const std::vector<Finding> findings = Judge(workload.histories());
  const double seconds = std::chrono::duration<double>(Clock::now() - began).count();
  for (const std::string& problem : workload.problems()) Say("problem: " + problem);
  for (const Finding& finding : findings) {
    const bool violated = finding.verdict == Verdict::kViolation;
    Say(std::string(violated ? "VIOLATION" : "UNDECIDED") + " (" +
        std::string(Name(finding.scope)) + ") of " + finding.key);
    for (const Operation& operation : finding.window) Say("  " + Describe(operation));
  }
  uint64_t operations = 0;
  for (const KeyHistory& history : workload.histories()) operations += history.operations.size();
  Say(workload.counts());
  const bool explained = findings.empty() && workload.problems().empty();
  Say("histories: seed " + std::to_string(settings.seed) + ", " + std::to_string(operations) +
      " operations, " + std::to_string(settings.keys) + " keys, " +
      std::to_string(workload.histories().size() / static_cast<size_t>(settings.keys) - 1) +
      " rounds, " + std::to_string(workload.unknown()) + " unknown, checked in " +
      std::to_string(seconds) + " s: " +
      (explained ? "explained"
                 : std::to_string(findings.size()) + " findings, " +
                       std::to_string(workload.problems().size()) + " problems"));
  return explained ? kExplained : kViolated;
}

int Main(int argc, char** argv) {
  CLI::App app{"Concurrent histories against a running server, checked for linearizability"};
  WorkloadSettings settings;
  std::string endpoint;
  double seconds = 10;
  app.add_option("--endpoint", endpoint, "http://HOST:PORT")->required();
  app.add_option("--access-key", settings.credentials.access_key)
      ->envname("ASHLAR_ROOT_ACCESS_KEY");
  app.add_option("--secret-key", settings.credentials.secret_key)
      ->envname("ASHLAR_ROOT_SECRET_KEY");
  app.add_option("--bucket", settings.bucket, "Made when it is not there")->capture_default_str();
  app.add_option("--connections", settings.clients)->capture_default_str();
  app.add_option("--keys", settings.keys)->capture_default_str()->check(CLI::Range(1, 1000));
  app.add_option("--seconds", seconds)->capture_default_str();
  app.add_option("--seed", settings.seed)->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  const auto parsed = bench::Endpoint::Parse(endpoint);
  if (!parsed || parsed->tls) {
    std::cerr << "ashlar-histories: --endpoint is to be http://HOST:PORT\n";
    return kNotRun;
  }
  settings.endpoint = *parsed;
  Workload workload(settings);
  const bool ran = Run(&workload, seconds);
  const int verdict = Report(workload, settings);
  return ran || verdict == kViolated ? verdict : kNotRun;
}

}  // namespace
}  // namespace ashlar::histories

int main(int argc, char** argv) { return ashlar::histories::Main(argc, argv); }
