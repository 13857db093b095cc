#include "runtime/metrics.h"

#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include "runtime/memory_metrics.h"

namespace ashlar {
namespace {

prometheus::Registry& Registry() {
  // Never destroyed: counters are used until the last thread ends.
  static auto* registry = new prometheus::Registry(prometheus::Registry::InsertBehavior::Merge);
  return *registry;
}

}  // namespace

prometheus::Counter& MetricCounter(const std::string& name, const std::string& help,
                                   const Labels& labels) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(Registry()).Add(labels);
}

prometheus::Gauge& MetricGauge(const std::string& name, const std::string& help,
                               const Labels& labels) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(Registry()).Add(labels);
}

prometheus::Histogram& MetricHistogram(const std::string& name, const std::string& help,
                                       const Labels& labels,
                                       const prometheus::Histogram::BucketBoundaries& bounds) {
  return prometheus::BuildHistogram()
      .Name(name)
      .Help(help)
      .Register(Registry())
      .Add(labels, bounds);
}

std::string RenderMetrics() {
  internal::RunMetricsRefreshes();
  return prometheus::TextSerializer().Serialize(Registry().Collect());
}

}  // namespace ashlar
