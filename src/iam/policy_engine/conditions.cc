// Condition operators: their names, their values and what they compare.
#include <algorithm>
#include <array>
#include <optional>

#include "base/seeded_bug.h"
#include "iam/policy_engine/statement.h"

namespace ashlar::iam {
namespace {

using enum Comparison;

struct NamedOperator {
  std::string_view name;
  Comparison comparison;
  bool negated = false;
};

constexpr auto kOperators = std::to_array<NamedOperator>({
    {"StringEquals", kStringEquals},
    {"StringNotEquals", kStringEquals, true},
    {"StringEqualsIgnoreCase", kStringEqualsIgnoreCase},
    {"StringNotEqualsIgnoreCase", kStringEqualsIgnoreCase, true},
    {"StringLike", kStringLike},
    {"StringNotLike", kStringLike, true},
    {"NumericEquals", kNumericEquals},
    {"NumericNotEquals", kNumericEquals, true},
    {"NumericLessThan", kNumericLessThan},
    {"NumericLessThanEquals", kNumericLessThanEquals},
    {"NumericGreaterThan", kNumericGreaterThan},
    {"NumericGreaterThanEquals", kNumericGreaterThanEquals},
    {"DateEquals", kDateEquals},
    {"DateNotEquals", kDateEquals, true},
    {"DateLessThan", kDateLessThan},
    {"DateLessThanEquals", kDateLessThanEquals},
    {"DateGreaterThan", kDateGreaterThan},
    {"DateGreaterThanEquals", kDateGreaterThanEquals},
    {"Bool", kBool},
    {"BinaryEquals", kBinaryEquals},
    {"IpAddress", kIpAddress},
    {"NotIpAddress", kIpAddress, true},
    {"ArnEquals", kArnLike},
    {"ArnLike", kArnLike},
    {"ArnNotEquals", kArnLike, true},
    {"ArnNotLike", kArnLike, true},
    {"Null", kNull},
});

template <typename T>
Result<ConditionValue> ValueOr(std::optional<T> value, std::string_view text) {
  if (value) return ConditionValue(*std::move(value));
  return Status(Code::kInvalidArgument,
                "Policy has an invalid condition value: " + std::string(text));
}

bool IsArnPattern(const Pattern& pattern, std::string_view text) {
  return text == "*" || pattern.HasVariable() ||
         (text.starts_with("arn:") && std::ranges::count(text, ':') >= 5);
}

// A value of the request, read once as what the condition compares.
struct RequestValue {
  std::string_view text;
  std::optional<double> number;
  std::optional<int64_t> date;
  std::optional<bool> truth;
  std::optional<Network> address;
};

RequestValue Read(Comparison comparison, std::string_view text) {
  RequestValue value{.text = text, .number = {}, .date = {}, .truth = {}, .address = {}};
  if (comparison >= kNumericEquals && comparison <= kNumericGreaterThanEquals) {
    value.number = ParseNumber(text);
  } else if (comparison >= kDateEquals && comparison <= kDateGreaterThanEquals) {
    value.date = ParseDate(text);
  } else if (comparison == kBool) {
    value.truth = ParseBool(text);
  } else if (comparison == kIpAddress) {
    value.address = ParseAddress(text);
  }
  return value;
}

template <typename T>
bool Compare(Comparison comparison, Comparison equals, const T& left, const T& right) {
  // The five comparisons of a type follow each other.
  switch (static_cast<int>(comparison) - static_cast<int>(equals)) {
    case 0: return left == right;
    case 1: return left < right;
    case 2: return left <= right;
    case 3: return left > right;
    default: return left >= right;
  }
}

enum class Match : uint8_t { kNo, kYes, kUnknown };

Match MatchPattern(Comparison comparison, const Pattern& pattern, std::string_view text,
                   std::span<const ContextKey> context) {
  TokenList tokens;
  if (!pattern.Resolve(context, &tokens)) return Match::kUnknown;
  const bool matches = comparison == kArnLike ? MatchArn(tokens.tokens(), text)
                       : comparison == kStringEqualsIgnoreCase
                           ? EqualIgnoringCase(tokens.tokens(), text)
                           : MatchTokens(tokens.tokens(), text);
  return matches ? Match::kYes : Match::kNo;
}

Match MatchValue(Comparison comparison, const ConditionValue& expected, const RequestValue& value,
                 std::span<const ContextKey> context) {
  bool matches = false;
  if (const auto* pattern = std::get_if<Pattern>(&expected)) {
    return MatchPattern(comparison, *pattern, value.text, context);
  }
  if (const auto* number = std::get_if<double>(&expected)) {
    matches = value.number && Compare(comparison, kNumericEquals, *value.number, *number);
  } else if (const auto* date = std::get_if<int64_t>(&expected)) {
    matches = value.date && Compare(comparison, kDateEquals, *value.date, *date);
  } else if (const auto* truth = std::get_if<bool>(&expected)) {
    matches = value.truth && *value.truth == *truth;
  } else if (const auto* bytes = std::get_if<std::string>(&expected)) {
    matches = value.text == *bytes;
  } else if (const auto* network = std::get_if<Network>(&expected)) {
    matches = value.address && Contains(*network, *value.address);
  }
  return matches ? Match::kYes : Match::kNo;
}

// Whether a value of the request matches some value of the policy, or for a negated operator none.
// A value of the policy that cannot be told counts against an Allow.
bool Passes(const Condition& condition, Effect effect, std::string_view text,
            std::span<const ContextKey> context) {
  const RequestValue value = Read(condition.op.comparison, text);
  bool unknown = false;
  for (const ConditionValue& expected : condition.values) {
    const Match match = MatchValue(condition.op.comparison, expected, value, context);
    if (match == Match::kYes) return !condition.op.negated;
    unknown = unknown || match == Match::kUnknown;
  }
  if (!condition.op.negated) return false;
  return !unknown || effect == Effect::kDeny;
}

bool NullHolds(const Condition& condition, bool absent) {
  return std::ranges::any_of(condition.values, [&](const ConditionValue& value) {
    return std::get<bool>(value) == absent;
  });
}

}  // namespace

std::optional<ConditionOperator> ParseConditionOperator(std::string_view name) {
  constexpr std::string_view kAll = "ForAllValues:";
  constexpr std::string_view kAny = "ForAnyValue:";
  constexpr std::string_view kIfExists = "IfExists";
  ConditionOperator op;
  if (name.starts_with(kAll)) {
    op.quantifier = Quantifier::kAllValues;
    name.remove_prefix(kAll.size());
  } else if (name.starts_with(kAny)) {
    op.quantifier = Quantifier::kAnyValue;
    name.remove_prefix(kAny.size());
  }
  if (name.ends_with(kIfExists)) {
    op.if_exists = true;
    name.remove_suffix(kIfExists.size());
  }
  const auto* found = std::ranges::find(kOperators, name, &NamedOperator::name);
  if (found == kOperators.end()) return std::nullopt;
  op.comparison = found->comparison;
  op.negated = found->negated;
  // What is asked is whether the key is there: neither makes sense.
  if (op.comparison == kNull && (op.if_exists || op.quantifier != Quantifier::kNone)) {
    return std::nullopt;
  }
  return op;
}

Result<ConditionValue> ParseConditionValue(Comparison comparison, std::string_view text,
                                           bool variables) {
  switch (comparison) {
    case kStringEquals:
    case kStringEqualsIgnoreCase:
    case kStringLike:
    case kArnLike: {
      const bool wildcards = comparison == kStringLike || comparison == kArnLike;
      ASSIGN_OR_RETURN(Pattern pattern,
                       Pattern::Compile(text, {.wildcards = wildcards, .variables = variables}));
      if (comparison == kArnLike && !IsArnPattern(pattern, text)) {
        return ValueOr(std::optional<Pattern>(), text);
      }
      return ConditionValue(std::move(pattern));
    }
    case kNumericEquals:
    case kNumericLessThan:
    case kNumericLessThanEquals:
    case kNumericGreaterThan:
    case kNumericGreaterThanEquals: return ValueOr(ParseNumber(text), text);
    case kDateEquals:
    case kDateLessThan:
    case kDateLessThanEquals:
    case kDateGreaterThan:
    case kDateGreaterThanEquals: return ValueOr(ParseDate(text), text);
    case kBool:
    case kNull: return ValueOr(ParseBool(text), text);
    case kBinaryEquals: return ValueOr(ParseBase64(text), text);
    case kIpAddress: return ValueOr(ParseNetwork(text), text);
  }
  return Status(Code::kInternal, "unreachable");
}

bool ConditionHolds(const Condition& condition, Effect effect,
                    std::span<const ContextKey> context) {
  const ConditionOperator& op = condition.op;
  bool absent = true;
  bool some_passes = false;
  bool all_pass = true;
  for (const ContextKey& key : context) {
    if (key.name != condition.key) continue;
    absent = false;
    if (op.comparison == kNull) break;
    const bool passes = Passes(condition, effect, key.value, context);
    some_passes = some_passes || passes;
    all_pass = all_pass && passes;
  }
  if (op.comparison == kNull) return NullHolds(condition, absent);
  if (absent) {
    if (op.if_exists || op.quantifier == Quantifier::kAllValues) return true;
    if (SeededBug("policy.absent_key_fails_negation")) return false;
    return op.negated && op.quantifier == Quantifier::kNone;
  }
  if (op.quantifier == Quantifier::kAnyValue) return some_passes;
  if (op.quantifier == Quantifier::kAllValues) return all_pass;
  return op.negated ? all_pass : some_passes;
}

}  // namespace ashlar::iam
