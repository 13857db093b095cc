// Access control lists: their text, the canned ones, and whom they let in.
#include "iam/acl.h"

#include <gtest/gtest.h>

#include "iam/identity.h"

namespace ashlar::iam {
namespace {

const std::string kOwner(64, 'a');
const std::string kBucketOwner(64, 'b');
const std::string kOther(64, 'c');
constexpr Permission kAll[] = {Permission::kRead, Permission::kWrite, Permission::kReadAcp,
                               Permission::kWriteAcp, Permission::kFullControl};

// "rwRWf" of the caller, '-' for what he may not.
std::string RightsOf(const Acl& acl, std::string_view caller, bool ignore_public = false) {
  std::string rights;
  for (size_t i = 0; i < 5; ++i) {
    rights += AclGrants(acl, kOwner, caller, kAll[i], ignore_public) ? "rwRWf"[i] : '-';
  }
  return rights;
}

struct CannedCase {
  const char* name;
  const char* anonymous;
  const char* other;
  const char* bucket_owner;
  bool is_public;
};
// As the S3 User Guide lists them.
constexpr CannedCase kCanned[] = {
    {"private", "-----", "-----", "-----", false},
    {"public-read", "r----", "r----", "r----", true},
    {"public-read-write", "rw---", "rw---", "rw---", true},
    {"authenticated-read", "-----", "r----", "r----", true},
    {"bucket-owner-read", "-----", "-----", "r----", false},
    {"bucket-owner-full-control", "-----", "-----", "rwRWf", false},
};

TEST(AclTest, CannedAcls) {
  for (const CannedCase& each : kCanned) {
    const auto acl = CannedAcl(each.name, {kOwner, kBucketOwner});
    ASSERT_TRUE(acl.has_value()) << each.name;
    EXPECT_EQ(RightsOf(*acl, kOwner), "rwRWf") << each.name;
    EXPECT_EQ(RightsOf(*acl, {}), each.anonymous) << each.name;
    EXPECT_EQ(RightsOf(*acl, kOther), each.other) << each.name;
    EXPECT_EQ(RightsOf(*acl, kBucketOwner), each.bucket_owner) << each.name;
    EXPECT_EQ(IsPublicAcl(*acl), each.is_public) << each.name;
    EXPECT_EQ(RightsOf(*acl, kOther, /*ignore_public=*/true), "-----") << each.name;
    const auto again = DecodeAcl(EncodeAcl(*acl, kOwner), kOwner);
    ASSERT_TRUE(again.ok()) << each.name;
    EXPECT_EQ(*again, *acl) << each.name;
  }
  for (const char* name : {"", "Private", "public", "public-read ", "log"}) {
    EXPECT_FALSE(CannedAcl(name, {kOwner, kBucketOwner}).has_value()) << name;
  }
}

TEST(AclTest, EachPermissionGivesItselfAlone) {
  constexpr const char* kRights[] = {"r----", "-w---", "--R--", "---W-", "rwRWf"};
  for (size_t i = 0; i < 5; ++i) {
    const Acl acl{{{GranteeKind::kAccount, kAll[i], kOther}}};
    EXPECT_EQ(RightsOf(acl, kOther), kRights[i]);
    EXPECT_EQ(RightsOf(acl, kBucketOwner), "-----");
    EXPECT_EQ(RightsOf(acl, {}), "-----");
  }
}

TEST(AclTest, TheTextIsTheGoldenOne) {
  const Acl acl{{{GranteeKind::kAccount, Permission::kReadAcp, kOther},
                 {GranteeKind::kAllUsers, Permission::kRead, {}},
                 {GranteeKind::kAuthenticatedUsers, Permission::kWriteAcp, {}},
                 {GranteeKind::kLogDelivery, Permission::kWrite, {}}}};
  const std::string golden = "c R " + kOther + "\na r\nu W\nl w\n";
  EXPECT_EQ(EncodeAcl(acl, kOwner), golden);
  const auto read = DecodeAcl(golden, kOwner);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(*read, acl);
  // Nobody at all is not the same as nothing set.
  const auto nobody = DecodeAcl(EncodeAcl(Acl(), kOwner), kOwner);
  ASSERT_TRUE(nobody.ok());
  EXPECT_TRUE(nobody->grants.empty());
  const auto unset = DecodeAcl("", kOwner);
  ASSERT_TRUE(unset.ok());
  EXPECT_EQ(RightsOf(*unset, kOwner), "rwRWf");
}

TEST(AclTest, WhatIsDamagedIsCorrupt) {
  for (const char* text : {"x", "\n", "a r", "c\n", "c f\n", "c f \n", "a x\n", "x r\n", "a  r\n",
                           "a r extra\n", "a r\n\nu r\n", "-\n"}) {
    EXPECT_EQ(DecodeAcl(text, kOwner).code(), Code::kCorrupt) << text;
  }
}

}  // namespace
}  // namespace ashlar::iam
