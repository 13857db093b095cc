// The token of the admin API: whoever has it may look and change.
#pragma once

#include <string>

#include "base/secret.h"
#include "base/status.h"
#include "runtime/clock.h"
#include "runtime/disk.h"

namespace ashlar::admin {

inline constexpr char kTokenFileName[] = "admin-token";

// Reads <folder>/admin-token; the first time it is made from `random`: 64 hex digits, readable by
// the owner only. kCorrupt: the file holds no token.
[[nodiscard]] Task<Result<Secret>> LoadOrCreateToken(Disk& disk, Random& random,
                                                     std::string folder);

}  // namespace ashlar::admin
