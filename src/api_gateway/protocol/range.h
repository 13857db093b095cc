// Byte ranges. GET and HEAD ignore what they do not understand; copies refuse it: S3 itself is that
// different (records of AWS in the compatibility notes, 17 and 18).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "api_gateway/protocol/s3_error.h"

namespace ashlar::api_gateway {

// `length` bytes from `first`.
struct ByteRange {
  uint64_t first = 0;
  uint64_t length = 0;
  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

// The Range header against an object of `object_size` bytes.
// nullopt: no usable range, answer 200 with everything (also for several ranges, other units, and
// any suffix of an empty object). A range: answer 206 with Content-Range. InvalidRange: answer 416.
[[nodiscard]] S3Result<std::optional<ByteRange>> ParseRange(std::string_view header,
                                                            uint64_t object_size);

// "bytes 0-8/10"
[[nodiscard]] std::string FormatContentRange(const ByteRange& range, uint64_t object_size);

// x-amz-copy-source-range: only "bytes=first-last". InvalidArgument for any other form and for an
// end beyond the object, InvalidRequest for a start beyond it.
[[nodiscard]] S3Result<ByteRange> ParseCopySourceRange(std::string_view header,
                                                       uint64_t object_size);

}  // namespace ashlar::api_gateway
