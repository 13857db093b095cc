#include "iam/accounts.h"

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "iam/policy.h"

namespace ashlar::iam {
namespace {

// Both have a size that divides 256, so that a random byte picks a sign without bias.
constexpr std::string_view kUpperSigns = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
constexpr std::string_view kSecretSigns =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr size_t kAccessKeyLength = 20;
constexpr size_t kSecretKeyLength = 40;
constexpr size_t kEntityIdSigns = 16;

std::string RandomText(Random& random, std::string_view signs, size_t length) {
  std::string text(length, '\0');
  random.Fill({reinterpret_cast<uint8_t*>(text.data()), text.size()});
  for (char& sign : text) sign = signs[static_cast<uint8_t>(sign) % signs.size()];
  return text;
}

size_t CountUsers(const Accounts& accounts) {
  size_t count = accounts.by_id.size();
  for (const auto& [id, account] : accounts.by_id) count += account.users.size();
  return count;
}

Status CheckNew(const Accounts& accounts, std::string_view name) {
  if (!IsValidUserName(name)) {
    return {Code::kInvalidArgument,
            "a user name has 1 to 64 letters, digits or characters of +=,.@_-"};
  }
  if (CountUsers(accounts) >= kUsersMax) {
    return {Code::kNoSpace, "the store has its most of " + std::to_string(kUsersMax) + " users"};
  }
  return Status::Ok();
}

bool HasKey(const std::vector<AccessKey>& keys, std::string_view id) {
  return std::any_of(keys.begin(), keys.end(), [id](const AccessKey& key) { return key.id == id; });
}

bool IsKeyTaken(const Accounts& accounts, std::string_view id) {
  for (const auto& [number, account] : accounts.by_id) {
    if (HasKey(account.keys, id)) return true;
    for (const auto& [name, user] : account.users) {
      if (HasKey(user.keys, id)) return true;
    }
  }
  return false;
}

// What keys hang on and what can be switched off: an account or a user.
struct Holder {
  std::vector<AccessKey>* keys = nullptr;
  bool* enabled = nullptr;
  User* user = nullptr;  // null: the account itself
};

Result<Holder> FindHolder(Accounts* accounts, const UserAddress& address) {
  const auto account = accounts->by_id.find(address.account_id);
  if (account == accounts->by_id.end()) {
    return Status(Code::kNotFound, "there is no account " + address.account_id);
  }
  if (address.user_name.empty()) {
    return Holder{&account->second.keys, &account->second.enabled, nullptr};
  }
  const auto user = account->second.users.find(address.user_name);
  if (user == account->second.users.end()) {
    return Status(Code::kNotFound, "The user with name " + address.user_name + " cannot be found.");
  }
  return Holder{&user->second.keys, &user->second.enabled, &user->second};
}

Result<User*> FindUserIn(Accounts* accounts, const UserAddress& address) {
  ASSIGN_OR_RETURN(const Holder holder, FindHolder(accounts, address));
  if (holder.user == nullptr) {
    return Status(Code::kInvalidArgument, "an account itself has no policies");
  }
  return holder.user;
}

Result<AccessKey*> FindKey(const Holder& holder, std::string_view id) {
  for (AccessKey& key : *holder.keys) {
    if (key.id == id) return &key;
  }
  return Status(Code::kNotFound, "The Access Key with id " + std::string(id) + " cannot be found.");
}

}  // namespace

bool IsValidUserName(std::string_view name) {
  static constexpr std::string_view kOthers = "+=,.@_-";
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kOthers.find(c) != std::string_view::npos;
  };
  return !name.empty() && name.size() <= kUserNameBytesMax &&
         std::all_of(name.begin(), name.end(), fits);
}

std::string NewAccessKeyId(Random& random) {
  return RandomText(random, kUpperSigns, kAccessKeyLength);
}
std::string NewSecretKey(Random& random) {
  return RandomText(random, kSecretSigns, kSecretKeyLength);
}
std::string NewEntityId(Random& random) {
  return "AIDA" + RandomText(random, kUpperSigns, kEntityIdSigns);
}
std::string NewAccountId(Random& random) {
  std::string digits = std::to_string(random.Next64() % 900'000'000'000ULL + 100'000'000'000ULL);
  return digits;
}
std::string NewCanonicalId(Random& random) {
  std::array<uint8_t, 32> bytes{};
  random.Fill(bytes);
  return HexEncode(bytes);
}

std::string AccountArn(const Account& account) { return "arn:aws:iam::" + account.id + ":root"; }
std::string UserArn(const Account& account, const User& user) {
  return "arn:aws:iam::" + account.id + ":user" + user.path + user.name;
}

const Account* FindAccountNamed(const Accounts& accounts, std::string_view name) {
  for (const auto& [id, account] : accounts.by_id) {
    if (account.name == name) return &account;
  }
  return nullptr;
}

const User* FindUser(const Account& account, std::string_view name) {
  const auto found = account.users.find(std::string(name));
  return found == account.users.end() ? nullptr : &found->second;
}

Status AddAccount(Accounts* accounts, Account account) {
  RETURN_IF_ERROR(CheckNew(*accounts, account.name));
  if (FindAccountNamed(*accounts, account.name) != nullptr) {
    return {Code::kAlreadyExists, "there is an account named " + account.name};
  }
  for (const auto& [id, other] : accounts->by_id) {
    if (id == account.id || other.canonical_id == account.canonical_id) {
      return {Code::kAlreadyExists, "there is an account of this id"};
    }
  }
  std::string id = account.id;
  accounts->by_id.emplace(std::move(id), std::move(account));
  return Status::Ok();
}

