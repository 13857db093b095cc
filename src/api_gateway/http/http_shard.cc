#include "api_gateway/http/http_shard.h"

#include "api_gateway/http/http_connection.h"
#include "api_gateway/http/response_head.h"
#include "api_gateway/protocol/http_date.h"
#include "api_gateway/protocol/s3_error.h"
#include "runtime/metrics.h"

namespace ashlar::api_gateway {
namespace {

constexpr auto kWatchdogInterval = std::chrono::seconds(1);
// Above the limit of connections some more are told why they are refused; the rest is dropped.
constexpr size_t kToldRefusalsMax = 256;

prometheus::Gauge& ConnectionsGauge() {
  static auto& gauge = MetricGauge("ashlar_http_connections", "Connections that are open");
  return gauge;
}
prometheus::Gauge& InFlightGauge() {
  static auto& gauge = MetricGauge("ashlar_http_requests_in_flight", "Requests being answered");
  return gauge;
}

// A bijection, so that different counts give different ids.
uint64_t Scramble(uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
  return value ^ (value >> 31);
}

}  // namespace

HttpServerState::HttpServerState(HttpServerOptions server_options, HttpHandler server_handler)
    : options(server_options),
      handler(std::move(server_handler)),
      clock(server_options.clock != nullptr ? *server_options.clock : SystemClock()) {
  Random& random = server_options.random != nullptr ? *server_options.random : SystemRandom();
  id_base_ = random.Next64();
  id_mask_ = random.Next64();
  std::array<uint8_t, 24> host{};
  random.Fill(host);
  host_id = Base64Encode(host);
}

PooledString HttpServerState::NewRequestId() {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  const uint64_t count = id_counter_.fetch_add(1, std::memory_order_relaxed);
  uint64_t id = Scramble(Scramble(id_base_ + count) ^ id_mask_);
  PooledString text(16, '0');
  for (size_t i = 16; i-- > 0; id >>= 4) text[i] = kDigits[id & 15];
  return text;
}

HttpShard::HttpShard(std::shared_ptr<HttpServerState> state, Executor& executor)
    : state_(std::move(state)), executor_(executor) {
  if (options().record_metrics) metrics_ = std::make_unique<RequestMetrics>();
}

std::string_view HttpShard::Date() {
  const int64_t second = clock().WallMilliseconds() / 1000;
  if (second != date_second_) {
    date_second_ = second;
    date_ = FormatHttpDate(second);
  }
  return date_;
}

Task<void> HttpShard::Serve(std::shared_ptr<HttpShard> shard, std::unique_ptr<Stream> stream) {
  if (shard->stopping_) co_return;
  std::atomic<size_t>& connections = shard->state_->connections;
  const size_t before = connections.fetch_add(1, std::memory_order_relaxed);
  const bool counted = shard->metrics_ != nullptr;
  if (counted) ConnectionsGauge().Increment();
  if (before < shard->options().connections_max) {
    co_await shard->RunConnection(std::move(stream));
  } else {
    shard->CountRefusal("connections");
    if (before < shard->options().connections_max + kToldRefusalsMax) {
      co_await shard->RefuseConnection(std::move(stream));
    }
  }
  if (counted) ConnectionsGauge().Decrement();
  connections.fetch_sub(1, std::memory_order_relaxed);
}

Task<void> HttpShard::RunConnection(std::unique_ptr<Stream> stream) {
  HttpConnection connection(std::move(stream), *this);
  open_.insert(&connection);
  co_await connection.Run();
  open_.erase(&connection);
}

Task<void> HttpShard::RefuseConnection(std::unique_ptr<Stream> stream) {
  HttpConnection connection(std::move(stream), *this);
  open_.insert(&connection);
  S3Error slow_down(S3Code::kSlowDown);
  co_await connection.Refuse(std::move(slow_down));
  open_.erase(&connection);
}

void HttpShard::BeginShutdown() {
  stopping_ = true;
  for (HttpConnection* connection : open_) connection->BeginShutdown();
}

void HttpShard::AbortAll() {
  for (HttpConnection* connection : open_) connection->Abort();
}

void HttpShard::StartWatchdog() {
  executor_.PostFunctionAfter(kWatchdogInterval, [weak = weak_from_this()] {
    const std::shared_ptr<HttpShard> shard = weak.lock();
    if (shard == nullptr) return;
    shard->CheckOverdue();
    shard->StartWatchdog();
  });
}

void HttpShard::CheckOverdue() {
  const int64_t now = clock().MonotonicNanoseconds();
  for (HttpConnection* connection : open_) connection->AbortIfOverdue(now);
}

void HttpShard::CountInFlight(int change) {
  if (metrics_ != nullptr) InFlightGauge().Increment(change);
}

void HttpShard::CountRefusal(std::string_view reason) {
  if (metrics_ == nullptr) return;
  MetricCounter("ashlar_http_refusals_total", "Connections and requests refused before a handler",
                {{"reason", std::string(reason)}})
      .Increment();
}

void HttpShard::Record(const RequestRecord& record) {
  if (metrics_ != nullptr) metrics_->Record(record);
  if (options().access_log) LogAccess(record);
}

}  // namespace ashlar::api_gateway
