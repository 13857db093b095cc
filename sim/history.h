// History: one seed's life of a store, from empty drives to the last check. Clients work, faults
// come and go, the process crashes and starts again; the model follows, checkers look.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "background_duties.h"
#include "judge.h"
#include "settings.h"

namespace ashlar::sim {

struct HistoryResult {
  uint64_t seed = 0;
  uint64_t hash = 0;
  uint64_t operations = 0;
  uint64_t ok = 0;
  uint64_t turned_down = 0;
  uint64_t refused = 0;
  uint64_t unknown = 0;
  uint64_t crashes = 0;
  uint64_t restarts = 0;  // without a crash
  uint64_t faults = 0;
  uint64_t checks = 0;  // of all objects and the storage
  DutyCounts duties;
  uint64_t rebuilds = 0;  // of the metadata, from the drives alone
  uint64_t steps = 0;
  uint64_t worlds_max = 0;
  double virtual_seconds = 0;
  std::vector<Violation> violations;
  std::vector<std::string> last_lines;
};

// `trace`: null for none.
[[nodiscard]] HistoryResult RunHistory(const Settings& settings, uint64_t seed, uint64_t operations,
                                       FILE* trace);

}  // namespace ashlar::sim
