// Judge: where checkers report, and the trace that explains a report.
#pragma once

#include <cstdint>
#include <cstdio>
#include <deque>
#include <string>
#include <vector>

#include "runtime/sim_executor.h"

namespace ashlar::sim {

struct Violation {
  std::string checker;
  std::string text;
};

class Judge {
 public:
  // `trace` may be null; every line goes there, and the last ones are kept.
  Judge(SimExecutor& executor, FILE* trace) : executor_(executor), trace_(trace) {}

  void Report(std::string checker, std::string text);
  void Trace(std::string line);
  // Into the hash of the run.
  void Mix(uint64_t value) { executor_.hash().Mix(value); }
  void Mix(const std::string& text);

  bool failed() const { return !violations_.empty(); }
  const std::vector<Violation>& violations() const { return violations_; }
  const std::deque<std::string>& last_lines() const { return lines_; }

 private:
  static constexpr size_t kLinesKept = 60;
  static constexpr size_t kViolationsKept = 20;

  SimExecutor& executor_;
  FILE* trace_;
  std::vector<Violation> violations_;
  std::deque<std::string> lines_;
};

}  // namespace ashlar::sim
