// Headers that describe a body: Content-MD5, Content-Encoding, x-amz-decoded-content-length.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "api_gateway/http/http_request.h"
#include "base/digest.h"

namespace ashlar::api_gateway {

// nullopt: not sent. InvalidDigest: anything but base64 of 16 bytes, also when empty.
[[nodiscard]] S3Result<std::optional<Md5Digest>> ParseContentMd5(const HttpRequest& request);

// BadDigest with ExpectedDigest and CalculatedDigest (base64).
[[nodiscard]] S3Error ContentMd5Mismatch(const Md5Digest& expected, const Md5Digest& calculated);

// Content-Encoding without its aws-chunked tokens, which only describe the transfer. Empty: none is
// left and the object has no Content-Encoding.
[[nodiscard]] std::string TrimAwsChunked(std::string_view content_encoding);

// Length of the payload of a STREAMING-* body, in bytes. MissingContentLength when absent,
// InvalidArgument when not a number.
[[nodiscard]] S3Result<uint64_t> ParseDecodedContentLength(const HttpRequest& request);

}  // namespace ashlar::api_gateway
