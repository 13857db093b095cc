// The fields of a POST upload, put where the operations look: they become headers of its request.
#pragma once

#include <optional>

#include "api_gateway/http/http_request.h"
#include "api_gateway/protocol/form_data.h"

namespace ashlar::api_gateway {

// After the form was verified. The request's own headers that describe a body were those of the
// form; they go. "acl" becomes x-amz-acl and the document "tagging" x-amz-tagging; text that a
// header of a response could not hold again becomes ISO 8859-1. MalformedXML and the other errors
// of tags; InvalidArgument: control characters, a name that is no header's, a field that says in
// two ways the same, a copy source.
[[nodiscard]] std::optional<S3Error> AdoptFormFields(const Form& form, HttpRequest* request);

}  // namespace ashlar::api_gateway
