// Root credentials: from the environment, else generated once and kept with the data. And the key
// that seals the secrets of users.
#pragma once

#include <string>

#include "base/secret.h"
#include "base/status.h"
#include "metadata_db/metadata_db.h"
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

inline constexpr char kSealingKeyFileName[] = "iam-key";

// The key under which secrets of users are sealed: made at the first start, mode 0600. kCorrupt:
// the file cannot be understood, or is missing though there are users.
Task<Result<Secret>> LoadOrCreateSealingKey(Disk& disk, Random& random,
                                            metadata_db::MetadataDb& metadata, std::string data);

}  // namespace ashlar::server
