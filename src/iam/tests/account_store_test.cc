// What the account store lends to the transactions of others.
#include "iam/account_store.h"

#include <gtest/gtest.h>

namespace ashlar::iam {
namespace {

TEST(OwnerIsEnabled, AsTheAccountsSayInTheTransaction) {
  Accounts accounts;
  accounts.by_id["123456789012"] = {
      .id = "123456789012", .canonical_id = std::string(64, 'a'), .name = "acme"};
  Identity owner;
  owner.account_id = "123456789012";
  owner.account_name = "acme";
  owner.user_name = "alice";  // whose account it is that owns
  const auto check = OwnerIsEnabled(owner);
  EXPECT_EQ(check.name, kAccountsSetting);
  EXPECT_TRUE(check.holds(EncodeAccounts(accounts)).ok());
  accounts.by_id["123456789012"].enabled = false;
  EXPECT_EQ(check.holds(EncodeAccounts(accounts)).code(), Code::kPreconditionFailed);
  accounts.by_id.clear();
  EXPECT_EQ(check.holds(EncodeAccounts(accounts)).code(), Code::kPreconditionFailed);
  EXPECT_EQ(check.holds("{").code(), Code::kCorrupt);
}

TEST(OwnerIsEnabled, TheStoreItselfIsNeverRemoved) {
  Identity root;
  root.account_name = kRootAccountName;
  EXPECT_FALSE(OwnerIsEnabled(root).holds);
}

}  // namespace
}  // namespace ashlar::iam
