// Conditional requests and the dates they carry.
#include "api_gateway/protocol/conditions.h"

#include <gtest/gtest.h>

#include "api_gateway/protocol/http_date.h"

namespace ashlar::api_gateway {
namespace {

constexpr int64_t kModified = 784111777;  // Sun, 06 Nov 1994 08:49:37 GMT
constexpr int64_t kNow = kModified + 1000;

HttpRequest With(RequestHeaders headers) {
  HttpRequest request;
  request.headers = std::move(headers);
  return request;
}

// HTTP status, and the Condition behind a ':'.
std::string Read(RequestHeaders headers, bool copy = false) {
  const auto conditions = ParseReadConditions(With(std::move(headers)), copy);
  const auto error = EvaluateReadConditions(conditions, "abc", kModified, kNow);
  if (!error) return "200";
  return std::to_string(error->http_status) + ":" + std::string(error->Field("Condition"));
}

TEST(Dates, ThreeFormsOfHttp) {
  for (const char* text : {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
                           "Sun Nov  6 08:49:37 1994", "Sun, 06 Nov 1994 08:49:37 +0000"}) {
    EXPECT_EQ(ParseHttpDate(text), kModified) << text;
  }
  for (const char* text :
       {"", "Sun, 06 Nov 1994 08:49:37", "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 6 Nov 1994 08:49:37 GMT", "1994-11-06",
        "Sun, 06 Nov 1994 08:49:37 GMT ", "Sun, 06 Nov 1969 08:49:37 GMT", "784111777"}) {
    EXPECT_EQ(ParseHttpDate(text), std::nullopt) << text;
  }
}

TEST(Dates, AmzAndRfc3339) {
  EXPECT_EQ(ParseAmzDate("20130524T000000Z"), 1369353600);
  EXPECT_EQ(ParseAmzDate("20130524T000000"), std::nullopt);
  EXPECT_EQ(ParseAmzDate("20130532T000000Z"), std::nullopt);
  EXPECT_EQ(ParseAmzDate("2013052-T000000Z"), std::nullopt);
  EXPECT_EQ(ParseRfc3339("2013-05-24T00:00:00Z"), 1369353600);
  EXPECT_EQ(ParseRfc3339("2013-05-24T02:00:00.999+02:00"), 1369353600);
  EXPECT_EQ(ParseRfc3339("2013-05-24 00:00:00Z"), std::nullopt);
  EXPECT_EQ(FormatHttpDate(1369353600), "Fri, 24 May 2013 00:00:00 GMT");
  EXPECT_EQ(FormatHttpDate(0), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(FormatAmzDate(1369353600), "20130524T000000Z");
  EXPECT_EQ(FormatIso8601(1369353600007), "2013-05-24T00:00:00.007Z");
  EXPECT_EQ(FormatIso8601Seconds(951782400), "2000-02-29T00:00:00Z");
}

TEST(ReadConditions, EntityTags) {
  EXPECT_EQ(Read({{"if-match", "\"abc\""}}), "200");
  EXPECT_EQ(Read({{"if-match", "abc"}}), "200");
  EXPECT_EQ(Read({{"if-match", "*"}}), "200");
  EXPECT_EQ(Read({{"if-match", "\"x\", \"abc\""}}), "200");
  EXPECT_EQ(Read({{"if-match", "\"x\""}}), "412:If-Match");
  EXPECT_EQ(Read({{"if-match", "W/\"abc\""}}), "412:If-Match");
  EXPECT_EQ(Read({{"if-none-match", "\"abc\""}}), "304:");
  EXPECT_EQ(Read({{"if-none-match", "abc"}}), "304:");
  EXPECT_EQ(Read({{"if-none-match", "W/\"abc\""}}), "304:");
  EXPECT_EQ(Read({{"if-none-match", "*"}}), "304:");
  EXPECT_EQ(Read({{"if-none-match", "\"x\""}}), "200");
}

TEST(ReadConditions, DatesInWholeSeconds) {
  const PooledString same = FormatHttpDate(kModified);
  const PooledString before = FormatHttpDate(kModified - 1);
  EXPECT_EQ(Read({{"if-modified-since", same}}), "304:");
  EXPECT_EQ(Read({{"if-modified-since", before}}), "200");
  EXPECT_EQ(Read({{"if-modified-since", FormatHttpDate(kNow + 1)}}), "200");
  EXPECT_EQ(Read({{"if-modified-since", "not a date"}}), "200");
  EXPECT_EQ(Read({{"if-unmodified-since", same}}), "200");
  EXPECT_EQ(Read({{"if-unmodified-since", before}}), "412:If-Unmodified-Since");
}

TEST(ReadConditions, Interplay) {
  const PooledString before = FormatHttpDate(kModified - 1);
  const PooledString same = FormatHttpDate(kModified);
  EXPECT_EQ(Read({{"if-match", "abc"}, {"if-unmodified-since", before}}), "200");
  EXPECT_EQ(Read({{"if-none-match", "x"}, {"if-modified-since", same}}), "200");
  EXPECT_EQ(Read({{"if-none-match", "abc"}, {"if-modified-since", before}}), "304:");
  EXPECT_EQ(Read({{"if-match", "x"}, {"if-none-match", "abc"}}), "412:If-Match");
  EXPECT_FALSE(ParseReadConditions(With({})).Any());
}

TEST(ReadConditions, CopySourceFailsWith412Only) {
  const PooledString same = FormatHttpDate(kModified);
  const PooledString before = FormatHttpDate(kModified - 1);
  EXPECT_EQ(Read({{"x-amz-copy-source-if-match", "x"}}, true), "412:x-amz-copy-source-If-Match");
  EXPECT_EQ(Read({{"x-amz-copy-source-if-none-match", "abc"}}, true),
            "412:x-amz-copy-source-If-None-Match");
  EXPECT_EQ(Read({{"x-amz-copy-source-if-modified-since", same}}, true),
            "412:x-amz-copy-source-If-Modified-Since");
  EXPECT_EQ(Read({{"x-amz-copy-source-if-unmodified-since", before}}, true),
            "412:x-amz-copy-source-If-Unmodified-Since");
  EXPECT_EQ(Read({{"if-match", "x"}}, true), "200");
}

TEST(WriteConditions, WhatS3Accepts) {
  EXPECT_TRUE(ParseWriteConditions(With({{"if-none-match", "*"}}))->if_none_match_any);
  EXPECT_EQ(ParseWriteConditions(With({{"if-match", "\"abc\""}}))->if_match, "abc");
  EXPECT_FALSE(ParseWriteConditions(With({}))->if_match.has_value());
  const auto error = [](RequestHeaders headers) {
    const auto result = ParseWriteConditions(With(std::move(headers)));
    EXPECT_EQ(result.error().http_status, 501);
    return std::string(result.error().Field("Header"));
  };
  EXPECT_EQ(error({{"if-none-match", "\"abc\""}}), "If-None-Match");
  EXPECT_EQ(error({{"if-match", "*"}}), "If-Match");
  EXPECT_EQ(error({{"if-match", "a"}, {"if-none-match", "*"}}), "If-Match,If-None-Match");
  WriteConditions conditions;
  conditions.if_none_match_any = true;
  EXPECT_EQ(WriteConditionFailed(conditions).Field("Condition"), "If-None-Match");
}

}  // namespace
}  // namespace ashlar::api_gateway
