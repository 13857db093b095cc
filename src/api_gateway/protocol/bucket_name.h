// The rules for names of buckets, from the S3 user guide, "Bucket naming rules".
#pragma once

#include <string_view>

namespace ashlar::api_gateway {

// 3 to 63 of a-z 0-9 . -, beginning and ending with a letter or digit, no "..", not an IPv4
// address, none of the reserved prefixes (xn--, sthree-, amzn-s3-demo-) and suffixes (-s3alias,
// --ol-s3, .mrap, --x-s3, --table-s3).
[[nodiscard]] bool IsValidBucketName(std::string_view name);

}  // namespace ashlar::api_gateway
