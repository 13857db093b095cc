#include "api_gateway/http_server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <thread>

#include "runtime/sync.h"

namespace ashlar::api_gateway {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// A blocking client.
class Client {
 public:
  explicit Client(uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
    const timeval patience{10, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  }
  ~Client() { close(fd_); }

  bool connected() const { return connected_; }
  bool Send(std::string_view text) {
    while (!text.empty()) {
      const ssize_t sent = send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent < 0 && errno == EINTR) continue;
      if (sent <= 0) return false;
      text.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }
  // One response with a Content-Length; what was received until then when the connection ends.
  std::string Receive() {
    while (true) {
      const size_t head = received_.find("\r\n\r\n");
      if (head != std::string::npos) {
        const size_t at = received_.find("Content-Length: ");
        const size_t length = at < head ? std::stoul(received_.substr(at + 16)) : 0;
        if (received_.size() >= head + 4 + length) {
          std::string one = received_.substr(0, head + 4 + length);
          received_.erase(0, one.size());
          return one;
        }
      }
      if (!ReadMore()) return std::exchange(received_, "");
    }
  }
  // Whether the connection ended cleanly (no reset, nothing more).
  bool EndedCleanly() { return received_.empty() && !ReadMore() && errno == 0; }

 private:
  bool ReadMore() {
    char buffer[65536];
    ssize_t count = 0;
    do {
      errno = 0;
      count = recv(fd_, buffer, sizeof(buffer), 0);
    } while (count < 0 && errno == EINTR);
    if (count <= 0) return false;
    received_.append(buffer, static_cast<size_t>(count));
    return true;
  }

  int fd_;
  bool connected_ = false;
  std::string received_;
};

struct Gate {
  std::atomic<int> waiting{0};
  std::atomic<bool> open{false};
};

// "/wait" waits for the gate, "/deny" refuses without reading, all else echoes its body.
Task<void> Handle(HttpExchange& exchange, Gate* gate) {
  ResponseHead head;
  std::string body;
  if (exchange.request().raw_path == "/deny") {
    head.status = 403;
    (void)co_await exchange.Respond(std::move(head), "denied");
    co_return;
  }
  std::vector<uint8_t> buffer(100'000);
  while (true) {
    const Result<size_t> count = co_await exchange.ReadBody(buffer);
    if (!count.ok() || *count == 0) break;
    body += AsText(ByteSpan(buffer).first(*count));
  }
  if (exchange.request().raw_path == "/wait") {
    gate->waiting.fetch_add(1);
    while (!gate->open.load()) {
      Sleep nap(milliseconds(5));
      co_await nap;
    }
  }
  (void)co_await exchange.Respond(std::move(head), std::move(body));
}

Task<Unit> ShutDown(HttpServer* server) {
  co_await server->Shutdown();
  co_return Unit{};
}

class HttpServerTest : public ::testing::Test {
 protected:
  void Start(HttpServerOptions options = {}) {
    options.access_log = false;
    server_ = std::make_unique<HttpServer>(
        group_, options, [this](HttpExchange& exchange) { return Handle(exchange, &gate_); });
    ListenOptions listen;
    listen.address = "127.0.0.1:0";
    const Result<uint16_t> port = server_->Listen(listen);
    ASSERT_TRUE(port.ok());
    port_ = *port;
  }
  void TearDown() override { Stop(); }
  void Stop() {
    if (server_ == nullptr) return;
    gate_.open = true;
    RunBlocking(group_, ShutDown(server_.get()));
    EXPECT_EQ(server_->connections(), 0U);
    server_.reset();
  }

  static constexpr std::string_view kWait = "GET /wait HTTP/1.1\r\nHost: h\r\n\r\n";
  static constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

  EventLoopGroup group_{2};
  Gate gate_;
  std::unique_ptr<HttpServer> server_;
  uint16_t port_ = 0;
};

TEST_F(HttpServerTest, EchoesLargeBodiesOnOneConnection) {
  Start();
  Client client(port_);
  std::string body(3'000'000, 'x');
  for (size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>('a' + i % 23);
  for (int round = 0; round < 3; ++round) {
    ASSERT_TRUE(client.Send("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: " +
                            std::to_string(body.size()) + "\r\n\r\n" + body));
    const std::string answer = client.Receive();
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_TRUE(answer.ends_with("\r\n\r\n" + body));
  }
  std::string chunks;
  for (size_t at = 0; at < body.size(); at += 100'000) {
    chunks += "186A0\r\n" + body.substr(at, 100'000) + "\r\n";
  }
  ASSERT_TRUE(client.Send("PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" +
                          chunks + "0\r\n\r\n"));
  EXPECT_TRUE(client.Receive().ends_with("\r\n\r\n" + body));
}

TEST_F(HttpServerTest, ManyConnectionsAtOnce) {
  Start();
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int c = 0; c < 10; ++c) {
        Client client(port_);
        for (int i = 0; i < 20; ++i) {
          client.Send(kGet);
          if (client.Receive().starts_with("HTTP/1.1 200 ")) good.fetch_add(1);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good.load(), 800);
}

TEST_F(HttpServerTest, ErrorDuringLargeUploadIsReadWithoutAReset) {
  Start();
  for (int round = 0; round < 20; ++round) {
    Client client(port_);
    ASSERT_TRUE(client.Send("PUT /deny HTTP/1.1\r\nHost: h\r\nContent-Length: 50000000\r\n\r\n"));
    // Like many clients: everything is sent before the answer is looked at.
    std::string flood;
    flood.resize(10'000'000, 'x');
    EXPECT_TRUE(client.Send(flood));
    EXPECT_THAT(client.Receive(), StartsWith("HTTP/1.1 403 "));
    EXPECT_TRUE(client.EndedCleanly());
  }
}

TEST_F(HttpServerTest, EarlyErrorAndReuse) {
  Start();
  Client client(port_);
  for (int round = 0; round < 20; ++round) {
    ASSERT_TRUE(client.Send("PUT /deny HTTP/1.1\r\nHost: h\r\nContent-Length: 200000\r\n\r\n" +
                            std::string(200'000, 'x')));
    EXPECT_THAT(client.Receive(), StartsWith("HTTP/1.1 403 "));
    ASSERT_TRUE(client.Send(kGet));
    EXPECT_THAT(client.Receive(), StartsWith("HTTP/1.1 200 "));
  }
}

TEST_F(HttpServerTest, ConnectionsAboveTheLimitAreTold) {
  HttpServerOptions options;
  options.connections_max = 2;
  Start(options);
  Client first(port_);
  Client second(port_);
  first.Send(kGet);
  second.Send(kGet);
  EXPECT_THAT(first.Receive(), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(second.Receive(), StartsWith("HTTP/1.1 200 "));
  Client third(port_);
  const std::string answer = third.Receive();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(answer, HasSubstr("<Code>SlowDown</Code>"));
}

TEST_F(HttpServerTest, HeadTimeoutIsMeasuredFromItsFirstByte) {
  HttpServerOptions options;
  options.head_timeout = milliseconds(500);
  Start(options);
  Client client(port_);
  client.Send("G");
  for (int i = 0; i < 100; ++i) {
    std::this_thread::sleep_for(milliseconds(50));
    if (!client.Send("E") || server_->connections() == 0) break;
    if (i > 60) FAIL() << "still open";
  }
  EXPECT_THAT(client.Receive(), HasSubstr("<Code>RequestTimeout</Code>"));
}

TEST_F(HttpServerTest, ShutdownWaitsForRequestsInFlight) {
  Start();
  Client idle(port_);
  idle.Send(kGet);
  (void)idle.Receive();
  Client busy(port_);
  busy.Send(kWait);
  while (gate_.waiting.load() == 0) std::this_thread::sleep_for(milliseconds(1));
  std::thread opener([this] {
    std::this_thread::sleep_for(milliseconds(200));
    gate_.open = true;
  });
  RunBlocking(group_, ShutDown(server_.get()));
  opener.join();
  const std::string answer = busy.Receive();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(answer, HasSubstr("Connection: close"));
  EXPECT_TRUE(idle.EndedCleanly());
  Client late(port_);
  EXPECT_FALSE(late.connected());
  server_.reset();
}

TEST_F(HttpServerTest, ShutdownAbortsWhoTakesTooLong) {
  HttpServerOptions options;
  options.shutdown_timeout = milliseconds(200);
  Start(options);
  Client client(port_);
  // A body that never comes: the handler is waiting for the client.
  client.Send("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab");
  std::this_thread::sleep_for(milliseconds(50));
  const auto before = std::chrono::steady_clock::now();
  Stop();
  EXPECT_LT(std::chrono::steady_clock::now() - before, seconds(2));
}

TEST_F(HttpServerTest, SaysWhyItCannotListen) {
  Start();
  ListenOptions listen;
  listen.address = "127.0.0.1:" + std::to_string(port_);
  EXPECT_EQ(server_->Listen(listen).code(), Code::kUnavailable);
}

}  // namespace
}  // namespace ashlar::api_gateway
