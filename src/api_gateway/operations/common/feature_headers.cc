#include "api_gateway/operations/common/feature_headers.h"

#include <algorithm>

#include "api_gateway/protocol/percent.h"

namespace ashlar::api_gateway {
namespace {

constexpr std::string_view kUnbuilt[] = {
    "x-amz-object-ownership",   "x-amz-mfa",
    "x-amz-write-offset-bytes", "x-amz-if-match-last-modified-time",
    "x-amz-if-match-size",      "x-amz-if-match-initiated-time",
    "x-amz-bucket-namespace",
};
constexpr std::string_view kUnbuiltPrefixes[] = {
    "x-amz-grant-",
    "x-amz-server-side-encryption",
    "x-amz-copy-source-server-side-encryption",
};

S3Error NotBuilt(std::string_view header) {
  return S3Error(S3Code::kNotImplemented).With("Header", header);
}

// With one owner of everything these three grant what "private" grants: all to the owner.
std::optional<S3Error> CheckCannedAcl(std::string_view acl) {
  static constexpr std::string_view kSameAsPrivate[] = {"private", "bucket-owner-read",
                                                        "bucket-owner-full-control"};
  static constexpr std::string_view kOthers[] = {"public-read", "public-read-write",
                                                 "authenticated-read", "aws-exec-read",
                                                 "log-delivery-write"};
  const auto among = [acl](const auto& names) {
    return std::find(std::begin(names), std::end(names), acl) != std::end(names);
  };
  if (among(kSameAsPrivate)) return std::nullopt;
  if (among(kOthers)) return NotBuilt("x-amz-acl");
  return InvalidArgument("This is no canned ACL", "x-amz-acl", acl);
}

std::optional<S3Error> CheckHeader(const Header& header) {
  const std::string_view name = header.name;
  const std::string_view value = TrimBlanks(header.value);
  if (name == "x-amz-acl") return CheckCannedAcl(value);
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
