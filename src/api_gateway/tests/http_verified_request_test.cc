// Authenticated bodies through a whole connection: every payload mode, whole and torn, right and
// tampered with. The handler's answer tells what the verified body said.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>

#include "api_gateway/protocol/checksum_headers.h"
#include "api_gateway/tests/memory_connection.h"
#include "api_gateway/tests/test_signer.h"
#include "api_gateway/verified_request.h"

namespace ashlar::api_gateway {
namespace {

using testing::ChunkedWriter;
using testing::ClientRequest;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using testing::Keys;
using testing::Signer;
using ::testing::StartsWith;

struct Gateway {
  Keys keys = Keys::Example();
  size_t read_bytes = 10'000;
  bool hash_behind = false;  // into buffers that the body may hold, beside one that stands still
  BodyOptions options;
  int bodies_opened = 0;
  std::optional<model::Checksum> checksum;
  std::string body;
};

Task<void> RespondError(HttpExchange& exchange, S3Error error) {
  ResponseHead head;
  head.status = error.http_status;
  std::string body = RenderErrorXml(error, {}, exchange.request_id(), {});
  (void)co_await exchange.Respond(std::move(head), std::move(body));
}

// A new block for each read while hashes may be behind, else the same for all.
Task<Result<SharedBuffer>> NextBlock(BufferPool& pool, SharedBuffer last, const Gateway& gateway) {
  if (last != nullptr && !gateway.hash_behind) co_return last;
  CO_ASSIGN_OR_RETURN(PooledBuffer block,
                      co_await pool.Acquire(gateway.read_bytes, Duration::zero()));
  co_return std::make_shared<PooledBuffer>(std::move(block));
}

Task<S3Result<std::string>> ReadObject(VerifiedRequest request, Gateway* gateway) {
  BufferPool pool(64 << 20);
  auto body = request.OpenBody(gateway->options);
  if (!body.ok()) co_return body.error();
  ++gateway->bodies_opened;
  SharedBuffer buffer;
  MutableByteSpan out;
  std::string bytes;
  while (true) {
    buffer = (co_await NextBlock(pool, std::move(buffer), *gateway)).value();
    out = buffer->span().first(gateway->read_bytes);
    SharedBuffer lent;
    if (gateway->hash_behind) lent = buffer;
    const Result<size_t> count = co_await (*body)->ReadShared(out, std::move(lent));
    if (!count.ok()) {
      CHECK((*body)->error().has_value());
      const Result<size_t> again = co_await (*body)->Read(out);
      CHECK(!again.ok());
      co_return *(*body)->error();
    }
    if (*count == 0) break;
    bytes += AsText(ByteSpan(out).first(*count));
  }
  const Result<size_t> again = co_await (*body)->Read(out);
  CHECK(again.ok() && *again == 0);
  CHECK((*body)->size() == bytes.size());
  CHECK((*body)->Md5() == Md5(AsBytes(bytes)));
  CHECK((*body)->Crc64Nvme() == Crc64Nvme(0, AsBytes(bytes)));
  gateway->checksum = (*body)->Checksum();
  gateway->body = bytes;
  co_return std::string("stored");
}

Task<void> Handle(HttpExchange& exchange, Gateway* gateway) {
  AuthContext context;
  context.now_seconds = 1369353600;
  auto verified = VerifiedRequest::Authenticate(exchange, context, gateway->keys);
  if (!verified.ok()) {
    co_await RespondError(exchange, verified.error());
    co_return;
  }
  Md5Hasher unused;
  std::optional<HashBundler::Body> stands_still;
  if (gateway->hash_behind) stands_still.emplace(exchange.hash_bundler(), unused, nullptr);
  const bool small = exchange.request().HasQuery("small");
  S3Result<std::string> answer(std::string{});
  if (small) {
    answer = co_await verified->ReadSmallBody(100, exchange.request().HasQuery("integrity"));
  } else {
    answer = co_await ReadObject(*verified, gateway);
  }
  if (!answer.ok()) {
    co_await RespondError(exchange, answer.error());
    co_return;
  }
  ResponseHead head;
  (void)co_await exchange.Respond(std::move(head), *std::move(answer));
}

std::string ToWire(const HttpRequest& request, std::string_view body, bool with_length = true) {
  std::string wire = request.method + " " + request.raw_target + " HTTP/1.1\r\n";
  for (const Header& header : request.headers) wire += header.name + ": " + header.value + "\r\n";
  if (with_length) wire += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  return wire + "\r\n" + std::string(body);
}

class VerifiedRequestTest : public ::testing::Test {
 protected:
  // The answer, after checking that an error stored nothing.
  std::string Send(const std::string& wire, size_t piece = SIZE_MAX) {
    gateway_.checksum.reset();
    gateway_.body.clear();
    HttpServerOptions options;
    MemoryConnection connection(
        [this](HttpExchange& exchange) { return Handle(exchange, &gateway_); }, options);
    connection.peer.read_bytes_max = piece;
    std::string answer = connection.Exchange(wire);
    if (answer.empty()) {
      connection.peer.Close();
      connection.executor.Run();
      answer = connection.peer.Take();
    }
    if (!answer.starts_with("HTTP/1.1 200 ")) {
      EXPECT_FALSE(gateway_.checksum.has_value());
    }
    return answer;
  }
  static std::string Hash(std::string_view body) { return HexEncode(Sha256(AsBytes(body))); }
  std::string Put(ClientRequest request, std::string_view body) {
    request.method = "PUT";
    return ToWire(signer_.Sign(request), body);
  }
  // With the framing of an aws-chunked upload of `payload`.
  ClientRequest Streaming(std::string_view hash, size_t length) const {
    ClientRequest request;
    request.method = "PUT";
    request.payload_hash = hash;
    request.headers = {{"content-encoding", "aws-chunked"},
                       {"x-amz-decoded-content-length", std::to_string(length)}};
    return request;
  }
  std::string SeedSignature(const HttpRequest& request) const {
    const std::string text(*request.Find("authorization"));
    return text.substr(text.rfind('=') + 1);
  }
  std::string SignedChunks(const HttpRequest& request, std::string_view payload,
                           const std::optional<std::pair<std::string, std::string>>& trailer) {
    ChunkedWriter writer{.signer = signer_, .previous = SeedSignature(request)};
    for (size_t at = 0; at < payload.size(); at += 10'000) writer.Chunk(payload.substr(at, 10'000));
    writer.Chunk("");
    if (trailer.has_value()) {
      writer.Trailer(trailer->first, trailer->second);
    } else {
      writer.End();
    }
    return writer.body;
  }

