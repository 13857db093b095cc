#include "iam/acl.h"

#include <algorithm>
#include <array>
#include <utility>

namespace ashlar::iam {
namespace {

struct PermissionRow {
  Permission permission;
  char sign;
  std::string_view name;
};
constexpr std::array<PermissionRow, 5> kPermissions = {{
    {Permission::kRead, 'r', "READ"},
    {Permission::kWrite, 'w', "WRITE"},
    {Permission::kReadAcp, 'R', "READ_ACP"},
    {Permission::kWriteAcp, 'W', "WRITE_ACP"},
    {Permission::kFullControl, 'f', "FULL_CONTROL"},
}};

struct GranteeRow {
  GranteeKind kind;
  char sign;
  std::string_view uri;
};
constexpr std::array<GranteeRow, 4> kGrantees = {{
    {GranteeKind::kAccount, 'c', ""},
    {GranteeKind::kAllUsers, 'a', "http://acs.amazonaws.com/groups/global/AllUsers"},
    {GranteeKind::kAuthenticatedUsers, 'u',
     "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"},
    {GranteeKind::kLogDelivery, 'l', "http://acs.amazonaws.com/groups/s3/LogDelivery"},
}};

constexpr std::string_view kNoGrants = "-";

template <typename Rows, typename Matches>
auto FindRow(const Rows& rows, Matches matches) {
  return std::find_if(rows.begin(), rows.end(), matches);
}

Acl PrivateAcl(std::string_view owner) {
  return Acl{{Grant{GranteeKind::kAccount, Permission::kFullControl, std::string(owner)}}};
}

Result<Grant> DecodeGrant(std::string_view line) {
  const Status damaged(Code::kCorrupt, "an ACL that cannot be read");
  if (line.size() < 3 || line[1] != ' ') return damaged;
  const auto grantee =
      FindRow(kGrantees, [&](const GranteeRow& row) { return row.sign == line[0]; });
  const auto permission =
      FindRow(kPermissions, [&](const PermissionRow& row) { return row.sign == line[2]; });
  if (grantee == kGrantees.end() || permission == kPermissions.end()) return damaged;
  Grant grant{grantee->kind, permission->permission};
  if (grant.grantee == GranteeKind::kAccount) {
    if (line.size() < 5 || line[3] != ' ') return damaged;
    grant.canonical_id = line.substr(4);
  } else if (line.size() != 3) {
    return damaged;
  }
  return grant;
}

bool IsMeant(const Grant& grant, std::string_view caller, bool ignore_public) {
  switch (grant.grantee) {
    case GranteeKind::kAccount: return !caller.empty() && grant.canonical_id == caller;
    case GranteeKind::kAllUsers: return !ignore_public;
    case GranteeKind::kAuthenticatedUsers: return !ignore_public && !caller.empty();
    case GranteeKind::kLogDelivery: return false;
  }
  return false;
}

}  // namespace

std::string_view PermissionName(Permission permission) {
  return kPermissions[static_cast<size_t>(permission)].name;
}

std::optional<Permission> ParsePermission(std::string_view name) {
  const auto found =
      FindRow(kPermissions, [&](const PermissionRow& row) { return row.name == name; });
  if (found == kPermissions.end()) return std::nullopt;
  return found->permission;
}

std::string_view GroupUri(GranteeKind kind) { return kGrantees[static_cast<size_t>(kind)].uri; }

std::optional<GranteeKind> ParseGroupUri(std::string_view uri) {
  const auto found =
      FindRow(kGrantees, [&](const GranteeRow& row) { return !row.uri.empty() && row.uri == uri; });
  if (found == kGrantees.end()) return std::nullopt;
  return found->kind;
}

std::optional<Acl> CannedAcl(std::string_view name, const AclOwners& owners) {
  Acl acl = PrivateAcl(owners.owner);
  const auto with = [&acl](GranteeKind kind, Permission permission, std::string_view id = {}) {
    acl.grants.push_back({kind, permission, std::string(id)});
  };
  const bool foreign = owners.owner != owners.bucket_owner;
  if (name == "private") return acl;
  if (name == "public-read" || name == "public-read-write") {
    with(GranteeKind::kAllUsers, Permission::kRead);
    if (name == "public-read-write") with(GranteeKind::kAllUsers, Permission::kWrite);
    return acl;
  }
  if (name == "authenticated-read") {
    with(GranteeKind::kAuthenticatedUsers, Permission::kRead);
    return acl;
  }
  if (name == "log-delivery-write") {
    with(GranteeKind::kLogDelivery, Permission::kWrite);
    with(GranteeKind::kLogDelivery, Permission::kReadAcp);
    return acl;
  }
  if (name == "bucket-owner-read" || name == "bucket-owner-full-control") {
    const bool full = name == "bucket-owner-full-control";
    if (foreign) {
      with(GranteeKind::kAccount, full ? Permission::kFullControl : Permission::kRead,
           owners.bucket_owner);
    }
    return acl;
  }
  // There is no EC2 here to read images: nothing is granted to it, and nothing must be pretended.
  return std::nullopt;
}

std::string EncodeAcl(const Acl& acl, std::string_view owner) {
  if (acl == PrivateAcl(owner)) return {};
  if (acl.grants.empty()) return std::string(kNoGrants);
  std::string text;
  for (const Grant& grant : acl.grants) {
    text.push_back(kGrantees[static_cast<size_t>(grant.grantee)].sign);
    text.push_back(' ');
    text.push_back(kPermissions[static_cast<size_t>(grant.permission)].sign);
    if (grant.grantee == GranteeKind::kAccount) text.append(" ").append(grant.canonical_id);
    text.push_back('\n');
  }
  return text;
}

Result<Acl> DecodeAcl(std::string_view text, std::string_view owner) {
  if (text.empty()) return PrivateAcl(owner);
  Acl acl;
  if (text == kNoGrants) return acl;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    if (end == std::string_view::npos) return Status(Code::kCorrupt, "an ACL that was cut short");
    ASSIGN_OR_RETURN(Grant grant, DecodeGrant(text.substr(0, end)));
    acl.grants.push_back(std::move(grant));
    text.remove_prefix(end + 1);
  }
  return acl;
}

bool AclGrants(const Acl& acl, std::string_view owner, std::string_view caller, Permission wanted,
               bool ignore_public) {
  const bool about_acl = wanted == Permission::kReadAcp || wanted == Permission::kWriteAcp;
  if (about_acl && !caller.empty() && caller == owner) return true;
  return std::any_of(acl.grants.begin(), acl.grants.end(), [&](const Grant& grant) {
    return (grant.permission == wanted || grant.permission == Permission::kFullControl) &&
           IsMeant(grant, caller, ignore_public);
  });
}

bool IsPublicAcl(const Acl& acl) {
  return std::any_of(acl.grants.begin(), acl.grants.end(), [](const Grant& grant) {
    return grant.grantee == GranteeKind::kAllUsers ||
           grant.grantee == GranteeKind::kAuthenticatedUsers;
  });
}

}  // namespace ashlar::iam
