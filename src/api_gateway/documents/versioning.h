// VersioningConfiguration: the body of PutBucketVersioning, and what GetBucketVersioning shows.
#pragma once

#include <string>
#include <string_view>

#include "api_gateway/protocol/s3_error.h"
#include "model/object_version.h"

namespace ashlar::api_gateway {

inline constexpr size_t kVersioningBytesMax = 4 * 1024;

// Enabled or suspended. MalformedXML; IllegalVersioningConfigurationException without a status;
// NotImplemented when MFA delete is asked for.
[[nodiscard]] S3Result<model::Versioning> ParseVersioning(std::string_view body);
// An empty element while versioning was never configured.
[[nodiscard]] std::string RenderVersioning(model::Versioning versioning);

}  // namespace ashlar::api_gateway
