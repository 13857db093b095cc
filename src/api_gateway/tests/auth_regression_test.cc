// One test for each published vulnerability of another store that our design must not repeat.
#include <gtest/gtest.h>

#include "api_gateway/auth/sigv4.h"
#include "api_gateway/protocol/aws_chunked.h"
#include "api_gateway/tests/test_signer.h"

namespace ashlar::api_gateway {
namespace {

using testing::ClientRequest;
using testing::Keys;
using testing::Signer;

constexpr int64_t kNow = 1369353600;

AuthOutcome Verify(HttpRequest request, int64_t now = kNow) {
  if (!ParseTarget(&request).ok()) return S3Error(S3Code::kInvalidUri);
  static const Keys keys = Keys::Example();
  return Authenticate(request, {.now_seconds = now}, keys);
}

// Credentials in the query and an unsigned trailer: MinIO looked for a signature in the header
// only.
TEST(Regression, cve_2026_41145_query_cred_unsigned_trailer) {
  ClientRequest client{.method = "PUT", .payload_hash = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"};
  Signer forger;
  forger.secret = "a guess";
  const auto forged = Verify(forger.Presign(client));
  ASSERT_FALSE(forged.ok());
  EXPECT_EQ(forged.error().code, S3Code::kSignatureDoesNotMatch);

  // The same with the two parameters that alone made MinIO believe it: never anonymous either.
  HttpRequest bare;
  bare.method = "PUT";
  bare.raw_target =
      "/bucket/"
      "key?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524"
      "%2Fus-east-1%2Fs3%2Faws4_request";
  bare.headers = {{"host", "h"}, {"x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"}};
  EXPECT_FALSE(Verify(bare).ok());
}

// Header credentials and an unsigned trailer: the signature was not looked at.
TEST(Regression, cve_2025_31489_unsigned_trailer) {
  ClientRequest client{.method = "PUT", .payload_hash = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"};
  EXPECT_TRUE(Verify(Signer().Sign(client)).ok());
  Signer forger;
  forger.secret = "a guess";
  const auto forged = Verify(forger.Sign(client));
  ASSERT_FALSE(forged.ok());
  EXPECT_EQ(forged.error().code, S3Code::kSignatureDoesNotMatch);
}

// Headers that are not signed changed what a presigned URL does (copy source, ACL).
TEST(Regression, cve_2026_54330_unsigned_amz_headers) {
  for (const char* name : {"x-amz-copy-source", "x-amz-acl", "x-amz-tagging", "x-amz-meta-x",
                           "x-amz-expires", "x-amz-date", "x-amz-decoded-content-length"}) {
    HttpRequest request = Signer().Presign({.method = "PUT", .payload_hash = "UNSIGNED-PAYLOAD"});
    request.headers.push_back({name, "1"});
    const auto outcome = Verify(request);
    ASSERT_FALSE(outcome.ok()) << name;
    EXPECT_EQ(outcome.error().code, S3Code::kAccessDenied);
    EXPECT_EQ(outcome.error().http_status, 403);
    EXPECT_EQ(outcome.error().Field("HeadersNotSigned"), name);
  }
}

// The list in the error is the one AWS gives for two such headers; x-amz-content-sha256 is not in
// it.
TEST(Regression, headers_not_signed_names_all_of_them) {
  HttpRequest request = Signer().Presign({.method = "PUT", .payload_hash = "UNSIGNED-PAYLOAD"});
  request.headers.push_back({"x-amz-decoded-content-length", "1"});
  request.headers.push_back({"x-amz-date", "20211122T191045Z"});
  request.headers.push_back({"x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"});
  EXPECT_EQ(Verify(request).error().Field("HeadersNotSigned"),
            "x-amz-date, x-amz-decoded-content-length");
}

// lakeFS never compared the time of a request with its clock: a request was good for ever.
TEST(Regression, cve_2025_68671_lakefs_no_timestamp_validation) {
  const HttpRequest header = Signer().Sign({});
  const HttpRequest presigned = Signer().Presign({.payload_hash = "UNSIGNED-PAYLOAD"}, "60");
  EXPECT_TRUE(Verify(header).ok());
  EXPECT_TRUE(Verify(presigned).ok());
  for (const int64_t later : {16 * 60, 24 * 3600, 365 * 24 * 3600}) {
    EXPECT_EQ(Verify(header, kNow + later).error().code, S3Code::kRequestTimeTooSkewed);
    EXPECT_EQ(Verify(presigned, kNow + later).error().message, "Request has expired");
  }
  // A presigned URL without an expiry must not be one without end.
  HttpRequest endless = presigned;
  const size_t at = endless.raw_target.find("&X-Amz-Expires=60");
  endless.raw_target.erase(at, std::string_view("&X-Amz-Expires=60").size());
  EXPECT_EQ(Verify(endless).error().code, S3Code::kAuthorizationQueryParametersError);
}

// MinIO wrote chunks whose signature was never compared.
TEST(Regression, cve_2021_21390_chunk_signature_not_enforced) {
  testing::ChunkedWriter writer{.previous = std::string(64, '0')};
  writer.Chunk(std::string(8192, 'x'));
  writer.Chunk("");
  writer.End();
  AwsChunkedOptions options{.mode = PayloadMode::kStreamingSigned,
                            .decoded_length = 8192,
                            .signing_key = writer.signer.Key(),
                            .seed_signature = std::string(64, '0'),
                            .scope = writer.signer.Scope(),
                            .amz_date = writer.signer.AmzDate()};
  const auto decode = [&options](std::string body) {
    AwsChunkedDecoder decoder(options);
    std::string_view rest = body;
    while (!rest.empty() && !decoder.error()) {
      rest.remove_prefix(decoder.Feed(AsBytes(rest)).consumed);
    }
    return decoder.Finish();
  };
  EXPECT_FALSE(decode(writer.body).has_value());
  std::string changed = writer.body;
  changed[changed.find("xxxx") + 100] ^= 1;
  ASSERT_TRUE(decode(changed).has_value());
  EXPECT_EQ(decode(changed)->code, S3Code::kSignatureDoesNotMatch);
}

}  // namespace
}  // namespace ashlar::api_gateway
