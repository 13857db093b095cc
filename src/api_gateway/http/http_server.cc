// Start and end of the server: which loops have a shard, and in which order everything stops.
#include "api_gateway/http_server.h"

#include <vector>

#include "api_gateway/http/http_shard.h"
#include "base/log.h"
#include "runtime/sync.h"

namespace ashlar::api_gateway {
namespace {

constexpr auto kShutdownPollInterval = std::chrono::milliseconds(10);

}  // namespace

struct HttpServer::Impl {
  void AddShard(Executor& executor) {
    shards->push_back(std::make_shared<HttpShard>(state, executor));
    shards->back()->StartWatchdog();
  }

  EventLoopGroup* group;  // null: nothing to listen on
  std::shared_ptr<HttpServerState> state;
  // Outlives us in the listener's callback, which may still come from another loop.
  std::shared_ptr<std::vector<std::shared_ptr<HttpShard>>> shards;
  std::vector<std::unique_ptr<Listener>> listeners;
  TaskScope scope;
};

HttpServer::HttpServer(EventLoopGroup& group, HttpServerOptions options, HttpHandler handler)
    : impl_(new Impl{&group,
                     std::make_shared<HttpServerState>(options, std::move(handler)),
                     std::make_shared<std::vector<std::shared_ptr<HttpShard>>>(),
                     {},
                     {}}) {
  for (size_t i = 0; i < group.size(); ++i) impl_->AddShard(group.loop(i));
}

HttpServer::HttpServer(Executor& executor, HttpServerOptions options, HttpHandler handler)
    : impl_(new Impl{nullptr,
                     std::make_shared<HttpServerState>(options, std::move(handler)),
                     std::make_shared<std::vector<std::shared_ptr<HttpShard>>>(),
                     {},
                     {}}) {
  impl_->AddShard(executor);
}

HttpServer::~HttpServer() = default;

void HttpServer::Serve(std::unique_ptr<Stream> stream, Executor& executor) {
  for (const auto& shard : *impl_->shards) {
    if (&shard->executor() != &executor || shard->stopping()) continue;
    impl_->scope.Spawn(executor, HttpShard::Serve(shard, std::move(stream)));
    return;
  }
}

Result<uint16_t> HttpServer::Listen(const ListenOptions& options) {
  CHECK(impl_->group != nullptr);
  auto accept = [shards = impl_->shards, scope = &impl_->scope](std::unique_ptr<Stream> stream,
                                                                Executor& executor) {
    for (const auto& shard : *shards) {
      if (&shard->executor() != &executor) continue;
      // A shard that is stopping may be past the end of the server and its scope.
      if (!shard->stopping()) scope->Spawn(executor, HttpShard::Serve(shard, std::move(stream)));
      return;
    }
  };
  ASSIGN_OR_RETURN(std::unique_ptr<Listener> listener, impl_->group->Listen(options, accept));
  const uint16_t port = listener->port();
  impl_->listeners.push_back(std::move(listener));
  return port;
}

Task<void> HttpServer::Shutdown() {
  for (const auto& listener : impl_->listeners) listener->Stop();
  for (const auto& shard : *impl_->shards) {
    SwitchTo there(shard->executor());
    co_await there;
    shard->BeginShutdown();
  }
  Clock& clock = impl_->state->clock;
  const int64_t until =
      clock.MonotonicNanoseconds() + impl_->state->options.shutdown_timeout.count();
  while (impl_->scope.active() > 0 && clock.MonotonicNanoseconds() < until) {
    Sleep nap(kShutdownPollInterval);
    co_await nap;
  }
  if (impl_->scope.active() > 0) {
    spdlog::warn("msg=\"connections aborted at shutdown\" count={}", impl_->scope.active());
    for (const auto& shard : *impl_->shards) {
      SwitchTo there(shard->executor());
      co_await there;
      shard->AbortAll();
    }
  }
  co_await impl_->scope.Join();
}

size_t HttpServer::connections() const {
  return impl_->state->connections.load(std::memory_order_relaxed);
}

}  // namespace ashlar::api_gateway
