// Checksums and Content-MD5: values recorded from AWS, the texts of its refusals, and combination.
#include "api_gateway/protocol/checksum_headers.h"

#include <gtest/gtest.h>

#include "api_gateway/protocol/content_headers.h"

namespace ashlar::api_gateway {
namespace {

HttpRequest With(RequestHeaders headers) {
  HttpRequest request;
  request.headers = std::move(headers);
  return request;
}

std::string ChecksumOf(ChecksumAlgorithm algorithm, std::string_view text) {
  ChecksumCalculator calculator(algorithm);
  for (const char& c : text) calculator.Update(AsBytes({&c, 1}));
  return calculator.Finish();
}

TEST(Checksum, ValuesRecordedFromAws) {
  const std::string body = "test data..";  // e6d9226c... in the records of AWS
  EXPECT_EQ(HexEncode(Md5(AsBytes(body))), "e6d9226c2a86b7232933663c13467527");
  const auto base64 = [&](ChecksumAlgorithm algorithm) {
    return Base64Encode(AsBytes(ChecksumOf(algorithm, body)));
  };
  EXPECT_EQ(base64(ChecksumAlgorithm::kCrc32), "cZWHwQ==");
  EXPECT_EQ(base64(ChecksumAlgorithm::kCrc32c), "Pf4upw==");
  EXPECT_EQ(base64(ChecksumAlgorithm::kCrc64Nvme), "qUVrWYOrIAM=");
  EXPECT_EQ(base64(ChecksumAlgorithm::kSha256), "2l26x0trnT0r2AvakoFk2MB7eKVKzYESLMxSAKAzoik=");
}

TEST(Checksum, NamesGoBothWays) {
  for (int i = 0; i < kChecksumAlgorithmCount; ++i) {
    const auto algorithm = static_cast<ChecksumAlgorithm>(i);
    const ChecksumNames& names = NamesOf(algorithm);
    EXPECT_EQ(FindChecksumAlgorithm(names.lower), algorithm);
    EXPECT_EQ(FindChecksumHeader(names.header), algorithm);
    EXPECT_EQ(FindChecksumElement(names.xml_element), algorithm);
    EXPECT_EQ(ChecksumOf(algorithm, "").size(), names.size);
  }
  EXPECT_FALSE(FindChecksumAlgorithm("MD5"));
}

TEST(Checksum, WhichWasSent) {
  EXPECT_FALSE(ParseChecksumHeaders(With({}))->algorithm);
  const auto header = ParseChecksumHeaders(With({{"x-amz-checksum-crc32", "cZWHwQ=="},
                                                 {"x-amz-checksum-algorithm", "CRC32"},
                                                 {"x-amz-sdk-checksum-algorithm", "CRC32"}}));
  ASSERT_TRUE(header.ok());
  EXPECT_EQ(header->algorithm, ChecksumAlgorithm::kCrc32);
  EXPECT_EQ(header->value, "\x71\x95\x87\xc1");
  EXPECT_FALSE(header->in_trailer);
  // The name that SDKs announce asks for nothing by itself.
  EXPECT_FALSE(ParseChecksumHeaders(With({{"x-amz-sdk-checksum-algorithm", "CRC32"}}))->algorithm);
  EXPECT_EQ(ParseChecksumHeaders(With({{"x-amz-sdk-checksum-algorithm", "SHA1"},
                                       {"x-amz-checksum-crc32", "cZWHwQ=="}}))
                ->algorithm,
            ChecksumAlgorithm::kCrc32);
  const auto trailer = ParseChecksumHeaders(With({{"x-amz-trailer", "X-Amz-Checksum-SHA256"}}));
  EXPECT_TRUE(trailer->in_trailer);
  EXPECT_EQ(trailer->algorithm, ChecksumAlgorithm::kSha256);
  EXPECT_FALSE(trailer->value);
}

TEST(Checksum, TextsOfRefusal) {
  const auto text = [](RequestHeaders headers) {
    const auto result = ParseChecksumHeaders(With(std::move(headers)));
    EXPECT_EQ(result.error().code, S3Code::kInvalidRequest);
    return result.error().message;
  };
  const std::string single =
      "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.";
  EXPECT_EQ(text({{"x-amz-checksum-crc32", "cZWHwQ=="}, {"x-amz-checksum-crc32c", "Pf4upw=="}}),
            single);
  EXPECT_EQ(text({{"x-amz-checksum-crc32", "cZWHwQ=="}, {"x-amz-checksum-crc32", "cZWHwQ=="}}),
            single);
  EXPECT_EQ(text({{"x-amz-checksum-crc32", "cZWHwQ=="}, {"x-amz-trailer", "x-amz-checksum-crc32"}}),
            single);
  for (const char* bad : {"", "test", "cZWHwQ", "qUVrWYOrIAM=", "cZWHwQ==="}) {
    EXPECT_EQ(text({{"x-amz-checksum-crc32", bad}}),
              "Value for x-amz-checksum-crc32 header is invalid.");
  }
  EXPECT_EQ(text({{"x-amz-checksum-crc16", "AA=="}}),
            "The algorithm type you specified in x-amz-checksum- header is invalid.");
  text({{"x-amz-trailer", "x-amz-meta-a"}});
  text({{"x-amz-trailer", "x-amz-checksum-crc32,x-amz-checksum-sha1"}});
  EXPECT_EQ(ChecksumMismatch(ChecksumAlgorithm::kCrc64Nvme).message,
            "The CRC64NVME you specified did not match the calculated checksum.");
  EXPECT_EQ(ChecksumMismatch(ChecksumAlgorithm::kCrc32c, true).message,
            "The crc32c you specified did not match the calculated checksum.");
}

TEST(Checksum, TypesOfMultipartUploads) {
  const auto parse = [](const char* algorithm, const char* type) {
    RequestHeaders headers = {{"x-amz-checksum-algorithm", algorithm}};
    if (type != nullptr) headers.push_back({"x-amz-checksum-type", type});
    return ParseMultipartChecksum(With(std::move(headers)));
  };
  EXPECT_FALSE(ParseMultipartChecksum(With({}))->has_value());
  EXPECT_EQ((*parse("CRC32", nullptr))->type, ChecksumType::kComposite);
  EXPECT_EQ((*parse("crc32c", "full_object"))->type, ChecksumType::kFullObject);
  EXPECT_EQ((*parse("SHA256", nullptr))->type, ChecksumType::kComposite);
  EXPECT_EQ((*parse("CRC64NVME", nullptr))->type, ChecksumType::kFullObject);
  EXPECT_EQ(parse("CRC64NVME", "COMPOSITE").error().message,
            "The COMPOSITE checksum type cannot be used with the crc64nvme checksum algorithm.");
  EXPECT_EQ(parse("SHA1", "FULL_OBJECT").error().message,
            "The FULL_OBJECT checksum type cannot be used with the sha1 checksum algorithm.");
  EXPECT_EQ(parse("TEST", nullptr).error().message,
            "Checksum algorithm provided is unsupported. Please try again with any of the valid "
            "types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]");
  EXPECT_EQ(ParseMultipartChecksum(With({{"x-amz-checksum-type", "COMPOSITE"}})).error().message,
            "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm "
            "header.");
  EXPECT_FALSE(parse("CRC32", "OTHER").ok());
}

// Two parts of 5 MiB and a byte of 'a', and ten bytes of 'a': recorded from AWS.
TEST(Checksum, MultipartValuesRecordedFromAws) {
  const std::string big(5'242'881, 'a');
  const std::string small(10, 'a');
  const auto part = [](const std::string& text) {
    return PartChecksum{Base64Encode({}), text.size()};
  };
  std::vector<PartChecksum> parts = {part(big), part(big), part(small)};
  const auto crc = [](const std::string& text) {
    ChecksumCalculator calculator(ChecksumAlgorithm::kCrc32);
    calculator.Update(AsBytes(text));
    return calculator.Finish();
  };
  parts[0].value = parts[1].value = crc(big);
  parts[2].value = crc(small);
  EXPECT_EQ(Base64Encode(AsBytes(parts[0].value)), "NRU+Sw==");
  EXPECT_EQ(Base64Encode(AsBytes(parts[2].value)), "TBHN8A==");
  EXPECT_EQ(CompositeChecksum(ChecksumAlgorithm::kCrc32, parts), "5FRUiw==-3");
  EXPECT_EQ(Base64Encode(AsBytes(CombineChecksums(ChecksumAlgorithm::kCrc32, parts))), "qSEQSA==");
}

TEST(Checksum, CombinedIsThatOfTheWhole) {
  const std::string whole = "The quick brown fox jumps over the lazy dog";
  for (const auto algorithm :
       {ChecksumAlgorithm::kCrc32, ChecksumAlgorithm::kCrc32c, ChecksumAlgorithm::kCrc64Nvme}) {
    for (size_t cut = 0; cut <= whole.size(); ++cut) {
      const PartChecksum parts[] = {{ChecksumOf(algorithm, whole.substr(0, cut)), cut},
                                    {ChecksumOf(algorithm, whole.substr(cut)), whole.size() - cut}};
      EXPECT_EQ(CombineChecksums(algorithm, parts), ChecksumOf(algorithm, whole)) << cut;
    }
  }
}

TEST(ContentMd5, AsAwsAnswers) {
  EXPECT_FALSE(ParseContentMd5(With({}))->has_value());
  EXPECT_TRUE(ParseContentMd5(With({{"content-md5", "Q3uTDbhLgHnC3YBKcZNrXw=="}}))->has_value());
  for (const char* bad :
       {"", "__invalid__", "000", "not base64 encoded checksum", "MTIz", "dGVzdC1zdHJpbmc="}) {
    const auto result = ParseContentMd5(With({{"content-md5", bad}}));
    ASSERT_FALSE(result.ok()) << bad;
    EXPECT_EQ(result.error().code, S3Code::kInvalidDigest);
    EXPECT_EQ(result.error().Field("Content-MD5"), bad);
  }
  const S3Error error = ContentMd5Mismatch(Md5(AsBytes("a")), Md5(AsBytes("b")));
  EXPECT_EQ(error.Field("CalculatedDigest"), Base64Encode(Md5(AsBytes("b"))));
}

TEST(ContentEncoding, LosesItsFramingTokens) {
  EXPECT_EQ(TrimAwsChunked("aws-chunked"), "");
  EXPECT_EQ(TrimAwsChunked("aws-chunked, gzip"), "gzip");
  EXPECT_EQ(TrimAwsChunked("gzip,AWS-Chunked , br"), "gzip,br");
  EXPECT_EQ(TrimAwsChunked("gzip"), "gzip");
  EXPECT_EQ(TrimAwsChunked(""), "");
}

TEST(DecodedContentLength, IsNeededOnce) {
  const auto parse = [](RequestHeaders headers) {
    return ParseDecodedContentLength(With(std::move(headers)));
  };
  constexpr const char* kName = "x-amz-decoded-content-length";
  EXPECT_EQ(*parse({{kName, "66560"}}), 66560u);
  EXPECT_EQ(parse({}).error().http_status, 411);
  for (const char* bad : {"", "-1", "1x", "99999999999999999999"}) {
    EXPECT_EQ(parse({{kName, bad}}).error().code, S3Code::kInvalidArgument) << bad;
  }
  EXPECT_FALSE(parse({{kName, "1"}, {kName, "1"}}).ok());
}

}  // namespace
}  // namespace ashlar::api_gateway
