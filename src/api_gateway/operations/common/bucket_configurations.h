// Documents that are set on a bucket and kept in its row: sent as they are, replaced or dropped in
// one transaction. Whoever keeps one has validated it.
#pragma once

#include <string>
#include <string_view>

#include "api_gateway/operations/s3_context.h"

namespace ashlar::api_gateway {

// The document of the bucket under this name, or `absent` when there is none.
Task<Answer> SendBucketConfiguration(S3Context& context, std::string_view name, S3Code absent);
// Answers with `status` and no body.
Task<Answer> KeepBucketConfiguration(S3Context& context, std::string_view name,
                                     std::string document, int status);
// 204, also when there was none.
Task<Answer> DropBucketConfiguration(S3Context& context, std::string_view name);

}  // namespace ashlar::api_gateway
