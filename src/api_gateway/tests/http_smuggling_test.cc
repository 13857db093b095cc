// Request smuggling: whatever two parsers may read differently ends the connection.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "api_gateway/tests/memory_connection.h"

namespace ashlar::api_gateway {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";

struct Vector {
  const char* what;
  std::string request;
  std::string_view code = "BadRequest";
};

std::vector<Vector> MalformedRequests() {
  const std::string get = "GET / HTTP/1.1\r\nHost: h\r\n";
  const std::string chunked = "Transfer-Encoding: chunked\r\n";
  const std::string many_headers = [] {
    std::string text;
    for (int i = 0; i < 100; ++i) text += "x-h-" + std::to_string(i) + ": v\r\n";
    return text;
  }();
  return {
      {"CL.TE", get + "Content-Length: 4\r\n" + chunked + "\r\n0\r\n\r\n"},
      {"TE.CL", get + chunked + "Content-Length: 4\r\n\r\n0\r\n\r\n"},
      {"two lengths", get + "Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde"},
      {"the same length twice", get + "Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd"},
      {"list of lengths", get + "Content-Length: 4, 4\r\n\r\nabcd"},
      {"signed length", get + "Content-Length: +4\r\n\r\nabcd"},
      {"negative length", get + "Content-Length: -1\r\n\r\n"},
      {"hex length", get + "Content-Length: 0x4\r\n\r\nabcd"},
      {"empty length", get + "Content-Length:\r\n\r\n"},
      {"huge length", get + "Content-Length: 99999999999999999999\r\n\r\n"},
      {"TE.TE", get + chunked + "Transfer-Encoding: identity\r\n\r\n0\r\n\r\n"},
      {"chunked twice", get + chunked + chunked + "\r\n0\r\n\r\n"},
      {"gzip, chunked", get + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"},
      {"chunked, identity", get + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"},
      {"xchunked", get + "Transfer-Encoding: xchunked\r\n\r\n"},
      {"vertical tab", get + "Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n"},
      {"quoted", get + "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n"},
      {"TE in HTTP/1.0", "GET / HTTP/1.0\r\n" + chunked + "\r\n0\r\n\r\n"},
      {"folded", get + "X-A: b\r\n c\r\n\r\n"},
      {"folded by a tab", get + "X-A: b\r\n\tc\r\n\r\n"},
      {"folded first", "GET / HTTP/1.1\r\n X: y\r\nHost: h\r\n\r\n"},
      {"bare LF in the head", "GET / HTTP/1.1\nHost: h\r\n\r\n"},
      {"bare LF at the end", get + "X: y\n\r\n"},
      {"bare LF as empty line", get + "\n"},
      {"bare CR", get + "X: a\rb\r\n\r\n"},
      {"space before colon", get + "Content-Length : 4\r\n\r\nabcd"},
      {"tab before colon", get + "Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n"},
      {"no colon", get + "nonsense\r\n\r\n"},
      {"empty name", get + ": v\r\n\r\n"},
      {"NUL in a value", get + std::string("X: a\0b\r\n\r\n", 10)},
      {"NUL in a name", get + std::string("X\0: a\r\n\r\n", 9)},
      {"DEL in a value", get + "X: a\x7f\r\n\r\n"},
      {"space in a name", get + "X Y: a\r\n\r\n"},
      {"no host", "GET / HTTP/1.1\r\n\r\n"},
      {"two hosts", get + "Host: i\r\n\r\n"},
      {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
      {"HTTP/1.2", "GET / HTTP/1.2\r\nHost: h\r\n\r\n"},
      {"HTTP/0.9", "GET /\r\n\r\n"},
      {"lower-case version", "GET / http/1.1\r\nHost: h\r\n\r\n"},
      {"method with a separator", "GE(T / HTTP/1.1\r\nHost: h\r\n\r\n"},
      {"two spaces", "GET  / HTTP/1.1\r\nHost: h\r\n\r\n"},
      {"space at the end", "GET / HTTP/1.1 \r\nHost: h\r\n\r\n"},
      {"space in the target", "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n"},
      {"TLS", "\x16\x03\x01\x02"},
      {"empty lines only", "\r\n\r\n"},
      {"101 headers", get + many_headers + "\r\n", "RequestHeaderSectionTooLarge"},
      {"large headers", get + "X: " + std::string(16 * 1024, 'x') + "\r\n\r\n",
       "RequestHeaderSectionTooLarge"},
      {"endless headers", get + "X: " + std::string(17 * 1024, 'x'),
       "RequestHeaderSectionTooLarge"},
      {"long target", "GET /" + std::string(17 * 1024, 'x') + " HTTP/1.1\r\nHost: h\r\n\r\n",
       "RequestHeaderSectionTooLarge"},
      {"endless target", "GET /" + std::string(20 * 1024, 'x'), "RequestHeaderSectionTooLarge"},
  };
}

TEST(HttpSmugglingTest, MalformedHeadsGetS3ErrorsAndTheEnd) {
  for (const Vector& vector : MalformedRequests()) {
    for (const size_t piece : {SIZE_MAX, size_t{3}}) {
      bool called = false;
      MemoryConnection connection([&called](HttpExchange& exchange) {
        called = true;
        return Echo(exchange);
      });
      connection.peer.read_bytes_max = piece;
      const std::string answer = connection.Exchange(vector.request + std::string(kGet));
      EXPECT_THAT(answer, StartsWith("HTTP/1.1 400 ")) << vector.what;
      EXPECT_THAT(answer, HasSubstr("<Code>" + std::string(vector.code) + "</Code>"))
          << vector.what;
      EXPECT_THAT(answer, HasSubstr("Content-Type: application/xml\r\n"));
      EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
      const size_t id = answer.find("x-amz-request-id: ") + 18;
      EXPECT_THAT(answer, HasSubstr("<RequestId>" + answer.substr(id, 16) + "</RequestId>"));
      EXPECT_EQ(CountOf(answer, "HTTP/1.1 "), 1U) << vector.what;
      EXPECT_FALSE(called) << vector.what;
      EXPECT_TRUE(connection.peer.server_closed_write) << vector.what;
    }
  }
}

TEST(HttpSmugglingTest, MalformedChunksFailTheBodyAndEndTheConnection) {
  const std::vector<std::string> bodies = {
      "xyz\r\n",
      "\r\n",
      "-3\r\nabc\r\n0\r\n\r\n",
      "+3\r\nabc\r\n0\r\n\r\n",
      "0x3\r\nabc\r\n0\r\n\r\n",
      " 3\r\nabc\r\n0\r\n\r\n",
      "3 \r\nabc\r\n0\r\n\r\n",
      "3\nabc\r\n0\r\n\r\n",
      "3\r\nabcd\r\n0\r\n\r\n",
      "3\r\nabc\n0\r\n\r\n",
      "3\r\nabcX\r\n",
      "3\r\nabc\rX0\r\n\r\n",
      "00000000000000003\r\nabc\r\n0\r\n\r\n",
      "ffffffffffffffff\r\nabc\r\n0\r\n\r\n",
      "3;" + std::string(256, 'e') + "\r\nabc\r\n0\r\n\r\n",
      "3;e\x01\r\nabc\r\n0\r\n\r\n",
      "3;e\n\r\nabc\r\n0\r\n\r\n",
      "3;" + std::string(400, 'e'),
      "0\r\nno colon\r\n\r\n",
      "0\r\nname : v\r\n\r\n",
      "0\r\n: v\r\n\r\n",
      "0\r\nX: v\n\r\n",
      "0\r\nX: " + std::string(17'000, 'v') + "\r\n\r\n",
      "0\r\nX: " + std::string(17'000, 'v'),
  };
  for (const std::string& body : bodies) {
    for (const size_t piece : {SIZE_MAX, size_t{1}}) {
      MemoryConnection connection(Echo);
      connection.peer.read_bytes_max = piece;
      const std::string answer =
          connection.Exchange("PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" +
                              body + std::string(kGet));
      EXPECT_THAT(answer, StartsWith("HTTP/1.1 400 ")) << body;
      EXPECT_THAT(answer, EndsWith("InvalidArgument")) << body;
      EXPECT_EQ(CountOf(answer, "HTTP/1.1 "), 1U) << body;
      EXPECT_TRUE(connection.peer.server_closed_write) << body;
    }
  }
}

}  // namespace
}  // namespace ashlar::api_gateway
