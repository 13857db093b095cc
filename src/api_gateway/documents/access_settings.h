// PublicAccessBlockConfiguration and OwnershipControls. MalformedXML for what they are not.
#pragma once

#include <string>
#include <string_view>

#include "api_gateway/http/http_request.h"
#include "iam/access.h"

namespace ashlar::api_gateway {

inline constexpr size_t kAccessSettingsBytesMax = 4 * 1024;

[[nodiscard]] S3Result<iam::PublicAccessBlock> ParsePublicAccessBlock(std::string_view body);
[[nodiscard]] std::string RenderPublicAccessBlock(const iam::PublicAccessBlock& block);

[[nodiscard]] S3Result<iam::Ownership> ParseOwnershipControls(std::string_view body);
[[nodiscard]] std::string RenderOwnershipControls(iam::Ownership ownership);
// x-amz-object-ownership of CreateBucket; nullopt when absent. InvalidArgument.
[[nodiscard]] S3Result<std::optional<iam::Ownership>> ParseOwnershipHeader(
    const HttpRequest& request);

}  // namespace ashlar::api_gateway
