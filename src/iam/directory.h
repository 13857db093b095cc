// Directory: accounts made ready for requests. Immutable; a change makes a new one.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/status.h"
#include "iam/accounts.h"
#include "iam/identity.h"

namespace ashlar::iam {

class SecretSealer;

// The operator of the store: an account that no text holds and no change takes away.
struct StoreRoot {
  std::string account_id;
  std::string canonical_id;
  std::string access_key;
  Secret secret_key;
};
inline constexpr char kRootAccountName[] = "root";
inline constexpr size_t kSealingKeyBytes = 32;  // AES-256

class Directory {
 public:
  // Opens secrets and parses policies. kCorrupt names the user that cannot be read.
  static Result<std::shared_ptr<const Directory>> Build(Accounts accounts, const StoreRoot& root,
                                                        const SecretSealer& sealer);

  // Null: nobody has this key. A key that is switched off is there and not enabled.
  [[nodiscard]] std::shared_ptr<const Credential> FindKey(std::string_view access_key) const;
  // Null: no such account. The anonymous id is none.
  [[nodiscard]] const Account* FindCanonical(std::string_view canonical_id) const;
  [[nodiscard]] const Account* FindAccount(std::string_view account_id) const;
  [[nodiscard]] const Accounts& accounts() const { return accounts_; }
  [[nodiscard]] const Account& root_account() const { return *root_account_; }
  // Of somebody who is not known here (an account of another store): the name is empty.
  [[nodiscard]] std::string_view DisplayName(std::string_view canonical_id) const;

 private:
  Directory() = default;
  Status AddKeys(const std::vector<AccessKey>& keys, bool enabled,
                 const std::shared_ptr<const Identity>& identity, const SecretSealer& sealer);

  Accounts accounts_;
  const Account* root_account_ = nullptr;
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  template <typename Value>
  using Table = std::unordered_map<std::string, Value, Hash, std::equal_to<>>;
  Table<std::shared_ptr<const Credential>> keys_;
  Table<const Account*> canonical_;
};

}  // namespace ashlar::iam
