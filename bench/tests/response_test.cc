#include "load/response.h"

#include <gtest/gtest.h>

namespace ashlar::bench {
namespace {

struct Collected : BodySink {
  void OnBody(std::string_view piece) override { text.append(piece); }
  std::string text;
};

// Feeds `wire` in steps of `step` bytes; each step size must lead to the same result.
bool Feed(ResponseReader* reader, std::string_view wire, size_t step, BodySink* sink) {
  while (!wire.empty()) {
    const std::string_view piece = wire.substr(0, step);
    if (!reader->Consume(piece, sink)) return false;
    wire.remove_prefix(piece.size());
  }
  return true;
}

TEST(Response, FixedLengthInAnyPieces) {
  const std::string wire = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: \"x\"\r\n\r\nhello";
  for (size_t step = 1; step <= wire.size(); ++step) {
    ResponseReader reader;
    Collected body;
    reader.Start(false);
    ASSERT_TRUE(Feed(&reader, wire, step, &body)) << step;
    EXPECT_TRUE(reader.done());
    EXPECT_EQ(reader.status(), 200);
    EXPECT_EQ(body.text, "hello");
    EXPECT_FALSE(reader.close_after());
  }
}

TEST(Response, ChunkedInAnyPieces) {
  const std::string wire =
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
      "5;x=y\r\nhello\r\nA\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n";
  for (size_t step = 1; step <= wire.size(); ++step) {
    ResponseReader reader;
    Collected body;
    reader.Start(false);
    ASSERT_TRUE(Feed(&reader, wire, step, &body)) << step;
    EXPECT_TRUE(reader.done()) << step;
    EXPECT_EQ(body.text, "hello0123456789");
    EXPECT_EQ(reader.body_bytes(), 15u);
  }
}

TEST(Response, InterimAnswersAreSkipped) {
  ResponseReader reader;
  reader.Start(false);
  ASSERT_TRUE(
      reader.Consume("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", nullptr));
  EXPECT_TRUE(reader.done());
  EXPECT_EQ(reader.status(), 204);
}

TEST(Response, HeadHasNoBody) {
  ResponseReader reader;
  reader.Start(true);
  ASSERT_TRUE(reader.Consume("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", nullptr));
  EXPECT_TRUE(reader.done());
}

TEST(Response, EndsWithTheConnectionOnlyWhenUnframed) {
  ResponseReader reader;
  reader.Start(false);
  ASSERT_TRUE(reader.Consume("HTTP/1.0 200 OK\r\n\r\nabc", nullptr));
  EXPECT_FALSE(reader.done());
  EXPECT_TRUE(reader.OnClose());
  EXPECT_TRUE(reader.close_after());

  reader.Start(false);
  ASSERT_TRUE(reader.Consume("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", nullptr));
  EXPECT_FALSE(reader.OnClose());
}

TEST(Response, SkipCountsAsRead) {
  ResponseReader reader;
  reader.Start(false);
  ASSERT_TRUE(reader.Consume("HTTP/1.1 206 P\r\nContent-Length: 10\r\n\r\nab", nullptr));
  EXPECT_EQ(reader.SkippableBytes(), 8u);
  reader.Skip(8);
  EXPECT_TRUE(reader.done());
  EXPECT_EQ(reader.body_bytes(), 10u);
}

TEST(Response, MalformedIsRefused) {
  for (const std::string_view wire :
       {"HTTQ/1.1 200 OK\r\n\r\n", "HTTP/1.1 99x OK\r\n\r\n", "HTTP/1.1 200 OK\r\nnocolon\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n"}) {
    ResponseReader reader;
    reader.Start(false);
    EXPECT_FALSE(reader.Consume(wire, nullptr)) << wire;
  }
}

}  // namespace
}  // namespace ashlar::bench
