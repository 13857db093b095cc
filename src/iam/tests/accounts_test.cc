// Accounts: the text that is kept, and every change with what it refuses.
#include "iam/accounts.h"

#include <gtest/gtest.h>

#include <set>

namespace ashlar::iam {
namespace {

constexpr char kAllowAll[] =
    R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]})";

AccessKey Key(const std::string& id) {
  return {.id = id, .sealed_secret = "c2VhbGVk", .active = true, .created_ms = 1000};
}

// The account "acme" with the user "alice", who has a key and a policy.
Accounts Sample() {
  Accounts accounts;
  Account account{.id = "123456789012",
                  .canonical_id = std::string(64, 'a'),
                  .name = "acme",
                  .created_ms = 1'700'000'000'000};
  account.keys.push_back(Key("ACMEKEY"));
  User alice{.name = "alice", .id = "AIDAALICE", .path = "/staff/", .created_ms = 2000};
  alice.enabled = false;
  alice.policies["all"] = kAllowAll;
  AccessKey inactive = Key("ALICEKEY");
  inactive.active = false;
  alice.keys.push_back(inactive);
  account.users.emplace("alice", alice);
  accounts.by_id.emplace(account.id, account);
  accounts.revision = 7;
  return accounts;
}

const UserAddress kAlice{"123456789012", "alice"};
const UserAddress kAcme{"123456789012"};

// The very bytes of a store that is out there. When this fails, a new format number and code that
// still reads this one are needed.
constexpr char kGolden[] =
    R"({"accounts":[{"canonical_id":")"
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    R"(",)"
    R"("created_ms":1700000000000,"enabled":true,"id":"123456789012","keys":[{"active":true,)"
    R"("created_ms":1000,"id":"ACMEKEY","sealed_secret":"c2VhbGVk"}],"name":"acme","users":[{)"
    R"("created_ms":2000,"enabled":false,"id":"AIDAALICE","keys":[{"active":false,)"
    R"("created_ms":1000,"id":"ALICEKEY","sealed_secret":"c2VhbGVk"}],"name":"alice",)"
    R"("path":"/staff/","policies":{"all":"{\"Version\":\"2012-10-17\",\"Statement\":[{)"
    R"(\"Effect\":\"Allow\",\"Action\":\"s3:*\",\"Resource\":\"*\"}]}"}}]}],)"
    R"("format":1,"revision":7})";

TEST(AccountsTextTest, IsTheGoldenOneAndReadsBack) {
  EXPECT_EQ(EncodeAccounts(Sample()), kGolden);
  const auto read = DecodeAccounts(kGolden);
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_EQ(*read, Sample());
}

TEST(AccountsTextTest, NothingThatIsDamagedIsTakenForAccounts) {
  const std::string golden = kGolden;
  for (size_t length = 0; length < golden.size(); ++length) {
    EXPECT_EQ(DecodeAccounts(golden.substr(0, length)).code(), Code::kCorrupt) << length;
  }
  // A field that is gone, or of another kind, is damage and no default.
  for (const char* field :
       {"accounts", "canonical_id", "created_ms", "enabled", "id", "keys", "active",
        "sealed_secret", "name", "users", "path", "policies", "format", "revision"}) {
    std::string renamed = golden;
    const std::string quoted = std::string("\"") + field + "\":";
    const size_t at = renamed.find(quoted);
    ASSERT_NE(at, std::string::npos) << field;
    renamed.replace(at, quoted.size(), "\"x\":");
    EXPECT_EQ(DecodeAccounts(renamed).code(), Code::kCorrupt) << field;
  }
  std::string other = golden;
  other.replace(other.find("\"format\":1"), 10, "\"format\":2");
  EXPECT_EQ(DecodeAccounts(other).code(), Code::kCorrupt);
}

