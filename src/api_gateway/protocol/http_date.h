// Dates of HTTP and S3 as seconds since 1970-01-01T00:00:00Z. Pure; years 1970 to 9999.
//
// All readers are exact: every character has its place, out-of-range fields (31 February, hour 24)
// give nullopt. The name of the weekday is checked to be one, not to be the right one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/pooled.h"

namespace ashlar::api_gateway {

// The three forms of RFC 9110, 5.6.7: IMF-fixdate, RFC 850 (two-digit years below 70 are 20xx) and
// asctime. "UTC" and "+0000" are taken for "GMT".
[[nodiscard]] std::optional<int64_t> ParseHttpDate(std::string_view text);
// "20130524T000000Z"
[[nodiscard]] std::optional<int64_t> ParseAmzDate(std::string_view text);
// "2026-11-22T16:00:00Z", with an optional fraction (dropped) and an offset such as "+01:00".
[[nodiscard]] std::optional<int64_t> ParseRfc3339(std::string_view text);

// "Fri, 24 May 2013 00:00:00 GMT"
[[nodiscard]] PooledString FormatHttpDate(int64_t seconds);
// "20130524T000000Z"
[[nodiscard]] std::string FormatAmzDate(int64_t seconds);
// "2026-11-22T16:00:00.000Z" from milliseconds since 1970.
[[nodiscard]] std::string FormatIso8601(int64_t milliseconds);
// "2026-11-22T16:00:00Z"
[[nodiscard]] std::string FormatIso8601Seconds(int64_t seconds);

}  // namespace ashlar::api_gateway
