// The text of accounts: JSON that says its format. Every field is written and every field is
// expected, so that what is missing is damage and never a default.
#include <nlohmann/json.hpp>

#include "iam/accounts.h"

namespace ashlar::iam {
namespace {

using Json = nlohmann::json;

constexpr int kFormat = 1;

Json KeysJson(const std::vector<AccessKey>& keys) {
  Json list = Json::array();
  for (const AccessKey& key : keys) {
    list.push_back({{"id", key.id},
                    {"sealed_secret", key.sealed_secret},
                    {"active", key.active},
                    {"created_ms", key.created_ms}});
  }
  return list;
}

std::vector<AccessKey> ReadKeys(const Json& list) {
  std::vector<AccessKey> keys;
  for (const Json& row : list) {
    keys.push_back(AccessKey{.id = row.at("id").get<std::string>(),
                             .sealed_secret = row.at("sealed_secret").get<std::string>(),
                             .active = row.at("active").get<bool>(),
                             .created_ms = row.at("created_ms").get<int64_t>()});
  }
  return keys;
}

Json UserJson(const User& user) {
  return {{"name", user.name},          {"id", user.id},
          {"path", user.path},          {"created_ms", user.created_ms},
          {"enabled", user.enabled},    {"policies", user.policies},
          {"keys", KeysJson(user.keys)}};
}

User ReadUser(const Json& row) {
  return User{.name = row.at("name").get<std::string>(),
              .id = row.at("id").get<std::string>(),
              .path = row.at("path").get<std::string>(),
              .created_ms = row.at("created_ms").get<int64_t>(),
              .enabled = row.at("enabled").get<bool>(),
              .policies = row.at("policies").get<std::map<std::string, std::string>>(),
              .keys = ReadKeys(row.at("keys"))};
}

// `whole` becomes false when a name is there twice.
Account ReadAccount(const Json& row, bool* whole) {
  Account account{.id = row.at("id").get<std::string>(),
                  .canonical_id = row.at("canonical_id").get<std::string>(),
                  .name = row.at("name").get<std::string>(),
                  .created_ms = row.at("created_ms").get<int64_t>(),
                  .enabled = row.at("enabled").get<bool>(),
                  .keys = ReadKeys(row.at("keys"))};
  for (const Json& user : row.at("users")) {
    User read = ReadUser(user);
    std::string name = read.name;
    *whole &= account.users.emplace(std::move(name), std::move(read)).second;
  }
  return account;
}

}  // namespace

std::string EncodeAccounts(const Accounts& accounts) {
  Json list = Json::array();
  for (const auto& [id, account] : accounts.by_id) {
    Json users = Json::array();
    for (const auto& [name, user] : account.users) users.push_back(UserJson(user));
    list.push_back({{"id", account.id},
                    {"canonical_id", account.canonical_id},
                    {"name", account.name},
                    {"created_ms", account.created_ms},
                    {"enabled", account.enabled},
                    {"keys", KeysJson(account.keys)},
                    {"users", std::move(users)}});
  }
  return Json{{"format", kFormat}, {"revision", accounts.revision}, {"accounts", std::move(list)}}
      .dump();
}

Result<Accounts> DecodeAccounts(std::string_view text) {
  try {
    const Json document = Json::parse(text);
    if (document.at("format").get<int>() != kFormat) {
      return Status(Code::kCorrupt, "the accounts have a format that this version does not know");
    }
    Accounts accounts;
    accounts.revision = document.at("revision").get<uint64_t>();
    bool whole = true;
    for (const Json& row : document.at("accounts")) {
      Account account = ReadAccount(row, &whole);
      std::string id = account.id;
      whole &= accounts.by_id.emplace(std::move(id), std::move(account)).second;
    }
    if (!whole) return Status(Code::kCorrupt, "an account or user is there twice");
    return accounts;
  } catch (const Json::exception& error) {
    return Status(Code::kCorrupt, std::string("the accounts cannot be read: ") + error.what());
  }
}

}  // namespace ashlar::iam
