// VerifiedRequest: proof that a request was authenticated, and the only way to its body.
//
// Invariants
//  1. Only Authenticate and AuthenticateUpload make one, after the signature (or the allowed
//     absence of one) was verified and before any byte of the body is read. The fields of a POST
//     upload are its credentials, so they are read before, in bounded memory; of its file nothing
//     is given out. Calls of IAM are signed with the body's hash, which no header tells:
//     AuthenticateCall reads the small body first and gives it out after.
//  2. Whoever wants the body needs one: handlers get their BodySource and their small bodies from
//     here, nobody else calls HttpExchange::ReadBody (but FormReader, for this). The body object
//     checks payload hash, chunk signatures, Content-MD5, checksums, length and the form around a
//     file; its last Read fails when one of them differs.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "api_gateway/auth/post_form.h"
#include "api_gateway/auth/sigv4.h"
#include "api_gateway/http/http_exchange.h"
#include "api_gateway/protocol/s3_error.h"
#include "base/status.h"
#include "object_service/object_service.h"

namespace ashlar::api_gateway {

// A body as the object service wants it, which remembers the S3 error of its failure.
class VerifiedBody : public object_service::BodySource {
 public:
  // What to answer when Read failed; nullopt when the failure was not the client's.
  virtual const std::optional<S3Error>& error() const = 0;
};

struct BodyOptions {
  // Algorithm computed when the client named none (uploads carry their own; kNone computes none).
  model::ChecksumAlgorithm default_checksum = model::ChecksumAlgorithm::kCrc64Nvme;
  uint64_t bytes_max = 5ULL << 30;  // beyond: EntityTooLarge
  bool allow_streaming = true;      // aws-chunked modes: PutObject and UploadPart only
};

// A body that was read whole and that the signature covers.
struct VerifiedCall {
  std::shared_ptr<const iam::Identity> identity;  // never null
  std::string body;
};

class FormMemory;
class FormReader;

class VerifiedRequest {
 public:
  // Verifies the credentials of the exchange's request. An S3Error says how to answer; nothing of
  // the body was read. A request without credentials is verified as anonymous: what it may do is
  // for authorisation to say. So is OPTIONS: a preflight carries no credentials that count.
  static S3Result<VerifiedRequest> Authenticate(HttpExchange& exchange, const AuthContext& context,
                                                const CredentialLookup& credentials);

  // For the services that are signed with the hash of the body and send no x-amz-content-sha256.
  // Reads a body of up to `bytes_max` (MaxMessageLengthExceeded), then verifies both. There are no
  // anonymous callers and no unsigned bodies. `context` without body_sha256; what it and
  // `credentials` refer to stays until it returns.
  static Task<S3Result<VerifiedCall>> AuthenticateCall(HttpExchange& exchange, AuthContext context,
                                                       const CredentialLookup& credentials,
                                                       uint64_t bytes_max);

  // Like Authenticate, of a POST upload into `bucket`: reads the form up to its file, and verifies
  // the signature and the policy among its fields. Exchange and memory must outlive what it gives.
  static Task<S3Result<VerifiedRequest>> AuthenticateUpload(HttpExchange& exchange,
                                                            FormMemory& memory,
                                                            const AuthContext& context,
                                                            const CredentialLookup& credentials,
                                                            std::string_view bucket);

  const Verified& identity() const { return identity_; }
  // Of a POST upload: its fields, the key expanded. Null for other requests.
  const Form* form() const { return form_ ? &form_->fields : nullptr; }

  // The body as a stream. Checks what can be checked before reading: Content-Length present
  // (MissingContentLength), Content-MD5 and checksum headers well-formed, decoded length, size
  // limit.
  S3Result<std::unique_ptr<VerifiedBody>> OpenBody(const BodyOptions& options);
  // The file of a POST upload, once. Its checksums are among the request's headers, where whoever
  // adopted the form's fields put them. EntityTooLarge and EntityTooSmall also by the policy.
  Task<S3Result<std::unique_ptr<VerifiedBody>>> OpenFile(const BodyOptions& options);
  // A small body (XML) whole, verified. Larger than bytes_max: MaxMessageLengthExceeded. With
  // `integrity_required` a Content-MD5 or a checksum header must be there (InvalidRequest).
  Task<S3Result<std::string>> ReadSmallBody(uint64_t bytes_max, bool integrity_required);
  // The same for CompleteMultipartUpload, whose x-amz-checksum-* headers are of the object that it
  // makes: they are not compared with this body.
  Task<S3Result<std::string>> ReadSmallBodyChecksumsOfObject(uint64_t bytes_max);

 private:
  struct UploadForm {
    Form fields;
    std::optional<PostPolicy> policy;
    std::shared_ptr<FormReader> reader;
  };

  VerifiedRequest(HttpExchange& exchange, Verified identity);
  enum class ChecksumHeaders { kOfBody, kOfObject };
  Task<S3Result<std::string>> ReadSmall(uint64_t bytes_max, bool integrity_required,
                                        ChecksumHeaders checksum_headers);

  HttpExchange* exchange_;
  Verified identity_;
  std::shared_ptr<const UploadForm> form_;  // of a POST upload
};

}  // namespace ashlar::api_gateway
