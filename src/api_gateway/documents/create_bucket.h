// The document CreateBucketConfiguration: where a new bucket lies, and its first tags.
#pragma once

#include <string>
#include <string_view>

#include "api_gateway/protocol/s3_error.h"
#include "model/object_version.h"

namespace ashlar::api_gateway {

// Fifty tags of 128 and 256 characters of four bytes each, and their elements.
inline constexpr size_t kCreateBucketBytesMax = 96 * 1024;

// Under this name a bucket keeps the older name of its region that it was asked for by.
inline constexpr char kLocationConfiguration[] = "location";

struct CreateBucketConfiguration {
  std::string location_constraint;  // empty: not given
  model::HeaderList tags;
};
// An empty body is an empty configuration. MalformedXML, and the errors of tags.
[[nodiscard]] S3Result<CreateBucketConfiguration> ParseCreateBucketConfiguration(
    std::string_view body);

}  // namespace ashlar::api_gateway