  Gateway gateway_;
  Signer signer_;
  const std::string payload_ = [] {
    std::string text(25'000, 'x');
    for (size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>('a' + i % 25);
    return text;
  }();
};

TEST_F(VerifiedRequestTest, SignedHashInAnyPieces) {
  ClientRequest request;
  request.payload_hash = Hash(payload_);
  const std::string wire = Put(request, payload_);
  for (const size_t piece : {SIZE_MAX, size_t{1}, size_t{777}}) {
    gateway_.read_bytes = piece == 1 ? 13 : 10'000;
    EXPECT_THAT(Send(wire, piece), EndsWith("stored"));
    EXPECT_EQ(gateway_.body, payload_);
    EXPECT_EQ(gateway_.checksum->algorithm, model::ChecksumAlgorithm::kCrc64Nvme);
  }
  std::string changed = wire;
  changed.back() ^= 1;
  EXPECT_THAT(Send(changed), HasSubstr("<Code>XAmzContentSHA256Mismatch</Code>"));
  EXPECT_THAT(Send(wire.substr(0, wire.size() - 1)), HasSubstr("<Code>IncompleteBody</Code>"));
}

// Bodies above 128 KiB are hashed in pieces of 64 KiB, which wait for each other.
class LargeBodiesTest : public VerifiedRequestTest, public ::testing::WithParamInterface<bool> {};

TEST_P(LargeBodiesTest, InAnyPieces) {
  gateway_.hash_behind = GetParam();
  std::string large;
  while (large.size() < 500'000) large += payload_ + std::to_string(large.size());
  for (const size_t size : {size_t{131'072}, size_t{131'073}, size_t{196'608}, large.size()}) {
    const std::string body = large.substr(0, size);
    for (const bool is_signed : {false, true}) {
      ClientRequest request;
      request.payload_hash = is_signed ? Hash(body) : "UNSIGNED-PAYLOAD";
      request.headers = {{"content-md5", Base64Encode(Md5(AsBytes(body)))}};
      const std::string wire = Put(request, body);
      for (const size_t piece : {SIZE_MAX, size_t{7'777}}) {
        gateway_.read_bytes = piece == SIZE_MAX ? 640 * 1024 : 100'000;
        EXPECT_THAT(Send(wire, piece), EndsWith("stored"));
        EXPECT_EQ(gateway_.body, body);
      }
      EXPECT_THAT(Send(wire.substr(0, wire.size() - 1)), HasSubstr("<Code>IncompleteBody</Code>"));
      std::string changed = wire;
      changed[changed.size() - size / 2] ^= 1;
      EXPECT_THAT(Send(changed), HasSubstr(is_signed ? "<Code>XAmzContentSHA256Mismatch</Code>"
                                                     : "<Code>BadDigest</Code>"));
    }
    const HttpRequest streaming =
        signer_.Sign(Streaming("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", body.size()));
    const std::string chunks = SignedChunks(streaming, body, std::nullopt);
    for (const size_t piece : {SIZE_MAX, size_t{7'777}}) {
      EXPECT_THAT(Send(ToWire(streaming, chunks), piece), EndsWith("stored"));
      EXPECT_EQ(gateway_.body, body);
    }
    EXPECT_THAT(Send(ToWire(streaming, chunks.substr(0, chunks.size() / 2))),
                HasSubstr("<Code>IncompleteBody</Code>"));
  }
}
INSTANTIATE_TEST_SUITE_P(HashedAtOnceOrBehind, LargeBodiesTest, ::testing::Bool());

TEST_F(VerifiedRequestTest, EmptyBody) {
  EXPECT_THAT(Send(Put({}, "")), EndsWith("stored"));
  EXPECT_EQ(gateway_.body, "");
  EXPECT_EQ(gateway_.checksum->value, "AAAAAAAAAAA=");
}

TEST_F(VerifiedRequestTest, UnsignedAndPresigned) {
  ClientRequest request;
  request.payload_hash = "UNSIGNED-PAYLOAD";
  EXPECT_THAT(Send(Put(request, payload_)), EndsWith("stored"));
  request.method = "PUT";
  const HttpRequest presigned = signer_.Presign(request);
  EXPECT_THAT(Send(ToWire(presigned, payload_)), EndsWith("stored"));
  EXPECT_EQ(gateway_.body, payload_);
}

TEST_F(VerifiedRequestTest, RefusedBeforeAnyByteOfTheBody) {
  ClientRequest request;
  request.payload_hash = Hash(payload_);
  request.headers = {{"expect", "100-continue"}};
  std::string wire = Put(request, payload_);
  wire.resize(wire.size() - payload_.size());
  const size_t at = wire.find("Signature=") + 10;
  std::string forged = wire;
  forged[at] = forged[at] == '0' ? '1' : '0';
  const std::string refused = Send(forged);
  EXPECT_THAT(refused, StartsWith("HTTP/1.1 403 "));
  EXPECT_THAT(refused, HasSubstr("<Code>SignatureDoesNotMatch</Code>"));
  EXPECT_EQ(gateway_.bodies_opened, 0);
  EXPECT_THAT(Send(wire), StartsWith("HTTP/1.1 100 Continue\r\n\r\n"));
  EXPECT_EQ(gateway_.bodies_opened, 1);
  // Nobody: what nobody may do is for authorisation to say.
  EXPECT_THAT(Send("PUT /b/k HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"),
              EndsWith("stored"));
}

TEST_F(VerifiedRequestTest, ContentMd5) {
  ClientRequest request;
  request.payload_hash = Hash(payload_);
  request.headers = {{"content-md5", Base64Encode(Md5(AsBytes(payload_)))}};
  EXPECT_THAT(Send(Put(request, payload_)), EndsWith("stored"));
  request.headers = {{"content-md5", Base64Encode(Md5(AsBytes("other")))}};
  EXPECT_THAT(Send(Put(request, payload_)), HasSubstr("<Code>BadDigest</Code>"));
  request.headers = {{"content-md5", "bm90IGEgZGlnZXN0"}};
  EXPECT_THAT(Send(Put(request, payload_)), HasSubstr("<Code>InvalidDigest</Code>"));
}

TEST_F(VerifiedRequestTest, HeaderChecksumsOfEveryAlgorithm) {
  for (int i = 0; i < kChecksumAlgorithmCount; ++i) {
    const auto algorithm = static_cast<ChecksumAlgorithm>(i);
    ChecksumCalculator calculator(algorithm);
    calculator.Update(AsBytes(payload_));
    const std::string value = Base64Encode(AsBytes(calculator.Finish()));
    ClientRequest request;
    request.payload_hash = Hash(payload_);
    request.headers = {{std::string(NamesOf(algorithm).header), value}};
    EXPECT_THAT(Send(Put(request, payload_)), EndsWith("stored"));
    ASSERT_TRUE(gateway_.checksum.has_value());
    EXPECT_EQ(gateway_.checksum->value, value);
    EXPECT_EQ(static_cast<int>(gateway_.checksum->algorithm), i + 1);
    std::string other = payload_;
    other[100] ^= 1;
    request.payload_hash = Hash(other);
    EXPECT_THAT(Send(Put(request, other)), HasSubstr("<Code>BadDigest</Code>"));
  }
}

TEST_F(VerifiedRequestTest, SignedChunks) {
  const HttpRequest request =
      signer_.Sign(Streaming("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", payload_.size()));
  const std::string body = SignedChunks(request, payload_, std::nullopt);
  for (const size_t piece : {SIZE_MAX, size_t{1}, size_t{1000}}) {
    for (const size_t read_bytes : {size_t{1}, size_t{9'000}, size_t{1'000'000}}) {
      gateway_.read_bytes = read_bytes;
      EXPECT_THAT(Send(ToWire(request, body), piece), EndsWith("stored"));
      EXPECT_EQ(gateway_.body, payload_);
    }
  }
  for (const size_t at : {body.find(payload_.substr(0, 50)) + 3, body.find("signature=") + 12,
                          body.rfind("signature=") + 12}) {
    std::string changed = body;
    changed[at] = changed[at] == 'a' ? 'b' : 'a';
    EXPECT_THAT(Send(ToWire(request, changed)), HasSubstr("<Code>SignatureDoesNotMatch</Code>"));
  }
  const std::string cut = body.substr(0, body.rfind("0;chunk"));
  EXPECT_THAT(Send(ToWire(request, cut)), HasSubstr("<Code>IncompleteBody</Code>"));
}

TEST_F(VerifiedRequestTest, SignedTrailer) {
  ClientRequest streaming =
      Streaming("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", payload_.size());
  streaming.headers.emplace_back("x-amz-trailer", "x-amz-checksum-crc32c");
  ChecksumCalculator calculator(ChecksumAlgorithm::kCrc32c);
  calculator.Update(AsBytes(payload_));
  const std::string value = Base64Encode(AsBytes(calculator.Finish()));
  const HttpRequest request = signer_.Sign(streaming);
  const std::string body =
      SignedChunks(request, payload_, std::pair("x-amz-checksum-crc32c", value));
  EXPECT_THAT(Send(ToWire(request, body)), EndsWith("stored"));
  EXPECT_EQ(gateway_.checksum->value, value);
  EXPECT_EQ(gateway_.checksum->algorithm, model::ChecksumAlgorithm::kCrc32c);
  const std::string wrong =
      SignedChunks(request, payload_, std::pair("x-amz-checksum-crc32c", "AAAAAA=="));
  EXPECT_THAT(Send(ToWire(request, wrong)), HasSubstr("<Code>BadDigest</Code>"));
}

TEST_F(VerifiedRequestTest, UnsignedTrailerAlsoInHttpChunks) {
  ClientRequest streaming = Streaming("STREAMING-UNSIGNED-PAYLOAD-TRAILER", payload_.size());
  streaming.headers.emplace_back("x-amz-trailer", "x-amz-checksum-crc32");
  streaming.headers.emplace_back("transfer-encoding", "chunked");
  ChecksumCalculator calculator(ChecksumAlgorithm::kCrc32);
  calculator.Update(AsBytes(payload_));
  const std::string value = Base64Encode(AsBytes(calculator.Finish()));
  for (const bool right : {true, false}) {
    const HttpRequest request = signer_.Sign(streaming);
    ChunkedWriter writer{.is_signed = false};
    writer.Chunk(payload_);
    writer.Chunk("");
    writer.Trailer("x-amz-checksum-crc32", right ? value : "AAAAAA==");
    char size[20];
    std::snprintf(size, sizeof(size), "%zX\r\n", writer.body.size());
    const std::string body = size + writer.body + "\r\n0\r\n\r\n";
    const std::string answer = Send(ToWire(request, body, false), 500);
    EXPECT_THAT(answer, right ? HasSubstr("stored") : HasSubstr("<Code>BadDigest</Code>"));
  }
}

TEST_F(VerifiedRequestTest, LengthsAreDemandedAndLimited) {
  ClientRequest request;
  request.method = "PUT";
  request.payload_hash = "UNSIGNED-PAYLOAD";
  EXPECT_THAT(Send(ToWire(signer_.Sign(request), "", false)), StartsWith("HTTP/1.1 411 "));
  ClientRequest chunked = request;
  chunked.headers = {{"transfer-encoding", "chunked"}};
  EXPECT_THAT(Send(ToWire(signer_.Sign(chunked), "0\r\n\r\n", false)),
              HasSubstr("<Code>MissingContentLength</Code>"));
  std::string large = ToWire(signer_.Sign(request), "", false);
  large.insert(large.size() - 2, "Content-Length: 5368709121\r\n");
  EXPECT_THAT(Send(large), HasSubstr("<Code>EntityTooLarge</Code>"));
  const ClientRequest streaming = Streaming("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", (5ULL << 30) + 1);
  EXPECT_THAT(Send(ToWire(signer_.Sign(streaming), "0")), HasSubstr("<Code>EntityTooLarge</Code>"));
  gateway_.options.allow_streaming = false;
  const ClientRequest refused = Streaming("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", 5);
  EXPECT_THAT(Send(ToWire(signer_.Sign(refused), "0")), HasSubstr("<Code>InvalidRequest</Code>"));
}

TEST_F(VerifiedRequestTest, TrailerWithoutTrailerModeIsRefused) {
  ClientRequest request;
  request.payload_hash = Hash("abc");
  request.headers = {{"x-amz-trailer", "x-amz-checksum-crc32"}};
  EXPECT_THAT(Send(Put(request, "abc")), HasSubstr("<Code>InvalidRequest</Code>"));
}

TEST_F(VerifiedRequestTest, WithoutDefaultChecksumThereIsNone) {
  gateway_.options.default_checksum = model::ChecksumAlgorithm::kNone;
  ClientRequest request;
  request.payload_hash = Hash(payload_);
  EXPECT_THAT(Send(Put(request, payload_)), EndsWith("stored"));
  EXPECT_EQ(gateway_.checksum->algorithm, model::ChecksumAlgorithm::kNone);
}

TEST_F(VerifiedRequestTest, SmallBodies) {
  ClientRequest request;
  request.query = {{"small", ""}};
  const std::string text = "<Delete/>";
  request.payload_hash = Hash(text);
  EXPECT_THAT(Send(Put(request, text)), EndsWith("<Delete/>"));
  EXPECT_THAT(Send(Put(request, "<Delete!>")), HasSubstr("<Code>XAmzContentSHA256Mismatch</Code>"));
  const std::string limit(100, 'x');
  request.payload_hash = Hash(limit);
  EXPECT_THAT(Send(Put(request, limit)), EndsWith(limit));
  const std::string beyond(101, 'x');
  request.payload_hash = Hash(beyond);
  EXPECT_THAT(Send(Put(request, beyond)), HasSubstr("<Code>MaxMessageLengthExceeded</Code>"));
  ClientRequest chunked = request;
  chunked.method = "PUT";
  chunked.headers = {{"transfer-encoding", "chunked"}};
  EXPECT_THAT(Send(ToWire(signer_.Sign(chunked), "65\r\n" + beyond + "\r\n0\r\n\r\n", false)),
              HasSubstr("<Code>MaxMessageLengthExceeded</Code>"));
}

TEST_F(VerifiedRequestTest, SmallBodiesWithIntegrity) {
  ClientRequest request;
  request.query = {{"integrity", ""}, {"small", ""}};
  const std::string text = "<Delete/>";
  request.payload_hash = Hash(text);
  EXPECT_THAT(Send(Put(request, text)), HasSubstr("<Code>InvalidRequest</Code>"));
  request.headers = {{"content-md5", Base64Encode(Md5(AsBytes(text)))}};
  EXPECT_THAT(Send(Put(request, text)), EndsWith("<Delete/>"));
  request.headers = {{"content-md5", Base64Encode(Md5(AsBytes("x")))}};
  EXPECT_THAT(Send(Put(request, text)), HasSubstr("<Code>BadDigest</Code>"));
  request.headers = {{"x-amz-checksum-crc32", "AAAAAA=="}};
  EXPECT_THAT(Send(Put(request, text)), HasSubstr("<Code>BadDigest</Code>"));
}

}  // namespace
}  // namespace ashlar::api_gateway
