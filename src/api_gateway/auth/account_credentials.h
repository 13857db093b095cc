// AccountCredentials: the access keys of the store's accounts as they are when asked. A form or a
// call is read before its key is looked up, which may take a minute: a key that was switched off
// meanwhile is not accepted.
#pragma once

#include <memory>
#include <string_view>

#include "api_gateway/auth/sigv4.h"
#include "iam/account_store.h"

namespace ashlar::api_gateway {

class AccountCredentials final : public CredentialLookup {
 public:
  // `accounts` must outlive this.
  explicit AccountCredentials(const iam::AccountStore& accounts) : accounts_(accounts) {}
  std::shared_ptr<const Credential> Find(std::string_view access_key) const override {
    return accounts_.Current()->FindKey(access_key);
  }

 private:
  const iam::AccountStore& accounts_;
};

}  // namespace ashlar::api_gateway
