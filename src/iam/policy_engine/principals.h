// Who a statement of a bucket policy is about.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "base/status.h"
#include "iam/policy_engine/statement.h"

namespace ashlar::iam {

// Principal or NotPrincipal: "*", or an object of AWS, CanonicalUser, Service and Federated.
Result<Principals> ParsePrincipals(const nlohmann::ordered_json& json);

// Whether a statement is about the caller of `request`.
bool IsAbout(const Statement& statement, const PolicyRequest& request);

}  // namespace ashlar::iam
