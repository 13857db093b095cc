#include "settings.h"

#include <algorithm>
#include <cstdio>

namespace ashlar::sim {

const std::vector<std::string>& AllFaults() {
  static const std::vector<std::string> faults = {
      "power", "restart", "lie",    "flip",           "misdirect",     "read-error", "write-error",
      "slow",  "full",    "vanish", "metadata-error", "metadata-full", "late-news",  "beyond"};
  return faults;
}

const std::vector<std::string>& UsualFaults() {
  static const std::vector<std::string> faults = [] {
    std::vector<std::string> usual = AllFaults();
    std::erase(usual, "beyond");
    return usual;
  }();
  return faults;
}

const std::vector<std::string>& MoreDuties() {
  static const std::vector<std::string> duties = {"journal", "replace", "drain", "evacuate"};
  return duties;
}

bool Settings::Duty(const std::string& name) const {
  return duties && std::find(also.begin(), also.end(), name) != also.end();
}

bool Settings::Fault(const std::string& name) const {
  return std::find(faults.begin(), faults.end(), name) != faults.end();
}

std::string Settings::CommandLine() const {
  char numbers[160];
  std::snprintf(numbers, sizeof numbers,
                "--seed %llu --operations %llu --code %d+%d --clients %d --crash-rate %g "
                "--gateway-share %g",
                static_cast<unsigned long long>(seed), static_cast<unsigned long long>(operations),
                data_shards, parity_shards, clients, crash_rate, gateway_share);
  std::string line = numbers;
  if (duties) line += " --duties";
  for (size_t i = 0; i < also.size(); ++i) line += (i == 0 ? " --also " : ",") + also[i];
  if (history_operations != Settings().history_operations) {
    line += " --history " + std::to_string(history_operations);
  }
  if (faults == UsualFaults()) return line;
  line += " --faults ";
  for (size_t i = 0; i < faults.size(); ++i) line += (i == 0 ? "" : ",") + faults[i];
  if (faults.empty()) line += "none";
  return line;
}

}  // namespace ashlar::sim
