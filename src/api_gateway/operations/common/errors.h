// Errors with the elements that belong to them, and the translation of failures of the object
// service where the operation knows more than the table of FromStatus.
#pragma once

#include <string_view>

#include "api_gateway/protocol/conditions.h"
#include "api_gateway/protocol/s3_error.h"
#include "base/status.h"
#include "object_service/object_service.h"

namespace ashlar::api_gateway {

[[nodiscard]] S3Error NoSuchBucket(std::string_view bucket);
[[nodiscard]] S3Error NoSuchKey(std::string_view key);
[[nodiscard]] S3Error NoSuchVersion(std::string_view key, std::string_view version_id);
[[nodiscard]] S3Error NoSuchUpload(std::string_view upload_id);

// What of a store that cannot be read now is a 503: asking again may reach drives that came back.
[[nodiscard]] S3Error ReadFailure(const Status& status);

// A write of `key` into `bucket` under `conditions` failed.
[[nodiscard]] S3Error WriteFailure(const Status& status, const WriteConditions& conditions,
                                   std::string_view bucket, std::string_view key);

// A change of the row of `bucket` failed.
[[nodiscard]] S3Error BucketFailure(const Status& status, std::string_view bucket);
// A change of tags, ACL or lock of a version of `key` failed.
[[nodiscard]] S3Error ExtrasFailure(const Status& status, std::string_view key);

[[nodiscard]] metadata_db::WriteCondition ToWriteCondition(const WriteConditions& conditions);

}  // namespace ashlar::api_gateway
