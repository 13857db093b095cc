#include "admin/users/users_api.h"

#include <array>

#include "base/log.h"

namespace ashlar::admin {
namespace {

// The policy that this API sets; those of the IAM API have other names and stay.
constexpr char kPolicyName[] = "ashlar-admin";
constexpr uint32_t kBucketPage = 1000;

struct BuiltIn {
  std::string_view name;
  const char* actions;
};
// The names that users of MinIO know. Its "readonly" cannot list; this one can.
constexpr std::array<BuiltIn, 3> kBuiltIn = {{
    {"readwrite", R"(["s3:*"])"},
    {"readonly", R"(["s3:Get*","s3:List*"])"},
    {"writeonly", R"(["s3:PutObject","s3:AbortMultipartUpload","s3:ListMultipartUploadParts"])"},
}};

std::string DocumentOf(const std::string& policy) {
  for (const BuiltIn& one : kBuiltIn) {
    if (one.name != policy) continue;
    return std::string(R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":)") +
           one.actions + R"(,"Resource":"arn:aws:s3:::*"}]})";
  }
  return policy;
}

Json KeysJson(const std::vector<iam::AccessKey>& keys) {
  Json list = Json::array();
  for (const iam::AccessKey& key : keys) {
    list.push_back({{"id", key.id}, {"active", key.active}, {"created_ms", key.created_ms}});
  }
  return list;
}

Json AccountJson(const iam::Account& account) {
  return {{"name", account.name},
          {"account", account.name},
          {"kind", account.name == iam::kRootAccountName ? "root" : "account"},
          {"account_id", account.id},
          {"canonical_id", account.canonical_id},
          {"arn", iam::AccountArn(account)},
          {"enabled", account.enabled},
          {"created_ms", account.created_ms},
          {"keys", KeysJson(account.keys)},
          {"policies", Json::object()}};
}

Json UserJson(const iam::Account& account, const iam::User& user) {
  Json policies = Json::object();
  for (const auto& [name, document] : user.policies) policies[name] = document;
  return {{"name", user.name},
          {"account", account.name},
          {"kind", "user"},
          {"account_id", account.id},
          {"canonical_id", account.canonical_id},
          {"arn", iam::UserArn(account, user)},
          {"enabled", user.enabled},
          {"created_ms", user.created_ms},
          {"keys", KeysJson(user.keys)},
          {"policies", std::move(policies)}};
}

}  // namespace

ApiAnswer UsersApi::List() const {
  const auto directory = accounts_.Current();
  Json users = Json::array();
  for (const auto& [id, account] : directory->accounts().by_id) {
    users.push_back(AccountJson(account));
    for (const auto& [name, user] : account.users) users.push_back(UserJson(account, user));
  }
  return {200, {{"users", std::move(users)}}};
}

Result<UsersApi::Target> UsersApi::ReadTarget(const std::string& action, const std::string& body) {
  const Json json = Json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return Status(Code::kInvalidArgument, "the body must be a JSON object");
  Target target;
  bool has_policy = false;
  for (const auto& [field, value] : json.items()) {
    if (!value.is_string()) {
      return Status(Code::kInvalidArgument, "\"" + field + "\" must be a string");
    }
    if (field == "name") {
      target.name = value.get<std::string>();
    } else if (field == "account") {
      target.account = value.get<std::string>();
    } else if (field == "policy" && action == "policy") {
      target.policy = value.get<std::string>();
      has_policy = true;
    } else {
      return Status(Code::kInvalidArgument, "there is no field \"" + field + "\" here");
    }
  }
  if (action == "policy" && !has_policy) {
    return Status(Code::kInvalidArgument, "\"policy\" is missing");
  }
  if (!iam::IsValidUserName(target.name)) {
    return Status(Code::kInvalidArgument,
                  "a user name has 1 to 64 letters, digits or characters of +=,.@_-");
  }
  if (target.account.empty() && target.name == iam::kRootAccountName) {
    return Status(Code::kConflict,
                  "root is the operator of the store and cannot be changed here. Its keys are "
                  "ASHLAR_ROOT_ACCESS_KEY and ASHLAR_ROOT_SECRET_KEY, or those in the file "
                  "root-credentials: change them there and restart");
  }
  return target;
}

Result<iam::UserAddress> UsersApi::Find(const iam::Accounts& accounts, const Target& target) {
  const bool is_account = target.account.empty();
  const std::string& account_name = is_account ? target.name : target.account;
  const iam::Account* const account = iam::FindAccountNamed(accounts, account_name);
  if (account == nullptr) {
    std::string message = "there is no account " + account_name;
    if (is_account) message += " (a user in an account is named together with it: --account)";
    return Status(Code::kNotFound, std::move(message));
  }
  if (is_account) return iam::UserAddress{account->id};
  if (iam::FindUser(*account, target.name) == nullptr) {
    return Status(Code::kNotFound,
                  "there is no user " + target.name + " in the account " + target.account);
  }
  return iam::UserAddress{account->id, target.name};
}

Json UsersApi::Describe(const Target& target) const {
  const auto directory = accounts_.Current();
  const auto address = Find(directory->accounts(), target);
  if (!address.ok()) return Json::object();  // gone again meanwhile
  const iam::Account& account = *directory->FindAccount(address->account_id);
  if (address->user_name.empty()) return {{"user", AccountJson(account)}};
  return {{"user", UserJson(account, *iam::FindUser(account, address->user_name))}};
}

Json UsersApi::Describe(const Target& target, const iam::NewKey& key) const {
  Json answer = Describe(target);
  answer["access_key"] = key.key.id;
  answer["secret_key"] = key.secret.Reveal();
  return answer;
}

Task<Result<Json>> UsersApi::Add(const Target& target) {
  const iam::NewKey key = accounts_.MakeKey();
  const iam::Account account = accounts_.MakeAccount(target.name);
  const iam::User user = accounts_.MakeUser(target.name);
  // Both or nothing: never a user without a key.
  const Status added = co_await accounts_.Change([&](iam::Accounts& accounts) -> Status {
    if (target.account.empty()) {
      RETURN_IF_ERROR(iam::AddAccount(&accounts, account));
    } else {
      const iam::Account* const home = iam::FindAccountNamed(accounts, target.account);
      if (home == nullptr) return {Code::kNotFound, "there is no account " + target.account};
      const std::string id = home->id;
      RETURN_IF_ERROR(iam::AddUser(&accounts, id, user));
    }
    ASSIGN_OR_RETURN(const iam::UserAddress address, Find(accounts, target));
    return iam::AddKey(&accounts, address, key.key);
  });
  if (!added.ok()) co_return added;
  co_return Describe(target, key);
}

Task<Result<Json>> UsersApi::Rotate(const Target& target) {
  const iam::NewKey key = accounts_.MakeKey();
  const Status changed = co_await accounts_.Change([&](iam::Accounts& accounts) -> Status {
    ASSIGN_OR_RETURN(const iam::UserAddress address, Find(accounts, target));
    return iam::ReplaceKeys(&accounts, address, key.key);
  });
  if (!changed.ok()) co_return changed;
  co_return Describe(target, key);
}

Task<Status> UsersApi::RefuseOwner(const Target& target) {
  const auto directory = accounts_.Current();
  CO_ASSIGN_OR_RETURN(const iam::UserAddress address, Find(directory->accounts(), target));
  const std::string& owner = directory->FindAccount(address.account_id)->canonical_id;
  std::string after;
  while (true) {
    CO_ASSIGN_OR_RETURN(const auto buckets, co_await metadata_.ListBuckets({}, after, kBucketPage));
    for (const model::Bucket& bucket : buckets) {
      if (bucket.owner != owner) continue;
      co_return Status(Code::kConflict, target.name + " owns the bucket " + bucket.name +
                                            ": delete its buckets first, or disable it");
    }
    if (buckets.size() < kBucketPage) co_return Status::Ok();
    after = buckets.back().name;
  }
}

Task<Result<bool>> UsersApi::DisableForRemoval(const Target& account) {
  CO_RETURN_IF_ERROR(co_await RefuseOwner(account));
  bool was_enabled = false;
  const Status disabled = co_await accounts_.Change([&](iam::Accounts& accounts) -> Status {
    ASSIGN_OR_RETURN(const iam::UserAddress address, Find(accounts, account));
    was_enabled = accounts.by_id.at(address.account_id).enabled;
    iam::Accounts trial = accounts;
    RETURN_IF_ERROR(iam::RemoveWhole(&trial, address));
    return iam::SetEnabled(&accounts, address, false);
  });
  if (!disabled.ok()) co_return disabled;
  co_return was_enabled;
}

Task<Result<Json>> UsersApi::Remove(const Target& target) {
  const bool is_account = target.account.empty();
  bool was_enabled = false;
  Status status;
  if (is_account) {
    CO_ASSIGN_OR_RETURN(was_enabled, co_await DisableForRemoval(target));
    status = co_await RefuseOwner(target);
  }
  if (status.ok()) {
    status = co_await accounts_.Change([&](iam::Accounts& accounts) -> Status {
      ASSIGN_OR_RETURN(const iam::UserAddress address, Find(accounts, target));
      return iam::RemoveWhole(&accounts, address);
    });
  }
  if (status.ok()) co_return Json{{"removed", true}};
  if (was_enabled) {
    const Result<Json> enabled = co_await Edit(target, "enable");
    if (!enabled.ok()) {
      spdlog::warn("msg=\"the account stays disabled\" name={} reason={}", LogValue(target.name),
                   LogValue(enabled.status().ToString()));
    }
  }
  co_return status;
}

Task<Result<Json>> UsersApi::Edit(const Target& target, const std::string& action) {
  if (action == "policy" && target.account.empty()) {
    co_return Status(Code::kInvalidArgument,
                     "an account may do everything with its own buckets and has no policies; "
                     "a user in an account is named together with it: --account");
  }
  const Status changed = co_await accounts_.Change([&](iam::Accounts& accounts) -> Status {
    ASSIGN_OR_RETURN(const iam::UserAddress address, Find(accounts, target));
    if (action != "policy") return iam::SetEnabled(&accounts, address, action == "enable");
    if (target.policy.empty()) return iam::RemoveUserPolicy(&accounts, address, kPolicyName);
    return iam::SetUserPolicy(&accounts, address, kPolicyName, DocumentOf(target.policy));
  });
  if (!changed.ok()) co_return changed;
  co_return Describe(target);
}

Task<ApiAnswer> UsersApi::Change(std::string action, std::string body) {
  const bool edits = action == "disable" || action == "enable" || action == "policy";
  if (!edits && action != "add" && action != "rotate" && action != "remove") {
    co_return Refuse(404, "not_found", "no such address; docs/operations.md lists them");
  }
  const Result<Target> target = ReadTarget(action, body);
  if (!target.ok()) co_return Refuse(target.status());
  Result<Json> answer = Json();
  if (edits) {
    answer = co_await Edit(*target, action);
  } else if (action == "add") {
    answer = co_await Add(*target);
  } else if (action == "rotate") {
    answer = co_await Rotate(*target);
  } else {
    answer = co_await Remove(*target);
  }
  if (!answer.ok()) co_return Refuse(answer.status());
  co_return ApiAnswer{200, *std::move(answer)};
}

}  // namespace ashlar::admin
