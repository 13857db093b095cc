#include "iam/policy.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "base/seeded_bug.h"
#include "iam/policy_engine/known_names.h"
#include "iam/policy_engine/parser.h"
#include "iam/policy_engine/principals.h"
#include "iam/policy_engine/statement.h"

namespace ashlar::iam {
namespace {

bool ActionApplies(const Statement& statement, std::string_view action) {
  const bool named = std::ranges::any_of(statement.actions, [&](const Pattern& pattern) {
    TokenList tokens;
    return pattern.Resolve({}, &tokens) && MatchTokens(tokens.tokens(), action);
  });
  return named != statement.not_action;
}

bool ResourceApplies(const Statement& statement, const PolicyRequest& request) {
  bool unknown = false;
  for (const Pattern& pattern : statement.resources) {
    TokenList tokens;
    if (!pattern.Resolve(request.context, &tokens)) {
      unknown = true;
    } else if (MatchTokens(tokens.tokens(), request.resource)) {
      return !statement.not_resource;
    }
  }
  if (!statement.not_resource) return false;
  // What cannot be told might have been spared.
  return !unknown || statement.effect == Effect::kDeny;
}

bool Applies(const Statement& statement, const PolicyRequest& request, std::string_view action) {
  return ActionApplies(statement, action) && ResourceApplies(statement, request) &&
         IsAbout(statement, request) &&
         std::ranges::all_of(statement.conditions, [&](const Condition& condition) {
           return ConditionHolds(condition, statement.effect, request.context);
         });
}

// A network that AWS does not call the whole world.
bool IsNarrow(const Network& network) {
  constexpr int kIpv4PrefixMin = 8;
  constexpr int kIpv6PrefixMin = 32;
  return network.prefix_length >= (network.is_ipv4 ? kIpv4PrefixMin : kIpv6PrefixMin);
}

// Whether the condition binds the request to fixed values of a trusted key.
bool Confines(const Condition& condition) {
  const ConditionOperator& op = condition.op;
  if (op.negated || op.if_exists || op.quantifier == Quantifier::kAllValues ||
      !IsTrustedKey(condition.key)) {
    return false;
  }
  return std::ranges::all_of(condition.values, [](const ConditionValue& value) {
    if (const auto* network = std::get_if<Network>(&value)) return IsNarrow(*network);
    const auto* pattern = std::get_if<Pattern>(&value);
    return pattern != nullptr && pattern->IsFixed();
  });
}

}  // namespace

Policy::Policy(std::vector<Statement> statements) : statements_(std::move(statements)) {}
Policy::~Policy() = default;

Result<std::shared_ptr<const Policy>> Policy::Parse(std::string_view text, PolicyKind kind,
                                                    std::string_view bucket) {
  ASSIGN_OR_RETURN(auto statements, ParsePolicy(text, kind, bucket));
  return std::shared_ptr<const Policy>(new Policy(std::move(statements)));
}

Effect Policy::Evaluate(const PolicyRequest& request) const {
  // Actions are compared in lower case, all of ours fit here.
  std::array<char, 64> short_action;
  std::string long_action;
  char* lower = short_action.data();
  if (request.action.size() > short_action.size()) {
    long_action.resize(request.action.size());
    lower = long_action.data();
  }
  std::ranges::transform(request.action, lower, [](char c) { return ToLower(c); });
  const std::string_view action(lower, request.action.size());

  Effect effect = Effect::kNone;
  for (const Statement& statement : statements_) {
    // One Allow is as good as two.
    if (statement.effect == effect) continue;
    if (!Applies(statement, request, action)) continue;
    if (statement.effect == Effect::kDeny) return Effect::kDeny;
    effect = Effect::kAllow;
    if (SeededBug("policy.first_match_wins")) return effect;
  }
  return effect;
}

bool Policy::IsPublic() const {
  return std::ranges::any_of(statements_, [](const Statement& statement) {
    return statement.effect == Effect::kAllow && statement.principals.everyone &&
           std::ranges::none_of(statement.conditions, Confines);
  });
}

}  // namespace ashlar::iam
