// Conditional requests: which headers were sent, and whether they hold.
//
// Evaluate only after authorisation: the outcome tells whether an object exists and what it holds.
// Times compare in whole seconds. A date that cannot be read is as if it had not been sent.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "api_gateway/http/http_request.h"

namespace ashlar::api_gateway {

struct ReadConditions {
  std::optional<std::string> if_match;  // as sent: "*", or a list of entity tags
  std::optional<std::string> if_none_match;
  std::optional<int64_t> if_modified_since;  // seconds since 1970
  std::optional<int64_t> if_unmodified_since;
  bool copy_source = false;

  [[nodiscard]] bool Any() const {
    return if_match || if_none_match || if_modified_since || if_unmodified_since;
  }
};

// If-Match and its three companions of a GET or HEAD; with copy_source the x-amz-copy-source-if-*.
[[nodiscard]] ReadConditions ParseReadConditions(const HttpRequest& request,
                                                 bool copy_source = false);

// nullopt: go on. NotModified (304, GET and HEAD only) or PreconditionFailed (412, with Condition).
// `etag` is without quotes, times in seconds since 1970. Order and interplay: RFC 9110, 13.2.2, but
// a future If-Modified-Since is ignored, as S3 does.
[[nodiscard]] std::optional<S3Error> EvaluateReadConditions(const ReadConditions& conditions,
                                                            std::string_view etag,
                                                            int64_t last_modified_seconds,
                                                            int64_t now_seconds);

// What PutObject, CopyObject (on its destination) and CompleteMultipartUpload accept.
struct WriteConditions {
  bool if_none_match_any = false;       // only when no current object exists
  std::optional<std::string> if_match;  // only when the current ETag (without quotes) is this
};
// NotImplemented (501) for If-None-Match other than "*", If-Match "*", and both together.
[[nodiscard]] S3Result<WriteConditions> ParseWriteConditions(const HttpRequest& request);

// The answer when a write condition did not hold.
[[nodiscard]] S3Error WriteConditionFailed(const WriteConditions& conditions);

}  // namespace ashlar::api_gateway
