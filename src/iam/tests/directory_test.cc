// Sealed secrets, and the directory that requests are checked with.
#include "iam/directory.h"

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "iam/internal/secret_sealer.h"

namespace ashlar::iam {
namespace {

const Secret kSealingKey(std::string(kSealingKeyBytes, 'k'));
constexpr char kPlain[] = "a-secret-of-forty-characters-0123456789a";

TEST(SecretSealerTest, OpensWhatItSealed) {
  const SecretSealer sealer(kSealingKey);
  const std::string sealed = sealer.Seal(SystemRandom(), "KEY", Secret(kPlain));
  EXPECT_EQ(sealed.find(kPlain), std::string::npos);
  EXPECT_NE(sealed, sealer.Seal(SystemRandom(), "KEY", Secret(kPlain)));  // another nonce
  const auto opened = sealer.Open("KEY", sealed);
  ASSERT_TRUE(opened.ok());
  EXPECT_EQ(opened->Reveal(), kPlain);
}

TEST(SecretSealerTest, EveryBitCounts) {
  const SecretSealer sealer(kSealingKey);
  std::string raw;
  ASSERT_TRUE(Base64Decode(sealer.Seal(SystemRandom(), "KEY", Secret(kPlain)), &raw));
  for (size_t bit = 0; bit < raw.size() * 8; ++bit) {
    std::string flipped = raw;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    const auto opened = sealer.Open("KEY", Base64Encode(AsBytes(flipped)));
    EXPECT_EQ(opened.code(), Code::kCorrupt) << "bit " << bit;
  }
  for (size_t length = 0; length < raw.size(); ++length) {
    EXPECT_FALSE(sealer.Open("KEY", Base64Encode(AsBytes(raw.substr(0, length)))).ok()) << length;
  }
  EXPECT_FALSE(sealer.Open("KEY", "no base64!").ok());
}

TEST(SecretSealerTest, CannotBeMovedToAnotherKeyOrStore) {
  const SecretSealer sealer(kSealingKey);
  const std::string sealed = sealer.Seal(SystemRandom(), "KEY", Secret(kPlain));
  const auto moved = sealer.Open("KEZ", sealed);
  EXPECT_EQ(moved.code(), Code::kCorrupt);
  EXPECT_EQ(moved.status().message().find(kPlain), std::string::npos);
  const SecretSealer other(Secret(std::string(kSealingKeyBytes, 'x')));
  EXPECT_EQ(other.Open("KEY", sealed).code(), Code::kCorrupt);
}

class DirectoryTest : public ::testing::Test {
 protected:
  AccessKey Sealed(const std::string& id, const std::string& secret) const {
    return {.id = id, .sealed_secret = sealer_.Seal(SystemRandom(), id, Secret(secret))};
  }
  Result<std::shared_ptr<const Directory>> Build() const {
    return Directory::Build(accounts_, root_, sealer_);
  }
  std::shared_ptr<const Directory> Built() const {
    auto directory = Build();
    EXPECT_TRUE(directory.ok()) << directory.status().message();
    return *directory;
  }
  Account& account() { return accounts_.by_id.at("123456789012"); }
  User& alice() { return account().users.at("alice"); }

  DirectoryTest() {
    Account account{.id = "123456789012", .canonical_id = std::string(64, 'a'), .name = "acme"};
    account.keys.push_back(Sealed("ACMEKEY", "acme-secret"));
    User alice{.name = "alice", .id = "AIDAALICE"};
    alice.keys.push_back(Sealed("ALICEKEY", "alice-secret"));
    account.users.emplace("alice", alice);
    accounts_.by_id.emplace(account.id, account);
  }

  const SecretSealer sealer_{kSealingKey};
  StoreRoot root_{"999999999999", std::string(64, '9'), "ROOTKEY", Secret("root-secret")};
  Accounts accounts_;
};

TEST_F(DirectoryTest, SaysWhoAKeyIs) {
  const auto directory = Built();
  const auto root = directory->FindKey("ROOTKEY");
  EXPECT_TRUE(root->identity->is_store_root && root->identity->is_account_root());
  EXPECT_EQ(root->identity->arn, "arn:aws:iam::999999999999:root");
  const auto acme = directory->FindKey("ACMEKEY");
  EXPECT_TRUE(!acme->identity->is_store_root && acme->identity->is_account_root());
  EXPECT_EQ(acme->secret.Reveal(), "acme-secret");
  const auto alice = directory->FindKey("ALICEKEY");
  EXPECT_FALSE(alice->identity->is_store_root || alice->identity->is_account_root());
  EXPECT_EQ(alice->identity->arn, "arn:aws:iam::123456789012:user/alice");
  EXPECT_TRUE(alice->enabled && alice->identity->policies.empty());
  EXPECT_EQ(directory->FindKey("NOBODY"), nullptr);
  EXPECT_EQ(directory->FindKey(""), nullptr);
}

TEST_F(DirectoryTest, SwitchedOffIsThereButNotEnabled) {
  alice().keys[0].active = false;
  EXPECT_FALSE(Built()->FindKey("ALICEKEY")->enabled);
  alice().keys[0].active = true;
  alice().enabled = false;
  EXPECT_FALSE(Built()->FindKey("ALICEKEY")->enabled);
  EXPECT_TRUE(Built()->FindKey("ACMEKEY")->enabled);
  alice().enabled = true;
  account().enabled = false;  // and with it whoever is in it
  EXPECT_FALSE(Built()->FindKey("ALICEKEY")->enabled);
  EXPECT_FALSE(Built()->FindKey("ACMEKEY")->enabled);
}

// CVE-2023-27589 of MinIO: a user with the root's access key.
TEST_F(DirectoryTest, NobodyTakesTheRootsKey) {
  alice().keys.push_back(Sealed("ROOTKEY", "mine"));
  const auto key = Built()->FindKey("ROOTKEY");
  EXPECT_TRUE(key->identity->is_store_root);
  EXPECT_EQ(key->secret.Reveal(), "root-secret");
}

TEST_F(DirectoryTest, TheRootIsNeverSwitchedOff) {
  Account root{.id = "999999999999", .canonical_id = "other", .name = "renamed"};
  root.enabled = false;
  accounts_.by_id.emplace(root.id, root);
  const auto directory = Built();
  EXPECT_TRUE(directory->FindKey("ROOTKEY")->enabled);
  EXPECT_EQ(directory->root_account().canonical_id, root_.canonical_id);
  EXPECT_EQ(directory->root_account().name, kRootAccountName);
}

TEST_F(DirectoryTest, WhatCannotBeReadIsCorruptAndNeverNothing) {
  alice().policies["p"] = "{}";
  EXPECT_EQ(Build().code(), Code::kCorrupt);
  alice().policies.clear();
  alice().keys[0].sealed_secret = account().keys[0].sealed_secret;  // moved
  const auto moved = Build();
  EXPECT_EQ(moved.code(), Code::kCorrupt);
  EXPECT_EQ(moved.status().message().find("secret-"), std::string::npos);
}

}  // namespace
}  // namespace ashlar::iam
