#include "load/report.h"

#include <algorithm>
#include <cmath>
#include <cstdarg>
#include <cstdio>

#include "load/units.h"

namespace ashlar::bench {
namespace {

__attribute__((format(printf, 1, 2))) std::string Format(const char* format, ...) {
  std::array<char, 512> text;
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text.data(), text.size(), format, arguments);
  va_end(arguments);
  return text.data();
}

// The numbers that both forms print.
struct Derived {
  Histogram latency;
  double operations = 0;
  double seconds = 0;
  double rate = 0;
  double bytes = 0;
  double megabytes_per_second = 0;
  double client_cpu_us = 0;
  std::optional<double> server_cpu_us;
  std::optional<double> server_ns_per_byte;
};

Derived Derive(const RunResult& result) {
  Derived derived;
  const Tally& tally = result.tally;
  for (const Histogram& histogram : tally.latency_ns) derived.latency.Merge(histogram);
  derived.operations = static_cast<double>(tally.Operations());
  if (derived.operations == 0) return derived;
  derived.seconds =
      std::max(1e-9, static_cast<double>(tally.last_end_ns - tally.first_start_ns) * 1e-9);
  derived.rate = derived.operations / derived.seconds;
  derived.bytes = static_cast<double>(tally.bytes_up + tally.bytes_down);
  derived.megabytes_per_second = derived.bytes / derived.seconds / 1e6;
  derived.client_cpu_us = result.client_cpu_seconds * 1e6 / derived.operations;
  if (const auto cpu = result.server.cpu_seconds) {
    derived.server_cpu_us = *cpu * 1e6 / derived.operations;
    if (derived.bytes > 0) derived.server_ns_per_byte = *cpu * 1e9 / derived.bytes;
  }
  return derived;
}

std::string JsonString(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte >= 0x7f) {
      out += Format("\\u%04x", byte);
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string JsonNumber(std::optional<double> value) {
  if (!value || !std::isfinite(*value)) return "null";
  return Format("%.12g", *value);
}

std::string JsonLatency(const Histogram& histogram) {
  const auto us = [](double nanoseconds) { return nanoseconds / 1e3; };
  const auto quantile = [&](double q) { return us(static_cast<double>(histogram.Quantile(q))); };
  return Format(
      R"({"count":%llu,"mean":%.3f,"p50":%.3f,"p90":%.3f,"p99":%.3f,"p999":%.3f,"max":%.3f})",
      static_cast<unsigned long long>(histogram.count()), us(histogram.Mean()), quantile(0.5),
      quantile(0.9), quantile(0.99), quantile(0.999), us(static_cast<double>(histogram.max())));
}

std::string JsonCosts(std::string_view name, std::optional<double> total, const Derived& derived) {
  std::optional<double> per_operation;
  if (total && derived.operations > 0) per_operation = *total / derived.operations;
  return JsonString(name) + ":{\"total\":" + JsonNumber(total) +
         ",\"per_op\":" + JsonNumber(per_operation) + "}";
}

std::string LatencyRow(std::string_view name, const Histogram& histogram) {
  const auto at = [&](double q) {
    return FormatDuration(static_cast<double>(histogram.Quantile(q)));
  };
  return Format("  %-10.*s %10llu %10s %10s %10s %10s %10s\n", static_cast<int>(name.size()),
                name.data(), static_cast<unsigned long long>(histogram.count()), at(0.5).c_str(),
                at(0.9).c_str(), at(0.99).c_str(), at(0.999).c_str(),
                FormatDuration(static_cast<double>(histogram.max())).c_str());
}

std::string CostRow(std::string_view name, std::optional<double> total, const Derived& derived) {
  if (!total) return Format("  %-38.*s %16s\n", static_cast<int>(name.size()), name.data(), "n/a");
  return Format("  %-38.*s %16.0f %14.3f per op\n", static_cast<int>(name.size()), name.data(),
                *total, *total / std::max(1.0, derived.operations));
}

}  // namespace

std::string TableOf(const BenchOptions& options, const RunResult& result) {
  const Derived derived = Derive(result);
  const Tally& tally = result.tally;
  std::string out = Format(
      "%s, %s objects, concurrency %d, %s\n", options.operation_name.c_str(),
      FormatSize(options.context.object_bytes).c_str(), options.connections,
      options.rate > 0
          ? Format("open loop %.6g/s%s", options.rate, options.poisson ? " (Poisson)" : "").c_str()
          : "closed loop");
  out += Format("  %.0f operations in %.3f s: %.1f/s, %.2f MB/s\n", derived.operations,
                derived.seconds, derived.rate, derived.megabytes_per_second);
  out += Format("  errors: %llu (4xx %llu, 5xx %llu, timeouts %llu, transport %llu, wrong %llu)",
                static_cast<unsigned long long>(tally.Errors()),
                static_cast<unsigned long long>(tally.http_4xx),
                static_cast<unsigned long long>(tally.http_5xx),
                static_cast<unsigned long long>(tally.timeouts),
                static_cast<unsigned long long>(tally.transport_errors),
                static_cast<unsigned long long>(tally.wrong_bodies));
  out += Format("; bodies verified %llu, reconnects %llu\n",
                static_cast<unsigned long long>(tally.verified),
                static_cast<unsigned long long>(tally.reconnects));
  if (!tally.first_error.empty()) out += "  first error: " + tally.first_error + "\n";
  if (options.rate > 0) {
    out += Format("  most requests due but waiting for a connection: %llu\n",
                  static_cast<unsigned long long>(tally.backlog_max));
  }
  out += "  latency         count        p50        p90        p99      p99.9        max\n";
  for (int i = 0; i < kOperationCount; ++i) {
    const Histogram& histogram = tally.latency_ns[static_cast<size_t>(i)];
    if (histogram.count() > 0) out += LatencyRow(Name(static_cast<Operation>(i)), histogram);
  }
  out += Format("  client CPU %.2f us per op", derived.client_cpu_us);
  if (derived.server_cpu_us) out += Format("; server CPU %.2f us per op", *derived.server_cpu_us);
  if (derived.server_ns_per_byte) out += Format(", %.3f ns per byte", *derived.server_ns_per_byte);
  out += "\n";
  if (!options.metrics_url.empty()) {
    for (size_t i = 0; i < kServerCounters.size(); ++i) {
      out += CostRow(kServerCounters[i], result.server.counters[i], derived);
    }
  }
  if (options.server_pid > 0) {
    for (size_t i = 0; i < kProcessIoFields.size(); ++i) {
      out += CostRow("/proc/PID/io " + std::string(kProcessIoFields[i]),
                     result.server.process_io[i], derived);
    }
  }
  if (!result.server.problem.empty()) out += "  note: " + result.server.problem + "\n";
  return out;
}

std::string JsonOf(const BenchOptions& options, const RunResult& result) {
  const Derived derived = Derive(result);
  const Tally& tally = result.tally;
  const auto whole = [](uint64_t value) { return std::to_string(value); };
  std::string out = "{\"op\":" + JsonString(options.operation_name);
  out += ",\"object_bytes\":" + whole(options.context.object_bytes);
  out += ",\"concurrency\":" + std::to_string(options.connections);
  out += ",\"threads\":" + std::to_string(options.threads);
  out += ",\"rate_target\":" +
         JsonNumber(options.rate > 0 ? std::optional(options.rate) : std::nullopt);
  out += ",\"operations\":" + whole(tally.Operations());
  out += ",\"elapsed_s\":" + JsonNumber(derived.seconds);
  out += ",\"rate\":" + JsonNumber(derived.rate);
  out += ",\"mb_per_s\":" + JsonNumber(derived.megabytes_per_second);
  out += ",\"bytes_up\":" + whole(tally.bytes_up) + ",\"bytes_down\":" + whole(tally.bytes_down);
  out += ",\"errors\":{\"total\":" + whole(tally.Errors());
  out += ",\"http_4xx\":" + whole(tally.http_4xx) + ",\"http_5xx\":" + whole(tally.http_5xx);
  out += ",\"timeouts\":" + whole(tally.timeouts);
  out += ",\"transport\":" + whole(tally.transport_errors);
  out += ",\"wrong_bodies\":" + whole(tally.wrong_bodies);
  out += ",\"first\":" + JsonString(tally.first_error) + "}";
  out += ",\"verified\":" + whole(tally.verified) + ",\"reconnects\":" + whole(tally.reconnects);
  out += ",\"backlog_max\":" + whole(tally.backlog_max);
  out += ",\"latency_us\":" + JsonLatency(derived.latency) + ",\"by_op\":{";
  bool first = true;
  for (int i = 0; i < kOperationCount; ++i) {
    const Histogram& histogram = tally.latency_ns[static_cast<size_t>(i)];
    if (histogram.count() == 0) continue;
    if (!first) out += ",";
    first = false;
    out += JsonString(Name(static_cast<Operation>(i))) + ":" + JsonLatency(histogram);
  }
  out += "},\"client_cpu_us_per_op\":" + JsonNumber(derived.client_cpu_us);
  out += ",\"server_cpu_us_per_op\":" + JsonNumber(derived.server_cpu_us);
  out += ",\"server_cpu_ns_per_byte\":" + JsonNumber(derived.server_ns_per_byte);
  out += ",\"server\":{";
  for (size_t i = 0; i < kServerCounters.size(); ++i) {
    out += JsonCosts(kServerCounters[i], result.server.counters[i], derived) + ",";
  }
  for (size_t i = 0; i < kProcessIoFields.size(); ++i) {
    out += (i == 0 ? "" : ",");
    out += JsonCosts("proc_io_" + std::string(kProcessIoFields[i]), result.server.process_io[i],
                     derived);
  }
  return out + "}}";
}

}  // namespace ashlar::bench
