// Signature Version 4: the examples of the AWS documentation, each rule with the request that
// breaks it, and a matrix of places x payload modes x changes of which only "none" may pass.
#include "api_gateway/auth/sigv4.h"

#include <gtest/gtest.h>

#include "api_gateway/auth/canonical_request.h"
#include "api_gateway/tests/test_signer.h"

namespace ashlar::api_gateway {
namespace {

using testing::ClientRequest;
using testing::kEmptyHash;
using testing::Keys;
using testing::Signer;

constexpr int64_t kNow = 1369353600;  // 2013-05-24T00:00:00Z
constexpr std::string_view kExampleHost = "examplebucket.s3.amazonaws.com";

AuthOutcome Verify(HttpRequest request, AuthContext context = {.now_seconds = kNow}) {
  if (!ParseTarget(&request).ok()) return S3Error(S3Code::kInvalidUri);
  static const Keys keys = Keys::Example();
  return Authenticate(request, context, keys);
}

HttpRequest Request(std::string method, std::string target, RequestHeaders headers) {
  HttpRequest request;
  request.method = std::move(method);
  request.raw_target = std::move(target);
  request.headers = std::move(headers);
  return request;
}

std::string Authorization(std::string_view signed_headers, std::string_view signature) {
  return "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
         "SignedHeaders=" +
         std::string(signed_headers) + ",Signature=" + std::string(signature);
}

void SetHeader(HttpRequest* request, std::string_view name, std::string value) {
  for (Header& header : request->headers) {
    if (header.name == name) header.value = value;
  }
}
void RemoveHeader(HttpRequest* request, std::string_view name) {
  std::erase_if(request->headers, [name](const Header& header) { return header.name == name; });
}
template <typename String>
void Replace(String* text, std::string_view from, std::string_view to) {
  const size_t at = text->find(from);
  ASSERT_NE(at, std::string::npos) << from;
  text->replace(at, from.size(), to);
}

S3Code CodeOf(const AuthOutcome& outcome) { return outcome.error().code; }

// --- The examples of the documentation ---------------------------------------------------------

TEST(AwsExamples, GetObject) {
  const auto outcome = Verify(Request(
      "GET", "/test.txt",
      {{"host", std::string(kExampleHost)},
       {"range", "bytes=0-9"},
       {"x-amz-content-sha256", std::string(kEmptyHash)},
       {"x-amz-date", "20130524T000000Z"},
       {"authorization",
        Authorization("host;range;x-amz-content-sha256;x-amz-date",
                      "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")}}));
  ASSERT_TRUE(outcome.ok()) << outcome.error().message;
  EXPECT_EQ(outcome->identity->user_name, "alice");
  EXPECT_EQ(outcome->mode, PayloadMode::kSignedHash);
  EXPECT_EQ(outcome->expected_sha256, kEmptyHash);
  EXPECT_FALSE(outcome->is_anonymous);
}

TEST(AwsExamples, PutObject) {
  const auto outcome = Verify(Request(
      "PUT", "/test$file.text",
      {{"host", std::string(kExampleHost)},
       {"date", "Fri, 24 May 2013 00:00:00 GMT"},
       {"x-amz-date", "20130524T000000Z"},
       {"x-amz-storage-class", "REDUCED_REDUNDANCY"},
       {"x-amz-content-sha256", "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"},
       {"authorization",
        Authorization("date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
                      "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd")}}));
  ASSERT_TRUE(outcome.ok()) << outcome.error().message;
}

TEST(AwsExamples, LifecycleAndList) {
  for (const auto& [target, signature] :
       {std::pair{"/?lifecycle",
                  "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
        std::pair{"/?max-keys=2&prefix=J",
                  "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"}}) {
    const auto outcome = Verify(Request(
        "GET", target,
        {{"host", std::string(kExampleHost)},
         {"x-amz-date", "20130524T000000Z"},
         {"x-amz-content-sha256", std::string(kEmptyHash)},
         {"authorization", Authorization("host;x-amz-content-sha256;x-amz-date", signature)}}));
    EXPECT_TRUE(outcome.ok()) << target;
  }
}

TEST(AwsExamples, PresignedGet) {
  const std::string target =
      "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524"
      "%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400"
      "&X-Amz-SignedHeaders=host&X-Amz-Signature="
      "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";
  const auto request = Request("GET", target, {{"host", std::string(kExampleHost)}});
  const auto outcome = Verify(request);
  ASSERT_TRUE(outcome.ok()) << outcome.error().message;
  EXPECT_TRUE(outcome->is_presigned);
  EXPECT_EQ(outcome->mode, PayloadMode::kUnsigned);
  // Good until the last second of its day, and not one longer.
  EXPECT_TRUE(Verify(request, {.now_seconds = kNow + 86400}).ok());
  EXPECT_EQ(CodeOf(Verify(request, {.now_seconds = kNow + 86401})), S3Code::kAccessDenied);
}

TEST(AwsExamples, ChunkedSeed) {
  const auto outcome = Verify(Request(
      "PUT", "/examplebucket/chunkObject.txt",
      {{"host", "s3.amazonaws.com"},
       {"x-amz-date", "20130524T000000Z"},
       {"x-amz-storage-class", "REDUCED_REDUNDANCY"},
       {"x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"},
       {"content-encoding", "aws-chunked"},
       {"x-amz-decoded-content-length", "66560"},
       {"content-length", "66824"},
       {"authorization",
        Authorization("content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;"
                      "x-amz-decoded-content-length;x-amz-storage-class",
                      "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9")}}));
  ASSERT_TRUE(outcome.ok()) << outcome.error().message;
  EXPECT_EQ(outcome->mode, PayloadMode::kStreamingSigned);
  EXPECT_EQ(outcome->scope, "20130524/us-east-1/s3/aws4_request");
  EXPECT_EQ(outcome->amz_date, "20130524T000000Z");
  EXPECT_EQ(outcome->seed_signature,
            "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9");
}

// --- Canonical form -----------------------------------------------------------------------------

TEST(Canonical, PathKeepsWhatNamesDifferentKeys) {
  EXPECT_EQ(CanonicalPath("/b/a//./../c"), "/b/a//./../c");
  EXPECT_EQ(CanonicalPath("/b/%41+%7e%2f%c3%a9"), "/b/A%2B~%2F%C3%A9");
}

TEST(Canonical, QueryIsReencodedAndSorted) {
  HttpRequest request;
  request.raw_target = "/?b=2&a=%2f&a+c&B=&X-Amz-Signature=00&a=+";
  ASSERT_TRUE(ParseTarget(&request).ok());
  EXPECT_EQ(CanonicalQuery(request), "B=&a=%20&a=%2F&a%20c=&b=2");
}

TEST(Canonical, RepeatedHeadersAreJoinedAndBlanksCollapsed) {
  ClientRequest client;
  client.headers = {{"x-amz-meta-a", "one,two words"}};
  HttpRequest request = Signer().Sign(client);
  SetHeader(&request, "x-amz-meta-a", "  one");
  request.headers.push_back({"x-amz-meta-a", "two  \t words "});
  EXPECT_TRUE(Verify(request).ok());
}

TEST(Canonical, OtherSpellingsOfTheSameRequestPass) {
  ClientRequest client;
  client.path = "/bucket/a b+c/é(1)";
  client.query = {{"prefix", "a b"}};
  HttpRequest request = Signer().Sign(client);
  request.raw_target = "/bucket/a%20b+c/%c3%a9(1)?prefix=a+b";
  EXPECT_TRUE(Verify(request).ok());
  // The default port of the scheme may be there or not, another one may not.
  SetHeader(&request, "host", "s3.amazonaws.com:80");
  EXPECT_TRUE(Verify(request).ok());
  SetHeader(&request, "host", "s3.amazonaws.com:9000");
  EXPECT_EQ(CodeOf(Verify(request)), S3Code::kSignatureDoesNotMatch);
}

TEST(Canonical, EncodedSlashIsNotASlash) {
  HttpRequest request = Signer().Sign({});
  request.raw_target = "/bucket%2Fkey";
  EXPECT_EQ(CodeOf(Verify(request)), S3Code::kSignatureDoesNotMatch);
}

// --- Where credentials are -----------------------------------------------------------------------

TEST(Location, NoneIsAnonymous) {
  const auto outcome = Verify(Request("GET", "/b/k?acl", {{"host", "h"}}));
  ASSERT_TRUE(outcome.ok());
  EXPECT_TRUE(outcome->is_anonymous);
  EXPECT_EQ(outcome->identity, nullptr);
}

TEST(Location, AnonymousBodiesMayBeHashedButNotSigned) {
  const auto with = [](std::string hash) {
    return Verify(Request("PUT", "/b/k", {{"x-amz-content-sha256", std::move(hash)}}));
  };
  EXPECT_EQ(with(std::string(kEmptyHash))->mode, PayloadMode::kSignedHash);
  EXPECT_EQ(with("STREAMING-UNSIGNED-PAYLOAD-TRAILER")->mode,
            PayloadMode::kStreamingUnsignedTrailer);
  EXPECT_EQ(CodeOf(with("STREAMING-AWS4-HMAC-SHA256-PAYLOAD")), S3Code::kAccessDenied);
  EXPECT_EQ(CodeOf(with("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER")), S3Code::kAccessDenied);
  EXPECT_EQ(CodeOf(with("nonsense")), S3Code::kInvalidArgument);
}

TEST(Location, TwoAreRefused) {
  HttpRequest both = Signer().Presign({.payload_hash = "UNSIGNED-PAYLOAD"});
  both.headers.push_back({"authorization", Authorization("host", std::string(64, '0'))});
  EXPECT_EQ(CodeOf(Verify(both)), S3Code::kInvalidArgument);
  HttpRequest twice = Signer().Sign({});
  twice.headers.push_back(*std::find_if(twice.headers.begin(), twice.headers.end(),
                                        [](auto& h) { return h.name == "authorization"; }));
  EXPECT_EQ(CodeOf(Verify(twice)), S3Code::kInvalidArgument);
}

TEST(Location, IncompleteCredentialsAreNeverAnonymous) {
  EXPECT_EQ(CodeOf(Verify(Request("GET", "/b/k?X-Amz-Signature=1", {{"host", "h"}}))),
            S3Code::kAuthorizationQueryParametersError);
  EXPECT_EQ(CodeOf(Verify(Request("GET", "/b/k?x-amz-credential=1", {{"host", "h"}}))),
            S3Code::kAuthorizationQueryParametersError);
  EXPECT_EQ(CodeOf(Verify(Request("GET", "/b/k?AWSAccessKeyId=a&Signature=b", {{"host", "h"}}))),
            S3Code::kInvalidRequest);
  const auto header = [](std::string value) {
    return CodeOf(Verify(Request("GET", "/b/k", {{"host", "h"}, {"authorization", value}})));
  };
  EXPECT_EQ(header(""), S3Code::kAccessDenied);
  EXPECT_EQ(header("AWS AKIA:c2ln"), S3Code::kInvalidRequest);
  EXPECT_EQ(header("AWS HAHAHA"), S3Code::kInvalidArgument);
  EXPECT_EQ(header("Bearer x"), S3Code::kInvalidArgument);
  EXPECT_EQ(header("AWS4-ECDSA-P256-SHA256 Credential=a"), S3Code::kInvalidRequest);
  EXPECT_EQ(header("AWS4-HMAC-SHA256 Credential=HAHAHA"), S3Code::kAuthorizationHeaderMalformed);
  EXPECT_EQ(header("AWS4-HMAC-SHA256 Credential=a/20130524/us-east-1/s3/aws4_request"),
            S3Code::kAuthorizationHeaderMalformed);
  EXPECT_EQ(header(Authorization("host", "0") + ",Signature=1"),
            S3Code::kAuthorizationHeaderMalformed);
  EXPECT_EQ(header(Authorization("Host", "0")), S3Code::kAuthorizationHeaderMalformed);
  EXPECT_EQ(header(Authorization("host;host", "0")), S3Code::kAuthorizationHeaderMalformed);
}

// --- Dates, scope, keys --------------------------------------------------------------------------

TEST(HeaderAuth, DateIsNeededAndMustBeNear) {
  HttpRequest request = Signer().Sign({});
  EXPECT_TRUE(Verify(request, {.now_seconds = kNow + 900}).ok());
  EXPECT_TRUE(Verify(request, {.now_seconds = kNow - 900}).ok());
  const auto late = Verify(request, {.now_seconds = kNow + 901});
  EXPECT_EQ(CodeOf(late), S3Code::kRequestTimeTooSkewed);
  EXPECT_EQ(late.error().http_status, 403);
  EXPECT_EQ(late.error().Field("MaxAllowedSkewMilliseconds"), "900000");
  EXPECT_EQ(late.error().Field("ServerTime"), "2013-05-24T00:15:01Z");
  EXPECT_EQ(CodeOf(Verify(request, {.now_seconds = kNow - 901})), S3Code::kRequestTimeTooSkewed);
  RemoveHeader(&request, "x-amz-date");
  EXPECT_EQ(CodeOf(Verify(request)), S3Code::kAccessDenied);
  request.headers.push_back({"x-amz-date", "yesterday"});
  EXPECT_EQ(CodeOf(Verify(request)), S3Code::kAccessDenied);
}

TEST(HeaderAuth, WrongScopeSaysWhatIsExpected) {
  Signer signer;
  signer.region = "eu-west-1";
  const auto region = Verify(signer.Sign({}));
  EXPECT_EQ(CodeOf(region), S3Code::kAuthorizationHeaderMalformed);
  EXPECT_EQ(region.error().http_status, 400);
  EXPECT_EQ(region.error().message,
            "The authorization header is malformed; the region 'eu-west-1' is wrong; expecting "
            "'us-east-1'");
  EXPECT_EQ(region.error().Field("Region"), "us-east-1");
  signer = {};
  signer.service = "ec2";
  EXPECT_EQ(CodeOf(Verify(signer.Sign({}))), S3Code::kAuthorizationHeaderMalformed);
  HttpRequest date = Signer().Sign({});
  for (Header& header : date.headers) {
    if (header.name == "authorization") Replace(&header.value, "/20130524/", "/20130523/");
  }
  EXPECT_EQ(CodeOf(Verify(date)), S3Code::kAuthorizationHeaderMalformed);
}

TEST(HeaderAuth, UnknownAndDisabledKeysLookAlike) {
  Signer signer;
  signer.access_key = "AKIANOBODY";
  signer.secret = "nobody's secret";  // even the stand-in of unknown keys opens nothing
  EXPECT_EQ(CodeOf(Verify(signer.Sign({}))), S3Code::kInvalidAccessKeyId);
  signer.access_key = "AKIADISABLED";
  signer.secret = "disabled secret";
  EXPECT_EQ(CodeOf(Verify(signer.Sign({}))), S3Code::kInvalidAccessKeyId);
}

TEST(HeaderAuth, MismatchExplainsItself) {
  HttpRequest request = Signer().Sign({});
  request.method = "PUT";
  const auto outcome = Verify(request);
  EXPECT_EQ(CodeOf(outcome), S3Code::kSignatureDoesNotMatch);
  const S3Error& error = outcome.error();
  EXPECT_EQ(error.Field("AWSAccessKeyId"), "AKIAIOSFODNN7EXAMPLE");
  EXPECT_TRUE(error.Field("StringToSign").starts_with("AWS4-HMAC-SHA256\n20130524T000000Z\n"));
  EXPECT_TRUE(error.Field("StringToSignBytes").starts_with("41 57 53 34 2d"));
  EXPECT_TRUE(error.Field("CanonicalRequest").starts_with("PUT\n/bucket/key\n\nhost:s3."));
  EXPECT_TRUE(error.Field("CanonicalRequestBytes").starts_with("50 55 54 0a 2f"));
  EXPECT_EQ(error.Field("SignatureProvided").size(), 64u);
}

TEST(HeaderAuth, ContentSha256IsNeededAndKnown) {
  HttpRequest request = Signer().Sign({});
  RemoveHeader(&request, "x-amz-content-sha256");
  EXPECT_EQ(CodeOf(Verify(request)), S3Code::kInvalidRequest);
  for (const char* hash :
       {"", "E3B0", "unsigned-payload", "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"}) {
    EXPECT_EQ(CodeOf(Verify(Signer().Sign({.payload_hash = hash}))), S3Code::kInvalidArgument);
  }
}

TEST(HeaderAuth, UnsignedPayloadMayNeedTls) {
  HttpRequest request = Signer().Sign({.payload_hash = "UNSIGNED-PAYLOAD"});
  const AuthContext strict{.now_seconds = kNow, .allow_unsigned_payload_without_tls = false};
  EXPECT_TRUE(Verify(request).ok());
  EXPECT_EQ(CodeOf(Verify(request, strict)), S3Code::kInvalidRequest);
  request.tls = true;
  EXPECT_TRUE(Verify(request, strict).ok());
}

TEST(HeaderAuth, SessionTokensAreNotValid) {
  ClientRequest client;
  client.headers = {{"x-amz-security-token", "token"}};
  EXPECT_EQ(CodeOf(Verify(Signer().Sign(client))), S3Code::kInvalidToken);
}

TEST(Presigned, ExpiryRules) {
  const auto with = [](const char* expires) {
    return Verify(Signer().Presign({.payload_hash = "UNSIGNED-PAYLOAD"}, expires));
  };
  EXPECT_TRUE(with("1").ok());
  EXPECT_TRUE(with("604800").ok());
  for (const char* expires : {"0", "604801", "-1", "x", "", "99999999999999999999"}) {
    EXPECT_EQ(CodeOf(with(expires)), S3Code::kAuthorizationQueryParametersError) << expires;
  }
  const HttpRequest request = Signer().Presign({.payload_hash = "UNSIGNED-PAYLOAD"}, "10");
  const auto expired = Verify(request, {.now_seconds = kNow + 11});
  EXPECT_EQ(CodeOf(expired), S3Code::kAccessDenied);
  EXPECT_EQ(expired.error().message, "Request has expired");
  EXPECT_EQ(expired.error().Field("X-Amz-Expires"), "10");
  EXPECT_EQ(expired.error().Field("Expires"), "2013-05-24T00:00:10Z");
  EXPECT_EQ(expired.error().Field("ServerTime"), "2013-05-24T00:00:11Z");
  EXPECT_EQ(CodeOf(Verify(request, {.now_seconds = kNow - 901})), S3Code::kAccessDenied);
}

TEST(Presigned, EachParameterIsNeededOnce) {
  for (const char* name : {"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires",
                           "X-Amz-SignedHeaders", "X-Amz-Signature"}) {
    HttpRequest request = Signer().Presign({.payload_hash = "UNSIGNED-PAYLOAD"});
    Replace(&request.raw_target, name, "x-other");
    EXPECT_EQ(CodeOf(Verify(request)), S3Code::kAuthorizationQueryParametersError) << name;
    request = Signer().Presign({.payload_hash = "UNSIGNED-PAYLOAD"});
    request.raw_target += "&" + std::string(name) + "=1";
    EXPECT_EQ(CodeOf(Verify(request)), S3Code::kAuthorizationQueryParametersError) << name;
  }
  HttpRequest twice_encoded = Signer().Presign({.payload_hash = "UNSIGNED-PAYLOAD"});
  Replace(&twice_encoded.raw_target, "%2F", "%252F");
  EXPECT_EQ(Verify(twice_encoded).error().message,
            "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; expecting "
            "\"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".");
}

TEST(Presigned, SignedQueryParametersBecomeHeaders) {
  ClientRequest client{.query = {{"X-Amz-Meta-Foo", "bar"}, {"x-id", "PutObject"}},
                       .payload_hash = "UNSIGNED-PAYLOAD"};
  HttpRequest request = Signer().Presign(client);
  const auto outcome = Verify(request);
  ASSERT_TRUE(outcome.ok());
  ASSERT_TRUE(ParseTarget(&request).ok());
  EXPECT_FALSE(AdoptSignedQueryHeaders(*outcome, &request));
  EXPECT_EQ(request.Find("x-amz-meta-foo"), "bar");
  EXPECT_EQ(request.headers.size(), 2u);
  request.query.push_back({"x-amz-acl", "a%0d%0ab", "x-amz-acl", "a\r\nb", true});
  EXPECT_TRUE(AdoptSignedQueryHeaders(*outcome, &request).has_value());
}

// --- Cache ---------------------------------------------------------------------------------------

TEST(SigningKeys, CacheIsBoundedAndNeverServesAnOldSecret) {
  SigningKeyCache cache(32);
  const Secret before("before");
  const Secret after("after");
  const auto first = cache.Get("key", before, "20130524", "r");
  EXPECT_EQ(first, DeriveSigningKey(before, "20130524", "r"));
  EXPECT_EQ(cache.Get("key", before, "20130524", "r"), first);
  EXPECT_EQ(cache.Get("key", after, "20130524", "r"), DeriveSigningKey(after, "20130524", "r"));
  EXPECT_NE(cache.Get("key", after, "20130525", "r"), cache.Get("key", after, "20130524", "r"));
  for (int i = 0; i < 1000; ++i) {
    const std::string name = std::to_string(i);
    EXPECT_EQ(cache.Get(name, before, "20130524", "r"), first);
  }
  EXPECT_LE(cache.size(), 32u);
}

// --- The matrix
// ------------------------------------------------------------------------------------

struct Mutation {
  const char* name;
  void (*apply)(HttpRequest*);
};

const Mutation kMutations[] = {
    {"one bit of the signature",
     [](HttpRequest* r) {
       for (Header& h : r->headers) {
         if (h.name == "authorization") h.value.back() = h.value.back() == '0' ? '1' : '0';
       }
       char& last = r->raw_target.back();
       if (r->raw_target.find("X-Amz-Signature") != std::string::npos)
         last = last == '0' ? '1' : '0';
     }},
    {"empty signature",
     [](HttpRequest* r) {
       for (Header& h : r->headers) {
         if (h.name == "authorization") h.value.resize(h.value.size() - 64);
       }
       if (r->raw_target.find("X-Amz-Signature") != std::string::npos) {
         r->raw_target.resize(r->raw_target.size() - 64);
       }
     }},
    {"unsigned x-amz header",
     [](HttpRequest* r) {
       r->headers.push_back({"x-amz-acl", "public-read"});
     }},
    {"unsigned copy source",
     [](HttpRequest* r) {
       r->headers.push_back({"x-amz-copy-source", "/other/secret"});
     }},
    {"changed signed header", [](HttpRequest* r) { SetHeader(r, "x-amz-meta-a", "2"); }},
    {"removed signed header", [](HttpRequest* r) { RemoveHeader(r, "x-amz-meta-a"); }},
    {"duplicated signed header",
     [](HttpRequest* r) {
       r->headers.push_back({"x-amz-meta-a", "1"});
     }},
    {"changed host", [](HttpRequest* r) { SetHeader(r, "host", "evil.example"); }},
    {"second host",
     [](HttpRequest* r) {
       r->headers.push_back({"host", "evil.example"});
     }},
    {"changed method", [](HttpRequest* r) { r->method = "DELETE"; }},
    {"changed path", [](HttpRequest* r) { Replace(&r->raw_target, "/key", "/kez"); }},
    {"path normalisation", [](HttpRequest* r) { Replace(&r->raw_target, "/key", "/./key"); }},
    {"doubled slash", [](HttpRequest* r) { Replace(&r->raw_target, "/key", "//key"); }},
    {"encoded slash", [](HttpRequest* r) { Replace(&r->raw_target, "/key", "%2Fkey"); }},
    {"double encoding", [](HttpRequest* r) { Replace(&r->raw_target, "/key", "/%256bey"); }},
    {"added query", [](HttpRequest* r) { Replace(&r->raw_target, "?", "?acl&"); }},
    {"changed query",
     [](HttpRequest* r) { Replace(&r->raw_target, "partNumber=1", "partNumber=2"); }},
    {"changed payload hash",
     [](HttpRequest* r) {
       RemoveHeader(r, "x-amz-content-sha256");
       r->headers.push_back({"x-amz-content-sha256", std::string(64, 'a')});
     }},
    {"payload hash made unsigned",
     [](HttpRequest* r) {
       const auto sent = r->Find("x-amz-content-sha256");
       const bool was = !sent || *sent == "UNSIGNED-PAYLOAD";
       RemoveHeader(r, "x-amz-content-sha256");
       r->headers.push_back({"x-amz-content-sha256",
                             was ? "STREAMING-UNSIGNED-PAYLOAD-TRAILER" : "UNSIGNED-PAYLOAD"});
     }},
};

TEST(Matrix, OnlyTheUntouchedRequestPasses) {
  int refused = 0;
  for (const char* hash :
       {"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "UNSIGNED-PAYLOAD",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
        "STREAMING-UNSIGNED-PAYLOAD-TRAILER"}) {
    for (const bool presigned : {false, true}) {
      ClientRequest client{.method = "PUT",
                           .query = {{"partNumber", "1"}, {"uploadId", "u"}},
                           .headers = {{"x-amz-meta-a", "1"}},
                           .payload_hash = hash};
      const auto make = [&](const Signer& signer) {
        return presigned ? signer.Presign(client) : signer.Sign(client);
      };
      ASSERT_TRUE(Verify(make(Signer())).ok()) << hash << presigned;
      for (const Mutation& mutation : kMutations) {
        HttpRequest request = make(Signer());
        mutation.apply(&request);
        EXPECT_FALSE(Verify(request).ok()) << mutation.name << " " << hash << " " << presigned;
        ++refused;
      }
      Signer other;
      other.secret = "another secret";
      EXPECT_FALSE(Verify(make(other)).ok());
      other = {};
      other.access_key = "AKIADISABLED";
      EXPECT_FALSE(Verify(make(other)).ok());
      other = {};
      other.now = kNow + 3 * 3600;
      EXPECT_FALSE(Verify(make(other)).ok());
      other.now = kNow - 3 * 3600;
      EXPECT_FALSE(Verify(make(other)).ok());
      other = {};
      other.region = "mars";
      EXPECT_FALSE(Verify(make(other)).ok());
      other = {};
      other.service = "sts";
      EXPECT_FALSE(Verify(make(other)).ok());
    }
  }
  EXPECT_EQ(refused, 5 * 2 * static_cast<int>(std::size(kMutations)));
}

}  // namespace
}  // namespace ashlar::api_gateway
