// Metrics: counters, gauges and histograms by name, rendered as Prometheus text.
//
// Handles are references that live as long as the process; look them up once, keep them. Updates
// are lock-free. Names end in their unit: `_total`, `_bytes`, `_seconds`.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>

#include <map>
#include <string>

namespace ashlar {

using Labels = std::map<std::string, std::string>;

prometheus::Counter& MetricCounter(const std::string& name, const std::string& help,
                                   const Labels& labels = {});
prometheus::Gauge& MetricGauge(const std::string& name, const std::string& help,
                               const Labels& labels = {});
// Upper bounds in the unit of the name.
prometheus::Histogram& MetricHistogram(const std::string& name, const std::string& help,
                                       const Labels& labels,
                                       const prometheus::Histogram::BucketBoundaries& bounds);
// Everything registered, in text exposition format.
std::string RenderMetrics();

}  // namespace ashlar
