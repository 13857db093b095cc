// The doctor: from facts to findings. Pure; each finding is told with why it matters and with the
// command that helps, for somebody who is not at home in the store's inner life.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "admin/facts/store_facts.h"

namespace ashlar::admin {

// kNotice: nothing is wrong now. kWarning: something is, and no data is in danger yet. kCritical:
// data cannot be read, or the next failure may cost data or service.
enum class Severity : uint8_t { kNotice = 0, kWarning = 1, kCritical = 2 };
[[nodiscard]] const char* SeverityName(Severity severity);

struct Finding {
  Severity severity = Severity::kNotice;
  std::string id;  // stable, for programs: "drive_offline"
  std::string what;
  std::string why;
  std::string action;  // a command where there is one
};

// The worst first.
[[nodiscard]] std::vector<Finding> Diagnose(const StoreFacts& facts);

// "healthy", "degraded" (the worst finding is a warning) or "critical".
[[nodiscard]] const char* HealthOf(const std::vector<Finding>& findings);

}  // namespace ashlar::admin