TEST(AccountsTextTest, TheSameTwiceIsDamage) {
  const std::string golden = kGolden;
  const size_t begin = golden.find('[') + 1;
  const size_t end = golden.rfind("],\"format\"");
  const std::string account = golden.substr(begin, end - begin);
  std::string twice = golden;
  twice.insert(end, "," + account);
  EXPECT_EQ(DecodeAccounts(twice).code(), Code::kCorrupt);
}

TEST(AccountsTest, NamesAreThoseOfIam) {
  for (const char* name : {"a", "Alice", "a+=,.@_-9"}) EXPECT_TRUE(IsValidUserName(name)) << name;
  EXPECT_TRUE(IsValidUserName(std::string(64, 'x')));
  for (const char* name : {"", "a b", "a/b", "*", "a?", "${aws:username}", "\xc3\xa4", "a\n"}) {
    EXPECT_FALSE(IsValidUserName(name)) << name;
  }
  EXPECT_FALSE(IsValidUserName(std::string(65, 'x')));
}

// What is refused changes nothing.
void ExpectRefused(Code code, const std::function<Status(Accounts*)>& change) {
  Accounts accounts = Sample();
  const Status status = change(&accounts);
  EXPECT_EQ(status.code(), code) << status.message();
  EXPECT_EQ(accounts, Sample());
}

TEST(AccountsTest, WhatIsRefusedChangesNothing) {
  const auto account = [](const char* name, const char* id) {
    return Account{.id = id, .canonical_id = std::string(64, 'b'), .name = name};
  };
  ExpectRefused(Code::kAlreadyExists,
                [&](Accounts* all) { return AddAccount(all, account("acme", "1")); });
  ExpectRefused(Code::kAlreadyExists,
                [&](Accounts* all) { return AddAccount(all, account("other", "123456789012")); });
  ExpectRefused(Code::kInvalidArgument,
                [&](Accounts* all) { return AddAccount(all, account("a/b", "1")); });
  ExpectRefused(Code::kAlreadyExists, [](Accounts* all) {
    return AddUser(all, "123456789012", {.name = "alice", .id = "AIDANEW"});
  });
  ExpectRefused(Code::kNotFound,
                [](Accounts* all) { return AddUser(all, "0", {.name = "bob", .id = "AIDANEW"}); });
  ExpectRefused(Code::kConflict, [](Accounts* all) { return RemoveUser(all, kAlice); });
  ExpectRefused(Code::kConflict, [](Accounts* all) { return RemoveWhole(all, kAcme); });
  ExpectRefused(Code::kNotFound, [](Accounts* all) {
    return RemoveWhole(all, {"123456789012", "b"});
  });
  // Keys are unique in the whole store, not in an account alone.
  for (const char* taken : {"ACMEKEY", "ALICEKEY"}) {
    ExpectRefused(Code::kAlreadyExists,
                  [&](Accounts* all) { return AddKey(all, kAlice, Key(taken)); });
    ExpectRefused(Code::kAlreadyExists,
                  [&](Accounts* all) { return ReplaceKeys(all, kAcme, Key(taken)); });
  }
  ExpectRefused(Code::kNotFound, [](Accounts* all) { return RemoveKey(all, kAlice, "ACMEKEY"); });
  ExpectRefused(Code::kNotFound,
                [](Accounts* all) { return SetKeyActive(all, kAlice, "ACMEKEY", false); });
  ExpectRefused(Code::kInvalidArgument,
                [](Accounts* all) { return SetUserPolicy(all, kAlice, "p", "{}"); });
  ExpectRefused(Code::kInvalidArgument,
                [](Accounts* all) { return SetUserPolicy(all, kAlice, "a/b", kAllowAll); });
  ExpectRefused(Code::kInvalidArgument,
                [](Accounts* all) { return SetUserPolicy(all, kAcme, "p", kAllowAll); });
  ExpectRefused(Code::kNoSpace, [](Accounts* all) {
    return SetUserPolicy(all, kAlice, "p", kAllowAll + std::string(kUserPolicyBytesMax, ' '));
  });
  ExpectRefused(Code::kNotFound, [](Accounts* all) { return RemoveUserPolicy(all, kAlice, "p"); });
}

