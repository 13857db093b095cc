// Authentication of a request by AWS Signature Version 4: Authorization header or presigned URL.
//
// 1. Exactly one place of credentials. Two are refused, none is anonymous; whatever looks like
//    credentials but is incomplete is refused, never anonymous.
// 2. Everything that changes what a request does is signed: method, path, query, host, every
//    x-amz-* header (x-amz-content-sha256 by being the last line of the canonical request).
// 3. The signature is checked before `Verified` exists; a body may be read only through a
//    `Verified`, whose payload mode says how it must be checked further.
// 4. Secrets are compared and signatures checked in constant time; an unknown access key takes the
//    same path with a key of its own.
// 5. Time comes from the caller. Signature Version 2 and 4A are refused.
//
// Pure but for the lookup and the cache that the caller passes; thread-safe when those are. Every
// failure is an S3Error ready to be sent.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "api_gateway/auth/signing_key.h"
#include "api_gateway/http/http_request.h"
#include "base/secret.h"
#include "iam/identity.h"
#include "runtime/pooled.h"

namespace ashlar::api_gateway {

using iam::Credential;

class CredentialLookup {
 public:
  virtual ~CredentialLookup() = default;
  // Called on the caller's thread, must not block. Null: no such access key.
  [[nodiscard]] virtual std::shared_ptr<const Credential> Find(
      std::string_view access_key) const = 0;
};

// How the body of an accepted request has to be checked.
enum class PayloadMode {
  kUnsigned,                  // no check of the whole; TLS protects it
  kSignedHash,                // SHA-256 of the body is expected_sha256
  kStreamingSigned,           // aws-chunked, each chunk signed
  kStreamingSignedTrailer,    // the same and a signed trailer
  kStreamingUnsignedTrailer,  // aws-chunked, checksum in the trailer
};
[[nodiscard]] bool IsStreaming(PayloadMode mode);

struct AuthContext {
  std::string_view region = "us-east-1";
  std::string_view service = "s3";
  // Of the body, which was read already: what stands in for x-amz-content-sha256 where clients do
  // not send it (all services but S3).
  std::string_view body_sha256 = {};
  int64_t now_seconds = 0;  // since 1970
  bool allow_unsigned_payload_without_tls = true;
  SigningKeyCache* cache = nullptr;  // optional
};

struct Verified {
  std::shared_ptr<const iam::Identity> identity;  // null when anonymous
  PooledString access_key;                        // empty when anonymous
  bool is_anonymous = false;
  bool is_presigned = false;
  bool is_form = false;  // POST upload: credentials, if any, were fields of its form
  PayloadMode mode = PayloadMode::kUnsigned;
  PooledString expected_sha256;  // 64 lower-case hex digits with kSignedHash, else empty

  // What the chunk signatures of the streaming modes chain on.
  Sha256Digest signing_key{};
  std::string seed_signature;  // 64 lower-case hex digits
  std::string scope;           // "20130524/us-east-1/s3/aws4_request"
  std::string amz_date;        // "20130524T000000Z"
};

using AuthOutcome = S3Result<Verified>;

inline constexpr int64_t kClockSkewSecondsMax = 15 * 60;
inline constexpr int64_t kPresignSecondsMax = 7 * 24 * 3600;

// Needs a request that ParseTarget accepted. Whether the operation admits anonymous callers or a
// streaming mode is the caller's decision.
[[nodiscard]] AuthOutcome Authenticate(const HttpRequest& request, const AuthContext& context,
                                       const CredentialLookup& lookup);

// Whether headers or query hold anything that looks like credentials.
[[nodiscard]] bool HasCredentials(const HttpRequest& request);

// Presigned URLs may carry x-amz-* parameters ("x-amz-meta-color") in place of headers. Appends
// them as headers after authentication, where they are signed like everything in the query; a
// header that is already there wins. Does nothing for other requests. InvalidArgument for a control
// character.
[[nodiscard]] std::optional<S3Error> AdoptSignedQueryHeaders(const Verified& verified,
                                                             HttpRequest* request);

}  // namespace ashlar::api_gateway
