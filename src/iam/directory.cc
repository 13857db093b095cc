#include "iam/directory.h"

#include "iam/internal/secret_sealer.h"

namespace ashlar::iam {
namespace {

Identity IdentityOf(const Account& account) {
  Identity identity;
  identity.account_id = account.id;
  identity.account_name = account.name;
  identity.canonical_id = account.canonical_id;
  identity.user_id = account.id;
  identity.arn = AccountArn(account);
  return identity;
}

Result<Identity> IdentityOf(const Account& account, const User& user) {
  Identity identity = IdentityOf(account);
  identity.user_name = user.name;
  identity.user_id = user.id;
  identity.arn = UserArn(account, user);
  for (const auto& [name, document] : user.policies) {
    auto policy = Policy::Parse(document, PolicyKind::kIdentity, {});
    if (!policy.ok()) {
      return Status(Code::kCorrupt, "policy " + name + " of user " + user.name +
                                        " cannot be read: " + policy.status().message());
    }
    identity.policies.push_back(*std::move(policy));
  }
  return identity;
}

}  // namespace

Status Directory::AddKeys(const std::vector<AccessKey>& keys, bool enabled,
                          const std::shared_ptr<const Identity>& identity,
                          const SecretSealer& sealer) {
  for (const AccessKey& key : keys) {
    ASSIGN_OR_RETURN(Secret secret, sealer.Open(key.id, key.sealed_secret));
    Credential credential;
    credential.secret = std::move(secret);
    credential.identity = identity;
    credential.enabled = enabled && key.active;
    // The root's key is in first and stays.
    keys_.emplace(key.id, std::make_shared<const Credential>(std::move(credential)));
  }
  return Status::Ok();
}

Result<std::shared_ptr<const Directory>> Directory::Build(Accounts accounts, const StoreRoot& root,
                                                          const SecretSealer& sealer) {
  const std::shared_ptr<Directory> made(new Directory());
  made->accounts_ = std::move(accounts);
  // Its users are kept like any; what it is itself comes from the store.
  Account& root_account = made->accounts_.by_id[root.account_id];
  root_account.id = root.account_id;
  root_account.canonical_id = root.canonical_id;
  root_account.name = kRootAccountName;
  root_account.enabled = true;
  made->root_account_ = &root_account;
  Credential credential;
  credential.secret = root.secret_key;
  Identity identity = IdentityOf(root_account);
  identity.is_store_root = true;
  credential.identity = std::make_shared<const Identity>(std::move(identity));
  if (!root.access_key.empty()) {
    made->keys_.emplace(root.access_key, std::make_shared<const Credential>(std::move(credential)));
  }
  for (const auto& [id, account] : made->accounts_.by_id) {
    made->canonical_.emplace(account.canonical_id, &account);
    const auto itself = std::make_shared<const Identity>(IdentityOf(account));
    RETURN_IF_ERROR(made->AddKeys(account.keys, account.enabled, itself, sealer));
    for (const auto& [name, user] : account.users) {
      ASSIGN_OR_RETURN(Identity of_user, IdentityOf(account, user));
      const auto shared = std::make_shared<const Identity>(std::move(of_user));
      RETURN_IF_ERROR(made->AddKeys(user.keys, account.enabled && user.enabled, shared, sealer));
    }
  }
  return std::shared_ptr<const Directory>(made);
}

std::shared_ptr<const Credential> Directory::FindKey(std::string_view access_key) const {
  const auto found = keys_.find(access_key);
  return found == keys_.end() ? nullptr : found->second;
}

const Account* Directory::FindCanonical(std::string_view canonical_id) const {
  const auto found = canonical_.find(canonical_id);
  return found == canonical_.end() ? nullptr : found->second;
}

const Account* Directory::FindAccount(std::string_view account_id) const {
  const auto found = accounts_.by_id.find(std::string(account_id));
  return found == accounts_.by_id.end() ? nullptr : &found->second;
}

std::string_view Directory::DisplayName(std::string_view canonical_id) const {
  const Account* const account = FindCanonical(canonical_id);
  return account == nullptr ? std::string_view() : std::string_view(account->name);
}

}  // namespace ashlar::iam
