#include <gtest/gtest.h>

#include <string>

#include "api_gateway/documents/create_bucket.h"

namespace ashlar::api_gateway {
namespace {

std::string Document(const std::string& content) {
  return "<CreateBucketConfiguration>" + content + "</CreateBucketConfiguration>";
}
std::string Tag(const std::string& key, const std::string& value) {
  return "<Tag><Key>" + key + "</Key><Value>" + value + "</Value></Tag>";
}
S3Error ErrorOf(const std::string& content) {
  const auto parsed = ParseCreateBucketConfiguration(Document(content));
  return parsed.ok() ? S3Error(S3Code::kInternalError, "none") : parsed.error();
}

TEST(CreateBucketDocumentTest, Location) {
  EXPECT_EQ(ParseCreateBucketConfiguration("")->location_constraint, "");
  const auto given = ParseCreateBucketConfiguration(
      Document("<LocationConstraint> eu-west-1 </LocationConstraint>"));
  ASSERT_TRUE(given.ok());
  EXPECT_EQ(given->location_constraint, "eu-west-1");
  EXPECT_EQ(ParseCreateBucketConfiguration("<CreateBucketConfiguration/>")->location_constraint,
            "");
}

TEST(CreateBucketDocumentTest, Tags) {
  const auto given = ParseCreateBucketConfiguration(
      Document("<Tags>" + Tag("a", "1") + Tag("b", "") + "</Tags><LocationConstraint/>"));
  ASSERT_TRUE(given.ok());
  EXPECT_EQ(given->tags, (model::HeaderList{{"a", "1"}, {"b", ""}}));
  EXPECT_TRUE(ParseCreateBucketConfiguration(Document("<Tags/>"))->tags.empty());
}

TEST(CreateBucketDocumentTest, WhatIsNotKnownOrTwiceIsMalformed) {
  for (const std::string content :
       {"<X>1</X>", "<Location><Type>LocalZone</Type></Location>",
        "<LocationConstraint>a</LocationConstraint><LocationConstraint>a</LocationConstraint>",
        "<LocationConstraint><a/></LocationConstraint>", "<Tags/><Tags/>", "<Tags>a</Tags>",
        "<Tags><Tag><Key>a</Key></Tag></Tags>", "<Tags><Tag><Value>a</Value></Tag></Tags>",
        "<Tags><X/></Tags>"}) {
    EXPECT_EQ(ErrorOf(content).code, S3Code::kMalformedXml) << content;
  }
  EXPECT_FALSE(ParseCreateBucketConfiguration("hello").ok());
}

TEST(CreateBucketDocumentTest, TagsKeepTheRules) {
  EXPECT_EQ(ErrorOf("<Tags>" + Tag("a,b", "") + "</Tags>").code, S3Code::kInvalidTag);
  EXPECT_EQ(ErrorOf("<Tags>" + Tag("a", "b,c") + "</Tags>").code, S3Code::kInvalidTag);
  EXPECT_EQ(ErrorOf("<Tags>" + Tag("a", "") + Tag("a", "") + "</Tags>").code, S3Code::kInvalidTag);
  const S3Error reserved = ErrorOf("<Tags>" + Tag("aws:a", "") + "</Tags>");
  EXPECT_EQ(reserved.code, S3Code::kInvalidTag);
  EXPECT_TRUE(reserved.message.starts_with("User-defined tag keys can't start with"));
  std::string many;
  for (int i = 0; i < 50; ++i) {
    many += Tag(std::to_string(i) + std::string(100, 'k'), std::string(256, 'v'));
  }
  EXPECT_TRUE(ParseCreateBucketConfiguration(Document("<Tags>" + many + "</Tags>")).ok());
  EXPECT_EQ(ErrorOf("<Tags>" + many + Tag("last", "") + "</Tags>").code, S3Code::kBadRequest);
}

}  // namespace
}  // namespace ashlar::api_gateway
