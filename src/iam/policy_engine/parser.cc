#include "iam/policy_engine/parser.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "base/strict_json.h"
#include "iam/policy_engine/known_names.h"
#include "iam/policy_engine/principals.h"

namespace ashlar::iam {
namespace {

// Ordered: the first fault in the text is the one that is told.
using Json = nlohmann::ordered_json;

constexpr std::string_view kBucketArn = "arn:aws:s3:::";
// A value of a condition lies six levels deep; more is refused before it costs anything.
constexpr int kJsonDepthMax = 16;

Status Malformed(std::string message) { return {Code::kInvalidArgument, std::move(message)}; }
Status InvalidSyntax() { return Malformed("Invalid policy syntax."); }

// A field that occurs twice is refused: two readers might take different ones.
Result<Json> ReadJson(std::string_view text) {
  if (!text.starts_with('{')) {
    return Malformed("Policies must be valid JSON and the first byte must be '{'");
  }
  if (text.size() > kPolicyBytesMax) {
    return Malformed("Normalized policy document exceeds the maximum allowed size of " +
                     std::to_string(kPolicyBytesMax) + " bytes");
  }
  if (!IsShallowJson(text, kJsonDepthMax)) return InvalidSyntax();
  auto json = ParseStrictJson(text, JsonNames::kExact);
  if (!json) return Malformed("This policy contains invalid Json");
  return *std::move(json);
}

// A text, or a list of at least one.
Result<std::vector<std::string>> ReadTexts(const Json& json, std::string_view field) {
  std::vector<std::string> texts;
  if (json.is_string()) {
    texts.push_back(json.get<std::string>());
    return texts;
  }
  if (!json.is_array()) return InvalidSyntax();
  for (const Json& item : json) {
    if (!item.is_string()) return InvalidSyntax();
    texts.push_back(item.get<std::string>());
  }
  if (texts.empty()) {
    return Malformed("Missing required field " + std::string(field) + " cannot be empty!");
  }
  return texts;
}

class StatementParser {
 public:
  StatementParser(PolicyKind kind, std::string_view bucket, bool variables)
      : kind_(kind),
        bucket_arn_(std::string(kBucketArn) + std::string(bucket)),
        variables_(variables) {}

  Result<Statement> Parse(const Json& json) {
    if (!json.is_object()) return InvalidSyntax();
    RETURN_IF_ERROR(CheckFields(json));
    Statement statement;
    RETURN_IF_ERROR(ReadSid(json));
    RETURN_IF_ERROR(ReadEffect(json, &statement));
    RETURN_IF_ERROR(ReadPrincipal(json, &statement));
    RETURN_IF_ERROR(ReadActions(json, &statement));
    RETURN_IF_ERROR(ReadResources(json, &statement));
    if (kind_ == PolicyKind::kBucket) RETURN_IF_ERROR(CheckTargets(statement));
    RETURN_IF_ERROR(ReadConditions(json, &statement));
    return statement;
  }

 private:
  static Status CheckFields(const Json& json) {
    constexpr auto kFields =
        std::to_array<std::string_view>({"Sid", "Effect", "Principal", "NotPrincipal", "Action",
                                         "NotAction", "Resource", "NotResource", "Condition"});
    for (const auto& [name, value] : json.items()) {
      if (std::ranges::find(kFields, name) == kFields.end()) {
        return Malformed("Unknown field " + name);
      }
    }
    return Status::Ok();
  }

  Status ReadSid(const Json& json) {
    const auto sid = json.find("Sid");
    if (sid == json.end()) return Status::Ok();
    if (!sid->is_string()) return InvalidSyntax();
    const auto text = sid->get<std::string>();
    if (!text.empty() && !sids_.insert(text).second) {
      return Malformed("Statement IDs (SID) in a single policy must be unique.");
    }
    return Status::Ok();
  }

  static Status ReadEffect(const Json& json, Statement* statement) {
    const auto effect = json.find("Effect");
    if (effect == json.end()) return Malformed("Missing required field Effect");
    if (!effect->is_string()) return InvalidSyntax();
    const auto text = effect->get<std::string>();
    if (text != "Allow" && text != "Deny") return Malformed("Invalid effect: " + text);
    statement->effect = text == "Allow" ? Effect::kAllow : Effect::kDeny;
    return Status::Ok();
  }

