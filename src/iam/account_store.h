// AccountStore: accounts as they are in the metadata database, and the Directory made of them.
//
// 1. A change is one transaction; it has been made durable, and holds for the next request, when
//    Change returns.
// 2. Accounts that cannot be read are never taken for none: the start fails. A change that could
//    not be read afterwards is not made.
// Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "iam/accounts.h"
#include "iam/directory.h"
#include "iam/identity.h"
#include "metadata_db/metadata_db.h"
#include "runtime/clock.h"
#include "runtime/task.h"

namespace ashlar::iam {

class SecretSealer;

// The setting of the metadata database that holds the accounts.
inline constexpr char kAccountsSetting[] = "iam.accounts";

// A secret is shown once, when it is made.
struct NewKey {
  AccessKey key;
  Secret secret;
};

// For the transaction that gives an account something to own: kPreconditionFailed unless the
// account is there and enabled. One that is about to be removed is disabled first, and owns nothing
// new.
[[nodiscard]] metadata_db::MetadataDb::SettingCheck OwnerIsEnabled(const Identity& owner);

class AccountStore {
 public:
  struct Dependencies {
    metadata_db::MetadataDb& metadata;
    Clock& clock;
    Random& random;
  };
  // `sealing_key`: 32 bytes.
  AccountStore(Dependencies dependencies, StoreRoot root, Secret sealing_key);
  ~AccountStore();

  // Before the first request. kCorrupt: the accounts cannot be read, or not with this key.
  Task<Status> Load();
  [[nodiscard]] std::shared_ptr<const Directory> Current() const;

  // `edit` may run more than once; what it returns ends the change without effect.
  using Edit = std::function<Status(Accounts& accounts)>;
  Task<Status> Change(Edit edit);
  // With ids that nobody has, and not in the store yet: for a Change that adds several at once. A
  // key is sealed, and never the root's.
  [[nodiscard]] NewKey MakeKey() const;
  [[nodiscard]] Account MakeAccount(std::string name) const;
  [[nodiscard]] User MakeUser(std::string name, std::string path = "/") const;
  Task<Result<User>> CreateUser(std::string account_id, std::string name, std::string path);
  // kInvalidArgument: the store's root has the keys that it was started with.
  Task<Result<NewKey>> CreateKey(UserAddress user);

 private:
  // Unless a later one is there already.
  void Adopt(std::shared_ptr<const Directory> directory);

  Dependencies dependencies_;
  const StoreRoot root_;
  const std::unique_ptr<const SecretSealer> sealer_;
  mutable std::mutex mutex_;  // held for a pointer's copy
  std::shared_ptr<const Directory> current_;
};

}  // namespace ashlar::iam
