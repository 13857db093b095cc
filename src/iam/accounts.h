// Accounts, users and their access keys: the values that the metadata database keeps, their text,
// and every change of them as a pure function.
//
// 1. An account owns buckets and objects; what it may do with its own nobody has to grant. Users in
//    an account may do what policies say, and nothing at first.
// 2. Access keys are unique in the store. Secrets are sealed: what lies in the database opens no
//    door.
// 3. A name that is made again is another user: it has new ids and none of the old keys.
// A change that is refused leaves the value as it was.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.h"
#include "base/status.h"
#include "runtime/clock.h"

namespace ashlar::iam {

inline constexpr size_t kAccessKeysPerUserMax = 2;
inline constexpr size_t kPoliciesPerUserMax = 10;
inline constexpr size_t kUserPolicyBytesMax = 2048;
inline constexpr size_t kUsersMax = 5000;  // accounts and users of the whole store
inline constexpr size_t kUserNameBytesMax = 64;

struct AccessKey {
  std::string id;
  std::string sealed_secret;  // base64, see SecretSealer
  bool active = true;
  int64_t created_ms = 0;
  bool operator==(const AccessKey&) const = default;
};

struct User {
  std::string name;
  std::string id;  // never given again
  std::string path = "/";
  int64_t created_ms = 0;
  bool enabled = true;
  std::map<std::string, std::string> policies = {};  // name -> document
  std::vector<AccessKey> keys = {};
  bool operator==(const User&) const = default;
};

struct Account {
  std::string id;            // 12 digits
  std::string canonical_id;  // 64 hex digits
  std::string name;          // unique, for people
  int64_t created_ms = 0;
  bool enabled = true;
  std::vector<AccessKey> keys = {};  // of the account itself
  std::map<std::string, User> users = {};
  bool operator==(const Account&) const = default;
};

struct Accounts {
  uint64_t revision = 0;  // grows with every change
  std::map<std::string, Account> by_id = {};
  bool operator==(const Accounts&) const = default;
};

// JSON with a format number. kCorrupt: what this version cannot have written.
[[nodiscard]] std::string EncodeAccounts(const Accounts& accounts);
[[nodiscard]] Result<Accounts> DecodeAccounts(std::string_view text);

// ---- names and keys
// Letters, digits and "+=,.@_-", 1 to 64 of them, as IAM has it.
[[nodiscard]] bool IsValidUserName(std::string_view name);
[[nodiscard]] std::string NewAccessKeyId(Random& random);  // 20 characters
[[nodiscard]] std::string NewSecretKey(Random& random);    // 40 characters
[[nodiscard]] std::string NewEntityId(Random& random);     // of users: "AIDA" and 16 characters
[[nodiscard]] std::string NewAccountId(Random& random);    // 12 digits
[[nodiscard]] std::string NewCanonicalId(Random& random);  // 64 hex digits
[[nodiscard]] std::string UserArn(const Account& account, const User& user);
[[nodiscard]] std::string AccountArn(const Account& account);

// ---- look-ups; null when there is none
[[nodiscard]] const Account* FindAccountNamed(const Accounts& accounts, std::string_view name);
[[nodiscard]] const User* FindUser(const Account& account, std::string_view name);

// ---- changes
// Who is meant: an account, or a user in it. kNotFound tells which of the two is missing.
struct UserAddress {
  std::string account_id;
  std::string user_name = {};  // empty: the account itself
};
// kAlreadyExists, kInvalidArgument (the name), kNoSpace (kUsersMax).
[[nodiscard]] Status AddAccount(Accounts* accounts, Account account);
// kNotFound (the account), and as above.
[[nodiscard]] Status AddUser(Accounts* accounts, const std::string& account_id, User user);
// kConflict: the user still has keys or policies; kNotFound.
[[nodiscard]] Status RemoveUser(Accounts* accounts, const UserAddress& user);
// kAlreadyExists: somebody has a key of this id; kNoSpace: two keys are the most.
[[nodiscard]] Status AddKey(Accounts* accounts, const UserAddress& user, AccessKey key);
[[nodiscard]] Status RemoveKey(Accounts* accounts, const UserAddress& user, std::string_view key);
// All keys of the holder are gone but this one.
[[nodiscard]] Status ReplaceKeys(Accounts* accounts, const UserAddress& user, AccessKey key);
// With keys and policies; an account too. kConflict: the account still has users.
[[nodiscard]] Status RemoveWhole(Accounts* accounts, const UserAddress& user);
[[nodiscard]] Status SetKeyActive(Accounts* accounts, const UserAddress& user, std::string_view key,
                                  bool active);
[[nodiscard]] Status SetEnabled(Accounts* accounts, const UserAddress& user, bool enabled);
// kInvalidArgument: the document is no policy, or too long.
[[nodiscard]] Status SetUserPolicy(Accounts* accounts, const UserAddress& user,
                                   const std::string& name, std::string document);
[[nodiscard]] Status RemoveUserPolicy(Accounts* accounts, const UserAddress& user,
                                      const std::string& name);

}  // namespace ashlar::iam
