// Who holds memory: one gauge for each part of the process that keeps much of it by choice.
//
//   ashlar_memory_bytes{part="..."}        what the part holds now
//   ashlar_memory_limit_bytes{part="..."}  its share of the budget
#pragma once

#include <functional>
#include <string>

#include "runtime/metrics.h"

namespace ashlar {

prometheus::Gauge& MemoryGauge(const std::string& part);
prometheus::Gauge& MemoryLimitGauge(const std::string& part);

// Runs `update` before each rendering of the metrics, as long as it lives: for values that are
// asked for rather than counted. Not while it is being destroyed; any thread.
class MetricsRefresh {
 public:
  explicit MetricsRefresh(std::function<void()> update);
  ~MetricsRefresh();
  MetricsRefresh(const MetricsRefresh&) = delete;
  MetricsRefresh& operator=(const MetricsRefresh&) = delete;

 private:
  const std::function<void()> update_;
};

namespace internal {
void RunMetricsRefreshes();
}

}  // namespace ashlar
