// What the forms of Signature Version 4 share: the credential and its scope, the key that signs,
// and the comparison. Header and query in sigv4.cc, form fields in post_form.cc.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "api_gateway/auth/sigv4.h"

namespace ashlar::api_gateway {

inline constexpr std::string_view kSigningAlgorithm = "AWS4-HMAC-SHA256";

// "key/20130524/region/s3/aws4_request" taken apart. Views into the request.
struct CredentialScope {
  std::string_view access_key;
  std::string_view date;  // "20130524"
  std::string_view region;
  std::string_view service;
  std::string_view terminal;
  std::string_view scope;  // date/region/service/terminal
};
// False when it is not of that form. The key may hold '/', so the split is from the right.
[[nodiscard]] bool SplitCredential(std::string_view text, CredentialScope* credential);

struct ScopeMistake {
  std::string text;
  bool wrong_region = false;  // answered with the right one
};
// Another region, service or terminal than this endpoint's, or another day than `amz_date` says.
[[nodiscard]] std::optional<ScopeMistake> FindScopeMistake(const AuthContext& context,
                                                           const CredentialScope& credential,
                                                           std::string_view amz_date);

// The key of an access key, looked up. An unknown or disabled one gets a key that signs nothing
// real, so that it takes the same path.
struct SigningKey {
  std::shared_ptr<const Credential> credential;  // null: unknown or disabled
  Sha256Digest key{};
};
[[nodiscard]] SigningKey FindSigningKey(const AuthContext& context, const CredentialLookup& lookup,
                                        const CredentialScope& credential);

// Whether `provided`, in lower case, is the hex of the MAC. In constant time.
[[nodiscard]] bool IsSignature(const Sha256Digest& mac, std::string_view provided);

[[nodiscard]] S3Error SignatureVersionNotSupported();
// SignatureDoesNotMatch with what the client needs to find its mistake.
struct FailedSignature {
  std::string_view access_key;
  std::string_view string_to_sign;
  std::string_view provided;
};
[[nodiscard]] S3Error SignatureMismatch(const FailedSignature& signature);
// "41 57 53": bytes as those errors show them.
[[nodiscard]] std::string SpacedHex(std::string_view text);

}  // namespace ashlar::api_gateway
