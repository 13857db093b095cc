#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "api_gateway/http/response_head.h"
#include "api_gateway/tests/memory_connection.h"

namespace ashlar::api_gateway {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// Refuses without a look at the body.
Task<void> Deny(HttpExchange& exchange) {
  ResponseHead head;
  head.status = 403;
  (void)co_await exchange.Respond(std::move(head), "denied");
}

constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";

TEST(HttpConnectionTest, AnswersByteForByte) {
  MemoryConnection connection(Echo);
  const std::string answer = connection.Exchange(kGet);
  const std::string id = connection.state->host_id;
  EXPECT_THAT(answer, ::testing::MatchesRegex(
                          "HTTP/1.1 200 OK\r\nServer: ashlar\r\n"
                          "Date: Fri, 24 May 2013 00:00:01 GMT\r\n"
                          "x-amz-request-id: [0-9A-F]+\r\nx-amz-id-2: [^\r]+\r\n"
                          "Content-Length: 7\r\nConnection: keep-alive\r\n\r\nGET /a."));
  EXPECT_THAT(answer, EndsWith("GET /a|"));
  EXPECT_FALSE(connection.peer.server_closed_write);
}

TEST(HttpConnectionTest, EveryRequestHasAnIdOfItsOwn) {
  MemoryConnection connection(Echo);
  std::set<std::string> ids;
  for (int i = 0; i < 100; ++i) {
    const std::string answer = connection.Exchange(kGet);
    const size_t at = answer.find("x-amz-request-id: ");
    ASSERT_NE(at, std::string::npos);
    ids.insert(answer.substr(at + 18, 16));
  }
  EXPECT_EQ(ids.size(), 100U);
}

TEST(HttpConnectionTest, AnswersPipelinedRequestsInOrder) {
  MemoryConnection connection(Echo);
  const std::string answer = connection.Exchange(
      "PUT /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
      "PUT /2 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nxyz\r\n0\r\n\r\n"
      "\r\nGET /3 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
      "GET /4 HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(CountOf(answer, "HTTP/1.1 200 OK"), 3U);
  EXPECT_LT(answer.find("PUT /1|abc"), answer.find("PUT /2|xyz"));
  EXPECT_LT(answer.find("PUT /2|xyz"), answer.find("GET /3|"));
  EXPECT_THAT(answer, Not(HasSubstr("/4")));
  EXPECT_THAT(answer, HasSubstr("Connection: close"));
  EXPECT_TRUE(connection.peer.server_closed_write);
}

TEST(HttpConnectionTest, BodiesArriveInAnyPieces) {
  const std::string requests =
      "PUT /1 HTTP/1.1\r\nhost: h\r\ncontent-length: 11\r\n\r\nhello world"
      "PUT /2 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n"
      "5;name=\"v\"\r\nhello\r\n006\r\n world\r\n0\r\nX-Trailer: t\r\n\r\n"
      "GET /3 HTTP/1.1\r\nHost: h\r\n\r\n";
  for (const size_t piece : {size_t{1}, size_t{2}, size_t{7}, size_t{1000}}) {
    MemoryConnection connection(Echo);
    connection.peer.read_bytes_max = piece;
    const std::string answer = connection.Exchange(requests);
    EXPECT_THAT(answer, HasSubstr("PUT /1|hello world")) << piece;
    EXPECT_THAT(answer, HasSubstr("PUT /2|hello world")) << piece;
    EXPECT_THAT(answer, EndsWith("GET /3|")) << piece;
  }
  // The same, each byte sent on its own: every wait in the middle of something.
  MemoryConnection connection(Echo);
  std::string answer;
  for (const char byte : requests) answer += connection.Exchange(std::string(1, byte));
  EXPECT_EQ(CountOf(answer, "|hello world"), 2U);
  EXPECT_THAT(answer, EndsWith("GET /3|"));
}

TEST(HttpConnectionTest, AcceptsWhatIsUnusualButSound) {
  const std::vector<std::string> requests = {
      "GET / HTTP/1.1\r\nHost:h\r\nX-Tab:\ta\tb \r\n\r\n",
      "GET / HTTP/1.1\r\nHost: h\r\nX-Empty:\r\n\r\n",
      "GET / HTTP/1.1\r\nHost:\r\n\r\n",
      "GET /" + std::string(16 * 1024 - 1, 'x') + " HTTP/1.1\r\nHost: h\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(16'000, 'x') + "\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: h\r\nX-Utf8: \xc3\xa9\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: h\r\nExpect: the-unexpected\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
      "PATCH-IT / HTTP/1.1\r\nHost: h\r\n\r\n",
      "GET http://h/a HTTP/1.1\r\nHost: h\r\n\r\n",
      "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding:  CHUNKED \r\n\r\n0\r\n\r\n",
  };
  for (const std::string& request : requests) {
    MemoryConnection connection(Echo);
    EXPECT_THAT(connection.Exchange(request), StartsWith("HTTP/1.1 200 ")) << request;
    EXPECT_THAT(connection.Exchange(kGet), StartsWith("HTTP/1.1 200 ")) << request;
  }
}

TEST(HttpConnectionTest, HeadersReachTheHandlerAsReceived) {
  RequestHeaders seen;
  std::string target;
  MemoryConnection connection([&](HttpExchange& exchange) {
    seen = exchange.request().headers;
    target = exchange.request().raw_target;
    return Echo(exchange);
  });
  (void)connection.Exchange(
      "GET /a//b/../%2F?x=%20&y HTTP/1.1\r\nHOST: h\r\nX-Amz-Meta-A: 1  2 \r\nx-amz-meta-a: 3\r\n"
      "\r\n");
  EXPECT_EQ(target, "/a//b/../%2F?x=%20&y");
  ASSERT_EQ(seen.size(), 3U);
  EXPECT_EQ(seen[0].name, "host");
  EXPECT_EQ(seen[1].name, "x-amz-meta-a");
  EXPECT_EQ(seen[1].value, "1  2");
  EXPECT_EQ(seen[2].value, "3");
}

TEST(HttpConnectionTest, InvalidTargetKeepsTheConnection) {
  MemoryConnection connection(Echo);
  const std::string answer = connection.Exchange("GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("<Code>InvalidURI</Code>"));
  EXPECT_THAT(connection.Exchange(kGet), EndsWith("GET /a|"));
}

TEST(HttpConnectionTest, OldVersionIsAnsweredAndClosed) {
  MemoryConnection connection(Echo);
  const std::string answer =
      connection.Exchange("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("Connection: close"));
  EXPECT_TRUE(connection.peer.server_closed_write);
}

// ---- chunked framing

TEST(HttpConnectionTest, ChunkLimitsAreAllowedThemselves) {
  MemoryConnection connection(Echo);
  const std::string answer = connection.Exchange(
      "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0000000000000003;" +
      std::string(255, 'e') + "\r\nabc\r\n0\r\nX: " + std::string(16'000, 'v') + "\r\n\r\n");
  EXPECT_THAT(answer, EndsWith("|abc"));
}

// ---- Expect: 100-continue

TEST(HttpConnectionTest, ContinueIsSentByTheFirstRead) {
  MemoryConnection connection(Echo);
  const std::string first = connection.Exchange(
      "PUT /a HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(first, "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_THAT(connection.Exchange("abc"), EndsWith("PUT /a|abc"));
  EXPECT_THAT(connection.Exchange(kGet), EndsWith("GET /a|"));
}

TEST(HttpConnectionTest, RefusalInsteadOfContinueCloses) {
  MemoryConnection connection(Deny);
  const std::string answer = connection.Exchange(
      "PUT /a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 403 "));
  EXPECT_THAT(answer, Not(HasSubstr("100 Continue")));
  EXPECT_THAT(answer, HasSubstr("Connection: close"));
  EXPECT_TRUE(connection.peer.server_closed_write);
  // A body that comes all the same is discarded, never taken for a request.
  EXPECT_EQ(connection.Exchange(kGet), "");
}

TEST(HttpConnectionTest, ContinueWithoutBodyIsNotWaitedFor) {
  MemoryConnection connection(Deny);
  const std::string answer = connection.Exchange(
      "PUT /a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("Connection: keep-alive"));
  EXPECT_THAT(connection.Exchange(kGet), StartsWith("HTTP/1.1 403 "));
}

// ---- bodies nobody read

TEST(HttpConnectionTest, SmallUnreadBodyIsDrainedAndTheConnectionLives) {
  for (const bool chunked : {false, true}) {
    MemoryConnection connection(Deny);
    const std::string inner = "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n";
    const std::string request =
        chunked ? "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n27\r\n" + inner +
                      "\r\n0\r\n\r\n"
                : "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(inner.size()) +
                      "\r\n\r\n" + inner;
    const std::string answer = connection.Exchange(request);
    if (!chunked) {
      EXPECT_EQ(CountOf(answer, "HTTP/1.1 "), 1U);
      EXPECT_THAT(answer, HasSubstr("Connection: keep-alive"));
    }
    EXPECT_EQ(CountOf(connection.Exchange(kGet), "HTTP/1.1 403 "), chunked ? 0U : 1U);
  }
}

TEST(HttpConnectionTest, UnreadChunkedBodyIsDrained) {
  MemoryConnection connection(Deny);
  const std::string answer = connection.Exchange(
      "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 403 "));
  EXPECT_EQ(connection.Exchange("0\r\n\r\n"), "");
  EXPECT_THAT(connection.Exchange(kGet), StartsWith("HTTP/1.1 403 "));
}

TEST(HttpConnectionTest, LargeUnreadBodyClosesAfterSomeDiscarding) {
  MemoryConnection connection(Deny);
  const std::string answer =
      connection.Exchange("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 300000\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("Connection: close"));
  EXPECT_TRUE(connection.peer.server_closed_write);
  EXPECT_FALSE(connection.peer.server_gone);
  EXPECT_EQ(connection.Exchange(std::string(100'000, 'x')), "");
  EXPECT_EQ(connection.peer.to_server, "");  // taken, so that no reset answers it
  connection.executor.Advance(seconds(3));
  EXPECT_TRUE(connection.peer.server_gone);
}

TEST(HttpConnectionTest, DrainingHasATimeLimit) {
  MemoryConnection connection(Deny);
  const std::string answer =
      connection.Exchange("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\nabc");
  EXPECT_THAT(answer, HasSubstr("Connection: keep-alive"));
  EXPECT_FALSE(connection.peer.server_closed_write);
  connection.executor.Advance(seconds(3));
  EXPECT_TRUE(connection.peer.server_closed_write);
}

// ---- slow and vanishing clients

TEST(HttpConnectionTest, DrippingHeadIsCutOff) {
  MemoryConnection connection(Echo);
  std::string answer = connection.Exchange("GET / HTTP/1.1\r\n");
  for (int i = 0; i < 30 && answer.empty(); ++i) {
    connection.executor.Advance(milliseconds(900));
    answer = connection.Exchange("X");
  }
  EXPECT_LE(connection.clock.MonotonicNanoseconds(), 13'000'000'000);
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(answer, HasSubstr("<Code>RequestTimeout</Code>"));
}

TEST(HttpConnectionTest, IdleConnectionsAreClosedSilently) {
  MemoryConnection connection(Echo);
  EXPECT_THAT(connection.Exchange(kGet), StartsWith("HTTP/1.1 200 "));
  connection.executor.Advance(seconds(55));
  EXPECT_THAT(connection.Exchange(kGet), StartsWith("HTTP/1.1 200 "));
  connection.executor.Advance(seconds(63));
  EXPECT_EQ(connection.peer.Take(), "");
  EXPECT_TRUE(connection.peer.server_gone);
}

TEST(HttpConnectionTest, StalledAndSlowBodiesTimeOut) {
  {
    MemoryConnection stalled(Echo);
    EXPECT_EQ(stalled.Exchange("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc"), "");
    stalled.executor.Advance(seconds(31));
    EXPECT_THAT(stalled.peer.Take(), EndsWith("DeadlineExceeded"));
  }
  MemoryConnection slow(Echo);
  std::string answer = slow.Exchange("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999\r\n\r\n");
  for (int i = 0; i < 40 && answer.empty(); ++i) {
    slow.executor.Advance(seconds(1));
    answer = slow.Exchange(std::string(500, 'x'));
  }
  EXPECT_THAT(answer, EndsWith("DeadlineExceeded"));
  EXPECT_TRUE(slow.peer.server_closed_write);
}

TEST(HttpConnectionTest, SteadyBodyAboveTheRateIsFine) {
  MemoryConnection connection(Echo);
  (void)connection.Exchange("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 150000\r\n\r\n");
  std::string answer;
  for (int i = 0; i < 100; ++i) {
    connection.executor.Advance(seconds(1));
    answer += connection.Exchange(std::string(1500, 'x'));
  }
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 "));
}

TEST(HttpConnectionTest, ClientThatLeavesInsideItsBodyIsCancelled) {
  for (const std::string framing :
       {"Content-Length: 9\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n9\r\nabc"}) {
    MemoryConnection connection(Echo);
    (void)connection.Exchange("PUT / HTTP/1.1\r\nHost: h\r\n" + framing);
    connection.peer.Close();
    connection.executor.Run();
    EXPECT_THAT(connection.peer.Take(), EndsWith("Cancelled"));
  }
}

TEST(HttpConnectionTest, WatchdogEndsReadsThatTheStreamDoesNot) {
  MemoryConnection connection(Echo);
  connection.shard->StartWatchdog();
  (void)connection.Exchange("GET / HTTP/1.1\r\n");
  connection.clock.Advance(seconds(20));  // the stream's timer has not come yet
  connection.executor.Advance(seconds(0));
  connection.executor.Run();
  connection.executor.Advance(seconds(1));
  EXPECT_TRUE(connection.peer.server_gone);
  connection.shard.reset();
}

// ---- responses

TEST(HttpConnectionTest, HeadHasTheLengthAndNoBody) {
  MemoryConnection connection(Echo);
  const std::string answer = connection.Exchange("HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("Content-Length: 8\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\n"));
  EXPECT_THAT(connection.Exchange(kGet), EndsWith("GET /a|"));
}

Task<void> Stream3(HttpExchange& exchange) {
  ResponseHead head;
  head.status = exchange.request().raw_path == "/304"   ? 304
                : exchange.request().raw_path == "/204" ? 204
                                                        : 206;
  head.Add("ETag", "\"x\"");
  const bool body = head.status == 206 && exchange.request().method != "HEAD";
  const uint64_t length = body || head.status != 204 ? 6 : 0;
  (void)co_await exchange.StartResponse(std::move(head), length);
  if (!body) co_return;
  const std::string text = "abcdef";
  for (size_t i = 0; i < 6; i += 2) {
    const std::array<ByteSpan, 2> parts = {AsBytes(text).subspan(i, 1),
                                           AsBytes(text).subspan(i + 1, 1)};
    (void)co_await exchange.SendBody(parts);
  }
}

TEST(HttpConnectionTest, StreamsBodies) {
  MemoryConnection connection(Stream3);
  EXPECT_THAT(connection.Exchange(kGet), EndsWith("\r\n\r\nabcdef"));
  const std::string head = connection.Exchange("HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(head, HasSubstr("Content-Length: 6\r\n"));
  for (const std::string path : {"/304", "/204"}) {
    const std::string answer = connection.Exchange("GET " + path + " HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 " + path.substr(1)));
    EXPECT_THAT(answer, Not(HasSubstr("Content-Length")));
    EXPECT_THAT(answer, EndsWith("\r\n\r\n"));
  }
}

Task<void> Break(HttpExchange& exchange) {
  ResponseHead head;
  (void)co_await exchange.StartResponse(std::move(head), 10);
  const std::string text = "abc";
  const ByteSpan part = AsBytes(text);
  (void)co_await exchange.SendBody(std::span<const ByteSpan>(&part, 1));
  if (exchange.request().raw_path == "/break") exchange.BreakResponse();
}

TEST(HttpConnectionTest, IncompleteResponsesBreakTheConnection) {
  for (const std::string path : {"/break", "/forgotten"}) {
    MemoryConnection connection(Break);
    const std::string answer = connection.Exchange("GET " + path + " HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_THAT(answer, EndsWith("\r\n\r\nabc"));
    EXPECT_TRUE(connection.peer.server_aborted);
  }
}

Task<void> Silent(HttpExchange&) { co_return; }

TEST(HttpConnectionTest, HandlerWithoutAnswerIsAnInternalError) {
  MemoryConnection connection(Silent);
  const std::string answer = connection.Exchange(kGet);
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 500 "));
  EXPECT_THAT(answer, HasSubstr("<Code>InternalError</Code>"));
}

TEST(HttpConnectionTest, HeaderInjectionNeverReachesTheWire) {
  const std::vector<std::pair<std::string, std::string>> headers = {
      {"X", "a\r\nSet-Cookie: b"},
      {"X", "a\nb"},
      {"X", std::string("a\0b", 3)},
      {"X\r\nY", "a"},
      {"X Y", "a"},
      {"", "a"},
      {"Content-Length", "0"},
      {"CONNECTION", ""},
      {"Transfer-Encoding", "chunked"}};
  for (const auto& header : headers) {
    MemoryConnection connection([&header](HttpExchange& exchange) {
      ResponseHead head;
      head.Add(header.first, header.second);
      // Not a coroutine itself: the task keeps what it was given.
      return [](HttpExchange& to, ResponseHead given) -> Task<void> {
        (void)co_await to.Respond(std::move(given), "body");
      }(exchange, std::move(head));
    });
    const std::string answer = connection.Exchange(kGet);
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 500 "));
    EXPECT_THAT(answer, Not(HasSubstr("Set-Cookie")));
    EXPECT_THAT(answer, EndsWith("Content-Length: 0\r\nConnection: close\r\n\r\n"));
  }
}

TEST(HttpConnectionTest, ConnectionLimitSaysSlowDown) {
  HttpServerOptions options;
  options.connections_max = 1;
  MemoryConnection connection(Echo, options);
  EXPECT_THAT(connection.Exchange(kGet), StartsWith("HTTP/1.1 200 "));
  MemoryPeer second;
  connection.Open(&second);
  EXPECT_THAT(second.Take(),
              ::testing::AllOf(StartsWith("HTTP/1.1 503 "), HasSubstr("<Code>SlowDown</Code>"),
                               HasSubstr("Connection: close")));
  EXPECT_TRUE(second.server_closed_write);
  second.Close();
  connection.executor.Run();
  EXPECT_TRUE(second.server_gone);
  EXPECT_THAT(connection.Exchange(kGet), StartsWith("HTTP/1.1 200 "));
}

TEST(HttpConnectionTest, ShutdownClosesIdleConnectionsOnly) {
  MemoryConnection connection(Echo);
  MemoryPeer idle;
  connection.Open(&idle);
  EXPECT_EQ(connection.Exchange("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nab"), "");
  connection.shard->BeginShutdown();
  connection.executor.Run();
  EXPECT_TRUE(idle.server_gone);
  EXPECT_FALSE(connection.peer.server_gone);
  const std::string answer = connection.Exchange("c");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(answer, HasSubstr("Connection: close"));
}

TEST(RequestLogTest, EscapesWhatClientsSent) {
  RequestRecord record;
  record.request_id = "0123456789ABCDEF";
  record.peer = "192.0.2.1";
  record.method = "PUT";
  record.operation = "PutObject";
  record.bucket = "b";
  record.key = "a key\nstatus=200";
  record.status = 403;
  record.error = "AccessDenied";
  record.bytes_in = 5;
  record.duration_ns = 1'234'567;
  EXPECT_EQ(FormatAccess(record),
            "msg=access request_id=0123456789ABCDEF peer=192.0.2.1 method=PUT operation=PutObject "
            "bucket=b key=\"a key\\x0astatus=200\" status=403 error=AccessDenied bytes_in=5 "
            "bytes_out=0 duration_us=1234");
}

}  // namespace
}  // namespace ashlar::api_gateway
