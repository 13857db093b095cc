// HttpServer: HTTP/1.1 over the Stream port, one coroutine a connection. The public face of http/.
//
// Invariants
//  1. A connection reads the next request only when the last one was answered and its body is gone:
//     what is unread is drained (a little) or the connection closes. Bytes of a body are never
//     parsed as a request.
//  2. After anything malformed, a broken body or a broken response the connection closes. Before it
//     does, the sending side is shut down and some input discarded, so that the client sees the
//     answer and not a reset.
//  3. Every wait for a client has a limit, and a watchdog ends waits that the stream's own timeouts
//     do not bound (bytes that drip below TLS).
//  4. Memory a connection: 8 KiB of input, at most 33 KiB while a head arrives.
//
// Each connection stays on the loop that accepted it. Handlers answer by HttpExchange; one that
// returns without an answer gives 500 InternalError.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "api_gateway/http/http_exchange.h"
#include "base/status.h"
#include "runtime/clock.h"
#include "runtime/event_loop.h"
#include "runtime/network.h"
#include "runtime/task.h"

namespace ashlar::api_gateway {

// Returns a task rather than being a coroutine itself when it captures anything.
using HttpHandler = std::function<Task<void>(HttpExchange&)>;

struct HttpServerOptions {
  size_t connections_max = 10'000;                   // beyond: 503 SlowDown and close
  Duration head_timeout = std::chrono::seconds(10);  // from the first byte of a head to its last
  Duration idle_timeout = std::chrono::seconds(60);  // between requests
  Duration body_window = std::chrono::seconds(30);   // the body's rate is averaged over it
  uint64_t body_bytes_per_second_min = 1024;
  Duration write_timeout = std::chrono::seconds(60);  // without the peer taking a byte
  uint64_t drain_bytes_max = 256 * 1024;              // of an unread body, to keep the connection
  Duration drain_timeout = std::chrono::seconds(2);
  uint64_t linger_bytes_max = 64ULL << 20;  // discarded before closing
  Duration linger_timeout = std::chrono::seconds(2);
  Duration shutdown_timeout = std::chrono::seconds(30);  // for requests in flight
  bool access_log = true;
  bool record_metrics = true;  // of requests and connections; off for the admin server
  Clock* clock = nullptr;      // null: SystemClock()
  Random* random = nullptr;    // null: SystemRandom()
};

class HttpServer {
 public:
  // `group` must outlive the server.
  HttpServer(EventLoopGroup& group, HttpServerOptions options, HttpHandler handler);
  // On one executor, for streams that come by Serve: a simulation has no sockets to listen on.
  HttpServer(Executor& executor, HttpServerOptions options, HttpHandler handler);
  // Shutdown must have been awaited when Listen was called.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // May be called more than once, for several addresses. The port bound; errors as
  // EventLoopGroup::Listen.
  Result<uint16_t> Listen(const ListenOptions& options);
  // A connection that somebody else accepted, on the executor that it belongs to.
  void Serve(std::unique_ptr<Stream> stream, Executor& executor);
  // Stops listening, closes idle connections, lets requests in flight finish (shutdown_timeout,
  // then their connections are aborted) and waits for all of them.
  Task<void> Shutdown();
  size_t connections() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ashlar::api_gateway
