// The pure pieces that operations are made of.
#include <gtest/gtest.h>

#include "api_gateway/operations/common/attributes.h"
#include "api_gateway/operations/common/checksums.h"
#include "api_gateway/operations/common/continuation_token.h"
#include "api_gateway/operations/common/errors.h"
#include "api_gateway/operations/common/feature_headers.h"
#include "api_gateway/operations/common/list_query.h"
#include "api_gateway/operations/common/lookups.h"
#include "api_gateway/operations/common/responses.h"

namespace ashlar::api_gateway {
namespace {

HttpRequest With(RequestHeaders headers, std::string target = "/b/k") {
  HttpRequest request;
  request.method = "PUT";
  request.raw_target = std::move(target);
  request.headers = std::move(headers);
  EXPECT_TRUE(ParseTarget(&request).ok());
  return request;
}

std::string HeaderOf(const ResponseHead& head, std::string_view name) {
  for (const auto& [known, value] : head.headers) {
    if (known == name) return std::string(value);
  }
  return "(none)";
}

TEST(ContinuationToken, RoundTripsAnyPosition) {
  for (const std::string& position :
       {std::string(), std::string("a"), std::string("dir/"), std::string("a\0\xff?>~", 6),
        std::string(1024, 'k'), std::string("日本語/鍵")}) {
    const std::string token = MakeContinuationToken(TokenKind::kObjects, position);
    EXPECT_EQ(token.find_first_of("+/=&?# "), std::string::npos) << token;
    EXPECT_EQ(ReadContinuationToken(TokenKind::kObjects, token), position);
  }
}

TEST(ContinuationToken, RefusesWhatIsNotOurs) {
  const std::string token = MakeContinuationToken(TokenKind::kObjects, "position");
  EXPECT_FALSE(ReadContinuationToken(TokenKind::kBuckets, token));
  for (const char* bad : {"", "bad-token", "AAAA", "../../x", "AQAAAAA"}) {
    EXPECT_FALSE(ReadContinuationToken(TokenKind::kObjects, bad)) << bad;
  }
  EXPECT_FALSE(ReadContinuationToken(TokenKind::kObjects, token + "="));
  for (size_t i = 0; i < token.size(); ++i) {
    std::string changed = token;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(ReadContinuationToken(TokenKind::kObjects, changed)) << i;
  }
}

TEST(Attributes, StorageClasses) {
  EXPECT_EQ(*ParseStorageClass(With({})), "STANDARD");
  EXPECT_EQ(*ParseStorageClass(With({{"x-amz-storage-class", "GLACIER_IR"}})), "GLACIER_IR");
  for (const char* bad : {"OUTPOSTS", "standard", "", "NO_SUCH_CLASS"}) {
    auto refused = ParseStorageClass(With({{"x-amz-storage-class", bad}}));
    ASSERT_FALSE(refused.ok()) << bad;
    EXPECT_EQ(refused.error().code, S3Code::kInvalidStorageClass);
    EXPECT_EQ(refused.error().Field("StorageClassRequested"), bad);
  }
}

TEST(Attributes, AreCollectedAndShownAgain) {
  const HttpRequest request = With({{"content-type", "text/plain"},
                                    {"content-encoding", "aws-chunked, gzip"},
                                    {"expires", "not a date"},
                                    {"user-agent", "x"},
                                    {"x-amz-meta-b", "2"},
                                    {"x-amz-meta-a", "1"}});
  auto attributes = CollectAttributes(request, 0);
  ASSERT_TRUE(attributes.ok());
  model::ObjectVersion version;
  version.system_headers = attributes->system_headers;
  version.user_metadata = attributes->user_metadata;
  version.storage_class = "STANDARD_IA";
  ResponseHead head;
  EXPECT_FALSE(AddStoredHeaders(version, With({}), &head));
  EXPECT_EQ(HeaderOf(head, "Content-Type"), "text/plain");
  EXPECT_EQ(HeaderOf(head, "Content-Encoding"), "gzip");
  EXPECT_EQ(HeaderOf(head, "Expires"), "not a date");
  EXPECT_EQ(HeaderOf(head, "x-amz-meta-a"), "1");
  EXPECT_EQ(HeaderOf(head, "x-amz-storage-class"), "STANDARD_IA");
  EXPECT_EQ(HeaderOf(head, "Cache-Control"), "(none)");
  EXPECT_EQ(head.headers.size(), 6u);
}

TEST(Attributes, DefaultsAreNotStored) {
  auto attributes = CollectAttributes(With({{"content-encoding", "aws-chunked"}}), 0);
  ASSERT_TRUE(attributes.ok());
  EXPECT_TRUE(attributes->system_headers.empty());
  ResponseHead head;
  EXPECT_FALSE(AddStoredHeaders(model::ObjectVersion(), With({}), &head));
  EXPECT_EQ(HeaderOf(head, "Content-Type"), "binary/octet-stream");
  EXPECT_EQ(HeaderOf(head, "x-amz-storage-class"), "(none)");
}

TEST(Attributes, OverridesWinAndCannotSplitAResponse) {
  ResponseHead head;
  EXPECT_FALSE(AddStoredHeaders(model::ObjectVersion(),
                                With({}, "/b/k?response-content-type=image%2Fpng"), &head));
  EXPECT_EQ(HeaderOf(head, "Content-Type"), "image/png");
  for (const char* bad : {"a%0D%0Ab", "a%0Ab", "a%00b", "a%7Fb"}) {
    const auto error = AddStoredHeaders(
        model::ObjectVersion(), With({}, std::string("/b/k?response-expires=") + bad), &head);
    ASSERT_TRUE(error) << bad;
    EXPECT_EQ(error->code, S3Code::kInvalidArgument);
  }
}

TEST(FeatureHeaders, WhatIsNotBuiltIsRefused) {
  for (const char* name :
       {"x-amz-server-side-encryption", "x-amz-mfa", "x-amz-server-side-encryption-customer-key",
        "x-amz-copy-source-server-side-encryption-customer-algorithm", "x-amz-if-match-size"}) {
    const auto error = RefuseUnbuiltFeatures(With({{"host", "h"}, {name, "x"}}));
    ASSERT_TRUE(error) << name;
    EXPECT_EQ(error->code, S3Code::kNotImplemented);
    EXPECT_EQ(error->Field("Header"), name);
  }
}

TEST(FeatureHeaders, WhatWeDoAnywayPasses) {
  EXPECT_FALSE(RefuseUnbuiltFeatures(With({{"x-amz-acl", "private"},
                                           {"x-amz-date", "20260101T000000Z"},
                                           {"x-amz-meta-x-amz-tagging", "1"},
                                           {"x-amz-storage-class", "STANDARD"},
                                           {"x-amz-tagging-directive", "COPY"},
                                           {"x-amz-request-payer", "requester"}})));
}

TEST(ListQuery, CountsAreBounded) {
  const auto count = [](const std::string& query) {
    return ParseCount(With({}, "/b?" + query), "max-keys", 1000, 1000);
  };
  EXPECT_EQ(*count("prefix=a"), 1000u);
  EXPECT_EQ(*count("max-keys="), 1000u);
  EXPECT_EQ(*count("max-keys=0"), 0u);
  EXPECT_EQ(*count("max-keys=7"), 7u);
  EXPECT_EQ(*count("max-keys=2147483647"), 1000u);
  for (const char* bad : {"-1", "abc", "1.5", "2147483648", "99999999999999999999", "+1"}) {
    auto refused = count(std::string("max-keys=") + bad);
    ASSERT_FALSE(refused.ok()) << bad;
    EXPECT_EQ(refused.error().code, S3Code::kInvalidArgument);
  }
  EXPECT_NE(count("max-keys=-1").error().message, count("max-keys=abc").error().message);
}

TEST(ListQuery, EncodingTypeIsUrlOrNothing) {
  EXPECT_TRUE(ParseListQuery(With({}, "/b?encoding-type=url"), "max-keys")->url_encode);
  EXPECT_FALSE(ParseListQuery(With({}, "/b"), "max-keys")->url_encode);
  for (const char* bad : {"", "URL", "value"}) {
    auto refused = ParseListQuery(With({}, std::string("/b?encoding-type=") + bad), "max-keys");
    ASSERT_FALSE(refused.ok()) << bad;
    EXPECT_EQ(refused.error().Field("ArgumentName"), "encoding-type");
  }
}

TEST(Lookups, UploadIdsHaveOneSpelling) {
  const UniqueId id = *ParseUploadId("0123456789abcdef0123456789abcdef");
  EXPECT_EQ(id.ToHex(), "0123456789abcdef0123456789abcdef");
  for (const char* bad :
       {"", "fakeid", "../../x", "0123456789ABCDEF0123456789ABCDEF",
        "0123456789abcdef0123456789abcdef00", "0123456789abcdef0123456789abcdeg"}) {
    EXPECT_FALSE(ParseUploadId(bad)) << bad;
  }
}

TEST(Lookups, PartNumbers) {
  EXPECT_EQ(*ParsePartNumber("1"), 1u);
  EXPECT_EQ(*ParsePartNumber("10000"), 10'000u);
  for (const char* bad : {"", "0", "-1", "10001", "abc", "1.0", "99999999999999999999"}) {
    EXPECT_FALSE(ParsePartNumber(bad).ok()) << bad;
  }
}

TEST(Lookups, VersionIds) {
  model::Bucket bucket;
  EXPECT_FALSE(ParseVersionId(With({}), bucket)->has_value());
  EXPECT_EQ(**ParseVersionId(With({}, "/b/k?versionId=null"), bucket), "null");
  auto refused = ParseVersionId(With({}, "/b/k?versionId=HPniJ"), bucket);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().message, "Invalid version id specified");
  EXPECT_FALSE(ParseVersionId(With({}, "/b/k?versionId="), bucket).ok());
  bucket.versioning = model::Versioning::kSuspended;
  const std::string id = "0123456789abcdef0123456789abcdef";
  EXPECT_EQ(**ParseVersionId(With({}, "/b/k?versionId=" + id), bucket), id);
  EXPECT_FALSE(ParseVersionId(With({}, "/b/k?versionId=HPniJ"), bucket).ok());
}

TEST(Checksums, BothEnumerationsAgree) {
  for (int i = 0; i < kChecksumAlgorithmCount; ++i) {
    const auto algorithm = static_cast<ChecksumAlgorithm>(i);
    EXPECT_EQ(NamedAlgorithm(StoredAlgorithm(algorithm)), algorithm);
  }
  EXPECT_FALSE(NamedAlgorithm(model::ChecksumAlgorithm::kNone));
  EXPECT_EQ(TypeName(StoredType(ChecksumType::kComposite)), "COMPOSITE");
}

TEST(Checksums, AskedForInAnyCase) {
  EXPECT_TRUE(AsksForChecksums(With({{"x-amz-checksum-mode", "enabled"}})));
  EXPECT_FALSE(AsksForChecksums(With({{"x-amz-checksum-mode", "DISABLED"}})));
  EXPECT_FALSE(AsksForChecksums(With({})));
}

TEST(Errors, WriteFailures) {
  WriteConditions none;
  WriteConditions match;
  match.if_match = "etag";
  WriteConditions absent;
  absent.if_none_match_any = true;
  const Status not_found(Code::kNotFound, "");
  EXPECT_EQ(WriteFailure(not_found, none, "b", "k").code, S3Code::kNoSuchBucket);
  EXPECT_EQ(WriteFailure(not_found, match, "b", "k").Field("Key"), "k");
  const Status conflict(Code::kConflict, "");
  EXPECT_EQ(WriteFailure(conflict, none, "b", "k").code, S3Code::kOperationAborted);
  const S3Error lost = WriteFailure(conflict, absent, "b", "k");
  EXPECT_EQ(lost.code, S3Code::kConditionalRequestConflict);
  EXPECT_EQ(lost.Field("Condition"), "If-None-Match");
  EXPECT_EQ(WriteFailure(Status(Code::kPreconditionFailed, ""), match, "b", "k").Field("Condition"),
            "If-Match");
}

TEST(Errors, WhatCannotBeReadIsNeverAbsent) {
  for (const Code code : {Code::kIoError, Code::kCorrupt, Code::kUnavailable}) {
    EXPECT_EQ(ReadFailure(Status(code, "")).http_status, 503) << CodeName(code);
  }
}

}  // namespace
}  // namespace ashlar::api_gateway
