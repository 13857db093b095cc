// UsersApi: accounts and users in the admin API.
//
// 1. `name` alone is an account of that name, with buckets of its own; with `account` it is a user
//    in it.
// 2. The store's root cannot be changed here, so that nobody locks himself out.
// 3. A secret is in one answer: the one that makes it.
// Thread-safe. How it fails: a change that is refused changed nothing. A removal that is cut short
// may leave its account disabled.
#pragma once

#include <string>

#include "admin/api/answer.h"
#include "iam/account_store.h"
#include "metadata_db/metadata_db.h"
#include "runtime/task.h"

namespace ashlar::admin {

class UsersApi {
 public:
  // Both outlive it.
  UsersApi(iam::AccountStore& accounts, metadata_db::MetadataDb& metadata)
      : accounts_(accounts), metadata_(metadata) {}

  [[nodiscard]] ApiAnswer List() const;
  // `action`: "add", "disable", "enable", "rotate", "remove", "policy". `body`: the request's JSON,
  // with "name" and perhaps "account"; for "policy" also "policy": a document, or the name of one
  // that is built in, or "" to remove it.
  Task<ApiAnswer> Change(std::string action, std::string body);

 private:
  struct Target {
    std::string name;
    std::string account;  // empty: the account `name` itself is meant
    std::string policy;
  };
  [[nodiscard]] static Result<Target> ReadTarget(const std::string& action,
                                                 const std::string& body);
  [[nodiscard]] static Result<iam::UserAddress> Find(const iam::Accounts& accounts,
                                                     const Target& target);

  Task<Result<Json>> Add(const Target& target);
  Task<Result<Json>> Rotate(const Target& target);
  Task<Result<Json>> Remove(const Target& target);
  // An account that may be removed is disabled, so that it makes no bucket any more
  // (iam::OwnerIsEnabled) after the last look for one. Whether it was enabled.
  Task<Result<bool>> DisableForRemoval(const Target& account);
  Task<Result<Json>> Edit(const Target& target, const std::string& action);
  // kConflict when the account still owns buckets.
  Task<Status> RefuseOwner(const Target& target);
  [[nodiscard]] Json Describe(const Target& target) const;
  [[nodiscard]] Json Describe(const Target& target, const iam::NewKey& key) const;

  iam::AccountStore& accounts_;
  metadata_db::MetadataDb& metadata_;
};

}  // namespace ashlar::admin
