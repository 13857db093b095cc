#include "iam/account_store.h"

#include "iam/internal/secret_sealer.h"

namespace ashlar::iam {
namespace {

// The whole is one row, which is read and written at every change.
constexpr size_t kAccountsBytesMax = 8 << 20;

Result<Accounts> Decode(const std::string& text) {
  if (text.empty()) return Accounts();  // never set
  return DecodeAccounts(text);
}

}  // namespace

AccountStore::AccountStore(Dependencies dependencies, StoreRoot root, Secret sealing_key)
    : dependencies_(dependencies),
      root_(std::move(root)),
      sealer_(std::make_unique<const SecretSealer>(std::move(sealing_key))) {}

AccountStore::~AccountStore() = default;

void AccountStore::Adopt(std::shared_ptr<const Directory> directory) {
  const std::lock_guard lock(mutex_);
  if (current_ != nullptr && current_->accounts().revision > directory->accounts().revision) {
    return;
  }
  current_ = std::move(directory);
}

std::shared_ptr<const Directory> AccountStore::Current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

Task<Status> AccountStore::Load() {
  auto text = co_await dependencies_.metadata.GetSetting(kAccountsSetting);
  if (!text.ok() && text.code() != Code::kNotFound) co_return text.status();
  CO_ASSIGN_OR_RETURN(Accounts accounts, Decode(text.ok() ? *text : std::string()));
  CO_ASSIGN_OR_RETURN(std::shared_ptr<const Directory> directory,
                      Directory::Build(std::move(accounts), root_, *sealer_));
  Adopt(std::move(directory));
  co_return Status::Ok();
}

Task<Status> AccountStore::Change(Edit edit) {
  std::shared_ptr<const Directory> made;
  const metadata_db::MetadataDb::SettingEdit change = [&](std::string& text) -> Status {
    ASSIGN_OR_RETURN(Accounts accounts, Decode(text));
    // The root's account is there for whoever looks; without users its row says nothing.
    Account& root = accounts.by_id[root_.account_id];
    root.id = root_.account_id;
    root.canonical_id = root_.canonical_id;
    root.name = kRootAccountName;
    RETURN_IF_ERROR(edit(accounts));
    ++accounts.revision;
    std::string encoded = EncodeAccounts(accounts);
    if (encoded.size() > kAccountsBytesMax) {
      return {Code::kNoSpace, "users and their policies have grown beyond " +
                                  std::to_string(kAccountsBytesMax) + " bytes"};
    }
    ASSIGN_OR_RETURN(made, Directory::Build(std::move(accounts), root_, *sealer_));
    text = std::move(encoded);
    return Status::Ok();
  };
  const auto changed = co_await dependencies_.metadata.ChangeSetting(kAccountsSetting, change);
  if (!changed.ok()) co_return changed.status();
  Adopt(std::move(made));
  co_return Status::Ok();
}

Account AccountStore::MakeAccount(std::string name) const {
  return {.id = NewAccountId(dependencies_.random),
          .canonical_id = NewCanonicalId(dependencies_.random),
          .name = std::move(name),
          .created_ms = dependencies_.clock.WallMilliseconds()};
}

User AccountStore::MakeUser(std::string name, std::string path) const {
  return {.name = std::move(name),
          .id = NewEntityId(dependencies_.random),
          .path = std::move(path),
          .created_ms = dependencies_.clock.WallMilliseconds()};
}

NewKey AccountStore::MakeKey() const {
  NewKey made;
  made.secret = Secret(NewSecretKey(dependencies_.random));
  do {
    made.key.id = NewAccessKeyId(dependencies_.random);
  } while (made.key.id == root_.access_key);
  made.key.created_ms = dependencies_.clock.WallMilliseconds();
  made.key.sealed_secret = sealer_->Seal(dependencies_.random, made.key.id, made.secret);
  return made;
}

Task<Result<User>> AccountStore::CreateUser(std::string account_id, std::string name,
                                            std::string path) {
  const User user = MakeUser(std::move(name), std::move(path));
  CO_RETURN_IF_ERROR(
      co_await Change([&](Accounts& accounts) { return AddUser(&accounts, account_id, user); }));
  co_return user;
}

Task<Result<NewKey>> AccountStore::CreateKey(UserAddress user) {
  if (user.account_id == root_.account_id && user.user_name.empty()) {
    co_return Status(Code::kInvalidArgument, "the root's keys are set where the server is started");
  }
  NewKey made = MakeKey();
  CO_RETURN_IF_ERROR(
      co_await Change([&](Accounts& accounts) { return AddKey(&accounts, user, made.key); }));
  co_return made;
}

metadata_db::MetadataDb::SettingCheck OwnerIsEnabled(const Identity& owner) {
  if (owner.account_name == kRootAccountName) return {};  // is never removed
  return {kAccountsSetting, [id = owner.account_id](const std::string& text) -> Status {
            ASSIGN_OR_RETURN(const Accounts accounts, DecodeAccounts(text));
            const auto account = accounts.by_id.find(id);
            if (account != accounts.by_id.end() && account->second.enabled) return Status::Ok();
            return {Code::kPreconditionFailed, "the account was disabled or removed"};
          }};
}

}  // namespace ashlar::iam
