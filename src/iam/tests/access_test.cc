// The decision, as a table: who asks, what his policy and the bucket's say, and what comes out.
#include "iam/access.h"

#include <gtest/gtest.h>

namespace ashlar::iam {
namespace {

const std::string kHome(64, 'a');
const std::string kAway(64, 'b');

enum Who { kAnonymous, kStoreRoot, kOwner, kUser, kStranger, kStrangersUser };
enum Says { kNothing, kAllows, kDenies };
enum BucketSays { kSilent, kAllowsAll, kAllowsHome, kAllowsAway, kDeniesAll };

std::string Statement(const char* effect, const std::string& principal) {
  return std::string(R"({"Version":"2012-10-17","Statement":[{"Effect":")") + effect + "\"," +
         principal + R"("Action":"s3:*","Resource":)" +
         (principal.empty() ? R"("*")" : R"(["arn:aws:s3:::b","arn:aws:s3:::b/*"])") + "}]}";
}

std::shared_ptr<const Policy> Parsed(const std::string& text, PolicyKind kind) {
  auto policy = Policy::Parse(text, kind, "b");
  EXPECT_TRUE(policy.ok()) << policy.status().message() << "\n" << text;
  return *policy;
}

std::shared_ptr<const Policy> BucketPolicy(BucketSays says) {
  switch (says) {
    case kSilent: return nullptr;
    case kAllowsAll: return Parsed(Statement("Allow", R"("Principal":"*",)"), PolicyKind::kBucket);
    case kAllowsHome:
      return Parsed(Statement("Allow", R"("Principal":{"AWS":"111111111111"},)"),
                    PolicyKind::kBucket);
    case kAllowsAway:
      return Parsed(Statement("Allow", R"("Principal":{"AWS":"222222222222"},)"),
                    PolicyKind::kBucket);
    case kDeniesAll: return Parsed(Statement("Deny", R"("Principal":"*",)"), PolicyKind::kBucket);
  }
  return nullptr;
}

std::shared_ptr<const Identity> Caller(Who who, Says says) {
  if (who == kAnonymous) return nullptr;
  auto identity = std::make_shared<Identity>();
  const bool at_home = who == kOwner || who == kUser;
  identity->account_id = at_home ? "111111111111" : "222222222222";
  identity->canonical_id = at_home ? kHome : kAway;
  identity->arn = "arn:aws:iam::" + identity->account_id;
  if (who == kStoreRoot) {
    identity->account_id = "999999999999";
    identity->canonical_id = std::string(64, '9');
    identity->is_store_root = true;
  }
  if (who == kUser || who == kStrangersUser) {
    identity->user_name = "alice";
    identity->arn += ":user/alice";
  } else {
    identity->arn += ":root";
  }
  if (says != kNothing) {
    identity->policies.push_back(
        Parsed(Statement(says == kAllows ? "Allow" : "Deny", ""), PolicyKind::kIdentity));
  }
  return identity;
}

struct Case {
  Who who;
  Says identity;
  BucketSays bucket;
  Verdict expected;
};
constexpr auto kAllowed = Verdict::kAllowed;
constexpr auto kDenied = Verdict::kDenied;
constexpr auto kOpen = Verdict::kOpen;

constexpr Case kCases[] = {
    // Nobody has said anything: only the owner and the operator come in.
    {kAnonymous, kNothing, kSilent, kOpen},
    {kStoreRoot, kNothing, kSilent, kAllowed},
    {kOwner, kNothing, kSilent, kAllowed},
    {kUser, kNothing, kSilent, kOpen},
    {kStranger, kNothing, kSilent, kOpen},
    {kStrangersUser, kNothing, kSilent, kOpen},
    // A user's policy is enough at home, and nothing elsewhere.
    {kUser, kAllows, kSilent, kAllowed},
    {kStrangersUser, kAllows, kSilent, kOpen},
    // The bucket's policy is enough at home.
    {kUser, kNothing, kAllowsHome, kAllowed},
    {kUser, kNothing, kAllowsAway, kOpen},
    // Another account needs both; its root has its own side by itself.
    {kStranger, kNothing, kAllowsAway, kAllowed},
    {kStranger, kNothing, kAllowsHome, kOpen},
    {kStrangersUser, kNothing, kAllowsAway, kOpen},
    {kStrangersUser, kAllows, kAllowsAway, kAllowed},
    {kStrangersUser, kAllows, kAllowsHome, kOpen},
    // What is open to everybody is open to everybody.
    {kAnonymous, kNothing, kAllowsAll, kAllowed},
    {kUser, kNothing, kAllowsAll, kAllowed},
    {kStranger, kNothing, kAllowsAll, kAllowed},
    {kStrangersUser, kNothing, kAllowsAll, kAllowed},
    {kAnonymous, kNothing, kAllowsHome, kOpen},
    // A Deny ends it, whoever asks and whatever else allows.
    {kAnonymous, kNothing, kDeniesAll, kDenied},
    {kStoreRoot, kNothing, kDeniesAll, kDenied},
    {kOwner, kNothing, kDeniesAll, kDenied},
    {kUser, kAllows, kDeniesAll, kDenied},
    {kStranger, kNothing, kDeniesAll, kDenied},
    {kUser, kDenies, kSilent, kDenied},
    {kUser, kDenies, kAllowsAll, kDenied},
    {kUser, kDenies, kAllowsHome, kDenied},
    {kStrangersUser, kDenies, kAllowsAway, kDenied},
};

Verdict Ask(const Case& each, const std::function<void(AccessQuestion&, BucketAccess&)>& also) {
  BucketAccess bucket;
  bucket.policy = BucketPolicy(each.bucket);
  const auto caller = Caller(each.who, each.identity);
  AccessQuestion question;
  question.caller = caller.get();
  question.action = "s3:GetObject";
  question.resource = "arn:aws:s3:::b/key";
  question.bucket = &bucket;
  question.bucket_owner = kHome;
  if (also) also(question, bucket);
  return Decide(question).verdict;
}

TEST(AccessTest, WhoMayDoWhat) {
  int number = 0;
  for (const Case& each : kCases) {
    EXPECT_EQ(Ask(each, {}), each.expected) << "case " << number;
    ++number;
  }
}

TEST(AccessTest, NobodyLocksHimselfOut) {
  const auto about_policy = [](AccessQuestion& question, BucketAccess& /*bucket*/) {
    question.action = "s3:DeleteBucketPolicy";
    question.about_bucket_policy = true;
  };
  EXPECT_EQ(Ask({kOwner, kNothing, kDeniesAll, {}}, about_policy), kAllowed);
  EXPECT_EQ(Ask({kStoreRoot, kNothing, kDeniesAll, {}}, about_policy), kAllowed);
  EXPECT_EQ(Ask({kUser, kAllows, kDeniesAll, {}}, about_policy), kDenied);
  EXPECT_EQ(Ask({kStranger, kNothing, kDeniesAll, {}}, about_policy), kDenied);
}

TEST(AccessTest, WhatCannotBeReadDenies) {
  const auto unreadable = [](AccessQuestion& /*question*/, BucketAccess& bucket) {
    bucket = BucketAccess();
    bucket.unreadable = true;
  };
  for (const Who who : {kAnonymous, kOwner, kUser, kStranger, kStoreRoot}) {
    EXPECT_EQ(Ask({who, who == kUser ? kAllows : kNothing, kSilent, {}}, unreadable), kDenied);
  }
}

TEST(AccessTest, RestrictedPublicBucketsAdmitTheirAccountAlone) {
  const auto restricted = [](AccessQuestion& /*question*/, BucketAccess& bucket) {
    bucket.block.restrict_public_buckets = true;
  };
  EXPECT_EQ(Ask({kAnonymous, kNothing, kAllowsAll, {}}, restricted), kOpen);
  EXPECT_EQ(Ask({kStranger, kNothing, kAllowsAll, {}}, restricted), kOpen);
  EXPECT_EQ(Ask({kUser, kNothing, kAllowsAll, {}}, restricted), kAllowed);
  EXPECT_EQ(Ask({kStranger, kNothing, kAllowsAway, {}}, restricted), kAllowed);  // not public
}

// The question of the IAM API: about no bucket, in the caller's own account.
TEST(AccessTest, WithoutABucketTheIdentityDecides) {
  const auto no_bucket = [](AccessQuestion& question, BucketAccess& /*bucket*/) {
    question.bucket = nullptr;
    question.bucket_owner = {};
  };
  EXPECT_EQ(Ask({kAnonymous, kNothing, kSilent, {}}, no_bucket), kOpen);
  EXPECT_EQ(Ask({kUser, kNothing, kSilent, {}}, no_bucket), kOpen);
  EXPECT_EQ(Ask({kUser, kAllows, kSilent, {}}, no_bucket), kAllowed);
  EXPECT_EQ(Ask({kUser, kDenies, kSilent, {}}, no_bucket), kDenied);
  EXPECT_EQ(Ask({kOwner, kNothing, kSilent, {}}, no_bucket), kAllowed);
  EXPECT_EQ(Ask({kStoreRoot, kNothing, kSilent, {}}, no_bucket), kAllowed);
}

TEST(AccessTest, AnAclHelpsWhereNobodyDecided) {
  const Acl acl{{{GranteeKind::kAccount, Permission::kRead, kAway}}};
  const Acl open{{{GranteeKind::kAllUsers, Permission::kRead, {}}}};
  BucketAccess bucket;
  const auto stranger = Caller(kStranger, kNothing);
  const auto user = Caller(kStrangersUser, kNothing);
  const Decision by_account{kOpen, true};
  const Decision by_user{kOpen, false};  // his account has not let him
  EXPECT_TRUE(AclAllows(acl, kHome, stranger.get(), Permission::kRead, bucket, by_account));
  EXPECT_FALSE(AclAllows(acl, kHome, stranger.get(), Permission::kWrite, bucket, by_account));
  EXPECT_FALSE(AclAllows(acl, kHome, user.get(), Permission::kRead, bucket, by_user));
  EXPECT_FALSE(AclAllows(acl, kHome, nullptr, Permission::kRead, bucket, by_account));
  EXPECT_TRUE(AclAllows(open, kHome, nullptr, Permission::kRead, bucket, by_account));
  bucket.block.ignore_public_acls = true;
  EXPECT_FALSE(AclAllows(open, kHome, nullptr, Permission::kRead, bucket, by_account));
  EXPECT_TRUE(AclAllows(acl, kHome, stranger.get(), Permission::kRead, bucket, by_account));
  bucket.ownership = Ownership::kBucketOwnerEnforced;
  EXPECT_FALSE(AclAllows(acl, kHome, stranger.get(), Permission::kRead, bucket, by_account));
}

TEST(AccessTest, SettingsOfABucketAreReadOrDeny) {
  model::Bucket bucket;
  bucket.name = "b";
  EXPECT_TRUE(HasPlainAccess(bucket));
  EXPECT_FALSE(ReadBucketAccess(bucket, kHome)->unreadable);
  const std::pair<const char*, const char*> damaged[] = {{kPolicyConfiguration, "{}"},
                                                         {kAclConfiguration, "x"},
                                                         {kOwnershipConfiguration, "Mine"},
                                                         {kPublicAccessConfiguration, "11"}};
  for (const auto& [name, text] : damaged) {
    model::Bucket other = bucket;
    other.configurations[name] = text;
    EXPECT_FALSE(HasPlainAccess(other)) << name;
    EXPECT_TRUE(ReadBucketAccess(other, kHome)->unreadable) << name;
  }
  for (int bits = 0; bits < 16; ++bits) {
    const PublicAccessBlock block{(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0,
                                  (bits & 8) != 0};
    const auto read = DecodePublicAccessBlock(EncodePublicAccessBlock(block));
    ASSERT_TRUE(read.ok());
    EXPECT_EQ(*read, block);
  }
  for (const char* text : {"", "000", "00000", "0002", "00 0"}) {
    EXPECT_EQ(DecodePublicAccessBlock(text).code(), Code::kCorrupt) << text;
  }
}

}  // namespace
}  // namespace ashlar::iam
