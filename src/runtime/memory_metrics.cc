#include "runtime/memory_metrics.h"

#include <mutex>
#include <set>
#include <utility>

namespace ashlar {
namespace {

struct Refreshes {
  std::mutex mutex;
  std::set<const std::function<void()>*> all;
};
Refreshes& Registered() {
  static auto* refreshes = new Refreshes();  // outlives every thread, as the metrics do
  return *refreshes;
}

}  // namespace

prometheus::Gauge& MemoryGauge(const std::string& part) {
  return MetricGauge("ashlar_memory_bytes", "Bytes that a part of the process holds now",
                     {{"part", part}});
}

prometheus::Gauge& MemoryLimitGauge(const std::string& part) {
  return MetricGauge("ashlar_memory_limit_bytes", "Bytes that a part of the process may hold",
                     {{"part", part}});
}

MetricsRefresh::MetricsRefresh(std::function<void()> update) : update_(std::move(update)) {
  const std::lock_guard lock(Registered().mutex);
  Registered().all.insert(&update_);
}

MetricsRefresh::~MetricsRefresh() {
  const std::lock_guard lock(Registered().mutex);
  Registered().all.erase(&update_);
}

void internal::RunMetricsRefreshes() {
  const std::lock_guard lock(Registered().mutex);
  for (const std::function<void()>* update : Registered().all) (*update)();
}

}  // namespace ashlar
