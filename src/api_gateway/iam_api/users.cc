// Users of the caller's account, and who the caller is.
#include <algorithm>

#include "api_gateway/iam_api/paging.h"
#include "api_gateway/protocol/http_date.h"

namespace ashlar::api_gateway::iam_api {
namespace {

constexpr size_t kPathBytesMax = 512;

// IAM takes every printable character; those that mean something in a policy are left out here.
bool IsValidPath(std::string_view path) {
  static constexpr std::string_view kOthers = "/+=,.@_-";
  return path.size() <= kPathBytesMax && path.starts_with('/') && path.ends_with('/') &&
         std::all_of(path.begin(), path.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  kOthers.find(c) != std::string_view::npos;
         });
}

void WriteUser(XmlWriter& xml, const char* element, const iam::Account& account,
               const iam::User& user) {
  xml.Open(element);
  xml.Text("Path", user.path);
  xml.Text("UserName", user.name);
  xml.Text("UserId", user.id);
  xml.Text("Arn", iam::UserArn(account, user));
  xml.Text("CreateDate", FormatIso8601Seconds(user.created_ms / 1000));
  xml.Close(element);
}

// The account itself has neither name nor path.
std::string RootUser(const iam::Account& account) {
  std::string out;
  XmlWriter xml(&out);
  xml.Open("User");
  xml.Text("UserId", account.id);
  xml.Text("Arn", iam::AccountArn(account));
  xml.Text("CreateDate", FormatIso8601Seconds(account.created_ms / 1000));
  xml.Close("User");
  return out;
}

IamError NoSuchUser(const IamCall& call) {
  return {404, "NoSuchEntity", "The user with name " + call.target.user_name + " cannot be found."};
}

}  // namespace

Task<IamAnswer> CreateUser(IamCall& call) {
  std::string path = "/";
  if (const auto given = call.form.Find("Path")) path = *given;
  if (!IsValidPath(path)) {
    co_return ValidationError(
        "The specified value for path is invalid. It must begin and end with / and contain only "
        "alphanumeric characters and/or the following: /+=,.@_-");
  }
  const auto user = co_await call.accounts.CreateUser(call.caller.account_id, call.target.user_name,
                                                      std::move(path));
  if (!user.ok()) co_return FromRefusal(user.status());
  std::string out;
  XmlWriter xml(&out);
  WriteUser(xml, "User", *call.account(), *user);
  co_return out;
}

Task<IamAnswer> GetUser(IamCall& call) {
  const iam::Account* const account = call.account();
  if (account == nullptr) co_return NoSuchUser(call);
  if (call.target.user_name.empty()) co_return RootUser(*account);
  const iam::User* const user = iam::FindUser(*account, call.target.user_name);
  if (user == nullptr) co_return NoSuchUser(call);
  std::string out;
  XmlWriter xml(&out);
  WriteUser(xml, "User", *account, *user);
  co_return out;
}

Task<IamAnswer> ListUsers(IamCall& call) {
  Page page;
  if (auto error = Page::Read(call.form, &page)) co_return *std::move(error);
  // What the right was asked for is what is listed.
  const std::string prefix(call.form.Find("PathPrefix").value_or("/"));
  if (!prefix.starts_with('/')) {
    co_return ValidationError(
        "The specified value for pathPrefix is invalid. It must begin with /");
  }
  std::string out;
  XmlWriter xml(&out);
  xml.Open("Users");
  if (const iam::Account* const account = call.account()) {
    for (const auto& [name, user] : account->users) {
      if (user.path.starts_with(prefix) && page.Takes(name)) {
        WriteUser(xml, "member", *account, user);
      }
    }
  }
  xml.Close("Users");
  page.Write(xml);
  co_return out;
}

Task<IamAnswer> DeleteUser(IamCall& call) {
  const Status removed = co_await call.accounts.Change(
      [&call](iam::Accounts& accounts) { return iam::RemoveUser(&accounts, call.target); });
  if (!removed.ok()) co_return FromRefusal(removed);
  co_return IamAnswer();
}

Task<IamAnswer> GetCallerIdentity(IamCall& call) {
  std::string out;
  XmlWriter xml(&out);
  xml.Text("Arn", call.caller.arn);
  xml.Text("UserId", call.caller.user_id);
  xml.Text("Account", call.caller.account_id);
  co_return out;
}

}  // namespace ashlar::api_gateway::iam_api
