// Identity: who a request comes from, as its access key says. Values; immutable once built.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/secret.h"
#include "iam/policy.h"

namespace ashlar::iam {

// The canonical id of whoever shows no credentials: the owner of what anonymous callers wrote.
inline constexpr char kAnonymousCanonicalId[] =
    "65a011a29cdf8ec533ec3d1ccaae921c65a011a29cdf8ec533ec3d1ccaae921c";

struct Identity {
  std::string account_id;    // 12 digits
  std::string account_name;  // for people
  std::string canonical_id;  // of the account, 64 hex digits
  std::string user_name;     // empty: the account itself (its root user)
  std::string user_id;
  std::string arn;
  // Of the store's operator: allowed everything that no Deny and no object lock forbids.
  bool is_store_root = false;
  std::vector<std::shared_ptr<const Policy>> policies = {};

  bool is_account_root() const { return user_name.empty(); }
};

// What an access key is checked with.
struct Credential {
  Secret secret;
  std::shared_ptr<const Identity> identity;
  bool enabled = true;  // a disabled key is answered like an unknown one
};

}  // namespace ashlar::iam
