// The head of a response as bytes. The single place where header values reach the wire.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "api_gateway/http/http_exchange.h"

namespace ashlar::api_gateway {

struct ResponseFrame {
  std::string_view date;        // as in the Date header
  std::string_view request_id;  // x-amz-request-id
  std::string_view host_id;     // x-amz-id-2
  std::optional<uint64_t> content_length;
  bool close = false;
};

// Appends status line, headers and the empty line. False, with nothing appended, when a name is no
// token, a value holds a control character (response splitting), the status is none, or a header is
// one of those written here.
[[nodiscard]] bool AppendResponseHead(const ResponseHead& head, const ResponseFrame& frame,
                                      PooledString* out);

// 1xx, 204 and 304 have no body and no Content-Length.
[[nodiscard]] bool StatusHasBody(int status);

}  // namespace ashlar::api_gateway
