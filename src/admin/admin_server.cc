#include "admin/admin_server.h"

#include <atomic>

#include "admin/admin_api.h"
#include "admin/process_metrics.h"
#include "admin/readiness.h"
#include "api_gateway/http_server.h"
#include "runtime/metrics.h"

namespace ashlar::admin {
namespace {

using api_gateway::HttpExchange;
using api_gateway::HttpServer;
using api_gateway::HttpServerOptions;
using api_gateway::ResponseHead;

constexpr size_t kConnectionsMax = 256;

HttpServerOptions ServerOptions(Clock* clock) {
  HttpServerOptions options;
  options.connections_max = kConnectionsMax;
  options.shutdown_timeout = std::chrono::seconds(5);
  options.access_log = false;
  options.record_metrics = false;
  options.clock = clock;
  return options;
}

struct Answer {
  int status = 200;
  std::string text;
};

}  // namespace

struct AdminServer::Impl {
  Impl(EventLoopGroup& group, const AdminServerOptions& options, Probe probe)
      : clock(options.clock != nullptr ? *options.clock : SystemClock()),
        process(options.version, clock),
        api(options.api),
        readiness(std::move(probe), options.probe_ttl, options.probe_timeout, clock),
        server(group, ServerOptions(options.clock),
               [this](HttpExchange& exchange) { return Handle(exchange); }) {}

  Task<void> Handle(HttpExchange& exchange) {
    const bool for_api = exchange.request().raw_path.starts_with("/admin/");
    if (api != nullptr && for_api) return api->Handle(exchange);
    return HandleOpen(exchange);
  }

  // What needs no token.
  Task<void> HandleOpen(HttpExchange& exchange) {
    const std::string path(exchange.request().raw_path);
    Answer answer;
    if (exchange.request().method != "GET" && exchange.request().method != "HEAD") {
      answer.status = 405;
      answer.text = "only GET and HEAD\n";
    } else if (path == "/healthz") {
      answer.text = "ok\n";
    } else if (path == "/readyz") {
      answer = co_await Ready();
    } else if (path == "/metrics") {
      process.Update();
      answer.text = RenderMetrics();
    } else {
      answer.status = 404;
      answer.text = "try /healthz, /readyz or /metrics\n";
    }
    ResponseHead head;
    head.status = answer.status;
    head.Add("Content-Type", path == "/metrics" ? "text/plain; version=0.0.4; charset=utf-8"
                                                : "text/plain; charset=utf-8");
    head.Add("Cache-Control", "no-store");
    (void)co_await exchange.Respond(std::move(head), std::move(answer.text));
  }

  Task<Answer> Ready() {
    if (stopping.load()) co_return Answer{503, "shutting down\n"};
    const Status status = co_await readiness.Check();
    Answer answer;
    answer.status = status.ok() ? 200 : 503;
    answer.text = status.ok() ? "ready" : "not ready: " + status.message();
    if (status.ok() && !status.message().empty()) answer.text += ", degraded: " + status.message();
    answer.text += "\n";
    co_return answer;
  }

  Clock& clock;
  ProcessMetrics process;
  AdminApi* const api;
  Readiness readiness;
  std::atomic<bool> stopping{false};
  HttpServer server;
};

AdminServer::AdminServer(EventLoopGroup& group, AdminServerOptions options,
                         std::function<Task<Status>()> probe)
    : impl_(std::make_unique<Impl>(group, options, std::move(probe))) {}

AdminServer::~AdminServer() = default;

Result<uint16_t> AdminServer::Listen(const ListenOptions& options) {
  return impl_->server.Listen(options);
}

void AdminServer::AnnounceShutdown() { impl_->stopping.store(true); }

Task<void> AdminServer::Shutdown() {
  AnnounceShutdown();
  co_await impl_->server.Shutdown();
  co_await impl_->readiness.Shutdown();
}

}  // namespace ashlar::admin
