#include "api_gateway/operations/common/feature_headers.h"

#include <algorithm>

namespace ashlar::api_gateway {
namespace {

constexpr std::string_view kUnbuilt[] = {
    "x-amz-mfa",           "x-amz-write-offset-bytes",      "x-amz-if-match-last-modified-time",
    "x-amz-if-match-size", "x-amz-if-match-initiated-time", "x-amz-bucket-namespace",
};
constexpr std::string_view kUnbuiltPrefixes[] = {
    "x-amz-server-side-encryption",
    "x-amz-copy-source-server-side-encryption",
};

S3Error NotBuilt(std::string_view header) {
  return S3Error(S3Code::kNotImplemented).With("Header", header);
}

std::optional<S3Error> CheckHeader(const Header& header) {
  const std::string_view name = header.name;
  if (std::find(std::begin(kUnbuilt), std::end(kUnbuilt), name) != std::end(kUnbuilt)) {
    return NotBuilt(name);
  }
  for (const std::string_view prefix : kUnbuiltPrefixes) {
    if (name.starts_with(prefix)) return NotBuilt(name);
  }
  return std::nullopt;
}

}  // namespace

std::optional<S3Error> RefuseUnbuiltFeatures(const HttpRequest& request) {
  for (const Header& header : request.headers) {
    if (!header.name.starts_with("x-amz-")) continue;
    if (auto error = CheckHeader(header)) return error;
  }
  return std::nullopt;
}

}  // namespace ashlar::api_gateway
