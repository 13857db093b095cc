// Access control lists: who may read or write a bucket or an object besides what policies say.
//
// An ACL belongs to an owner, who may always read and write the ACL itself. Kept as text in the
// rows of buckets and versions: empty means private (the owner alone, with FULL_CONTROL), else one
// line a grant:
//
//   <grantee> <permission> [canonical id]
//     grantee     c: an account, a: AllUsers, u: AuthenticatedUsers, l: LogDelivery
//     permission  r, w, R (READ_ACP), W (WRITE_ACP), f (FULL_CONTROL)
//   "-" alone: no grants at all
//
// Pure values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace ashlar::iam {

enum class Permission : uint8_t { kRead, kWrite, kReadAcp, kWriteAcp, kFullControl };
[[nodiscard]] std::string_view PermissionName(Permission permission);  // "READ_ACP"
[[nodiscard]] std::optional<Permission> ParsePermission(std::string_view name);

enum class GranteeKind : uint8_t { kAccount, kAllUsers, kAuthenticatedUsers, kLogDelivery };
// "http://acs.amazonaws.com/groups/global/AllUsers"; nullopt: no group of S3.
[[nodiscard]] std::string_view GroupUri(GranteeKind kind);
[[nodiscard]] std::optional<GranteeKind> ParseGroupUri(std::string_view uri);

struct Grant {
  GranteeKind grantee = GranteeKind::kAccount;
  Permission permission = Permission::kFullControl;
  std::string canonical_id = {};  // of kAccount
  bool operator==(const Grant&) const = default;
};

inline constexpr size_t kGrantsMax = 100;

struct Acl {
  std::vector<Grant> grants;
  bool operator==(const Acl&) const = default;
};

// Owner of the bucket and of what the ACL is for; the same for a bucket's own.
struct AclOwners {
  std::string_view owner;
  std::string_view bucket_owner;
};
// "public-read" and so on. nullopt: there is none of the name.
[[nodiscard]] std::optional<Acl> CannedAcl(std::string_view name, const AclOwners& owners);

// "" for what equals the private ACL of the owner.
[[nodiscard]] std::string EncodeAcl(const Acl& acl, std::string_view owner);
// kCorrupt.
[[nodiscard]] Result<Acl> DecodeAcl(std::string_view text, std::string_view owner);

// Who asks: the account's canonical id, empty when anonymous.
// `ignore_public`: grants to AllUsers and AuthenticatedUsers do not count.
[[nodiscard]] bool AclGrants(const Acl& acl, std::string_view owner, std::string_view caller,
                             Permission wanted, bool ignore_public);
// Grants anything to AllUsers or AuthenticatedUsers.
[[nodiscard]] bool IsPublicAcl(const Acl& acl);

}  // namespace ashlar::iam
