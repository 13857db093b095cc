// Targets, addresses, bucket names, percent-encoding, ranges and copy sources.
#include <gtest/gtest.h>

#include "api_gateway/http/http_request.h"
#include "api_gateway/protocol/bucket_name.h"
#include "api_gateway/protocol/copy_source.h"
#include "api_gateway/protocol/percent.h"
#include "api_gateway/protocol/range.h"

namespace ashlar::api_gateway {
namespace {

HttpRequest Parsed(std::string target, std::string host = "localhost:9000") {
  HttpRequest request;
  request.raw_target = std::move(target);
  request.headers = {{"host", std::move(host)}};
  EXPECT_TRUE(ParseTarget(&request).ok()) << request.raw_target;
  return request;
}

TEST(Target, SplitsPathAndQuery) {
  const HttpRequest request = Parsed("/b/k%20x?uploads&a=&b=1%2B2+3&&c=d=e");
  EXPECT_EQ(request.raw_path, "/b/k%20x");
  ASSERT_EQ(request.query.size(), 4u);
  EXPECT_EQ(request.query[0].name, "uploads");
  EXPECT_FALSE(request.query[0].has_equals);
  EXPECT_TRUE(request.query[1].has_equals);
  EXPECT_EQ(request.query[1].value, "");
  EXPECT_EQ(request.FindQuery("b"), "1+2 3");
  EXPECT_EQ(request.query[2].raw_value, "1%2B2+3");
  EXPECT_EQ(request.FindQuery("c"), "d=e");
  EXPECT_FALSE(request.HasQuery("B"));
}

TEST(Target, AbsoluteFormIsStripped) {
  EXPECT_EQ(Parsed("http://host:1/b/k?x").raw_path, "/b/k");
  EXPECT_EQ(Parsed("HTTPS://host").raw_path, "/");
}

TEST(Target, RefusesWhatIsNotATarget) {
  for (const std::string target :
       {"", "*", "b/k", "ftp://h/x", "http://h?x", "/a b", "/a#b", "/%", "/%1", "/%zz", "/%ff",
        "/%c0%af", "/%ed%a0%80", "/?a=%", "/?%fe=1", "/\x7f", "/\x01"}) {
    HttpRequest request;
    request.raw_target = target;
    EXPECT_EQ(ParseTarget(&request).code(), Code::kInvalidArgument) << target;
  }
  HttpRequest request;
  request.raw_target = "/" + std::string(kTargetBytesMax, 'a');
  EXPECT_FALSE(ParseTarget(&request).ok());
  request.raw_target = "/?";
  for (size_t i = 0; i <= kQueryParametersMax; ++i) request.raw_target += "a&";
  EXPECT_FALSE(ParseTarget(&request).ok());
}

TEST(Address, KeysAreNeverNormalised) {
  const auto key = [](std::string path) {
    return (*ResolveAddress(Parsed("/bucket/" + path), {})).key;
  };
  EXPECT_EQ(key("a//b"), "a//b");
  EXPECT_EQ(key("/a"), "/a");
  EXPECT_EQ(key("a/"), "a/");
  EXPECT_EQ(key("../../x"), "../../x");
  EXPECT_EQ(key("./x"), "./x");
  EXPECT_EQ(key("a+b"), "a+b");
  EXPECT_EQ(key("a%2Fb"), "a/b");
  EXPECT_EQ(key("a%252Fb"), "a%2Fb");
  EXPECT_EQ(key("%00"), std::string(1, '\0'));
  EXPECT_EQ(key("a\\b;c"), "a\\b;c");
  EXPECT_EQ(key("\xc3\xa9"), "\xc3\xa9");
}

TEST(Address, PathStyle) {
  const auto at = [](std::string target) { return *ResolveAddress(Parsed(target), {}); };
  EXPECT_EQ(at("/").bucket, "");
  EXPECT_EQ(at("//").bucket, "");
  EXPECT_EQ(at("/bucket").bucket, "bucket");
  EXPECT_EQ(at("/bucket/").bucket, "bucket");
  EXPECT_EQ(at("/bucket/").key, "");
  EXPECT_EQ(at("/buck%65t/k").bucket, "bucket");
  // The first slash separates, encoded or not.
  EXPECT_EQ(at("/bucket%2Fa/b").bucket, "bucket");
  EXPECT_EQ(at("/bucket%2fa/b").key, "a/b");
  EXPECT_EQ(ResolveAddress(Parsed("//key"), {}).error().code, S3Code::kInvalidBucketName);
}

TEST(Address, KeyLength) {
  EXPECT_TRUE(ResolveAddress(Parsed("/b/" + std::string(1024, 'k')), {}).ok());
  const auto error = ResolveAddress(Parsed("/b/" + std::string(1025, 'k')), {});
  EXPECT_EQ(error.error().code, S3Code::kKeyTooLongError);
  EXPECT_EQ(error.error().Field("Size"), "1025");
}

TEST(Address, VirtualHost) {
  const std::vector<std::string> domains = {"s3.example.com", "example.com"};
  const auto at = [&](std::string host) {
    return *ResolveAddress(Parsed("/photos/x", std::move(host)), domains);
  };
  EXPECT_EQ(at("my.bucket.s3.example.com").bucket, "my.bucket");
  EXPECT_EQ(at("my-bucket.S3.Example.Com:9000").bucket, "my-bucket");
  EXPECT_EQ(at("my-bucket.s3.example.com").key, "photos/x");
  EXPECT_TRUE(at("my-bucket.s3.example.com").virtual_host);
  for (const char* host : {"example.com", "localhost:9000", "evilexample.com", ".example.com",
                           "UP_per.example.com", "10.0.0.1:9000", "[::1]:9000", ""}) {
    EXPECT_EQ(at(host).bucket, "photos") << host;
  }
}

TEST(BucketName, Rules) {
  for (const char* name :
       {"abc", "a-b", "a.b.c", "1ab", "bucket-63-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}) {
    EXPECT_TRUE(IsValidBucketName(name)) << name;
  }
  for (const char* name : {"", "ab", "Abc", "a_b", "-ab", "ab-", ".ab", "ab.", "a..b",
                           "192.168.5.4", "999.999.999.999", "xn--abc", "abc-s3alias", "abc--ol-s3",
                           "abc--x-s3", "sthree-abc", "a b", "a/b"}) {
    EXPECT_FALSE(IsValidBucketName(name)) << name;
  }
  EXPECT_TRUE(IsValidBucketName(std::string(63, 'a')));
  EXPECT_FALSE(IsValidBucketName(std::string(64, 'a')));
}

TEST(Percent, EncodesForListings) {
  EXPECT_EQ(S3UrlEncode("a/b c+d%2F~é"), "a/b%20c%2Bd%252F~%C3%A9");
  EXPECT_EQ(S3UrlEncode("%2F"), "%252F");
}

TEST(Percent, Utf8IsStrict) {
  for (const char* good : {"", "a", "é", "€", "😀", "\xef\xbf\xbd", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(IsValidUtf8(good)) << good;
  }
  for (const char* bad : {"\x80", "\xc3", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xed\xa0\x80",
                          "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff"}) {
    EXPECT_FALSE(IsValidUtf8(bad));
  }
}

// The records of AWS for an object of ten bytes.
TEST(Range, AsAwsAnswers) {
  const auto range = [](const char* header, uint64_t size = 10) {
    return ParseRange(header, size);
  };
  const auto is = [&](const char* header, uint64_t first, uint64_t length) {
    const auto result = range(header);
    return result.ok() && *result == ByteRange{first, length};
  };
  EXPECT_TRUE(is("bytes=0-8", 0, 9));
  EXPECT_TRUE(is("bytes=1-1", 1, 1));
  EXPECT_TRUE(is("bytes=1-", 1, 9));
  EXPECT_TRUE(is("bytes=-2", 8, 2));
  EXPECT_TRUE(is("bytes=-15", 0, 10));
  EXPECT_TRUE(is("bytes=0-100", 0, 10));
  EXPECT_TRUE(is("bytes=-9223372036854775809", 0, 10));
  EXPECT_TRUE(is("bytes=-99999999999999999999999", 0, 10));
  EXPECT_TRUE(is("bytes=9-99999999999999999999999", 9, 1));
  for (const char* ignored :
       {"bytes=1-0", "bytes=-1-", "bytes=0--1", "bytes=-", "abc", "foo=0-1", "bytes=0-0,1-2",
        "bytes=0-1,3-4,7-9", "0-8", "bytes=", "bytes=a-b", "bytes=+1-2", "bytes 0-8"}) {
    const auto result = range(ignored);
    EXPECT_TRUE(result.ok() && !result->has_value()) << ignored;
  }
  for (const char* bad :
       {"bytes=-0", "bytes=100-200", "bytes=10-", "bytes=99999999999999999999-"}) {
    const auto result = range(bad);
    ASSERT_FALSE(result.ok()) << bad;
    EXPECT_EQ(result.error().http_status, 416);
    EXPECT_EQ(result.error().Field("ActualObjectSize"), "10");
    EXPECT_EQ(result.error().Field("RangeRequested"), bad);
  }
  EXPECT_FALSE(range("bytes=-1", 0)->has_value());
  EXPECT_FALSE(range("bytes=0-", 0).ok());
  EXPECT_FALSE(range("bytes=0-0", 0).ok());
  EXPECT_FALSE(range("bytes=-0", 0).ok());
  EXPECT_EQ(FormatContentRange({0, 10}, 10), "bytes 0-9/10");
}

TEST(Range, CopySourceIsTheOpposite) {
  EXPECT_EQ(*ParseCopySourceRange("bytes=0-8", 10), (ByteRange{0, 9}));
  for (const char* bad : {"0-8", "bytes=1-0", "bytes=-1-", "bytes=0--1", "bytes=0-1,3-4,7-9",
                          "bytes=-", "bytes=-0", "bytes=1-", "bytes=-2", "bytes=-15"}) {
    const auto error = ParseCopySourceRange(bad, 10).error();
    EXPECT_EQ(error.code, S3Code::kInvalidArgument) << bad;
    EXPECT_TRUE(error.message.starts_with("The x-amz-copy-source-range value must be of the form"));
    EXPECT_EQ(error.Field("ArgumentValue"), bad);
  }
  EXPECT_EQ(ParseCopySourceRange("bytes=0-100", 10).error().message,
            "Range specified is not valid for source object of size: 10");
  EXPECT_EQ(ParseCopySourceRange("bytes=100-200", 10).error().code, S3Code::kInvalidRequest);
}

TEST(CopySource, Forms) {
  const auto source = ParseCopySource("/bucket/a%2Fb+c/%25?versionId=v1");
  ASSERT_TRUE(source.ok());
  EXPECT_EQ(source->bucket, "bucket");
  EXPECT_EQ(source->key, "a/b+c/%");
  EXPECT_EQ(source->version_id, "v1");
  EXPECT_EQ(ParseCopySource("bucket//k")->key, "/k");
  EXPECT_EQ(ParseCopySource("bucket%2Fkey")->key, "key");
  EXPECT_EQ(ParseCopySource("b/k%3FversionId=1")->key, "k?versionId=1");
  EXPECT_EQ(ParseCopySource("b/../x")->key, "../x");
  for (const char* bad : {"", "/", "bucket", "bucket/", "/bucket/", "//key", "b/%", "b/%zz",
                          "b/k?versionId=", "b/%ff", "b/k?versionId=%"}) {
    EXPECT_EQ(ParseCopySource(bad).error().code, S3Code::kInvalidArgument) << bad;
  }
}

}  // namespace
}  // namespace ashlar::api_gateway
