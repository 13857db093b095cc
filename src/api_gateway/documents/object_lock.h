// Object lock: the bucket's configuration, a version's retention and legal hold, and the headers
// that set both with an object. Readers know all their elements; times are seconds of UTC.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "api_gateway/http/http_exchange.h"
#include "api_gateway/protocol/s3_error.h"
#include "model/object_version.h"

namespace ashlar::api_gateway {

inline constexpr size_t kObjectLockBytesMax = 4 * 1024;
inline constexpr uint32_t kRetentionDaysMax = 36'500;
inline constexpr uint32_t kRetentionYearsMax = 100;

// The default retention of an ObjectLockConfiguration, mode kNone without a rule. MalformedXML;
// InvalidArgument for a period that is not positive or too long.
[[nodiscard]] S3Result<model::DefaultRetention> ParseObjectLockConfiguration(std::string_view body);
[[nodiscard]] std::string RenderObjectLockConfiguration(const model::DefaultRetention& retention);

struct Retention {
  model::RetentionMode mode = model::RetentionMode::kNone;
  int64_t until_ms = 0;
};
// An empty Retention takes it away (mode kNone). MalformedXML; InvalidArgument for a date that is
// not in the future.
[[nodiscard]] S3Result<Retention> ParseRetention(std::string_view body, int64_t now_ms);
[[nodiscard]] std::string RenderRetention(const model::ObjectLock& lock);
// Whether `wanted` may replace the retention of a lock: longer is always allowed, everything else
// needs the right to bypass governance, and compliance never yields.
[[nodiscard]] bool MayReplaceRetention(const model::ObjectLock& lock, const Retention& wanted,
                                       int64_t now_ms, bool bypass_governance);

[[nodiscard]] S3Result<model::LegalHold> ParseLegalHold(std::string_view body);
[[nodiscard]] std::string RenderLegalHold(model::LegalHold hold);

// x-amz-object-lock-mode, -retain-until-date and -legal-hold of a request that writes an object;
// nullopt when it has none of them. InvalidArgument.
[[nodiscard]] S3Result<std::optional<model::ObjectLock>> ParseObjectLockHeaders(
    const HttpRequest& request, int64_t now_ms);
// The same three headers of a response.
void AddObjectLockHeaders(const model::ObjectLock& lock, ResponseHead* head);

}  // namespace ashlar::api_gateway
