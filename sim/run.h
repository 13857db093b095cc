// Run: histories one after the other until enough operations were made or a checker complains.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "history.h"
#include "settings.h"

namespace ashlar::sim {

struct RunResult {
  HistoryResult total;  // sums; hash over all histories; what the last one violated
  uint64_t histories = 0;
  double seconds = 0;
  // Of the history that failed: the settings that give it again.
  Settings failed;
  bool ok() const { return total.violations.empty(); }
};

// kInvalidArgument says what is wrong; kCancelled: only help was asked for and has been printed.
[[nodiscard]] Result<Settings> ParseSettings(std::vector<std::string> words);
[[nodiscard]] RunResult RunAll(const Settings& settings);
// The smallest settings found that still fail.
[[nodiscard]] Settings Shrink(const Settings& failing);
void PrintResult(const RunResult& result);

}  // namespace ashlar::sim
