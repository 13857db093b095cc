#include "iam/policy_engine/principals.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "base/seeded_bug.h"

namespace ashlar::iam {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kIamArn = "arn:aws:iam::";
constexpr std::string_view kStsArn = "arn:aws:sts::";
constexpr size_t kAccountDigits = 12;
constexpr size_t kCanonicalIdDigits = 64;

Status InvalidPrincipal() { return {Code::kInvalidArgument, "Invalid principal in policy"}; }

bool IsAccountId(std::string_view text) {
  return text.size() == kAccountDigits &&
         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

bool IsCanonicalId(std::string_view text) {
  return text.size() == kCanonicalIdDigits && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

// What follows "arn:aws:iam::<account>:" of an identity that a policy may name.
bool IsIdentity(std::string_view arn, std::string_view tail) {
  constexpr auto kIamKinds = std::to_array<std::string_view>({"user/", "role/"});
  constexpr auto kStsKinds = std::to_array<std::string_view>({"assumed-role/", "federated-user/"});
  // No wildcard: AWS knows "*" alone.
  if (arn.find_first_of("*?$") != arn.npos) return false;
  const auto begins = [&](std::string_view kind) {
    return tail.size() > kind.size() && tail.starts_with(kind);
  };
  return arn.starts_with(kIamArn) ? std::ranges::any_of(kIamKinds, begins)
                                  : std::ranges::any_of(kStsKinds, begins);
}

Status AddAws(std::string_view text, Principals* out) {
  if (text == "*") {
    out->everyone = true;
    return Status::Ok();
  }
  if (IsAccountId(text)) {
    out->accounts.emplace_back(text);
    return Status::Ok();
  }
  if (!text.starts_with(kIamArn) && !text.starts_with(kStsArn)) return InvalidPrincipal();
  const std::string_view rest = text.substr(kIamArn.size());
  const std::string_view account = rest.substr(0, kAccountDigits);
  if (!IsAccountId(account) || !rest.substr(kAccountDigits).starts_with(':')) {
    return InvalidPrincipal();
  }
  const std::string_view tail = rest.substr(kAccountDigits + 1);
  if (tail == "root" && text.starts_with(kIamArn)) {
    out->accounts.emplace_back(account);
    return Status::Ok();
  }
  if (!IsIdentity(text, tail)) return InvalidPrincipal();
  out->arns.emplace_back(text);
  return Status::Ok();
}

Status AddPrincipal(std::string_view kind, std::string_view text, Principals* out) {
  if (kind == "AWS") return AddAws(text, out);
  if (kind == "CanonicalUser") {
    if (!IsCanonicalId(text)) return InvalidPrincipal();
    out->canonical_ids.emplace_back(text);
    return Status::Ok();
  }
  // Nobody here is a service or comes from another identity provider.
  const bool other = kind == "Service" || kind == "Federated";
  return other && !text.empty() && text != "*" ? Status::Ok() : InvalidPrincipal();
}

bool Has(const std::vector<std::string>& names, std::string_view name) {
  return !name.empty() && std::ranges::find(names, name) != names.end();
}

bool NamesAccount(const Principals& principals, const PolicyRequest& request) {
  return Has(principals.accounts, request.account_id) ||
         Has(principals.canonical_ids, request.canonical_id);
}

bool Includes(const Principals& principals, const PolicyRequest& request) {
  if (principals.everyone) return true;
  if (request.anonymous) return false;
  return NamesAccount(principals, request) || Has(principals.arns, request.arn);
}

// Whether a NotPrincipal spares the caller: see Policy::Evaluate.
bool Spares(const Principals& principals, const PolicyRequest& request) {
  if (principals.everyone) return true;
  if (request.anonymous) return false;
  return Has(principals.arns, request.arn) ||
         (request.arn.ends_with(":root") && NamesAccount(principals, request));
}

}  // namespace

Result<Principals> ParsePrincipals(const Json& json) {
  Principals principals;
  if (json.is_string() && json.get_ref<const std::string&>() == "*") {
    principals.everyone = true;
    return principals;
  }
  if (!json.is_object() || json.empty()) return InvalidPrincipal();
  for (const auto& [kind, value] : json.items()) {
    if (value.is_string()) {
      RETURN_IF_ERROR(AddPrincipal(kind, value.get_ref<const std::string&>(), &principals));
      continue;
    }
    if (!value.is_array() || value.empty()) return InvalidPrincipal();
    for (const Json& item : value) {
      if (!item.is_string()) return InvalidPrincipal();
      RETURN_IF_ERROR(AddPrincipal(kind, item.get_ref<const std::string&>(), &principals));
    }
  }
  return principals;
}

bool IsAbout(const Statement& statement, const PolicyRequest& request) {
  if (!statement.names_principals) return true;
  if (!statement.not_principal) return Includes(statement.principals, request);
  if (SeededBug("policy.forget_not_principal")) return Includes(statement.principals, request);
  return !Spares(statement.principals, request);
}

}  // namespace ashlar::iam
