#include "iam/access.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace ashlar::iam {
namespace {

constexpr std::array<std::string_view, 3> kOwnershipNames = {"ObjectWriter", "BucketOwnerPreferred",
                                                             "BucketOwnerEnforced"};

const std::string* FindText(const model::Bucket& bucket, const char* name) {
  const auto found = bucket.configurations.find(name);
  return found == bucket.configurations.end() ? nullptr : &found->second;
}

bool MentionsObjectTags(std::string_view policy) {
  constexpr std::string_view kKey = "existingobjecttag";
  const auto same = [](char a, char b) { return (a | 0x20) == b; };
  return std::search(policy.begin(), policy.end(), kKey.begin(), kKey.end(), same) != policy.end();
}

Status ReadInto(const model::Bucket& bucket, std::string_view owner, BucketAccess* access) {
  if (const std::string* text = FindText(bucket, kPolicyConfiguration)) {
    ASSIGN_OR_RETURN(access->policy, Policy::Parse(*text, PolicyKind::kBucket, bucket.name));
    access->needs_object_tags = MentionsObjectTags(*text);
  }
  if (const std::string* text = FindText(bucket, kPublicAccessConfiguration)) {
    ASSIGN_OR_RETURN(access->block, DecodePublicAccessBlock(*text));
  }
  if (const std::string* text = FindText(bucket, kOwnershipConfiguration)) {
    const auto ownership = ParseOwnership(*text);
    if (!ownership) return {Code::kCorrupt, "unknown ownership " + *text};
    access->ownership = *ownership;
  }
  const std::string* acl = FindText(bucket, kAclConfiguration);
  ASSIGN_OR_RETURN(access->acl, DecodeAcl(acl == nullptr ? std::string_view() : *acl, owner));
  return Status::Ok();
}

PolicyRequest RequestOf(const AccessQuestion& question, const Identity* caller) {
  PolicyRequest request;
  request.action = question.action;
  request.resource = question.resource;
  request.context = question.context;
  request.anonymous = caller == nullptr;
  if (caller != nullptr) {
    request.account_id = caller->account_id;
    request.arn = caller->arn;
    request.canonical_id = caller->canonical_id;
  }
  return request;
}

Effect IdentityEffect(const AccessQuestion& question) {
  if (question.caller == nullptr) return Effect::kNone;
  Effect effect = Effect::kNone;
  if (question.caller->policies.empty()) return effect;
  const PolicyRequest request = RequestOf(question, question.caller);
  for (const std::shared_ptr<const Policy>& policy : question.caller->policies) {
    const Effect one = policy->Evaluate(request);
    if (one == Effect::kDeny) return one;
    if (one == Effect::kAllow) effect = one;
  }
  return effect;
}

Effect BucketEffect(const AccessQuestion& question, const Identity* caller) {
  if (question.bucket == nullptr) return Effect::kNone;
  if (question.bucket->unreadable) return Effect::kDeny;
  if (question.bucket->policy == nullptr) return Effect::kNone;
  return question.bucket->policy->Evaluate(RequestOf(question, caller));
}

bool OwnsBucket(const AccessQuestion& question) {
  return question.caller != nullptr && question.caller->canonical_id == question.bucket_owner;
}

// What the bucket's policy gives to those outside of its account.
bool AdmitsStrangers(const AccessQuestion& question, Effect by_bucket, bool identity_allows) {
  const BucketAccess* const bucket = question.bucket;
  if (bucket == nullptr || bucket->policy == nullptr) return false;
  if (bucket->block.restrict_public_buckets && bucket->policy->IsPublic()) return false;
  if (by_bucket == Effect::kAllow && identity_allows) return true;
  return question.caller != nullptr && BucketEffect(question, nullptr) == Effect::kAllow;
}

}  // namespace

std::string_view OwnershipName(Ownership ownership) {
  return kOwnershipNames[static_cast<size_t>(ownership)];
}

std::optional<Ownership> ParseOwnership(std::string_view name) {
  for (size_t i = 0; i < kOwnershipNames.size(); ++i) {
    if (kOwnershipNames[i] == name) return static_cast<Ownership>(i);
  }
  return std::nullopt;
}

std::string EncodePublicAccessBlock(const PublicAccessBlock& block) {
  std::string text;
  for (const bool flag : {block.block_public_acls, block.ignore_public_acls,
                          block.block_public_policy, block.restrict_public_buckets}) {
    text.push_back(flag ? '1' : '0');
  }
  return text;
}

Result<PublicAccessBlock> DecodePublicAccessBlock(std::string_view text) {
  if (text.size() != 4 || text.find_first_not_of("01") != std::string_view::npos) {
    return Status(Code::kCorrupt, "a public access block that cannot be read");
  }
  return PublicAccessBlock{text[0] == '1', text[1] == '1', text[2] == '1', text[3] == '1'};
}

std::shared_ptr<const BucketAccess> ReadBucketAccess(const model::Bucket& bucket,
                                                     std::string_view owner) {
  auto access = std::make_shared<BucketAccess>();
  if (!ReadInto(bucket, owner, access.get()).ok()) {
    *access = BucketAccess();
    access->unreadable = true;
  }
  return access;
}

bool HasPlainAccess(const model::Bucket& bucket) {
  for (const char* name : {kPolicyConfiguration, kAclConfiguration, kOwnershipConfiguration,
                           kPublicAccessConfiguration}) {
    if (FindText(bucket, name) != nullptr) return false;
  }
  return true;
}

Decision Decide(const AccessQuestion& question) {
  Decision decision;
  const Identity* const caller = question.caller;
  const Effect by_identity = IdentityEffect(question);
  const Effect by_bucket = BucketEffect(question, caller);
  decision.identity_allows =
      caller == nullptr || caller->is_account_root() || by_identity == Effect::kAllow;
  const bool own_policy = question.about_bucket_policy && caller != nullptr &&
                          caller->is_account_root() &&
                          (OwnsBucket(question) || caller->is_store_root);
  if (by_identity == Effect::kDeny || (by_bucket == Effect::kDeny && !own_policy)) {
    decision.verdict = Verdict::kDenied;
    return decision;
  }
  const bool at_home = question.bucket == nullptr ? caller != nullptr : OwnsBucket(question);
  bool allowed = caller != nullptr && caller->is_store_root;
  if (at_home) {
    allowed |= decision.identity_allows || by_bucket == Effect::kAllow;
  } else {
    allowed |= AdmitsStrangers(question, by_bucket, decision.identity_allows);
  }
  // What everybody may do, a user at home may do too.
  if (!allowed && at_home) allowed = AdmitsStrangers(question, by_bucket, false);
  decision.verdict = allowed ? Verdict::kAllowed : Verdict::kOpen;
  return decision;
}

bool AclAllows(const Acl& acl, std::string_view owner, const Identity* caller, Permission wanted,
               const BucketAccess& bucket, const Decision& decision) {
  if (bucket.ownership == Ownership::kBucketOwnerEnforced || bucket.unreadable) return false;
  const bool ignore_public = bucket.block.ignore_public_acls;
  if (AclGrants(acl, owner, {}, wanted, ignore_public)) return true;  // open to all
  return caller != nullptr && decision.identity_allows &&
         AclGrants(acl, owner, caller->canonical_id, wanted, ignore_public);
}

}  // namespace ashlar::iam
