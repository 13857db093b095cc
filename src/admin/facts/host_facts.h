// What the doctor asks of the machine itself.
#pragma once

#include <string>

#include "admin/facts/store_facts.h"

namespace ashlar::admin {

// Empty `certificate_path`: no TLS. Blocks for a moment (two small files).
[[nodiscard]] HostFacts ReadHostFacts(const std::string& token_path,
                                      const std::string& certificate_path);

}  // namespace ashlar::admin
