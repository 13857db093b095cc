// Settings of a run: what the command line says. A history is decided by its seed and these alone.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"

namespace ashlar::sim {

struct Settings {
  uint64_t seed = 1;
  uint64_t operations = 2000;          // in all
  uint64_t history_operations = 2000;  // then a new history begins, with the next seed
  int data_shards = 4;
  int parity_shards = 2;
  int clients = 6;
  double crash_rate = 16;           // about, in a thousand operations, and a few less
  double gateway_share = 0.2;       // of operations that go through HTTP and signatures
  std::vector<std::string> faults;  // enabled
  std::string trace;
  bool duties = false;            // healing, scrubbing and reclaiming at work
  std::vector<std::string> also;  // of MoreDuties; only with duties
  bool shrink = false;

  bool Fault(const std::string& name) const;
  bool Duty(const std::string& name) const;
  // The words that give these settings again.
  std::string CommandLine() const;
};

// Duties that --also adds.
[[nodiscard]] const std::vector<std::string>& MoreDuties();
// Kinds of faults that can be switched off one by one.
[[nodiscard]] const std::vector<std::string>& AllFaults();
// Those that happen unless --faults says otherwise: all but "beyond", one bad drive more than the
// code stands, which the product cannot stand and the checkers must notice.
[[nodiscard]] const std::vector<std::string>& UsualFaults();

}  // namespace ashlar::sim
