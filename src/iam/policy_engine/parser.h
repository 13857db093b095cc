// Reads the text of a policy into statements, and refuses what it does not understand.
#pragma once

#include <string_view>
#include <vector>

#include "base/status.h"
#include "iam/policy.h"
#include "iam/policy_engine/statement.h"

namespace ashlar::iam {

// See Policy::Parse.
Result<std::vector<Statement>> ParsePolicy(std::string_view text, PolicyKind kind,
                                           std::string_view bucket);

}  // namespace ashlar::iam
