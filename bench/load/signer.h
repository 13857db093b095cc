// AWS Signature Version 4, the signing side only, written for speed: the signing key is derived
// once a day, its HMAC pads are hashed once, and a signature then costs two short SHA-256 runs.
// Source: AWS, "Authenticating Requests: Using the Authorization Header (AWS Signature Version 4)".
#pragma once

#include <openssl/sha.h>

#include <array>
#include <cstdint>
#include <ctime>
#include <span>
#include <string>
#include <string_view>

namespace ashlar::bench {

using Sha256Digest = std::array<unsigned char, SHA256_DIGEST_LENGTH>;

Sha256Digest Sha256(std::string_view data);
std::array<char, 64> Hex(const Sha256Digest& digest);

// HMAC-SHA-256 under a fixed key whose two pads are hashed in the constructor.
class HmacKey {
 public:
  explicit HmacKey(std::string_view key);
  Sha256Digest Mac(std::string_view message) const;

 private:
  SHA256_CTX inner_;
  SHA256_CTX outer_;
};

// Percent-encodes everything but A-Z a-z 0-9 - . _ ~ and, with `keep_slash`, '/'.
std::string UriEncode(std::string_view text, bool keep_slash);

struct Credentials {
  std::string access_key;
  std::string secret_key;
  std::string region = "us-east-1";
};

struct HeaderToSign {
  std::string_view name;   // lower case
  std::string_view value;  // trimmed
};

struct RequestToSign {
  std::string_view method;
  std::string_view path;                  // already percent-encoded, begins with '/'
  std::string_view query;                 // canonical: encoded, sorted, every name with '='
  std::span<const HeaderToSign> headers;  // sorted by name
  std::string_view payload_hash;          // the value of x-amz-content-sha256
};

// Signs for one access key, region and the service "s3". Not thread-safe: one per worker.
class Signer {
 public:
  explicit Signer(Credentials credentials);

  // Sets the time that the following signatures carry; cheap when the second has not changed.
  void SetTime(time_t unix_seconds);
  // The value for x-amz-date, "20130524T000000Z"; valid until the next SetTime.
  std::string_view date_time() const { return {date_time_.data(), 16}; }

  // Appends the value of the Authorization header. Requires SetTime before.
  void AppendAuthorization(const RequestToSign& request, std::string* out);
  // The signature alone, as hex.
  std::array<char, 64> Sign(const RequestToSign& request);

 private:
  void BuildSignedHeaders(const RequestToSign& request);

  Credentials credentials_;
  time_t time_ = -1;
  std::array<char, 24> date_time_{};
  std::string scope_;  // "20130524/us-east-1/s3/aws4_request"
  HmacKey key_;
  std::string signed_headers_;  // scratch, as are the next two
  std::string canonical_;
  std::string to_sign_;
};

}  // namespace ashlar::bench
