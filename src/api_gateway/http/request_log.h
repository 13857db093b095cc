// What is told of each request: its line in the access log and its metrics.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "runtime/pooled.h"

namespace ashlar::api_gateway {

struct RequestRecord {
  std::string_view request_id;
  std::string_view peer;
  std::string_view method;
  PooledString operation;  // "PutObject"; empty until the handler said
  PooledString bucket;
  PooledString key;
  int status = 0;          // 0: the connection ended before an answer
  PooledString error;      // S3 code
  uint64_t bytes_in = 0;   // of the body
  uint64_t bytes_out = 0;  // of the body
  int64_t duration_ns = 0;
};

// "msg=access request_id=... ..." at level info. Every value from outside is escaped.
void LogAccess(const RequestRecord& record);
// The line without time and level.
[[nodiscard]] std::string FormatAccess(const RequestRecord& record);

// Metrics by operation, with the handles looked up once. One on each executor, not thread-safe.
class RequestMetrics {
 public:
  RequestMetrics();
  void Record(const RequestRecord& record);

 private:
  struct Handles {
    std::array<prometheus::Counter*, 6> by_status_class;  // none, 1xx to 5xx
    prometheus::Histogram* seconds;
  };
  Handles& HandlesOf(std::string_view operation);

  std::unordered_map<std::string, Handles, TextHash, std::equal_to<>> operations_;
  prometheus::Counter& bytes_in_;
  prometheus::Counter& bytes_out_;
};

}  // namespace ashlar::api_gateway
