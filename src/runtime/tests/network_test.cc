#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <string>

#include "runtime/event_loop.h"
#include "runtime/sync.h"

namespace ashlar {
namespace {

int Connect(uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  return fd;
}

Task<void> Echo(std::unique_ptr<Stream> stream, std::atomic<int>* timeouts) {
  stream->SetTimeout(std::chrono::milliseconds(300));
  std::vector<uint8_t> buffer(100'000);
  while (true) {
    const Result<size_t> count = co_await stream->ReadSome(buffer);
    if (!count.ok() && count.code() == Code::kDeadlineExceeded) timeouts->fetch_add(1);
    if (!count.ok() || *count == 0) break;
    const ByteSpan part(buffer.data(), *count);
    const Status written = co_await stream->Write({&part, 1});
    if (!written.ok()) break;
  }
}

Task<Unit> JoinScope(TaskScope* scope) {
  co_await scope->Join();
  co_return Unit{};
}

TEST(NetworkTest, EchoesAcrossLoopsAndTimesOut) {
  EventLoopGroup group(2);
  TaskScope scope;
  std::atomic<int> timeouts{0};
  ListenOptions options;
  options.address = "127.0.0.1:0";
  auto listener = group.Listen(options, [&](std::unique_ptr<Stream> stream, Executor& executor) {
    scope.Spawn(executor, Echo(std::move(stream), &timeouts));
  });
  ASSERT_TRUE(listener.ok());
  for (int connection = 0; connection < 4; ++connection) {
    const int fd = Connect((*listener)->port());
    const std::string text(50'000, static_cast<char>('a' + connection));
    ASSERT_EQ(write(fd, text.data(), text.size()), static_cast<ssize_t>(text.size()));
    std::string back;
    char chunk[4096];
    while (back.size() < text.size()) {
      const ssize_t count = read(fd, chunk, sizeof(chunk));
      ASSERT_GT(count, 0);
      back.append(chunk, static_cast<size_t>(count));
    }
    EXPECT_EQ(back, text);
    if (connection < 3) {
      close(fd);
    } else {
      EXPECT_EQ(read(fd, chunk, sizeof(chunk)), 0);  // the server gives up on a silent peer
      close(fd);
    }
  }
  (*listener)->Stop();
  RunBlocking(group, JoinScope(&scope));
  EXPECT_EQ(timeouts.load(), 1);
}

TEST(NetworkTest, SaysWhyItCannotListen) {
  EventLoopGroup group(1);
  ListenOptions options;
  options.address = "nonsense";
  EXPECT_EQ(group.Listen(options, nullptr).code(), Code::kInvalidArgument);
  options.address = "127.0.0.1:0";
  auto first = group.Listen(options, [](std::unique_ptr<Stream>, Executor&) {});
  ASSERT_TRUE(first.ok());
  options.address = "127.0.0.1:" + std::to_string((*first)->port());
  const auto second = group.Listen(options, nullptr);
  EXPECT_EQ(second.code(), Code::kUnavailable);
  EXPECT_NE(second.status().message().find("in use"), std::string::npos);
}

}  // namespace
}  // namespace ashlar
