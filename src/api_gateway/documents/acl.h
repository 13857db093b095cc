// Access control lists as S3 sends them: the AccessControlPolicy document, and the headers
// x-amz-acl and x-amz-grant-*.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api_gateway/http/http_request.h"
#include "api_gateway/protocol/s3_error.h"
#include "api_gateway/protocol/xml.h"
#include "iam/acl.h"
#include "iam/directory.h"

namespace ashlar::api_gateway {

inline constexpr size_t kAclBytesMax = 64 * 1024;

// True: a header of the request says what the ACL shall be.
[[nodiscard]] bool HasAclHeaders(const HttpRequest& request);
// What the headers say; nullopt: nothing. InvalidRequest (canned and grants together),
// InvalidArgument (an unknown name, group or account), UnresolvableGrantByEmailAddress.
[[nodiscard]] S3Result<std::optional<iam::Acl>> ParseAclHeaders(const HttpRequest& request,
                                                                const iam::AclOwners& owners,
                                                                const iam::Directory& directory);
// MalformedACLError, and as above. The document's owner must be `owner`: AccessDenied.
[[nodiscard]] S3Result<iam::Acl> ParseAcl(std::string_view body, std::string_view owner,
                                          const iam::Directory& directory);
[[nodiscard]] std::string RenderAcl(const iam::Acl& acl, std::string_view owner,
                                    const iam::Directory& directory);

}  // namespace ashlar::api_gateway
