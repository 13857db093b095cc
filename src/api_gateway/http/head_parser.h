// The head of a request: from the bytes before the empty line to an HttpRequest and its framing.
//
// 1. Whoever stands in front of us must read the same request from the same bytes: what two parsers
//    may read differently is refused, never repaired (length and chunking together, two lengths,
//    other transfer codings, folded lines, bare LF, blanks before a colon, control characters).
// 2. Limits hold while the head arrives, not only when it is complete.
// 3. The grammar of request line and fields is Boost.Beast's; this adds the strictness.
//
// Pure. A refusal is an S3Error (400) after which the connection has to be closed.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "api_gateway/http/http_request.h"
#include "api_gateway/protocol/s3_error.h"

namespace ashlar::api_gateway {

inline constexpr size_t kRequestLineBytesMax = kTargetBytesMax + 64;
inline constexpr size_t kHeaderBytesMax = 16 * 1024;
inline constexpr size_t kHeaderCountMax = 100;
inline constexpr size_t kHeadBytesMax = kRequestLineBytesMax + kHeaderBytesMax;

// Looks for the end of a head that comes in pieces. Each byte is looked at once.
class HeadScanner {
 public:
  // `buffered`: all bytes of the head so far, from its first one. The size of the head with its
  // empty line once it is there; nullopt: more is needed; an error: it can become no head of ours.
  [[nodiscard]] S3Result<std::optional<size_t>> Scan(std::string_view buffered);
  void Reset() { *this = HeadScanner(); }

 private:
  size_t scanned_ = 0;     // bytes looked at
  size_t line_start_ = 0;  // of the line that is not complete yet
  size_t lines_ = 0;
  size_t request_line_size_ = 0;
};

// How the body is delimited and what becomes of the connection.
struct Framing {
  uint64_t content_length = 0;
  bool chunked = false;
  bool keep_alive = false;
  bool expects_continue = false;
};

// `head` as Scan delimited it. Fills method, raw_target and headers of `request`, and `framing`.
[[nodiscard]] std::optional<S3Error> ParseHead(std::string_view head, HttpRequest* request,
                                               Framing* framing);

// tchar of RFC 9110; also what header names of responses must consist of.
[[nodiscard]] bool IsToken(std::string_view text);
// No control character except a tab.
[[nodiscard]] bool IsFieldValue(std::string_view text);

}  // namespace ashlar::api_gateway
