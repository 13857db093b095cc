// One received request head as plain values, and the single place where its target is parsed.
//
// 1. Names of headers are lower-case; order and repetition are kept as received.
// 2. The path stays raw until `ResolveAddress` decodes it once. Nothing is normalised: "//", "."
//    and ".." are ordinary parts of a key.
// 3. Whoever signs, authorises or serves reads the same parsed values, so two parsers cannot
//    differ.
//
// Values without threads, whose memory is pooled. A malformed target fails with kInvalidArgument
// (answer 400 InvalidURI).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "api_gateway/protocol/s3_error.h"
#include "base/status.h"
#include "runtime/pooled.h"

namespace ashlar::api_gateway {

struct Header {
  Header(std::string_view header_name, std::string_view header_value)
      : name(header_name), value(header_value) {}
  PooledString name;  // lower-case
  PooledString value;
};
using RequestHeaders = PooledVector<Header>;

struct QueryParameter {
  std::string raw_name;
  std::string raw_value;
  std::string name;         // decoded, '+' is a space
  std::string value;        // decoded, '+' is a space
  bool has_equals = false;  // "?acl" and "?acl=" sign alike but may route differently
};

struct HttpRequest {
  std::string method;
  std::string raw_target;  // exactly as received
  RequestHeaders headers;
  bool tls = false;
  PooledString peer;  // "address:port" of the socket

  // Filled by ParseTarget.
  PooledString raw_path;  // begins with '/', not decoded
  PooledVector<QueryParameter> query;

  // First value; nullopt when absent. `name` must be lower-case.
  [[nodiscard]] std::optional<std::string_view> Find(std::string_view name) const;
  [[nodiscard]] size_t Count(std::string_view name) const;
  // First decoded query value; nullopt when absent. Names are case-sensitive.
  [[nodiscard]] std::optional<std::string_view> FindQuery(std::string_view name) const;
  [[nodiscard]] bool HasQuery(std::string_view name) const { return FindQuery(name).has_value(); }
};

inline constexpr size_t kTargetBytesMax = 16 * 1024;
inline constexpr size_t kQueryParametersMax = 256;
inline constexpr size_t kKeyBytesMax = 1024;

// Splits request->raw_target into raw_path and query. Origin form, or absolute form whose scheme
// and authority are dropped (Host decides). kInvalidArgument: other forms, control characters,
// invalid percent-encoding, invalid UTF-8 after decoding, too long.
[[nodiscard]] Status ParseTarget(HttpRequest* request);

// Which bucket and key a request names. Both empty: the service itself (ListBuckets).
struct S3Address {
  std::string bucket;
  std::string key;  // decoded once, up to 1,024 bytes of UTF-8
  bool virtual_host = false;
};

// Virtual-host style when Host, without its port, is "<valid bucket name>.<one of domains>"; path
// style otherwise. In path style the bucket ends at the first '/' or "%2F"; the rest is the key.
// The bucket's name is not validated here. Errors: InvalidURI, KeyTooLongError, InvalidBucketName
// (a key without bucket, "//key").
[[nodiscard]] S3Result<S3Address> ResolveAddress(const HttpRequest& request,
                                                 std::span<const std::string> domains);

}  // namespace ashlar::api_gateway
