#include "judge.h"

#include <functional>
#include <utility>

namespace ashlar::sim {

void Judge::Report(std::string checker, std::string text) {
  Trace("VIOLATION " + checker + ": " + text);
  if (violations_.size() < kViolationsKept) {
    violations_.push_back({std::move(checker), std::move(text)});
  }
}

void Judge::Trace(std::string line) {
  char time[32];
  std::snprintf(time, sizeof time, "%10.6f ",
                static_cast<double>(executor_.MonotonicNanoseconds()) / 1e9);
  line.insert(0, time);
  if (trace_ != nullptr) std::fprintf(trace_, "%s\n", line.c_str());
  lines_.push_back(std::move(line));
  if (lines_.size() > kLinesKept) lines_.pop_front();
}

void Judge::Mix(const std::string& text) {
  uint64_t hash = 1469598103934665603ULL;  // FNV-1a: the same everywhere
  for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 1099511628211ULL;
  executor_.hash().Mix(hash);
}

}  // namespace ashlar::sim
