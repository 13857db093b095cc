// Turns "operation X on object number N" into the bytes of a signed HTTP/1.1 request.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "load/body.h"
#include "load/signer.h"

namespace ashlar::bench {

enum class Operation {
  kPut,
  kGet,
  kRangeGet,
  kHead,
  kDelete,
  kList,
  kListVersions,
  kCreateBucket,
  kDeleteBucket
};
inline constexpr int kOperationCount = 9;

std::string_view Name(Operation operation);

enum class PayloadMode {
  kUnsigned,          // UNSIGNED-PAYLOAD
  kSigned,            // the SHA-256 of the body
  kStreamingTrailer,  // aws-chunked with a CRC32C trailer, as SDKs send over TLS
};

struct Endpoint {
  std::string host;
  std::string port;
  bool tls = false;

  // The value of the Host header: without the port when it is the scheme's own.
  std::string HostHeader() const;
  // "http://host[:port]" or "https://...", IPv6 hosts in brackets; empty when malformed.
  static std::optional<Endpoint> Parse(std::string_view url);
};

// What all requests of one run have in common.
struct RequestContext {
  Endpoint endpoint;
  Credentials credentials;
  std::string bucket;
  std::string prefix = "bench/";
  std::string delimiter;  // of kList
  uint64_t object_bytes = 4096;
  uint64_t range_bytes = 64 << 10;
  PayloadMode payload = PayloadMode::kUnsigned;
};

struct RequestSpec {
  Operation operation = Operation::kGet;
  uint64_t object = 0;       // its number; ignored by bucket operations
  uint64_t range_start = 0;  // kRangeGet only; the length is that of the context
};

// One request ready to send, and what a right answer to it looks like.
struct RenderedRequest {
  std::string head;
  BodyStream body;
  uint64_t pool_offset = 0;   // of the object's body
  uint64_t first_byte = 0;    // of the object, that the answer begins with
  bool exact_length = false;  // a 2xx answer carries exactly `answer_bytes`
  uint64_t answer_bytes = 0;
};

// Not thread-safe: one per worker. The key of object N is <prefix><size>/<N in 10 digits>. kList
// asks for the 1,000 keys behind object N, or with a delimiter for what lies directly below the
// prefix.
class RequestRenderer {
 public:
  RequestRenderer(const RequestContext& context, const BodyPool* pool);

  // Replaces *out, reusing its memory. `unix_seconds` is the time of signing.
  void Render(const RequestSpec& spec, time_t unix_seconds, RenderedRequest* out);

  std::string KeyOf(uint64_t object) const;

 private:
  void AppendHead(std::string_view method, std::string_view query, std::string_view payload_hash,
                  std::string_view range, bool with_body, uint64_t body_bytes, std::string* head);

  const RequestContext context_;
  const BodyPool* pool_;
  Signer signer_;
  std::string host_;
  std::string key_stem_;     // "<prefix><size>/"
  std::string path_stem_;    // "/bucket/" and the encoded key stem
  std::string bucket_path_;  // "/bucket"
  std::string list_query_;
  std::string list_page_query_;  // scratch
  std::string decoded_length_;
  std::string key_;   // scratch
  std::string path_;  // scratch
};

}  // namespace ashlar::bench