  // The value of `field` or, then `*negated`, of Not`field`; not both.
  static Result<const Json*> FindEither(const Json& json, const std::string& field, bool* negated) {
    const auto plain = json.find(field);
    const auto negative = json.find("Not" + field);
    *negated = negative != json.end();
    if (plain != json.end() && *negated) return InvalidSyntax();
    if (*negated) return &*negative;
    return plain == json.end() ? nullptr : &*plain;
  }

  Status ReadPrincipal(const Json& json, Statement* statement) const {
    ASSIGN_OR_RETURN(const Json* principal,
                     FindEither(json, "Principal", &statement->not_principal));
    if (kind_ == PolicyKind::kIdentity) {
      if (principal == nullptr) return Status::Ok();
      return Malformed("Policy document should not specify a principal.");
    }
    if (principal == nullptr) return Malformed("Missing required field Principal");
    if (statement->not_principal && statement->effect == Effect::kAllow) {
      return Malformed("Allow with NotPrincipal is not allowed.");
    }
    ASSIGN_OR_RETURN(statement->principals, ParsePrincipals(*principal));
    statement->names_principals = true;
    return Status::Ok();
  }

  Status ReadActions(const Json& json, Statement* statement) const {
    ASSIGN_OR_RETURN(const Json* action, FindEither(json, "Action", &statement->not_action));
    if (action == nullptr) return Malformed("Missing required field Action");
    ASSIGN_OR_RETURN(const auto texts, ReadTexts(*action, "Action"));
    for (const std::string& text : texts) {
      RETURN_IF_ERROR(CheckAction(text));
      ASSIGN_OR_RETURN(Pattern pattern,
                       Pattern::Compile(ToLower(text), {.wildcards = true, .variables = false}));
      statement->actions.push_back(std::move(pattern));
    }
    return Status::Ok();
  }

  Status CheckAction(const std::string& text) const {
    if (text == "*") return Status::Ok();
    const std::string lower = ToLower(text);
    if (kind_ == PolicyKind::kBucket) {
      const bool known = std::ranges::any_of(KnownS3Actions(), [&](const KnownAction& action) {
        return MatchesGlob(lower, action.name);
      });
      if (lower.starts_with("s3:") && known) return Status::Ok();
      return Malformed("Policy has invalid action");
    }
    const size_t colon = lower.find(':');
    if (colon == lower.npos) {
      return Malformed(
          "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.");
    }
    if (lower.find(':', colon + 1) != lower.npos) {
      return Malformed("Actions/Condition can contain only one colon.");
    }
    if (!IsKnownService(std::string_view(lower).substr(0, colon))) {
      return Malformed("Vendor " + text.substr(0, colon) + " is not valid");
    }
    const bool plain = std::ranges::all_of(lower.substr(colon + 1), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '*' || c == '?';
    });
    return plain && colon + 1 < lower.size() ? Status::Ok()
                                             : Malformed("Policy has invalid action");
  }

  Status ReadResources(const Json& json, Statement* statement) const {
    ASSIGN_OR_RETURN(const Json* resource, FindEither(json, "Resource", &statement->not_resource));
    if (resource == nullptr) return Malformed("Missing required field Resource");
    ASSIGN_OR_RETURN(const auto texts, ReadTexts(*resource, "Resource"));
    for (const std::string& text : texts) {
      ASSIGN_OR_RETURN(Pattern pattern,
                       Pattern::Compile(text, {.wildcards = true, .variables = variables_}));
      if (kind_ == PolicyKind::kBucket) {
        if (!text.starts_with(kBucketArn) || (!Reaches(pattern, ActionTarget::kBucket) &&
                                              !Reaches(pattern, ActionTarget::kObject))) {
          return Malformed("Policy has invalid resource");
        }
      } else if (text != "*" && (!text.starts_with("arn:") || std::ranges::count(text, ':') < 5)) {
        return Malformed("Resource " + text + " must be in ARN format or \"*\".");
      }
      statement->resources.push_back(std::move(pattern));
    }
    return Status::Ok();
  }

  // Whether the pattern can match the policy's bucket, or something in it.
  bool Reaches(const Pattern& pattern, ActionTarget target) const {
    TokenList widest;
    pattern.Widest(&widest);
    if (target == ActionTarget::kBucket) return MatchTokens(widest.tokens(), bucket_arn_);
    return target == ActionTarget::kObject && CanMatchPrefix(widest.tokens(), bucket_arn_ + "/");
  }

