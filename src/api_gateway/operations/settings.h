// What the operations need to know of the installation.
#pragma once

#include <string>
#include <vector>

#include "base/secret.h"

namespace ashlar::api_gateway {

struct S3GatewaySettings {
  std::string region = "us-east-1";
  std::vector<std::string> domains;  // for virtual-host addressing; empty: path style only
  // The one owner of everything, until there are more users: 64 hex digits (empty: the gateway's
  // own constant) and a name for people.
  std::string owner_id;
  std::string owner_display_name = "root";
  std::string root_access_key;
  Secret root_secret;
};

}  // namespace ashlar::api_gateway
