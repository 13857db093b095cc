// Names of regions.
#pragma once

#include <string_view>

namespace ashlar::api_gateway {

// Whether AWS has a region of this name, in any of its partitions.
[[nodiscard]] bool IsAwsRegion(std::string_view name);

}  // namespace ashlar::api_gateway