  // Every action must have a resource that it can be done to.
  Status CheckTargets(const Statement& statement) const {
    if (statement.not_action || statement.not_resource) return Status::Ok();
    for (const Pattern& pattern : statement.actions) {
      TokenList tokens;
      pattern.Widest(&tokens);
      const bool applies = std::ranges::any_of(KnownS3Actions(), [&](const KnownAction& action) {
        return MatchTokens(tokens.tokens(), action.name) &&
               std::ranges::any_of(statement.resources, [&](const Pattern& resource) {
                 return Reaches(resource, action.target);
               });
      });
      if (!applies) return Malformed("Action does not apply to any resource(s) in statement");
    }
    return Status::Ok();
  }

  Status ReadConditions(const Json& json, Statement* statement) const {
    const auto conditions = json.find("Condition");
    if (conditions == json.end()) return Status::Ok();
    if (!conditions->is_object()) return InvalidSyntax();
    for (const auto& [name, keys] : conditions->items()) {
      const auto op = ParseConditionOperator(name);
      if (!op) return Malformed("Invalid Condition type : " + name);
      if (!keys.is_object() || keys.empty()) return InvalidSyntax();
      for (const auto& [key, values] : keys.items()) {
        Condition condition{.op = *op, .key = ToLower(key), .values = {}};
        if (!IsKnownConditionKey(condition.key)) {
          return Malformed("Policy has an invalid condition key");
        }
        RETURN_IF_ERROR(ReadConditionValues(values, &condition));
        statement->conditions.push_back(std::move(condition));
      }
    }
    return Status::Ok();
  }

  Status ReadConditionValues(const Json& json, Condition* condition) const {
    if (!json.is_array()) return ReadConditionValue(json, condition);
    if (json.empty()) return InvalidSyntax();
    for (const Json& item : json) RETURN_IF_ERROR(ReadConditionValue(item, condition));
    return Status::Ok();
  }

  // Truth values and numbers may stand without quotes.
  Status ReadConditionValue(const Json& json, Condition* condition) const {
    std::string text;
    if (json.is_string()) {
      text = json.get<std::string>();
    } else if (json.is_boolean() || json.is_number()) {
      text = json.dump();
    } else {
      return InvalidSyntax();
    }
    ASSIGN_OR_RETURN(ConditionValue value,
                     ParseConditionValue(condition->op.comparison, text, variables_));
    condition->values.push_back(std::move(value));
    return Status::Ok();
  }

  const PolicyKind kind_;
  const std::string bucket_arn_;
  const bool variables_;
  std::set<std::string> sids_;
};

// Checks the fields around the statements; whether variables are variables.
Result<bool> ReadVersion(const Json& json) {
  bool variables = false;
  for (const auto& [name, value] : json.items()) {
    if (name == "Version") {
      if (value != "2012-10-17" && value != "2008-10-17") {
        return Malformed("The policy must contain a valid version string");
      }
      variables = value == "2012-10-17";
    } else if (name == "Id") {
      if (!value.is_string()) return InvalidSyntax();
    } else if (name != "Statement") {
      return Malformed("Unknown field " + name);
    }
  }
  return variables;
}

}  // namespace

Result<std::vector<Statement>> ParsePolicy(std::string_view text, PolicyKind kind,
                                           std::string_view bucket) {
  ASSIGN_OR_RETURN(const Json json, ReadJson(text));
  ASSIGN_OR_RETURN(const bool variables, ReadVersion(json));
  const auto listed = json.find("Statement");
  if (listed == json.end()) return Malformed("Missing required field Statement");
  StatementParser parser(kind, bucket, variables);
  std::vector<Statement> statements;
  if (listed->is_object()) {
    ASSIGN_OR_RETURN(Statement statement, parser.Parse(*listed));
    statements.push_back(std::move(statement));
    return statements;
  }
  if (!listed->is_array()) return InvalidSyntax();
  if (listed->empty()) return Malformed("Could not parse the policy: Statement is empty!");
  for (const Json& item : *listed) {
    ASSIGN_OR_RETURN(Statement statement, parser.Parse(item));
    statements.push_back(std::move(statement));
  }
  return statements;
}

}  // namespace ashlar::iam