Status AddUser(Accounts* accounts, const std::string& account_id, User user) {
  RETURN_IF_ERROR(CheckNew(*accounts, user.name));
  ASSIGN_OR_RETURN(const Holder holder, FindHolder(accounts, {account_id}));
  (void)holder;
  std::string name = user.name;
  auto& users = accounts->by_id.at(account_id).users;
  if (!users.emplace(name, std::move(user)).second) {
    return {Code::kAlreadyExists, "User with name " + name + " already exists."};
  }
  return Status::Ok();
}

Status RemoveUser(Accounts* accounts, const UserAddress& address) {
  ASSIGN_OR_RETURN(User* const user, FindUserIn(accounts, address));
  if (!user->keys.empty()) {
    return {Code::kConflict, "Cannot delete entity, must delete access keys first."};
  }
  if (!user->policies.empty()) {
    return {Code::kConflict, "Cannot delete entity, must delete policies first."};
  }
  accounts->by_id.at(address.account_id).users.erase(address.user_name);
  return Status::Ok();
}

Status AddKey(Accounts* accounts, const UserAddress& address, AccessKey key) {
  ASSIGN_OR_RETURN(const Holder holder, FindHolder(accounts, address));
  if (holder.keys->size() >= kAccessKeysPerUserMax) {
    return {Code::kNoSpace,
            "Cannot exceed quota for AccessKeysPerUser: " + std::to_string(kAccessKeysPerUserMax)};
  }
  if (IsKeyTaken(*accounts, key.id)) {
    return {Code::kAlreadyExists, "somebody has an access key of this id"};
  }
  holder.keys->push_back(std::move(key));
  return Status::Ok();
}

Status RemoveKey(Accounts* accounts, const UserAddress& address, std::string_view id) {
  ASSIGN_OR_RETURN(const Holder holder, FindHolder(accounts, address));
  ASSIGN_OR_RETURN(AccessKey* const key, FindKey(holder, id));
  holder.keys->erase(holder.keys->begin() + (key - holder.keys->data()));
  return Status::Ok();
}

Status ReplaceKeys(Accounts* accounts, const UserAddress& address, AccessKey key) {
  ASSIGN_OR_RETURN(const Holder holder, FindHolder(accounts, address));
  if (IsKeyTaken(*accounts, key.id)) {
    return {Code::kAlreadyExists, "somebody has an access key of this id"};
  }
  holder.keys->clear();
  holder.keys->push_back(std::move(key));
  return Status::Ok();
}

Status RemoveWhole(Accounts* accounts, const UserAddress& address) {
  ASSIGN_OR_RETURN(const Holder holder, FindHolder(accounts, address));
  Account& account = accounts->by_id.at(address.account_id);
  if (holder.user != nullptr) {
    account.users.erase(address.user_name);
    return Status::Ok();
  }
  if (!account.users.empty()) {
    return {Code::kConflict, "account " + account.name + " still has users: " +
                                 std::to_string(account.users.size()) + "; remove them first"};
  }
  accounts->by_id.erase(address.account_id);
  return Status::Ok();
}

Status SetKeyActive(Accounts* accounts, const UserAddress& address, std::string_view id,
                    bool active) {
  ASSIGN_OR_RETURN(const Holder holder, FindHolder(accounts, address));
  ASSIGN_OR_RETURN(AccessKey* const key, FindKey(holder, id));
  key->active = active;
  return Status::Ok();
}

Status SetEnabled(Accounts* accounts, const UserAddress& address, bool enabled) {
  ASSIGN_OR_RETURN(const Holder holder, FindHolder(accounts, address));
  *holder.enabled = enabled;
  return Status::Ok();
}

Status SetUserPolicy(Accounts* accounts, const UserAddress& address, const std::string& name,
                     std::string document) {
  ASSIGN_OR_RETURN(User* const user, FindUserIn(accounts, address));
  if (!IsValidUserName(name)) {
    return {Code::kInvalidArgument, "a policy name has 1 to 64 letters, digits or +=,.@_-"};
  }
  if (document.size() > kUserPolicyBytesMax) {
    return {Code::kNoSpace, "Maximum policy size of " + std::to_string(kUserPolicyBytesMax) +
                                " bytes exceeded for user " + user->name};
  }
  RETURN_IF_ERROR(Policy::Parse(document, PolicyKind::kIdentity, {}).status());
  if (user->policies.size() >= kPoliciesPerUserMax && !user->policies.contains(name)) {
    return {Code::kNoSpace,
            "Cannot exceed quota of " + std::to_string(kPoliciesPerUserMax) + " policies a user"};
  }
  user->policies[name] = std::move(document);
  return Status::Ok();
}

Status RemoveUserPolicy(Accounts* accounts, const UserAddress& address, const std::string& name) {
  ASSIGN_OR_RETURN(User* const user, FindUserIn(accounts, address));
  if (user->policies.erase(name) == 0) {
    return {Code::kNotFound, "The user policy with name " + name + " cannot be found."};
  }
  return Status::Ok();
}

}  // namespace ashlar::iam
