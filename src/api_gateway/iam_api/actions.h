// The actions of the IAM API as a table: what each is called, what right it asks for, what it is
// about, and which parameters it takes.
//
// An action can only be about the caller's own account: no parameter names another. A parameter
// that is not in its row is refused, never ignored (a permissions boundary that is skipped would
// widen what a user may do).
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "api_gateway/iam_api/form.h"
#include "api_gateway/iam_api/iam_error.h"
#include "iam/account_store.h"
#include "runtime/task.h"

namespace ashlar::api_gateway::iam_api {

// One request, authenticated and authorised. Everything outlives the handler.
struct IamCall {
  iam::AccountStore& accounts;
  const iam::Directory& directory;
  const iam::Identity& caller;
  const Form& form;
  // The user it is about: named, or else the caller. Its account is always the caller's.
  iam::UserAddress target;

  std::string Text(std::string_view name) const {
    return std::string(form.Find(name).value_or(""));
  }
  const iam::Account* account() const { return directory.FindAccount(caller.account_id); }
};

struct IamAnswer {
  IamAnswer() = default;
  IamAnswer(std::string content) : result(std::move(content)) {}  // NOLINT: implicit on purpose
  IamAnswer(IamError refused) : error(std::move(refused)) {}      // NOLINT: implicit on purpose

  std::optional<IamError> error;
  std::string result = {};  // of <ActionResult>
};

enum class About : uint8_t {
  kNothing,       // asks for no right
  kUsers,         // all users of the account
  kNewUser,       // UserName and Path
  kUser,          // UserName
  kUserOrCaller,  // UserName, else the caller
};

struct Action {
  std::string_view name;
  std::string_view permission;  // empty: whoever is authenticated
  Service service = Service::kIam;
  About about = About::kUser;
  std::array<std::string_view, 3> required = {};  // besides Action and Version
  std::array<std::string_view, 3> optional = {};
  Task<IamAnswer> (*handler)(IamCall& call) = nullptr;
};

[[nodiscard]] std::span<const Action> Actions();
// Null: no such action of this service.
[[nodiscard]] const Action* FindAction(Service service, std::string_view name);

// The handlers: users.cc, access_keys.cc, user_policies.cc.
Task<IamAnswer> CreateUser(IamCall& call);
Task<IamAnswer> GetUser(IamCall& call);
Task<IamAnswer> ListUsers(IamCall& call);
Task<IamAnswer> DeleteUser(IamCall& call);
Task<IamAnswer> GetCallerIdentity(IamCall& call);
Task<IamAnswer> CreateAccessKey(IamCall& call);
Task<IamAnswer> ListAccessKeys(IamCall& call);
Task<IamAnswer> UpdateAccessKey(IamCall& call);
Task<IamAnswer> DeleteAccessKey(IamCall& call);
Task<IamAnswer> PutUserPolicy(IamCall& call);
Task<IamAnswer> GetUserPolicy(IamCall& call);
Task<IamAnswer> ListUserPolicies(IamCall& call);
Task<IamAnswer> DeleteUserPolicy(IamCall& call);

}  // namespace ashlar::api_gateway::iam_api
