// The decision: may this caller do this? Policies, then access control lists.
//
// 1. A Deny that applies ends it, whoever asks. One exception: the account that owns a bucket may
//    always read, replace and delete its policy, so that nobody locks himself out.
// 2. The operator of the store may do what no Deny forbids.
// 3. In the bucket's own account the account itself may do everything; a user what his policies or
//    the bucket's policy allow.
// 4. Another account needs both: the bucket's policy, and its own (which it has by itself unless a
//    user asks).
// 5. What anonymous callers may do, everybody may do.
// 6. What policies leave open, an ACL may allow, unless ACLs are switched off.
// 7. What is set on a bucket and cannot be read denies (except for rule 1's exception).
// Pure and thread-safe. The order is that of the evaluation logic in the IAM documentation.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/status.h"
#include "iam/acl.h"
#include "iam/identity.h"
#include "iam/policy.h"
#include "model/object_version.h"

namespace ashlar::iam {

struct PublicAccessBlock {
  bool block_public_acls = false;        // public ACLs cannot be set
  bool ignore_public_acls = false;       // and do not count
  bool block_public_policy = false;      // a public policy cannot be set
  bool restrict_public_buckets = false;  // and admits nobody but the bucket's account
  bool operator==(const PublicAccessBlock&) const = default;
};

// Who owns what others write into a bucket; BucketOwnerEnforced also switches ACLs off.
enum class Ownership : uint8_t { kObjectWriter, kBucketOwnerPreferred, kBucketOwnerEnforced };
[[nodiscard]] std::string_view OwnershipName(Ownership ownership);  // "ObjectWriter"
[[nodiscard]] std::optional<Ownership> ParseOwnership(std::string_view name);

// Names under which a bucket keeps these (model::Bucket::configurations), and their texts.
inline constexpr char kPolicyConfiguration[] = "policy";                   // the JSON as set
inline constexpr char kAclConfiguration[] = "acl";                         // EncodeAcl
inline constexpr char kOwnershipConfiguration[] = "ownershipControls";     // OwnershipName
inline constexpr char kPublicAccessConfiguration[] = "publicAccessBlock";  // four of 0 and 1
[[nodiscard]] std::string EncodePublicAccessBlock(const PublicAccessBlock& block);
[[nodiscard]] Result<PublicAccessBlock> DecodePublicAccessBlock(std::string_view text);

// What a bucket says of who may do what, made ready.
struct BucketAccess {
  std::shared_ptr<const Policy> policy = nullptr;  // null: none
  bool needs_object_tags = false;                  // the policy asks for s3:ExistingObjectTag
  PublicAccessBlock block = {};
  Ownership ownership = Ownership::kObjectWriter;
  Acl acl = {};
  bool unreadable = false;
};
// `owner`: the bucket's, as a canonical id. Never fails: see rule 7.
[[nodiscard]] std::shared_ptr<const BucketAccess> ReadBucketAccess(const model::Bucket& bucket,
                                                                   std::string_view owner);
// True: nothing of the kind is set, and ReadBucketAccess would say what every such bucket says.
[[nodiscard]] bool HasPlainAccess(const model::Bucket& bucket);

struct AccessQuestion {
  const Identity* caller = nullptr;  // null: anonymous
  std::string_view action;           // "s3:GetObject"
  std::string_view resource;         // "arn:aws:s3:::bucket/key"
  // Null and empty: the question is about no bucket that is there.
  const BucketAccess* bucket = nullptr;
  std::string_view bucket_owner = {};
  bool about_bucket_policy = false;
  std::span<const ContextKey> context = {};
};

enum class Verdict : uint8_t {
  kAllowed,
  kDenied,  // by a Deny; no ACL can help
  kOpen,    // nobody has allowed it yet
};
struct Decision {
  Verdict verdict = Verdict::kOpen;
  // The caller's own account lets him (always, unless a user asks).
  bool identity_allows = false;
};
[[nodiscard]] Decision Decide(const AccessQuestion& question);

// Rule 6, of an ACL whose owner is `owner`. `decision` was kOpen for the same question.
[[nodiscard]] bool AclAllows(const Acl& acl, std::string_view owner, const Identity* caller,
                             Permission wanted, const BucketAccess& bucket,
                             const Decision& decision);

}  // namespace ashlar::iam
