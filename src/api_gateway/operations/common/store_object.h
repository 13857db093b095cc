// What PutObject and PostObject share: storing the object of a request, and the head that tells of
// it. They differ in where the bytes come from, and in what is answered besides.
#pragma once

#include "api_gateway/operations/s3_context.h"

namespace ashlar::api_gateway {

// Everything that can be refused is refused before the first byte of the content is read; the
// object becomes visible only when all of it came and was verified. The content is the file of a
// form where the request has one, else the body.
Task<S3Result<object_service::VersionPtr>> StoreObject(S3Context& context);

// ETag, checksum and, in a bucket with versions, the version's id.
[[nodiscard]] ResponseHead StoredHead(const S3Context& context,
                                      const model::ObjectVersion& version);

}  // namespace ashlar::api_gateway
