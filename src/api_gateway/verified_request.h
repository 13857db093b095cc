// VerifiedRequest: proof that a request was authenticated, and the only way to its body.
//
// Invariants
//  1. Only Authenticate makes one, after the signature (or the allowed absence of one) was verified
//     and before any byte of the body is read.
//  2. Whoever wants the body needs one: handlers get their BodySource and their small bodies from
//     here, nobody else calls HttpExchange::ReadBody. The body object checks payload hash, chunk
//     signatures, Content-MD5, checksums and length; its last Read fails when one of them differs.
#pragma once

#include <memory>
#include <optional>
#include <string>

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

class VerifiedRequest {
 public:
  // Verifies the credentials of the exchange's request. An S3Error says how to answer; nothing of
  // the body was read. Anonymous requests are refused (AccessDenied) until bucket policies exist,
  // all but OPTIONS: a preflight carries no credentials that count, and is anonymous.
  static S3Result<VerifiedRequest> Authenticate(HttpExchange& exchange, const AuthContext& context,
                                                const CredentialLookup& credentials);

  const Verified& identity() const { return identity_; }

  // The body as a stream. Checks what can be checked before reading: Content-Length present
  // (MissingContentLength), Content-MD5 and checksum headers well-formed, decoded length, size
  // limit.
  S3Result<std::unique_ptr<VerifiedBody>> OpenBody(const BodyOptions& options);
  // A small body (XML) whole, verified. Larger than bytes_max: MaxMessageLengthExceeded. With
  // `integrity_required` a Content-MD5 or a checksum header must be there (InvalidRequest).
  Task<S3Result<std::string>> ReadSmallBody(uint64_t bytes_max, bool integrity_required);
  // The same for CompleteMultipartUpload, whose x-amz-checksum-* headers are of the object that it
  // makes: they are not compared with this body.
  Task<S3Result<std::string>> ReadSmallBodyChecksumsOfObject(uint64_t bytes_max);

 private:
  VerifiedRequest(HttpExchange& exchange, Verified identity);
  enum class ChecksumHeaders { kOfBody, kOfObject };
  Task<S3Result<std::string>> ReadSmall(uint64_t bytes_max, bool integrity_required,
                                        ChecksumHeaders checksum_headers);

  HttpExchange* exchange_;
  Verified identity_;
};

}  // namespace ashlar::api_gateway
