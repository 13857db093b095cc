// HttpShard: what the connections of one executor share. Used on that executor only.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>

#include "api_gateway/http/hash_bundler.h"
#include "api_gateway/http/request_log.h"
#include "api_gateway/http_server.h"

namespace ashlar::api_gateway {

class HttpConnection;

// Shared by the whole server; thread-safe.
struct HttpServerState {
  HttpServerState(HttpServerOptions server_options, HttpHandler server_handler);

  const HttpServerOptions options;
  const HttpHandler handler;
  Clock& clock;
  std::string host_id;  // x-amz-id-2
  std::atomic<size_t> connections{0};
  const std::shared_ptr<HashBundler> hash_bundler = HashBundler::Create();

  // 16 upper-case hex digits, never twice in a process and not to be guessed from outside.
  PooledString NewRequestId();

 private:
  uint64_t id_base_ = 0;
  uint64_t id_mask_ = 0;
  std::atomic<uint64_t> id_counter_{0};
};

class HttpShard : public std::enable_shared_from_this<HttpShard> {
 public:
  HttpShard(std::shared_ptr<HttpServerState> state, Executor& executor);

  HttpServerState& state() { return *state_; }
  const HttpServerOptions& options() const { return state_->options; }
  Executor& executor() { return executor_; }
  Clock& clock() { return state_->clock; }
  const std::shared_ptr<HashBundler>& hash_bundler() { return state_->hash_bundler; }
  // The value of the Date header, formatted once a second.
  std::string_view Date();

  // The coroutine of one connection, from its first byte to its end.
  static Task<void> Serve(std::shared_ptr<HttpShard> shard, std::unique_ptr<Stream> stream);

  // From now on streams are dropped, idle connections closed, others after their response.
  void BeginShutdown();
  void AbortAll();
  bool stopping() const { return stopping_; }
  // Aborts connections whose read is overdue; runs again each second until shutdown.
  void StartWatchdog();

  void CountInFlight(int change);
  void CountRefusal(std::string_view reason);
  void Record(const RequestRecord& record);

 private:
  Task<void> RunConnection(std::unique_ptr<Stream> stream);
  Task<void> RefuseConnection(std::unique_ptr<Stream> stream);
  void CheckOverdue();

  std::shared_ptr<HttpServerState> state_;
  Executor& executor_;
  std::unordered_set<HttpConnection*> open_;
  bool stopping_ = false;
  int64_t date_second_ = -1;
  std::string date_;
  std::unique_ptr<RequestMetrics> metrics_;  // null: not recorded
};

}  // namespace ashlar::api_gateway
