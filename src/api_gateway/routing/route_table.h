// The table of all S3 operations, and the search in it.
#pragma once

#include <span>
#include <string_view>

#include "api_gateway/http/http_request.h"
#include "api_gateway/routing/route.h"

namespace ashlar::api_gateway {

// The 116 operations of the S3 API, POST Object and OPTIONS.
[[nodiscard]] std::span<const Route> Routes();

// The row that a request asks for. Pure. The request is the one after authentication, since a
// presigned URL may carry in its query what counts as a header.
//
// Marks must fit exactly: one mark too many is no match, so that a request never does less than it
// says. Parameters that are no marks of S3 ("prefix", "x-id", "X-Amz-Date") do not count; a flag we
// have never heard of ("?newthing") is NotImplemented. Errors: MethodNotAllowed, InvalidRequest,
// InvalidArgument, NotImplemented; PreconditionFailed for a POST to a bucket that is no form.
[[nodiscard]] S3Result<const Route*> FindRoute(const HttpRequest& request,
                                               const S3Address& address);

// NotImplemented that names the operation; in the message too, since most clients show only that.
[[nodiscard]] S3Error NotBuilt(const Route& route);

[[nodiscard]] Level LevelOf(const S3Address& address);
[[nodiscard]] std::string_view MethodName(Method method);
[[nodiscard]] std::string_view LevelName(Level level);

}  // namespace ashlar::api_gateway
