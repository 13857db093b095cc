#include "api_gateway/documents/acl.h"

#include <array>

#include "api_gateway/protocol/percent.h"
#include "api_gateway/protocol/xml_walk.h"

namespace ashlar::api_gateway {
namespace {

using iam::Acl;
using iam::Directory;
using iam::Grant;
using iam::GranteeKind;
using iam::Permission;

struct GrantHeader {
  std::string_view name;
  Permission permission;
};
constexpr GrantHeader kGrantHeaders[] = {
    {"x-amz-grant-full-control", Permission::kFullControl},
    {"x-amz-grant-read", Permission::kRead},
    {"x-amz-grant-read-acp", Permission::kReadAcp},
    {"x-amz-grant-write", Permission::kWrite},
    {"x-amz-grant-write-acp", Permission::kWriteAcp},
};

S3Error MalformedAcl() { return S3Error(S3Code::kMalformedAclError); }

// Accounts of other stores, and whoever has no credentials, cannot be granted anything.
bool IsAccount(std::string_view id, const Directory& directory) {
  return directory.FindCanonical(id) != nullptr;
}

// One `id="..."` of a header.
S3Result<Grant> ParseGrantee(std::string_view text, const GrantHeader& header,
                             const Directory& directory) {
  const size_t equals = text.find('=');
  const std::string_view kind = TrimBlanks(text.substr(0, equals));
  std::string_view value =
      equals == std::string_view::npos ? std::string_view() : TrimBlanks(text.substr(equals + 1));
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
    value = value.substr(1, value.size() - 2);
  }
  Grant grant;
  grant.permission = header.permission;
  if (kind == "uri") {
    const auto group = iam::ParseGroupUri(value);
    if (!group) return InvalidArgument("Invalid group uri", "uri", value);
    grant.grantee = *group;
    return grant;
  }
  if (kind == "id") {
    if (!IsAccount(value, directory)) return InvalidArgument("Invalid id", "id", value);
    grant.canonical_id = value;
    return grant;
  }
  if (kind == "emailAddress") return S3Error(S3Code::kUnresolvableGrantByEmailAddress);
  return InvalidArgument("Argument format not recognized", header.name, text);
}

std::optional<S3Error> AddGrants(std::string_view value, const GrantHeader& header,
                                 const Directory& directory, Acl* acl) {
  while (!value.empty()) {
    const size_t comma = std::min(value.find(','), value.size());
    const std::string_view text = TrimBlanks(value.substr(0, comma));
    value.remove_prefix(std::min(comma + 1, value.size()));
    if (text.empty()) continue;
    auto grant = ParseGrantee(text, header, directory);
    if (!grant.ok()) return grant.error();
    acl->grants.push_back(*std::move(grant));
    if (acl->grants.size() > iam::kGrantsMax) return MalformedAcl();
  }
  return std::nullopt;
}

// What a document says of one grantee: its type and its text.
struct Grantee {
  std::string type;
  std::string id;
  std::string uri;
  bool by_email = false;
};

bool TakeGrantee(const pugi::xml_node& node, Grantee* grantee) {
  grantee->type = node.attribute("xsi:type").value();
  return EachXmlField(node, [&](std::string_view name, std::string& text) {
    if (name == "ID") {
      grantee->id = std::move(text);
    } else if (name == "URI") {
      grantee->uri = std::move(text);
    } else if (name == "EmailAddress") {
      grantee->by_email = true;
    } else if (name != "DisplayName") {
      return false;
    }
    return true;
  });
}

S3Result<Grant> ToGrant(const Grantee& grantee, Permission permission, const Directory& directory) {
  Grant grant;
  grant.permission = permission;
  if (grantee.type == "CanonicalUser" && !grantee.id.empty()) {
    if (!IsAccount(grantee.id, directory)) {
      return InvalidArgument("Invalid id", "CanonicalUser/ID", grantee.id);
    }
    grant.canonical_id = grantee.id;
    return grant;
  }
  if (grantee.type == "Group" && !grantee.uri.empty()) {
    const auto group = iam::ParseGroupUri(grantee.uri);
    if (!group) return InvalidArgument("Invalid group uri", "Group/URI", grantee.uri);
    grant.grantee = *group;
    return grant;
  }
  if (grantee.type == "AmazonCustomerByEmail" && grantee.by_email) {
    return S3Error(S3Code::kUnresolvableGrantByEmailAddress);
  }
  return MalformedAcl();
}

std::optional<S3Error> TakeGrant(const pugi::xml_node& node, const Directory& directory, Acl* acl) {
  std::optional<Grantee> grantee;
  std::optional<Permission> permission;
  const bool known = EachXmlElement(node, [&](std::string_view name, const pugi::xml_node& child) {
    if (name == "Grantee" && !grantee) return TakeGrantee(child, &grantee.emplace());
    std::string text;
    if (name != "Permission" || permission || !XmlTextOf(child, &text)) return false;
    permission = iam::ParsePermission(text);
    return permission.has_value();
  });
  if (!known || !grantee || !permission || acl->grants.size() >= iam::kGrantsMax) {
    return MalformedAcl();
  }
  auto grant = ToGrant(*grantee, *permission, directory);
  if (!grant.ok()) return grant.error();
  acl->grants.push_back(*std::move(grant));
  return std::nullopt;
}

void WriteGrant(XmlWriter& xml, std::string* out, const Grant& grant, const Directory& directory) {
  const bool account = grant.grantee == GranteeKind::kAccount;
  xml.Open("Grant");
  *out += "<Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"";
  *out += account ? "CanonicalUser\">" : "Group\">";
  if (account) {
    xml.Text("ID", grant.canonical_id);
    xml.Text("DisplayName", directory.DisplayName(grant.canonical_id));
  } else {
    xml.Text("URI", iam::GroupUri(grant.grantee));
  }
  xml.Close("Grantee");
  xml.Text("Permission", iam::PermissionName(grant.permission));
  xml.Close("Grant");
}

}  // namespace

