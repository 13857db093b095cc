// User metadata in and out; the encoded words are those recorded from AWS.
#include "api_gateway/protocol/user_metadata.h"

#include <gtest/gtest.h>

namespace ashlar::api_gateway {
namespace {

HttpRequest With(RequestHeaders headers) {
  HttpRequest request;
  request.headers = std::move(headers);
  return request;
}

TEST(UserMetadata, CollectsAndJoins) {
  const auto metadata = CollectUserMetadata(With({{"x-amz-meta-test_meta_1", "foo"},
                                                  {"x-amz-meta-b", " 1 "},
                                                  {"x-amz-meta-b", "2"},
                                                  {"x-amz-metadata-directive", "COPY"},
                                                  {"content-type", "text/plain"}}));
  ASSERT_TRUE(metadata.ok());
  EXPECT_EQ(*metadata, (UserMetadata{{"b", "1,2"}, {"test_meta_1", "foo"}}));
}

TEST(UserMetadata, LimitIsTwoKibibytesOfNamesAndValues) {
  EXPECT_TRUE(CollectUserMetadata(With({{"x-amz-meta-a", std::string(2047, 'v')}})).ok());
  const auto over = CollectUserMetadata(With({{"x-amz-meta-a", std::string(2048, 'v')}}));
  EXPECT_EQ(over.error().code, S3Code::kMetadataTooLarge);
  // Joined values count as well, with their comma.
  EXPECT_FALSE(
      CollectUserMetadata(With({{"x-amz-meta-a", std::string(2046, 'v')}, {"x-amz-meta-a", "v"}}))
          .ok());
}

TEST(UserMetadata, WordsRecordedFromAws) {
  EXPECT_EQ(EncodeMetadata("ÄMÄZÕÑ S3"), "=?UTF-8?Q?=C3=84M=C3=84Z=C3=95=C3=91_S3?=");
  EXPECT_EQ(EncodeMetadata("test_—_file%E2%80%94_é_2?.pdf"),
            "=?UTF-8?Q?test=5F=E2=80=94=5Ffile%E2%80%94=5F=C3=A9=5F2=3F.pdf?=");
  EXPECT_EQ(EncodeMetadata(std::string("\0\1\2\3", 4)), "=?UTF-8?B?AAECAw==?=");
  EXPECT_EQ(EncodeMetadata("\xff\xff\xff\xff\xff\xff\xff"),
            "=?UTF-8?B?77+977+977+977+977+977+977+9?=");
  const std::string safe = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";
  EXPECT_EQ(EncodeMetadata(safe), safe);
  EXPECT_EQ(EncodeMetadata(""), "");
}

TEST(UserMetadata, NothingCanSplitAResponse) {
  for (const char* value : {"a\r\nSet-Cookie: x", "\n", "a\rb", "a\x7f", "é\r\n\r\n<html>"}) {
    for (const char c : EncodeMetadata(value)) {
      EXPECT_TRUE(static_cast<unsigned char>(c) >= 0x20 && c < 0x7f) << value;
    }
  }
}

TEST(UserMetadata, WordsAreDecodedOnTheWayIn) {
  EXPECT_EQ(DecodeMetadata("=?UTF-8?B?YWJj?="), "abc");
  EXPECT_EQ(DecodeMetadata("=?utf-8?q?actually-ascii?="), "actually-ascii");
  EXPECT_EQ(DecodeMetadata("=?UTF-8?Q?a=5F?= =?UTF-8?Q?_b?="), "a_ b");
  EXPECT_EQ(DecodeMetadata("=?UTF-8?B?/w==?="), "\xef\xbf\xbd");
  for (const char* same : {"plain", "=?UTF-8?X?a?=", "=?latin1?Q?a?=", "=?UTF-8?B?*?=", "=?\?=",
                           "=?UTF-8?Q?=G0?=", "=?UTF-8?Q?a?= b ?="}) {
    EXPECT_EQ(DecodeMetadata(same), same);
  }
  for (const char* value : {"é", "a b_c=d?e é", "\x01", "日本語"}) {
    EXPECT_EQ(DecodeMetadata(EncodeMetadata(value)), value);
  }
}

}  // namespace
}  // namespace ashlar::api_gateway
