// Access keys of a user, or of the account itself. A secret is shown once, in the answer that makes
// it; nothing else here ever sees one.
#include "api_gateway/iam_api/paging.h"
#include "api_gateway/protocol/http_date.h"

namespace ashlar::api_gateway::iam_api {
namespace {

const std::vector<iam::AccessKey>* KeysOf(const IamCall& call) {
  const iam::Account* const account = call.account();
  if (account == nullptr) return nullptr;
  if (call.target.user_name.empty()) return &account->keys;
  const iam::User* const user = iam::FindUser(*account, call.target.user_name);
  return user == nullptr ? nullptr : &user->keys;
}

std::string_view StatusName(const iam::AccessKey& key) {
  return key.active ? "Active" : "Inactive";
}

void WriteKey(XmlWriter& xml, const char* element, const IamCall& call, const iam::AccessKey& key,
              const Secret* secret) {
  xml.Open(element);
  // Keys of the account itself belong to no user.
  if (!call.target.user_name.empty()) xml.Text("UserName", call.target.user_name);
  xml.Text("AccessKeyId", key.id);
  xml.Text("Status", StatusName(key));
  if (secret != nullptr) xml.Text("SecretAccessKey", secret->Reveal());
  xml.Text("CreateDate", FormatIso8601Seconds(key.created_ms / 1000));
  xml.Close(element);
}

}  // namespace

Task<IamAnswer> CreateAccessKey(IamCall& call) {
  if (call.caller.is_store_root && call.target.user_name.empty()) {
    co_return IamError{403, "AccessDenied",
                       "The keys of the store's root user are set where the server is started; "
                       "name a user."};
  }
  const auto made = co_await call.accounts.CreateKey(call.target);
  if (!made.ok()) co_return FromRefusal(made.status());
  std::string out;
  XmlWriter xml(&out);
  WriteKey(xml, "AccessKey", call, made->key, &made->secret);
  co_return out;
}

Task<IamAnswer> ListAccessKeys(IamCall& call) {
  Page page;
  if (auto error = Page::Read(call.form, &page)) co_return *std::move(error);
  const std::vector<iam::AccessKey>* const found = KeysOf(call);
  if (found == nullptr) {
    co_return IamError{404, "NoSuchEntity",
                       "The user with name " + call.target.user_name + " cannot be found."};
  }
  std::vector<iam::AccessKey> keys = *found;
  std::sort(keys.begin(), keys.end(),
            [](const iam::AccessKey& a, const iam::AccessKey& b) { return a.id < b.id; });
  std::string out;
  XmlWriter xml(&out);
  xml.Open("AccessKeyMetadata");
  for (const iam::AccessKey& key : keys) {
    if (page.Takes(key.id)) WriteKey(xml, "member", call, key, nullptr);
  }
  xml.Close("AccessKeyMetadata");
  page.Write(xml);
  co_return out;
}

Task<IamAnswer> UpdateAccessKey(IamCall& call) {
  const std::string status = call.Text("Status");
  if (status != "Active" && status != "Inactive") {
    co_return ValidationError("Value '" + status +
                              "' at 'status' failed to satisfy constraint: Member must satisfy "
                              "enum value set: [Active, Inactive]");
  }
  const Status changed = co_await call.accounts.Change([&](iam::Accounts& accounts) {
    return iam::SetKeyActive(&accounts, call.target, call.Text("AccessKeyId"), status == "Active");
  });
  if (!changed.ok()) co_return FromRefusal(changed);
  co_return IamAnswer();
}

Task<IamAnswer> DeleteAccessKey(IamCall& call) {
  const Status removed = co_await call.accounts.Change([&](iam::Accounts& accounts) {
    return iam::RemoveKey(&accounts, call.target, call.Text("AccessKeyId"));
  });
  if (!removed.ok()) co_return FromRefusal(removed);
  co_return IamAnswer();
}

}  // namespace ashlar::api_gateway::iam_api