bool HasAclHeaders(const HttpRequest& request) {
  for (const Header& header : request.headers) {
    if (header.name == "x-amz-acl" || header.name.starts_with("x-amz-grant-")) return true;
  }
  return false;
}

S3Result<std::optional<iam::Acl>> ParseAclHeaders(const HttpRequest& request,
                                                  const iam::AclOwners& owners,
                                                  const iam::Directory& directory) {
  const auto canned = request.Find("x-amz-acl");
  std::optional<Acl> granted;
  for (const GrantHeader& header : kGrantHeaders) {
    for (const Header& sent : request.headers) {
      if (sent.name != header.name) continue;
      if (!granted) granted.emplace();
      if (auto error = AddGrants(sent.value, header, directory, &*granted)) return *error;
    }
  }
  if (canned && granted) {
    return S3Error(S3Code::kInvalidRequest,
                   "Specifying both Canned ACLs and Header Grants is not allowed");
  }
  if (!canned) return granted;
  auto acl = iam::CannedAcl(TrimBlanks(*canned), owners);
  if (!acl) return InvalidArgument("", "x-amz-acl", *canned);
  return std::optional<Acl>(*std::move(acl));
}

S3Result<iam::Acl> ParseAcl(std::string_view body, std::string_view owner,
                            const iam::Directory& directory) {
  pugi::xml_document document;
  if (!LoadXml(body, kAclBytesMax, "AccessControlPolicy", &document)) return MalformedAcl();
  Acl acl;
  std::optional<std::string> owner_id;
  bool has_list = false;
  std::optional<S3Error> error;
  const auto take_owner = [&](std::string_view name, std::string& text) {
    if (name == "ID") owner_id = std::move(text);
    return name == "ID" || name == "DisplayName";
  };
  const auto take_grant = [&](std::string_view name, const pugi::xml_node& node) {
    if (name != "Grant") return false;
    if (!error) error = TakeGrant(node, directory, &acl);
    return true;
  };
  const bool known = EachXmlElement(document.document_element(),
                                    [&](std::string_view name, const pugi::xml_node& node) {
                                      if (name == "Owner" && !owner_id)
                                        return EachXmlField(node, take_owner);
                                      if (name != "AccessControlList" || has_list) return false;
                                      has_list = true;
                                      return EachXmlElement(node, take_grant);
                                    });
  if (!known || !owner_id || !has_list) return MalformedAcl();
  if (!IsAccount(*owner_id, directory)) {
    return InvalidArgument("Invalid id", "CanonicalUser/ID", *owner_id);
  }
  if (error) return *std::move(error);
  if (*owner_id != owner) return S3Error(S3Code::kAccessDenied);  // nobody gives ownership away
  return acl;
}

std::string RenderAcl(const iam::Acl& acl, std::string_view owner,
                      const iam::Directory& directory) {
  std::string document;
  XmlWriter xml(&document);
  xml.Declaration();
  xml.Open("AccessControlPolicy", kS3Namespace);
  xml.Open("Owner");
  xml.Text("ID", owner);
  xml.Text("DisplayName", directory.DisplayName(owner));
  xml.Close("Owner");
  xml.Open("AccessControlList");
  for (const Grant& grant : acl.grants) WriteGrant(xml, &document, grant, directory);
  xml.Close("AccessControlList");
  xml.Close("AccessControlPolicy");
  return document;
}

}  // namespace ashlar::api_gateway
