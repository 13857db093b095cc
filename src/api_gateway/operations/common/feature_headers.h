// Headers that ask for something we do not have yet. A request with one is refused as a whole: to
// store an object without the encryption or the lock its owner asked for would be worse than an
// error.
#pragma once

#include <optional>

#include "api_gateway/http/http_request.h"

namespace ashlar::api_gateway {

// NotImplemented with the header's name: server-side encryption, MFA, conditions of directory
// buckets.
[[nodiscard]] std::optional<S3Error> RefuseUnbuiltFeatures(const HttpRequest& request);

}  // namespace ashlar::api_gateway
