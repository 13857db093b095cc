#include "api_gateway/http/request_log.h"

#include <spdlog/fmt/fmt.h>

#include <iterator>

#include "base/log.h"
#include "runtime/metrics.h"

namespace ashlar::api_gateway {
namespace {

// Names come from handlers, not from clients; the limit guards against a mistake.
constexpr size_t kOperationsMax = 160;
constexpr const char* kOtherOperation = "Other";

// LogValue without a string of its own for the plain values that nearly all are.
void AppendValue(std::string_view name, std::string_view value, fmt::memory_buffer* line) {
  line->push_back(' ');
  line->append(name);
  line->push_back('=');
  bool plain = true;
  for (const char c : value) {
    if (c <= ' ' || c == '"' || c == '\\' || c == '=' || c == 0x7f) plain = false;
  }
  if (value.empty()) {
    line->push_back('-');
  } else if (plain && value != "-") {
    line->append(value);
  } else {
    line->append(LogValue(value));
  }
}

void Format(const RequestRecord& record, fmt::memory_buffer* line) {
  line->append(std::string_view("msg=access"));
  AppendValue("request_id", record.request_id, line);
  AppendValue("peer", record.peer, line);
  AppendValue("method", record.method, line);
  AppendValue("operation", record.operation, line);
  AppendValue("bucket", record.bucket, line);
  AppendValue("key", record.key, line);
  fmt::format_to(std::back_inserter(*line), " status={}", record.status);
  AppendValue("error", record.error, line);
  fmt::format_to(std::back_inserter(*line), " bytes_in={} bytes_out={} duration_us={}",
                 record.bytes_in, record.bytes_out, record.duration_ns / 1000);
}

}  // namespace

void LogAccess(const RequestRecord& record) {
  if (!spdlog::should_log(spdlog::level::info)) return;
  fmt::memory_buffer line;
  Format(record, &line);
  spdlog::default_logger_raw()->log(spdlog::level::info,
                                    spdlog::string_view_t(line.data(), line.size()));
}

std::string FormatAccess(const RequestRecord& record) {
  fmt::memory_buffer line;
  Format(record, &line);
  return {line.data(), line.size()};
}

RequestMetrics::RequestMetrics()
    : bytes_in_(MetricCounter("ashlar_http_received_bytes_total", "Bytes of request bodies read")),
      bytes_out_(MetricCounter("ashlar_http_sent_bytes_total", "Bytes of response bodies sent")) {}

RequestMetrics::Handles& RequestMetrics::HandlesOf(std::string_view operation) {
  const auto found = operations_.find(operation);
  if (found != operations_.end()) return found->second;
  if (operation.empty() || (operations_.size() >= kOperationsMax && operation != kOtherOperation)) {
    return HandlesOf(kOtherOperation);
  }
  Handles handles;
  static constexpr std::array<const char*, 6> kClasses = {"none", "1xx", "2xx",
                                                          "3xx",  "4xx", "5xx"};
  for (size_t i = 0; i < kClasses.size(); ++i) {
    handles.by_status_class[i] =
        &MetricCounter("ashlar_http_requests_total", "Requests by operation and class of status",
                       {{"operation", std::string(operation)}, {"status", kClasses[i]}});
  }
  handles.seconds = &MetricHistogram("ashlar_http_request_duration_seconds",
                                     "Time from a complete head to the end of the response",
                                     {{"operation", std::string(operation)}},
                                     {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                                      0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300});
  return operations_.emplace(std::string(operation), handles).first->second;
}

void RequestMetrics::Record(const RequestRecord& record) {
  Handles& handles = HandlesOf(record.operation);
  const auto status_class = static_cast<size_t>(record.status / 100);
  handles.by_status_class[status_class < 6 ? status_class : 5]->Increment();
  handles.seconds->Observe(static_cast<double>(record.duration_ns) * 1e-9);
  if (record.bytes_in > 0) bytes_in_.Increment(static_cast<double>(record.bytes_in));
  if (record.bytes_out > 0) bytes_out_.Increment(static_cast<double>(record.bytes_out));
}

}  // namespace ashlar::api_gateway