TEST(AccountsTest, LimitsAreKept) {
  Accounts accounts = Sample();
  ASSERT_TRUE(AddKey(&accounts, kAlice, Key("SECOND")).ok());
  EXPECT_EQ(AddKey(&accounts, kAlice, Key("THIRD")).code(), Code::kNoSpace);
  for (size_t i = 1; i < kPoliciesPerUserMax; ++i) {
    ASSERT_TRUE(SetUserPolicy(&accounts, kAlice, "p" + std::to_string(i), kAllowAll).ok());
  }
  EXPECT_EQ(SetUserPolicy(&accounts, kAlice, "more", kAllowAll).code(), Code::kNoSpace);
  EXPECT_TRUE(SetUserPolicy(&accounts, kAlice, "all", kAllowAll).ok());  // one that is there
  for (size_t i = 2; i < kUsersMax; ++i) {
    ASSERT_TRUE(AddUser(&accounts, "123456789012",
                        {.name = "user" + std::to_string(i), .id = std::to_string(i)})
                    .ok());
  }
  EXPECT_EQ(AddUser(&accounts, "123456789012", {.name = "last", .id = "x"}).code(), Code::kNoSpace);
}

TEST(AccountsTest, AUserMadeAgainHasNothingOfTheOldOne) {
  Accounts accounts = Sample();
  ASSERT_TRUE(RemoveWhole(&accounts, kAlice).ok());
  ASSERT_TRUE(AddUser(&accounts, "123456789012", {.name = "alice", .id = "AIDANEW"}).ok());
  const User* const alice = FindUser(accounts.by_id.at("123456789012"), "alice");
  ASSERT_NE(alice, nullptr);
  EXPECT_TRUE(alice->keys.empty() && alice->policies.empty());
  EXPECT_EQ(alice->id, "AIDANEW");
}

TEST(AccountsTest, KeysAreReplacedAtOnce) {
  Accounts accounts = Sample();
  ASSERT_TRUE(AddKey(&accounts, kAlice, Key("SECOND")).ok());
  ASSERT_TRUE(ReplaceKeys(&accounts, kAlice, Key("NEW")).ok());
  const User* const alice = FindUser(accounts.by_id.at("123456789012"), "alice");
  EXPECT_EQ(alice->keys, std::vector<AccessKey>{Key("NEW")});
  EXPECT_EQ(accounts.by_id.at("123456789012").keys.size(), 1U);  // of the account: untouched
}

TEST(AccountsTest, AnAccountWithoutUsersCanBeRemoved) {
  Accounts accounts = Sample();
  ASSERT_TRUE(RemoveWhole(&accounts, kAlice).ok());
  ASSERT_TRUE(RemoveWhole(&accounts, kAcme).ok());
  EXPECT_TRUE(accounts.by_id.empty());
}

TEST(AccountsTest, NewIdsHaveTheirFormAndDiffer) {
  Random& random = SystemRandom();
  std::set<std::string> seen;
  for (int i = 0; i < 200; ++i) {
    const std::string id = NewAccountId(random);
    EXPECT_EQ(id.size(), 12U);
    EXPECT_EQ(id.find_first_not_of("0123456789"), std::string::npos);
    EXPECT_EQ(NewAccessKeyId(random).size(), 20U);
    EXPECT_EQ(NewSecretKey(random).size(), 40U);
    EXPECT_EQ(NewCanonicalId(random).size(), 64U);
    EXPECT_TRUE(NewEntityId(random).starts_with("AIDA"));
    for (const std::string& text : {NewAccessKeyId(random), NewSecretKey(random)}) {
      EXPECT_TRUE(seen.insert(text).second);
    }
  }
}

}  // namespace
}  // namespace ashlar::iam
