// Authentication of a POST upload by the fields of its form: Signature Version 4 of the policy
// document, or none at all.
//
// 1. Credentials are all there or none is: whatever looks like credentials but is incomplete is
//    refused, never anonymous. Credentials in headers or query as well are refused.
// 2. The signature is checked before the policy is read, and the policy against the form before
//    `Verified` exists. What a policy does not name, a form cannot say.
// 3. Without a signature a policy proves nothing and is not read: what the bucket allows everybody
//    is for authorisation to say.
//
// Pure but for lookup and cache, like sigv4.h.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api_gateway/auth/post_policy.h"
#include "api_gateway/auth/sigv4.h"
#include "api_gateway/protocol/form_data.h"

namespace ashlar::api_gateway {

struct VerifiedForm {
  Verified identity;
  std::optional<PostPolicy> policy;  // nullopt: anonymous
};

// What headers and query must not bring along: credentials, and x-amz-* headers, which no policy
// could name (InvalidArgument, AccessDenied). Before the body is read.
[[nodiscard]] std::optional<S3Error> CheckFormRequest(const HttpRequest& request);

// Completes "key": ${filename} becomes the file's name without its path, where one was given.
// InvalidArgument for no key or one that is no text, KeyTooLongError.
[[nodiscard]] std::optional<S3Error> ExpandKey(Form* form);

// `form` with its key expanded; `bucket` is the one of the request's address, which a field
// "bucket" must name too.
[[nodiscard]] S3Result<VerifiedForm> AuthenticateForm(const Form& form, std::string_view bucket,
                                                      const AuthContext& context,
                                                      const CredentialLookup& lookup);

}  // namespace ashlar::api_gateway
