// Root credentials: from the environment, else generated once and kept with the data.
#pragma once

#include <string>

#include "base/secret.h"
#include "base/status.h"
#include "runtime/clock.h"
#include "runtime/disk.h"
#include "runtime/task.h"
#include "server/options.h"

namespace ashlar::server {

struct RootCredentials {
  std::string access_key;
  Secret secret_key;
  std::string source;  // for people: where they come from
};

inline constexpr char kCredentialsFileName[] = "root-credentials";

// kInvalidArgument: only one of the two is given, or they are too short; kCorrupt: the file cannot
// be understood (it is never replaced).
Task<Result<RootCredentials>> LoadOrCreateCredentials(Disk& disk, Random& random,
                                                      const ServerOptions& options);

}  // namespace ashlar::server
