// Metrics of the process itself, under the names that Prometheus' own clients use.
#pragma once

#include <string>

#include "runtime/clock.h"

namespace ashlar::admin {

class ProcessMetrics {
 public:
  // `version` becomes the label of ashlar_build_info.
  ProcessMetrics(const std::string& version, Clock& clock);
  // Reads resident bytes, CPU seconds and open descriptors from the kernel. Thread-safe. What
  // cannot be read keeps its last value.
  void Update();
};

}  // namespace ashlar::admin
