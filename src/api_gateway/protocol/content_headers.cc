#include "api_gateway/protocol/content_headers.h"

#include <algorithm>

#include "api_gateway/protocol/percent.h"

namespace ashlar::api_gateway {

S3Result<std::optional<Md5Digest>> ParseContentMd5(const HttpRequest& request) {
  const auto header = request.Find("content-md5");
  if (!header) return std::optional<Md5Digest>();
  std::string raw;
  Md5Digest digest;
  if (request.Count("content-md5") > 1 || !Base64Decode(TrimBlanks(*header), &raw) ||
      raw.size() != digest.size()) {
    return S3Error(S3Code::kInvalidDigest).With("Content-MD5", *header);
  }
  std::copy(raw.begin(), raw.end(), digest.begin());
  return std::optional(digest);
}

S3Error ContentMd5Mismatch(const Md5Digest& expected, const Md5Digest& calculated) {
  return S3Error(S3Code::kBadDigest)
      .With("ExpectedDigest", Base64Encode(expected))
      .With("CalculatedDigest", Base64Encode(calculated));
}

std::string TrimAwsChunked(std::string_view content_encoding) {
  std::string kept;
  while (!content_encoding.empty()) {
    const size_t comma = content_encoding.find(',');
    const std::string_view token = TrimBlanks(content_encoding.substr(0, comma));
    if (!token.empty() && !EqualsIgnoreCase(token, "aws-chunked")) {
      if (!kept.empty()) kept += ',';
      kept += token;
    }
    if (comma == std::string_view::npos) break;
    content_encoding.remove_prefix(comma + 1);
  }
  return kept;
}

S3Result<uint64_t> ParseDecodedContentLength(const HttpRequest& request) {
  constexpr std::string_view kName = "x-amz-decoded-content-length";
  const auto header = request.Find(kName);
  if (!header) return S3Error(S3Code::kMissingContentLength);
  unsigned long long length = 0;
  if (request.Count(kName) > 1 || !ParseUnsigned(TrimBlanks(*header), &length)) {
    return InvalidArgument("The x-amz-decoded-content-length header is not a number", kName,
                           *header);
  }
  return uint64_t{length};
}

}  // namespace ashlar::api_gateway
