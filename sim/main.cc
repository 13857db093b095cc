// ashlar-sim: runs histories on the simulated machine. Exit 0: nothing was violated; 1: something
// was, and the output says what, after which events, and how to see it again; 2: wrong words.
#include <cstdio>

#include "base/log.h"
#include "run.h"

int main(int argc, char** argv) {
  using namespace ashlar;  // NOLINT: the entry point
  spdlog::set_level(spdlog::level::off);
  const auto settings = sim::ParseSettings(std::vector<std::string>(argv + 1, argv + argc));
  if (settings.code() == Code::kCancelled) return 0;
  if (!settings.ok()) {
    std::fprintf(stderr, "ashlar-sim: %s\n", settings.status().message().c_str());
    return 2;
  }
  const sim::RunResult result = sim::RunAll(*settings);
  sim::PrintResult(result);
  if (result.ok()) return 0;
  std::printf("again: ashlar-sim %s\n", result.failed.CommandLine().c_str());
  std::fflush(stdout);
  if (settings->shrink) {
    std::printf("smallest: ashlar-sim %s\n", sim::Shrink(result.failed).CommandLine().c_str());
  }
  return 1;
}
