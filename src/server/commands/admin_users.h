// `ashlar admin user ...`: accounts, users in them, their keys and policies.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "server/commands/admin_client.h"
#include "server/commands/admin_tables.h"

namespace ashlar::server {

struct UserSettings {
  std::string name;
  std::string account;
  std::string policy;  // what --set was given
  bool remove_policy = false;
};

// A parser, what it asks the server, and how people read the answer.
struct UserCommand {
  const CLI::App* parser = nullptr;
  Result<AdminJson> (*run)(AdminClient& client, const UserSettings& settings) = nullptr;
  std::string (*text)(const AdminJson& answer) = nullptr;
};

// `settings` outlives the parsers.
[[nodiscard]] std::vector<UserCommand> AddUserCommands(CLI::App* admin, UserSettings* settings);

}  // namespace ashlar::server
