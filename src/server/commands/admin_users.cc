#include "server/commands/admin_users.h"

#include "runtime/disk.h"
#include "runtime/event_loop.h"

namespace ashlar::server {
namespace {

constexpr size_t kPolicyFileBytesMax = 64 * 1024;

AdminJson Named(const UserSettings& settings) {
  AdminJson body = {{"name", settings.name}};
  if (!settings.account.empty()) body["account"] = settings.account;
  return body;
}

Result<AdminJson> List(AdminClient& client, const UserSettings& /*settings*/) {
  return client.Get("users");
}
Result<AdminJson> Add(AdminClient& client, const UserSettings& settings) {
  return client.Post("users/add", Named(settings));
}
Result<AdminJson> Disable(AdminClient& client, const UserSettings& settings) {
  return client.Post("users/disable", Named(settings));
}
Result<AdminJson> Enable(AdminClient& client, const UserSettings& settings) {
  return client.Post("users/enable", Named(settings));
}
Result<AdminJson> Rotate(AdminClient& client, const UserSettings& settings) {
  return client.Post("users/rotate", Named(settings));
}
Result<AdminJson> Remove(AdminClient& client, const UserSettings& settings) {
  return client.Post("users/remove", Named(settings));
}

// The name of a policy that is built in, or what stands in the file.
Result<std::string> ReadPolicy(const std::string& given) {
  if (given == "readwrite" || given == "readonly" || given == "writeonly") return given;
  EventLoopGroup loops(1);
  Result<std::string> text =
      RunBlocking(loops, ReadWholeFile(HostDisk(), given, kPolicyFileBytesMax));
  if (text.ok()) return text;
  return Status(Code::kInvalidArgument,
                "--set takes readwrite, readonly, writeonly or a file with a policy; cannot read " +
                    given + ": " + text.status().message());
}

Result<AdminJson> FindUser(AdminClient& client, const UserSettings& settings) {
  ASSIGN_OR_RETURN(const AdminJson all, client.Get("users"));
  const std::string& account = settings.account.empty() ? settings.name : settings.account;
  const bool in_account = !settings.account.empty();
  for (const AdminJson& user : all.at("users")) {
    if (user.at("name") == settings.name && user.at("account") == account &&
        (user.at("kind") == "user") == in_account) {
      return AdminJson{{"user", user}};
    }
  }
  return Status(Code::kNotFound, "there is no user " + settings.name +
                                     (in_account ? " in the account " + account : ""));
}

Result<AdminJson> Policy(AdminClient& client, const UserSettings& settings) {
  if (settings.policy.empty() && !settings.remove_policy) return FindUser(client, settings);
  AdminJson body = Named(settings);
  body["policy"] = "";
  if (!settings.remove_policy) {
    ASSIGN_OR_RETURN(body["policy"], ReadPolicy(settings.policy));
  }
  return client.Post("users/policy", body);
}

std::string Title(const AdminJson& user) {
  const std::string name = user.at("name").get<std::string>();
  if (user.at("kind") != "user") return "account " + name;
  return "user " + name + " in account " + user.at("account").get<std::string>();
}

std::string KeyText(const AdminJson& answer) {
  return Title(answer.at("user")) + "\n  access key  " +
         answer.at("access_key").get<std::string>() + "\n  secret key  " +
         answer.at("secret_key").get<std::string>() + "\nThe secret key is not shown again.\n";
}

std::string StateText(const AdminJson& answer) {
  const AdminJson& user = answer.at("user");
  return Title(user) + ": " + (user.at("enabled").get<bool>() ? "enabled" : "disabled") + "\n";
}

std::string RemovedText(const AdminJson& /*answer*/) { return "removed, with its keys\n"; }

std::string PolicyText(const AdminJson& answer) {
  const AdminJson& user = answer.at("user");
  std::string text = Title(user) + "\n";
  for (const auto& [name, document] : user.at("policies").items()) {
    text += "\npolicy " + name + "\n" + document.get<std::string>() + "\n";
  }
  if (user.at("kind") != "user") return text + "may do everything with its own buckets\n";
  return user.at("policies").empty() ? text + "no policies: no rights\n" : text;
}

std::string ListText(const AdminJson& answer) {
  std::vector<std::vector<std::string>> rows = {{"NAME", "ACCOUNT", "STATE", "KEYS", "POLICIES"}};
  for (const AdminJson& user : answer.at("users")) {
    const bool is_user = user.at("kind") == "user";
    std::string keys;
    for (const AdminJson& key : user.at("keys")) {
      if (!keys.empty()) keys += " ";
      keys += key.at("id").get<std::string>();
      if (!key.at("active").get<bool>()) keys += "(inactive)";
    }
    std::string policies;
    for (const auto& [name, document] : user.at("policies").items()) {
      policies += (policies.empty() ? "" : " ") + name;
    }
    if (user.at("kind") == "root") keys = "(of the server)";
    rows.push_back({user.at("name").get<std::string>(),
                    is_user ? user.at("account").get<std::string>() : "-",
                    user.at("enabled").get<bool>() ? "enabled" : "disabled",
                    keys.empty() ? "-" : keys, policies.empty() ? "-" : policies});
  }
  return Table(rows);
}

}  // namespace

std::vector<UserCommand> AddUserCommands(CLI::App* admin, UserSettings* settings) {
  CLI::App* user = admin->add_subcommand("user", "Accounts, users, their keys and policies");
  user->require_subcommand(1);
  user->fallthrough();
  std::vector<UserCommand> commands;
  const auto add = [&](const char* name, const char* about, auto run, auto text) {
    CLI::App* command = user->add_subcommand(name, about);
    command->fallthrough();
    commands.push_back({command, run, text});
    return command;
  };
  const auto add_named = [&](const char* name, const char* about, auto run, auto text) {
    CLI::App* command = add(name, about, run, text);
    command->add_option("NAME", settings->name, "Name of the account, or of the user in --account")
        ->required();
    command->add_option("--account", settings->account, "The account that the user is in");
    return command;
  };
  add("list", "All accounts and users", List, ListText);
  add_named("add",
            "Add an account (it may do everything with its own buckets), or with --account a user "
            "in it (no rights yet); prints the keys",
            Add, KeyText);
  add_named("disable", "Refuse its keys from now on", Disable, StateText);
  add_named("enable", "Accept its keys again", Enable, StateText);
  add_named("rotate", "A new key; the old ones are gone at once", Rotate, KeyText);
  add_named("remove", "Remove it with its keys and policies", Remove, RemovedText);
  CLI::App* policy = add_named("policy", "Show or set what a user may do", Policy, PolicyText);
  CLI::Option* set = policy->add_option("--set", settings->policy,
                                        "readwrite, readonly, writeonly, or a file with a policy");
  policy->add_flag("--remove", settings->remove_policy, "Remove what --set has set")->excludes(set);
  return commands;
}

}  // namespace ashlar::server
