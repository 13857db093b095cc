// The tables of errors: complete, consistent, and rendered as S3 does.
#include "api_gateway/protocol/s3_error.h"

#include <gtest/gtest.h>

#include <set>

namespace ashlar::api_gateway {
namespace {

TEST(S3Codes, EachHasARow) {
  std::set<std::string_view> names;
  for (int i = 0; i < kS3CodeCount; ++i) {
    const auto code = static_cast<S3Code>(i);
    EXPECT_TRUE(names.insert(S3CodeName(code)).second) << S3CodeName(code);
    EXPECT_FALSE(S3CodeMessage(code).empty());
    const int status = S3CodeHttpStatus(code);
    EXPECT_TRUE(status == 304 || (status >= 400 && status <= 599));
  }
}

TEST(FromStatus, EveryCodeOfTheComponentsHasAnAnswer) {
  const std::pair<Code, std::pair<S3Code, int>> expected[] = {
      {Code::kOk, {S3Code::kInternalError, 500}},
      {Code::kNotFound, {S3Code::kNoSuchKey, 404}},
      {Code::kAlreadyExists, {S3Code::kBucketAlreadyExists, 409}},
      {Code::kPreconditionFailed, {S3Code::kPreconditionFailed, 412}},
      {Code::kLocked, {S3Code::kAccessDenied, 403}},
      {Code::kConflict, {S3Code::kOperationAborted, 409}},
      {Code::kInvalidArgument, {S3Code::kInvalidArgument, 400}},
      {Code::kUnavailable, {S3Code::kServiceUnavailable, 503}},
      {Code::kOverloaded, {S3Code::kSlowDown, 503}},
      {Code::kNoSpace, {S3Code::kInsufficientStorage, 507}},
      {Code::kIoError, {S3Code::kInternalError, 500}},
      {Code::kCorrupt, {S3Code::kInternalError, 500}},
      {Code::kOutcomeUnknown, {S3Code::kInternalError, 500}},
      {Code::kDeadlineExceeded, {S3Code::kServiceUnavailable, 503}},
      {Code::kCancelled, {S3Code::kRequestTimeout, 400}},
      {Code::kNotImplemented, {S3Code::kNotImplemented, 501}},
      {Code::kInternal, {S3Code::kInternalError, 500}},
  };
  ASSERT_EQ(std::size(expected), static_cast<size_t>(kCodeCount));
  for (int i = 0; i < kCodeCount; ++i) {
    EXPECT_EQ(static_cast<int>(expected[i].first), i);
    const S3Error error = FromStatus(Status(expected[i].first, "text of /data/drive-01"));
    EXPECT_EQ(error.code, expected[i].second.first) << CodeName(expected[i].first);
    EXPECT_EQ(error.http_status, expected[i].second.second);
    // Only what the client did wrong is explained in our own words.
    const bool shows =
        error.code == S3Code::kInvalidArgument || error.code == S3Code::kNotImplemented;
    EXPECT_EQ(error.message.find("/data") != std::string::npos, shows);
  }
}

TEST(RenderErrorXml, OrderAndEscapes) {
  const S3Error error = S3Error(S3Code::kNoSuchKey).With("Key", "a<b&\x01");
  EXPECT_EQ(RenderErrorXml(error, "/bucket/a%3Cb", "REQ1", "host"),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
            "<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message>"
            "<Key>a&lt;b&amp;&#x1;</Key><Resource>/bucket/a%3Cb</Resource>"
            "<RequestId>REQ1</RequestId><HostId>host</HostId></Error>");
  EXPECT_EQ(RenderErrorXml(S3Error(S3Code::kAccessDenied), "", "R", ""),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
            "<Error><Code>AccessDenied</Code><Message>Access Denied</Message>"
            "<RequestId>R</RequestId></Error>");
}

}  // namespace
}  // namespace ashlar::api_gateway
