// Chunked bodies: the examples of the AWS documentation, whole and torn at every byte, and each way
// in which a body can be wrong.
#include "api_gateway/protocol/aws_chunked.h"

#include <gtest/gtest.h>

#include "api_gateway/tests/test_signer.h"

namespace ashlar::api_gateway {
namespace {

using testing::ChunkedWriter;
using testing::Signer;

struct Decoded {
  std::string payload;
  std::optional<S3Error> error;
  std::vector<std::pair<std::string, std::string>> trailers;
  S3Code code() const { return error ? error->code : S3Code::kNotModified; }
};

// Feeds `step` bytes at a time.
Decoded Decode(const AwsChunkedOptions& options, std::string_view body, size_t step = SIZE_MAX) {
  AwsChunkedDecoder decoder(options);
  Decoded decoded;
  while (!body.empty() && !decoder.error()) {
    const std::string_view piece = body.substr(0, step);
    const auto fed = decoder.Feed(AsBytes(piece));
    decoded.payload += AsText(fed.payload);
    body.remove_prefix(fed.consumed);
  }
  decoded.error = decoder.Finish();
  decoded.trailers = decoder.trailers();
  return decoded;
}

AwsChunkedOptions Options(PayloadMode mode, uint64_t length, std::vector<std::string> trailers = {},
                          std::string seed = std::string(64, '0')) {
  const Signer signer;
  return {.mode = mode,
          .decoded_length = length,
          .trailers = std::move(trailers),
          .signing_key = signer.Key(),
          .seed_signature = std::move(seed),
          .scope = signer.Scope(),
          .amz_date = signer.AmzDate()};
}

std::string DocumentedBody() {
  return "10000;chunk-signature="
         "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n" +
         std::string(65536, 'a') +
         "\r\n400;chunk-signature="
         "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n" +
         std::string(1024, 'a') +
         "\r\n0;chunk-signature="
         "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n"
         "\r\n";
}
AwsChunkedOptions DocumentedOptions() {
  return Options(PayloadMode::kStreamingSigned, 66560, {},
                 "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9");
}

TEST(AwsChunked, DocumentedExample) {
  const std::string body = DocumentedBody();
  EXPECT_EQ(body.size(), 66824u);
  for (const size_t step : {size_t{1}, size_t{7}, size_t{4096}, body.size()}) {
    const Decoded decoded = Decode(DocumentedOptions(), body, step);
    EXPECT_FALSE(decoded.error) << decoded.error->message;
    EXPECT_EQ(decoded.payload, std::string(66560, 'a'));
  }
}

TEST(AwsChunked, DocumentedTrailerExample) {
  const std::string body =
      "10000;chunk-signature=b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2\r\n" +
      std::string(65536, 'a') +
      "\r\n400;chunk-signature="
      "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7\r\n" +
      std::string(1024, 'a') +
      "\r\n0;chunk-signature=2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992\r\n"
      "x-amz-checksum-crc32c:sOO8/Q==\r\n"
      "x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n"
      "\r\n";
  const auto options =
      Options(PayloadMode::kStreamingSignedTrailer, 66560, {"x-amz-checksum-crc32c"},
              "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e");
  const Decoded decoded = Decode(options, body, 999);
  EXPECT_FALSE(decoded.error) << decoded.error->message;
  EXPECT_EQ(decoded.payload.size(), 66560u);
  ASSERT_EQ(decoded.trailers.size(), 1u);
  EXPECT_EQ(decoded.trailers[0].second, "sOO8/Q==");
  // minio-go separates the trailer from its signature by an empty line.
  std::string minio = body;
  minio.replace(minio.find("sOO8/Q==\r\n"), 10, "sOO8/Q==\n\r\n");
  EXPECT_FALSE(Decode(options, minio).error);
  // The trailer is signed: its value cannot be changed.
  std::string changed = body;
  changed[changed.find("sOO8")] = 't';
  EXPECT_EQ(Decode(options, changed).code(), S3Code::kSignatureDoesNotMatch);
}

TEST(AwsChunked, EveryTruncationIsIncomplete) {
  ChunkedWriter writer{.previous = std::string(64, '0')};
  writer.Chunk("hello");
  writer.Chunk("");
  writer.Trailer("x-amz-checksum-crc32", "AAAAAA==");
  const auto options = Options(PayloadMode::kStreamingSignedTrailer, 5, {"x-amz-checksum-crc32"});
  ASSERT_FALSE(Decode(options, writer.body).error);
  for (size_t size = 0; size < writer.body.size(); ++size) {
    EXPECT_EQ(Decode(options, std::string_view(writer.body).substr(0, size)).code(),
              S3Code::kIncompleteBody)
        << size;
  }
}

TEST(AwsChunked, EveryChangedByteIsNoticed) {
  ChunkedWriter writer{.previous = std::string(64, '0')};
  writer.Chunk("hello");
  writer.Chunk("");
  writer.Trailer("x-amz-checksum-crc32", "AAAAAA==");
  const auto options = Options(PayloadMode::kStreamingSignedTrailer, 5, {"x-amz-checksum-crc32"});
  for (size_t i = 0; i < writer.body.size(); ++i) {
    for (const char flip : {'\x01', '\x80'}) {
      std::string changed = writer.body;
      changed[i] ^= flip;
      EXPECT_TRUE(Decode(options, changed).error.has_value()) << i;
    }
  }
}

TEST(AwsChunked, UnsignedTrailer) {
  const auto options = Options(PayloadMode::kStreamingUnsignedTrailer, 5, {"x-amz-checksum-crc32"});
  const auto code = [&options](std::string_view body) { return Decode(options, body).code(); };
  const S3Code fine = S3Code::kNotModified;
  EXPECT_EQ(code("5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n"), fine);
  EXPECT_EQ(code("5\r\nhello\r\n0\r\nX-Amz-Checksum-CRC32: NhCmhg== \r\n\r\n"), fine);
  // minio-go's form.
  EXPECT_EQ(code("5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\n\r\n\r\n"), fine);
  EXPECT_EQ(code("5\r\nhello\r\n0\r\n\r\n"), S3Code::kIncompleteBody);
  EXPECT_EQ(code("5\r\nhello\r\n0\r\nx-amz-checksum-sha1:NhCmhg==\r\n\r\n"),
            S3Code::kMalformedTrailerError);
  EXPECT_EQ(code("5\r\nhello\r\n0\r\nx-amz-checksum-crc32:a\r\nx-amz-meta-b:c\r\n\r\n"),
            S3Code::kMalformedTrailerError);
  EXPECT_EQ(code("5\r\nhello\r\n0\r\nx-amz-checksum-crc32:a\r\nx-amz-checksum-crc32:a\r\n\r\n"),
            S3Code::kMalformedTrailerError);
  EXPECT_EQ(code("5\r\nhello\r\n0\r\nno colon\r\n\r\n"), S3Code::kMalformedTrailerError);
  EXPECT_EQ(code("5\r\nhello\r\n0\r\nx-amz-checksum-crc32:a\r\n\r\nmore"), S3Code::kIncompleteBody);
  EXPECT_EQ(code("5\r\nhello\r\n0\r\nx-amz-checksum-crc32:a\r\n\r\n\r\n\r\n"),
            S3Code::kIncompleteBody);
  EXPECT_EQ(code("5\r\nhello\r\n0\r\nx-amz-checksum-crc32:" + std::string(20000, 'a')),
            S3Code::kMalformedTrailerError);
}

TEST(AwsChunked, FramingIsStrict) {
  const auto options = Options(PayloadMode::kStreamingUnsignedTrailer, 5);
  const auto code = [&options](std::string_view body) { return Decode(options, body).code(); };
  EXPECT_EQ(code("5\r\nhello\r\n0\r\n\r\n"), S3Code::kNotModified);
  EXPECT_EQ(code("5;x=y\r\nhello\r\n0\r\n\r\n"), S3Code::kNotModified);
  EXPECT_EQ(code("0000000000000005\r\nhello\r\n0\r\n\r\n"), S3Code::kNotModified);
  for (const char* body :
       {"00000000000000005\r\nhello\r\n0\r\n\r\n", "5\nhello\r\n0\r\n\r\n", "5\r\nhello\n0\r\n\r\n",
        "-5\r\nhello\r\n0\r\n\r\n", "0x5\r\nhello\r\n0\r\n\r\n", " 5\r\nhello\r\n0\r\n\r\n",
        "\r\nhello\r\n0\r\n\r\n", "6\r\nhello!\r\n0\r\n\r\n", "4\r\nhell\r\n0\r\n\r\n",
        "5\r\nhelloX\r\n0\r\n\r\n", "ffffffffffffffff\r\nhello\r\n0\r\n\r\n", "hello"}) {
    EXPECT_EQ(code(body), S3Code::kIncompleteBody) << body;
  }
  EXPECT_EQ(code("5;" + std::string(300, 'e') + "\r\nhello\r\n0\r\n\r\n"), S3Code::kIncompleteBody);
  EXPECT_EQ(code(std::string(1 << 20, 'e')), S3Code::kIncompleteBody);
}

TEST(AwsChunked, OnlyTheLastChunkMayBeSmall) {
  ChunkedWriter writer{.is_signed = false};
  writer.Chunk(std::string(8191, 'x'));
  writer.Chunk("y");
  writer.Chunk("");
  writer.End();
  const Decoded small = Decode(Options(PayloadMode::kStreamingUnsignedTrailer, 8192), writer.body);
  EXPECT_EQ(small.code(), S3Code::kInvalidChunkSizeError);
  EXPECT_EQ(small.error->Field("BadChunkSize"), "8191");
  ChunkedWriter right{.is_signed = false};
  right.Chunk(std::string(8192, 'x'));
  right.Chunk("y");
  right.Chunk("");
  right.End();
  EXPECT_FALSE(Decode(Options(PayloadMode::kStreamingUnsignedTrailer, 8193), right.body).error);
}

TEST(AwsChunked, SignedModeNeedsAndUsesSignatures) {
  const auto options = DocumentedOptions();
  std::string body = DocumentedBody();
  EXPECT_EQ(Decode(options, "5\r\nhello\r\n0\r\n\r\n").code(), S3Code::kIncompleteBody);
  // Chunks of another request, with their right signatures, do not fit this seed.
  auto other = options;
  other.seed_signature[0] ^= 1;
  EXPECT_EQ(Decode(other, body).code(), S3Code::kSignatureDoesNotMatch);
  // The last chunk's signature counts too.
  std::string final_changed = body;
  final_changed[final_changed.size() - 5] ^= 1;
  EXPECT_EQ(Decode(options, final_changed).code(), S3Code::kSignatureDoesNotMatch);
  EXPECT_EQ(Decode(options, body + "\r\n").code(), S3Code::kIncompleteBody);
}

TEST(AwsChunked, OptionsFromAVerifiedRequest) {
  Verified verified;
  verified.mode = PayloadMode::kStreamingUnsignedTrailer;
  const auto options = MakeAwsChunkedOptions(verified, 7, " X-Amz-Checksum-CRC32 , b,");
  EXPECT_EQ(options.trailers, (std::vector<std::string>{"x-amz-checksum-crc32", "b"}));
  EXPECT_EQ(options.decoded_length, 7u);
}

TEST(PayloadHash, MismatchNamesBothValues) {
  PayloadHashCheck good(HexEncode(Sha256(AsBytes("hello"))));
  good.Update(AsBytes("hel"));
  good.Update(AsBytes("lo"));
  EXPECT_FALSE(good.Finish().has_value());
  PayloadHashCheck bad(HexEncode(Sha256(AsBytes("hello"))));
  bad.Update(AsBytes("hellO"));
  const auto error = bad.Finish();
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->code, S3Code::kXAmzContentSha256Mismatch);
  EXPECT_EQ(error->Field("S3ComputedContentSHA256"), HexEncode(Sha256(AsBytes("hellO"))));
}

}  // namespace
}  // namespace ashlar::api_gateway
