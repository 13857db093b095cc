// CORSConfiguration: which web pages may call a bucket from a browser, and the search in it.
//
// A document holds 1 to 100 rules, at most 64 KiB. A rule has at least one origin and one method of
// GET, PUT, POST, DELETE, HEAD; an ID of up to 255 characters, no two alike. "*" stands once at
// most in an origin and in a header, for any characters or none, and never in an exposed header.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api_gateway/protocol/s3_error.h"

namespace ashlar::api_gateway {

inline constexpr size_t kCorsBytesMax = 64 * 1024;
inline constexpr size_t kCorsRulesMax = 100;

struct CorsRule {
  std::optional<std::string> id;
  std::vector<std::string> headers;  // as sent; compared in any case
  std::vector<std::string> methods;
  std::vector<std::string> origins;  // compared as they are
  std::vector<std::string> expose_headers;
  std::optional<uint32_t> max_age_seconds;
  bool operator==(const CorsRule&) const = default;

  // Open to every page: the answer then names none.
  [[nodiscard]] bool AllowsAnyOrigin() const;
};

// MalformedXML; InvalidRequest for a method, a wildcard, or too many rules; InvalidArgument for
// IDs.
[[nodiscard]] S3Result<std::vector<CorsRule>> ParseCors(std::string_view body);
[[nodiscard]] std::string RenderCors(const std::vector<CorsRule>& rules);

// What a browser tells of the page and of the call that it is about to make or makes.
struct CorsQuestion {
  std::string_view origin;
  std::string_view method;
  std::vector<std::string> headers;  // Access-Control-Request-Headers, in lower case
};
[[nodiscard]] bool IsCorsMethod(std::string_view method);
// "A, b ,c" as {"a", "b", "c"}.
[[nodiscard]] std::vector<std::string> SplitRequestedHeaders(std::string_view list);
// The first rule that allows all of it; null when none does.
[[nodiscard]] const CorsRule* FindCorsRule(const std::vector<CorsRule>& rules,
                                           const CorsQuestion& question);

}  // namespace ashlar::api_gateway
