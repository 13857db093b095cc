// The worker against a server that misbehaves on purpose, over real sockets.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "load/worker.h"

namespace ashlar::bench {
namespace {

constexpr uint64_t kObjectBytes = 300'000;

struct Answer {
  std::string bytes;
  bool close = false;
  int delay_ms = 0;
};

// Accepts one connection at a time and answers each request by the script's next word. `path` is
// that of the request; the script runs on the server's thread.
class ScriptedServer {
 public:
  using Script = std::function<Answer(int request, const std::string& path)>;

  explicit ScriptedServer(Script script) : script_(std::move(script)) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address);
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), length), 0);
    EXPECT_EQ(listen(listener_, 16), 0);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Serve(); });
  }

  ~ScriptedServer() {
    stopping_ = true;
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
  }

  int port() const { return port_; }

 private:
  void Serve() {
    while (!stopping_) {
      const int connection = accept(listener_, nullptr, nullptr);
      if (connection < 0) return;
      const timeval timeout{1, 0};
      setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
      while (ServeOne(connection)) {
      }
      close(connection);
    }
  }

  bool ServeOne(int connection) {
    std::string received;
    std::vector<char> buffer(64 << 10);
    size_t head_end = std::string::npos;
    while ((head_end = received.find("\r\n\r\n")) == std::string::npos) {
      const ssize_t got = recv(connection, buffer.data(), buffer.size(), 0);
      if (got <= 0) return false;
      received.append(buffer.data(), static_cast<size_t>(got));
    }
    const size_t field = received.find("content-length: ");
    const size_t body = field < head_end ? std::stoul(received.substr(field + 16)) : 0;
    while (received.size() < head_end + 4 + body) {
      const ssize_t got = recv(connection, buffer.data(), buffer.size(), 0);
      if (got <= 0) return false;
      received.append(buffer.data(), static_cast<size_t>(got));
    }
    const size_t path_at = received.find(' ') + 1;
    const std::string path = received.substr(path_at, received.find(' ', path_at) - path_at);
    const Answer answer = script_(requests_++, path);
    std::this_thread::sleep_for(std::chrono::milliseconds(answer.delay_ms));
    std::string_view rest = answer.bytes;
    while (!rest.empty()) {
      const ssize_t sent = send(connection, rest.data(), rest.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      rest.remove_prefix(static_cast<size_t>(sent));
    }
    return !answer.close;
  }

  Script script_;
  int listener_ = -1;
  int port_ = 0;
  int requests_ = 0;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

class Loopback : public ::testing::Test {
 protected:
  // The right answer to a GET of `path` ("/bucket/<key>").
  std::string GoodBody(const std::string& path) const {
    const uint64_t offset = pool_.OffsetOf(path.substr(path.find('/', 1) + 1));
    std::string body;
    while (body.size() < kObjectBytes) {
      body += pool_.Piece(offset, body.size(), kObjectBytes - body.size());
    }
    return body;
  }

  static std::string Ok(const std::string& body) {
    return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  }

  Tally Run(Operation operation, const Phase& phase, ScriptedServer::Script script) {
    const ScriptedServer server(std::move(script));
    RequestContext context;
    context.endpoint = *Endpoint::Parse("http://127.0.0.1:" + std::to_string(server.port()));
    context.credentials = {"AK", "SK", "us-east-1"};
    context.bucket = "bucket";
    context.object_bytes = kObjectBytes;
    workload_.operations = {{operation, 1}};
    workload_.objects = 50;
    std::string error;
    const auto dialer = Dialer::Make(context.endpoint, {}, &error);
    SharedCounters counters;
    Worker::Options options;
    options.dialer = dialer.get();
    options.pool = &pool_;
    options.counters = &counters;
    Worker worker(options, context, workload_);
    return worker.Run(phase);
  }

  static Phase Requests(uint64_t count) {
    Phase phase;
    phase.requests = count;
    return phase;
  }

  const BodyPool pool_{1 << 20};
  Workload workload_;
};

TEST_F(Loopback, GoodAnswersAreVerified) {
  workload_.verify_fraction = 1;
  const Tally tally =
      Run(Operation::kGet, Requests(10),
          [&](int, const std::string& path) -> Answer { return {Ok(GoodBody(path))}; });
  EXPECT_EQ(tally.Operations(), 10u);
  EXPECT_EQ(tally.Errors(), 0u) << tally.first_error;
  EXPECT_EQ(tally.verified, 10u);
  EXPECT_EQ(tally.bytes_down, 10 * kObjectBytes);
}

TEST_F(Loopback, UnverifiedBodiesAreStillCounted) {
  workload_.verify_fraction = 0;
  const Tally tally =
      Run(Operation::kGet, Requests(10), [&](int request, const std::string& path) -> Answer {
        std::string body = GoodBody(path);
        if (request == 3) body.pop_back();
        return {Ok(body)};
      });
  EXPECT_EQ(tally.wrong_bodies, 1u);
  EXPECT_EQ(tally.verified, 0u);
  EXPECT_EQ(tally.bytes_down, 9 * kObjectBytes);
}

TEST_F(Loopback, OneWrongByteIsFound) {
  workload_.verify_fraction = 1;
  const Tally tally =
      Run(Operation::kGet, Requests(5), [&](int request, const std::string& path) -> Answer {
        std::string body = GoodBody(path);
        if (request == 2) body[kObjectBytes - 2] = static_cast<char>(body[kObjectBytes - 2] + 1);
        return {Ok(body)};
      });
  EXPECT_EQ(tally.wrong_bodies, 1u);
  EXPECT_EQ(tally.verified, 4u);
}

TEST_F(Loopback, ErrorsAreCountedWithTheirLatency) {
  const Tally tally =
      Run(Operation::kPut, Requests(6), [](int request, const std::string&) -> Answer {
        if (request == 1) {
          return {"HTTP/1.1 503 Slow\r\nContent-Length: 8\r\n\r\nSlowDown", false, 50};
        }
        if (request == 2) return {"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"};
        return {Ok("")};
      });
  EXPECT_EQ(tally.Operations(), 6u);
  EXPECT_EQ(tally.http_5xx, 1u);
  EXPECT_EQ(tally.http_4xx, 1u);
  EXPECT_EQ(tally.bytes_up, 4 * kObjectBytes);
  EXPECT_EQ(tally.first_error, "HTTP 503 SlowDown");
  EXPECT_GE(tally.latency_ns[static_cast<size_t>(Operation::kPut)].max(), 50'000'000u);
}

TEST_F(Loopback, SilenceTimesOut) {
  workload_.timeout_ns = 100'000'000;
  const Tally tally =
      Run(Operation::kHead, Requests(3), [](int request, const std::string&) -> Answer {
        return {Ok(""), false, request == 1 ? 300 : 0};
      });
  EXPECT_EQ(tally.Operations(), 3u);
  // The one after it waits behind the stalled one in this one-connection server.
  EXPECT_GE(tally.timeouts, 1u);
  EXPECT_GE(tally.latency_ns[static_cast<size_t>(Operation::kHead)].max(), 100'000'000u);
}

TEST_F(Loopback, ClosedKeepAliveIsRetriedButATornBodyIsAnError) {
  workload_.verify_fraction = 0;
  const Tally tally =
      Run(Operation::kGet, Requests(6), [&](int request, const std::string& path) -> Answer {
        const std::string good = Ok(GoodBody(path));
        if (request == 3) return {good.substr(0, good.size() / 2), true};
        return {good, request == 1};
      });
  EXPECT_EQ(tally.Operations(), 6u);
  EXPECT_EQ(tally.transport_errors, 1u) << tally.first_error;
  EXPECT_EQ(tally.Errors(), 1u);
}

TEST_F(Loopback, NobodyListeningEnds) {
  RequestContext context;
  context.endpoint = *Endpoint::Parse("http://127.0.0.1:1");
  workload_.operations = {{Operation::kHead, 1}};
  std::string error;
  const auto dialer = Dialer::Make(context.endpoint, {}, &error);
  SharedCounters counters;
  Worker worker({dialer.get(), &pool_, &counters, 4, 1}, context, workload_);
  const Tally tally = worker.Run(Requests(20));
  EXPECT_EQ(tally.transport_errors, 20u);
}

// A server that stalls for 300 ms in the middle of an open loop at 100/s must be charged with about
// 30 slow requests, not with one.
TEST_F(Loopback, OpenLoopChargesAStallToAllWhoWereDue) {
  Phase phase;
  phase.rate = 100;
  phase.duration_ns = 1'000'000'000;
  const Tally tally = Run(Operation::kHead, phase, [](int request, const std::string&) -> Answer {
    return {Ok(""), false, request == 20 ? 300 : 0};
  });
  EXPECT_NEAR(static_cast<double>(tally.Operations()), 100, 1);
  EXPECT_EQ(tally.Errors(), 0u) << tally.first_error;
  EXPECT_GE(tally.backlog_max, 25u);
  // About a fifth of all requests waited 100 ms or more.
  const Histogram& latency = tally.latency_ns[static_cast<size_t>(Operation::kHead)];
  EXPECT_GE(latency.Quantile(0.85), 80'000'000u);
  EXPECT_LE(latency.Quantile(0.50), 50'000'000u);
}

}  // namespace
}  // namespace ashlar::bench
