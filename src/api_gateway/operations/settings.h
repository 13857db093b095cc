// What the operations need to know of the installation.
#pragma once

#include <string>
#include <vector>

namespace ashlar::api_gateway {

struct S3GatewaySettings {
  std::string region = "us-east-1";
  std::vector<std::string> domains;  // for virtual-host addressing; empty: path style only
};

}  // namespace ashlar::api_gateway
