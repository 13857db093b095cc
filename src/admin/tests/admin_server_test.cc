#include "admin/admin_server.h"

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

namespace ashlar::admin {
namespace {

using std::chrono::milliseconds;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string Fetch(uint16_t port, const std::string& path, const std::string& method = "GET") {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  const std::string request =
      method + " " + path + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
  EXPECT_EQ(write(fd, request.data(), request.size()), static_cast<ssize_t>(request.size()));
  std::string answer;
  char buffer[4096];
  while (true) {
    const ssize_t count = read(fd, buffer, sizeof(buffer));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    answer.append(buffer, static_cast<size_t>(count));
  }
  close(fd);
  return answer;
}

struct Store {
  std::atomic<int> probes{0};
  std::atomic<bool> broken{false};
  std::atomic<bool> hanging{false};
};

Task<Status> ProbeStore(Store* store) {
  store->probes.fetch_add(1);
  Sleep nap(milliseconds(50));
  co_await nap;
  while (store->hanging.load()) {
    Sleep more(milliseconds(5));
    co_await more;
  }
  if (store->broken.load()) co_return Status(Code::kUnavailable, "drive 3 (data/drive-03): gone");
  co_return Status::Ok();
}

Task<Unit> ShutDown(AdminServer* server) {
  co_await server->Shutdown();
  co_return Unit{};
}

class AdminServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    AdminServerOptions options;
    options.version = "1.2.3";
    options.probe_ttl = milliseconds(300);
    options.probe_timeout = milliseconds(400);
    server_ =
        std::make_unique<AdminServer>(group_, options, [this] { return ProbeStore(&store_); });
    ListenOptions listen;
    listen.address = "127.0.0.1:0";
    const Result<uint16_t> port = server_->Listen(listen);
    ASSERT_TRUE(port.ok());
    port_ = *port;
  }
  void TearDown() override {
    store_.hanging = false;
    RunBlocking(group_, ShutDown(server_.get()));
  }

  EventLoopGroup group_{2};
  Store store_;
  std::unique_ptr<AdminServer> server_;
  uint16_t port_ = 0;
};

TEST_F(AdminServerTest, Health) {
  EXPECT_THAT(Fetch(port_, "/healthz"), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(Fetch(port_, "/healthz?x=y"), EndsWith("\r\n\r\nok\n"));
  EXPECT_THAT(Fetch(port_, "/healthz", "HEAD"), EndsWith("\r\n\r\n"));
  EXPECT_THAT(Fetch(port_, "/"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(Fetch(port_, "/healthz", "DELETE"), StartsWith("HTTP/1.1 405 "));
  EXPECT_EQ(store_.probes.load(), 0);
}

TEST_F(AdminServerTest, ReadyNamesWhatIsWrong) {
  EXPECT_THAT(Fetch(port_, "/readyz"), EndsWith("\r\n\r\nready\n"));
  store_.broken = true;
  std::this_thread::sleep_for(milliseconds(350));
  const std::string answer = Fetch(port_, "/readyz");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(answer, HasSubstr("drive 3 (data/drive-03): gone"));
  store_.broken = false;
  std::this_thread::sleep_for(milliseconds(350));
  EXPECT_THAT(Fetch(port_, "/readyz"), StartsWith("HTTP/1.1 200 "));
  server_->AnnounceShutdown();
  EXPECT_THAT(Fetch(port_, "/readyz"), HasSubstr("shutting down"));
  EXPECT_THAT(Fetch(port_, "/healthz"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(AdminServerTest, ManyAskersAreOneProbe) {
  std::vector<std::thread> askers;
  std::atomic<int> ready{0};
  for (int i = 0; i < 8; ++i) {
    askers.emplace_back([&] {
      if (Fetch(port_, "/readyz").starts_with("HTTP/1.1 200 ")) ready.fetch_add(1);
    });
  }
  for (std::thread& asker : askers) asker.join();
  EXPECT_EQ(ready.load(), 8);
  EXPECT_EQ(store_.probes.load(), 1);
}

TEST_F(AdminServerTest, HangingProbeIsNotReady) {
  store_.hanging = true;
  for (int i = 0; i < 2; ++i) {
    const std::string answer = Fetch(port_, "/readyz");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 503 "));
    EXPECT_THAT(answer, HasSubstr("not come back in time"));
  }
  EXPECT_EQ(store_.probes.load(), 1);
  EXPECT_THAT(Fetch(port_, "/healthz"), StartsWith("HTTP/1.1 200 "));
  store_.hanging = false;
  std::this_thread::sleep_for(milliseconds(100));
  EXPECT_THAT(Fetch(port_, "/readyz"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(AdminServerTest, Metrics) {
  const std::string answer = Fetch(port_, "/metrics");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(answer, HasSubstr("text/plain; version=0.0.4"));
  EXPECT_THAT(answer, HasSubstr("ashlar_build_info{version=\"1.2.3\"} 1"));
  for (const std::string name : {"process_resident_memory_bytes ", "process_open_fds ",
                                 "process_cpu_seconds_total ", "process_start_time_seconds "}) {
    const size_t at = answer.find("\n" + name);
    ASSERT_NE(at, std::string::npos) << name;
    EXPECT_GT(std::stod(answer.substr(at + 1 + name.size())), 0) << name;
  }
}

}  // namespace
}  // namespace ashlar::admin
