// A policy as it is evaluated: statements of compiled patterns and values.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/status.h"
#include "iam/policy.h"
#include "iam/policy_engine/pattern.h"
#include "iam/policy_engine/values.h"

namespace ashlar::iam {

// What a condition compares. The Not forms are these with `negated`; ArnEquals is ArnLike.
enum class Comparison : uint8_t {
  kStringEquals,
  kStringEqualsIgnoreCase,
  kStringLike,
  kNumericEquals,
  kNumericLessThan,
  kNumericLessThanEquals,
  kNumericGreaterThan,
  kNumericGreaterThanEquals,
  kDateEquals,
  kDateLessThan,
  kDateLessThanEquals,
  kDateGreaterThan,
  kDateGreaterThanEquals,
  kBool,
  kBinaryEquals,
  kIpAddress,
  kArnLike,
  kNull,
};

// Of the several values of a key: ForAllValues, ForAnyValue.
enum class Quantifier : uint8_t { kNone, kAllValues, kAnyValue };

struct ConditionOperator {
  Comparison comparison = Comparison::kStringEquals;
  bool negated = false;
  bool if_exists = false;
  Quantifier quantifier = Quantifier::kNone;
};

// Of strings and ARNs a Pattern, of numbers a double, of dates milliseconds, of kBool and kNull a
// bool, of kBinaryEquals the bytes.
using ConditionValue = std::variant<Pattern, double, int64_t, bool, std::string, Network>;

struct Condition {
  ConditionOperator op;
  std::string key;  // in lower case
  std::vector<ConditionValue> values;
};

struct Principals {
  bool everyone = false;
  std::vector<std::string> accounts;
  std::vector<std::string> canonical_ids;
  std::vector<std::string> arns;
};

struct Statement {
  Effect effect = Effect::kNone;
  bool names_principals = false;  // of a bucket policy
  bool not_principal = false;
  bool not_action = false;
  bool not_resource = false;
  Principals principals;
  std::vector<Pattern> actions;  // in lower case
  std::vector<Pattern> resources;
  std::vector<Condition> conditions;
};

// "ForAllValues:StringNotLikeIfExists"; nothing when there is no such operator.
std::optional<ConditionOperator> ParseConditionOperator(std::string_view name);

// A value of a policy for `comparison`; `variables`: of version 2012-10-17.
Result<ConditionValue> ParseConditionValue(Comparison comparison, std::string_view text,
                                           bool variables);

// Whether the condition of a statement with `effect` holds.
//
// Without a quantifier the plain form holds when some value of the request matches some value of
// the policy, and the negated form when that is not so. ForAnyValue holds when some value of the
// request passes, ForAllValues when all do, where a value passes when it matches some value of the
// policy (negated: none). An absent key passes what is negated, IfExists and ForAllValues;
// ForAnyValue never, unless with IfExists.
bool ConditionHolds(const Condition& condition, Effect effect, std::span<const ContextKey> context);

}  // namespace ashlar::iam
