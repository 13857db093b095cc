// The x-amz-copy-source header: which bucket, key and version a copy reads.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api_gateway/protocol/s3_error.h"

namespace ashlar::api_gateway {

struct CopySource {
  std::string bucket;
  std::string key;  // decoded once, '+' kept
  std::optional<std::string> version_id;
};

// "[/]bucket/key[?versionId=id]", percent-encoded. The query is split off before decoding, so that
// an encoded '?' stays part of the key; bucket and key are split after decoding, at the first '/'.
// InvalidArgument "Invalid copy source object key" when it is anything else, KeyTooLongError.
[[nodiscard]] S3Result<CopySource> ParseCopySource(std::string_view header);

}  // namespace ashlar::api_gateway
