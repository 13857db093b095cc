// The policies that stand in a user itself (inline policies, as IAM calls them).
#include "api_gateway/iam_api/paging.h"

namespace ashlar::api_gateway::iam_api {
namespace {

const iam::User* UserOf(const IamCall& call) {
  const iam::Account* const account = call.account();
  return account == nullptr ? nullptr : iam::FindUser(*account, call.target.user_name);
}

IamError NoSuchUser(const IamCall& call) {
  return {404, "NoSuchEntity", "The user with name " + call.target.user_name + " cannot be found."};
}

}  // namespace

Task<IamAnswer> PutUserPolicy(IamCall& call) {
  const std::string name = call.Text("PolicyName");
  if (!iam::IsValidUserName(name)) {
    co_return ValidationError(
        "The specified value for policyName is invalid. It must contain only alphanumeric "
        "characters and/or the following: +=,.@_-");
  }
  const Status set = co_await call.accounts.Change([&](iam::Accounts& accounts) {
    return iam::SetUserPolicy(&accounts, call.target, name, call.Text("PolicyDocument"));
  });
  if (set.code() == Code::kInvalidArgument) {  // the names were looked at before
    co_return IamError{400, "MalformedPolicyDocument", set.message()};
  }
  if (!set.ok()) co_return FromRefusal(set);
  co_return IamAnswer();
}

Task<IamAnswer> GetUserPolicy(IamCall& call) {
  const iam::User* const user = UserOf(call);
  if (user == nullptr) co_return NoSuchUser(call);
  const auto policy = user->policies.find(call.Text("PolicyName"));
  if (policy == user->policies.end()) {
    co_return IamError{
        404, "NoSuchEntity",
        "The user policy with name " + call.Text("PolicyName") + " cannot be found."};
  }
  std::string document;
  AppendPercentEncoded(policy->second, Slash::kEncode, &document);
  std::string out;
  XmlWriter xml(&out);
  xml.Text("UserName", user->name);
  xml.Text("PolicyName", policy->first);
  xml.Text("PolicyDocument", document);
  co_return out;
}

Task<IamAnswer> ListUserPolicies(IamCall& call) {
  Page page;
  if (auto error = Page::Read(call.form, &page)) co_return *std::move(error);
  const iam::User* const user = UserOf(call);
  if (user == nullptr) co_return NoSuchUser(call);
  std::string out;
  XmlWriter xml(&out);
  xml.Open("PolicyNames");
  for (const auto& [name, document] : user->policies) {
    if (page.Takes(name)) xml.Text("member", name);
  }
  xml.Close("PolicyNames");
  page.Write(xml);
  co_return out;
}

Task<IamAnswer> DeleteUserPolicy(IamCall& call) {
  const Status removed = co_await call.accounts.Change([&](iam::Accounts& accounts) {
    return iam::RemoveUserPolicy(&accounts, call.target, call.Text("PolicyName"));
  });
  if (!removed.ok()) co_return FromRefusal(removed);
  co_return IamAnswer();
}

}  // namespace ashlar::api_gateway::iam_api
