// The canonical request of AWS Signature Version 4 for S3, built from what was received.
//
// S3's variant: the path is encoded once and never normalised. Source: the AWS documentation
// "Authenticating requests (AWS Signature Version 4)" of the S3 API reference. Pure functions.
#pragma once

#include <span>
#include <string_view>

#include "api_gateway/http/http_request.h"

namespace ashlar::api_gateway {

// The path with every byte in its one canonical spelling: unreserved bytes and '/' plain, all else
// %XX in upper case. "%2F" stays encoded, so that two different raw paths never sign alike unless
// they name the same key.
[[nodiscard]] PooledString CanonicalPath(std::string_view raw_path);

// All parameters except X-Amz-Signature, re-encoded and sorted by name, then value.
[[nodiscard]] PooledString CanonicalQuery(const HttpRequest& request);

struct CanonicalParts {
  std::string_view path;
  std::string_view query;
  std::string_view host;            // the value to sign for "host"
  std::string_view signed_headers;  // "host;x-amz-date", as the client sent it
  std::string_view payload_hash;
};
// `names` is signed_headers split. A header that is listed but absent has no line. Repeated headers
// are joined with ','; runs of blanks become one space.
void AppendCanonicalRequest(const HttpRequest& request, std::span<const std::string_view> names,
                            const CanonicalParts& parts, PooledString* out);

}  // namespace ashlar::api_gateway
