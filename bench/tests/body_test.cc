#include "load/body.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "load/request.h"

namespace ashlar::bench {
namespace {

std::string Contents(const BodyPool& pool, uint64_t offset, uint64_t size) {
  std::string out;
  while (out.size() < size) out += pool.Piece(offset, out.size(), size - out.size());
  return out;
}

// The wire bytes from `start` on, gathered `capacity` vectors at a time.
std::string Wire(const BodyStream& stream, uint64_t start, int capacity) {
  std::string out;
  std::vector<iovec> vectors(static_cast<size_t>(capacity));
  while (start + out.size() < stream.wire_bytes()) {
    const int count = stream.Gather(start + out.size(), vectors.data(), capacity);
    if (count == 0) break;
    for (int i = 0; i < count; ++i) {
      const iovec& vector = vectors[static_cast<size_t>(i)];
      out.append(static_cast<const char*>(vector.iov_base), vector.iov_len);
    }
  }
  return out;
}

TEST(Crc32c, KnownValues) {
  EXPECT_EQ(Crc32c(0, "123456789"), 0xe3069283u);            // the check value of the CRC catalogue
  EXPECT_EQ(Crc32c(0, std::string(32, '\0')), 0x8a9136aau);  // RFC 3720, B.4
  EXPECT_EQ(Crc32c(Crc32c(0, "1234"), "56789"), 0xe3069283u);
  EXPECT_EQ(Crc32cText(0xe3069283u), "4waSgw==");
}

TEST(BodyPool, WrapsAndTellsEveryByte) {
  const BodyPool pool(1 << 16);
  const uint64_t offset = (1 << 16) - 5;
  const std::string body = Contents(pool, offset, 200'000);
  EXPECT_TRUE(pool.Equals(offset, 0, body));
  EXPECT_TRUE(pool.Equals(offset, 777, std::string_view(body).substr(777)));
  for (const size_t at : {size_t{0}, size_t{4}, size_t{5}, size_t{65'541}, body.size() - 1}) {
    std::string wrong = body;
    wrong[at] = static_cast<char>(wrong[at] ^ 1);
    EXPECT_FALSE(pool.Equals(offset, 0, wrong)) << at;
  }
  EXPECT_EQ(pool.Checksum(offset, body.size()), Crc32c(0, body));
}

TEST(BodyPool, SameInEveryProcessAndDistinctPerKey) {
  const BodyPool first(1 << 20);
  const BodyPool second(1 << 20);
  EXPECT_EQ(Contents(first, 3, 100), Contents(second, 3, 100));
  std::set<uint64_t> offsets;
  for (int i = 0; i < 1000; ++i) offsets.insert(first.OffsetOf("bench/" + std::to_string(i)));
  EXPECT_GT(offsets.size(), 990u);
}

TEST(BodyStream, FramedHasChunksAndTrailer) {
  const BodyPool pool(1 << 20);
  const std::string body = Contents(pool, 9, 65536 + 10);
  const BodyStream stream = BodyStream::Framed(&pool, 9, body.size());
  const std::string expected =
      "10000\r\n" + body.substr(0, 65536) + "\r\na\r\n" + body.substr(65536) +
      "\r\n0\r\nx-amz-checksum-crc32c:" + Crc32cText(Crc32c(0, body)) + "\r\n\r\n";
  EXPECT_EQ(Wire(stream, 0, 64), expected);
  EXPECT_EQ(stream.wire_bytes(), expected.size());
}

TEST(BodyStream, ResumesFromAnyPosition) {
  const BodyPool pool(1 << 17);
  for (const uint64_t size : {0, 1, 65535, 65536, 65537, 131072, 200'000}) {
    const BodyStream plain = BodyStream::Plain(&pool, 131'000, size);
    EXPECT_EQ(Wire(plain, 0, 1), Contents(pool, 131'000, size));
    const BodyStream framed = BodyStream::Framed(&pool, 131'000, size);
    const std::string whole = Wire(framed, 0, 64);
    ASSERT_EQ(whole.size(), BodyStream::FramedBytes(size));
    for (uint64_t start = 0; start < whole.size(); start += start % 65536 < 40 ? 1 : 9973) {
      ASSERT_EQ(Wire(framed, start, 3), whole.substr(start)) << size << " from " << start;
    }
  }
}

TEST(Request, PutHeadCarriesLengthAndSignature) {
  const BodyPool pool(1 << 16);
  RequestContext context;
  context.endpoint = *Endpoint::Parse("http://localhost:9000");
  context.credentials = {"AK", "SK", "us-east-1"};
  context.bucket = "b";
  context.prefix = "a b/";
  context.object_bytes = 10;
  RequestRenderer renderer(context, &pool);
  RenderedRequest request;
  renderer.Render({Operation::kPut, 7, 0}, 1369353600, &request);
  EXPECT_TRUE(request.head.starts_with("PUT /b/a%20b/10/0000000007 HTTP/1.1\r\n")) << request.head;
  EXPECT_NE(request.head.find("\r\ncontent-length: 10\r\n"), std::string::npos);
  EXPECT_NE(request.head.find("SignedHeaders=host;x-amz-content-sha256;x-amz-date,"),
            std::string::npos);
  EXPECT_TRUE(request.head.ends_with("\r\n\r\n"));
  EXPECT_EQ(request.pool_offset, pool.OffsetOf("a b/10/0000000007"));

  context.payload = PayloadMode::kStreamingTrailer;
  RequestRenderer framed(context, &pool);
  framed.Render({Operation::kPut, 7, 0}, 1369353600, &request);
  EXPECT_NE(request.head.find("\r\nx-amz-decoded-content-length: 10\r\n"), std::string::npos);
  EXPECT_NE(request.head.find("\r\ncontent-length: " + std::to_string(BodyStream::FramedBytes(10)) +
                              "\r\n"),
            std::string::npos);
}

}  // namespace
}  // namespace ashlar::bench
