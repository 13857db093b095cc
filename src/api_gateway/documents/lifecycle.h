// LifecycleConfiguration: when objects, versions and uploads of a bucket are to go or to move.
//
// Reading is in two steps, as at S3. The form comes first: elements, their number and their types;
// what is not so is MalformedXML. Then the values, rule by rule (lifecycle_checks.cc): those errors
// say what is wrong. A rule without an ID is given one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api_gateway/protocol/s3_error.h"
#include "model/object_version.h"

namespace ashlar::api_gateway {

inline constexpr size_t kLifecycleBytesMax = 1024 * 1024;
inline constexpr size_t kLifecycleRulesMax = 1000;

// Numbers are signed, because a negative one has the form and is refused for its value.
struct LifecycleFilter {
  bool joined = false;  // <And>
  std::optional<std::string> prefix;
  model::HeaderList tags;
  std::optional<int64_t> size_greater_than;
  std::optional<int64_t> size_less_than;
  bool operator==(const LifecycleFilter&) const = default;
};

// Days or a date; of current versions that is all, of noncurrent ones days alone.
struct LifecycleTransition {
  std::optional<int64_t> days;
  std::optional<int64_t> date_seconds;
  std::string storage_class;
  std::optional<int64_t> newer_versions;
  bool operator==(const LifecycleTransition&) const = default;
};

// One of the three.
struct LifecycleExpiration {
  std::optional<int64_t> days;
  std::optional<int64_t> date_seconds;
  std::optional<bool> delete_marker;
  bool operator==(const LifecycleExpiration&) const = default;
};

struct NoncurrentExpiration {
  int64_t days = 0;
  std::optional<int64_t> newer_versions;
  bool operator==(const NoncurrentExpiration&) const = default;
};

struct LifecycleRule {
  std::string id;
  bool enabled = false;
  // One of the two: the older form has a prefix in place of a filter.
  std::optional<std::string> prefix;
  std::optional<LifecycleFilter> filter;
  std::optional<LifecycleExpiration> expiration;
  std::vector<LifecycleTransition> transitions;
  std::optional<NoncurrentExpiration> noncurrent_expiration;
  std::vector<LifecycleTransition> noncurrent_transitions;
  std::optional<int64_t> abort_upload_days;
  bool operator==(const LifecycleRule&) const = default;
};

// MalformedXML, InvalidArgument, InvalidRequest.
[[nodiscard]] S3Result<std::vector<LifecycleRule>> ParseLifecycle(std::string_view body);
[[nodiscard]] std::string RenderLifecycle(const std::vector<LifecycleRule>& rules);

// The values of rules that have the form (lifecycle_checks.cc).
[[nodiscard]] std::optional<S3Error> CheckLifecycle(const std::vector<LifecycleRule>& rules);

// x-amz-transition-default-minimum-object-size.
inline constexpr std::string_view kMinimumSizeHeader =
    "x-amz-transition-default-minimum-object-size";
inline constexpr std::string_view kMinimumSizeDefault = "all_storage_classes_128K";
// The header's value, or the default for an absent one. InvalidRequest.
[[nodiscard]] S3Result<std::string> ParseMinimumSize(std::optional<std::string_view> header);

}  // namespace ashlar::api_gateway
