// Whose a new object is, and who else may read it: owner and ACL of what a request writes.
#pragma once

#include "api_gateway/operations/s3_context.h"

namespace ashlar::api_gateway {

// Sets both from the request's headers, its caller and the bucket's ownership controls, once the
// caller may do what the headers ask for (AuthorizeHeaders). AccessDenied also for a public ACL
// that the bucket blocks; AccessControlListNotSupported where ACLs are off.
[[nodiscard]] Answer SetOwnerAndAcl(S3Context& context, model::ObjectExtras* extras);

// An ACL is about to be set on the request's bucket or on an object in it.
[[nodiscard]] Answer CheckNewAcl(const S3Context& context, const iam::Acl& acl);

}  // namespace ashlar::api_gateway
