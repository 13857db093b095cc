// AdminServer: health and metrics on an address of their own.
//
//   GET /healthz   200 "ok" as long as the process answers at all
//   GET /readyz    200 "ready", or 503 and what is wrong, from a probe that really writes and reads
//   GET /metrics   Prometheus text
//   /admin/v1/...  the admin API (admin_api.h)
//
// The first three ask for no credentials, the API for its token; neither speaks TLS. Bind it to an
// address that only operators reach.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/status.h"
#include "runtime/clock.h"
#include "runtime/event_loop.h"
#include "runtime/network.h"
#include "runtime/task.h"

namespace ashlar::admin {

class AdminApi;

struct AdminServerOptions {
  std::string version = "unknown";                   // in ashlar_build_info
  Duration probe_ttl = std::chrono::seconds(1);      // how long an answer of the probe is good
  Duration probe_timeout = std::chrono::seconds(5);  // after it /readyz says 503
  Clock* clock = nullptr;                            // null: SystemClock()
  AdminApi* api = nullptr;                           // null: no /admin/; outlives the server
};

class AdminServer {
 public:
  // `probe`: ok, or a Status whose message names what is wrong. One runs at a time.
  AdminServer(EventLoopGroup& group, AdminServerOptions options,
              std::function<Task<Status>()> probe);
  // Shutdown must have been awaited.
  ~AdminServer();

  // The port bound. kUnavailable, kInvalidArgument as EventLoopGroup::Listen.
  Result<uint16_t> Listen(const ListenOptions& options);
  // From now on /readyz says 503 "shutting down", so that balancers look elsewhere.
  void AnnounceShutdown();
  Task<void> Shutdown();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ashlar::admin
