#include "api_gateway/operations/common/errors.h"

namespace ashlar::api_gateway {

S3Error NoSuchBucket(std::string_view bucket) {
  return S3Error(S3Code::kNoSuchBucket).With("BucketName", bucket);
}

S3Error NoSuchKey(std::string_view key) { return S3Error(S3Code::kNoSuchKey).With("Key", key); }

S3Error NoSuchVersion(std::string_view key, std::string_view version_id) {
  return S3Error(S3Code::kNoSuchVersion).With("Key", key).With("VersionId", version_id);
}

S3Error NoSuchUpload(std::string_view upload_id) {
  return S3Error(S3Code::kNoSuchUpload).With("UploadId", upload_id);
}

S3Error ReadFailure(const Status& status) {
  if (status.code() == Code::kIoError || status.code() == Code::kCorrupt) {
    return S3Error(S3Code::kServiceUnavailable);
  }
  return FromStatus(status);
}

S3Error WriteFailure(const Status& status, const WriteConditions& conditions,
                     std::string_view bucket, std::string_view key) {
  const bool conditional = conditions.if_match || conditions.if_none_match_any;
  switch (status.code()) {
    case Code::kNotFound: return conditions.if_match ? NoSuchKey(key) : NoSuchBucket(bucket);
    case Code::kPreconditionFailed: return WriteConditionFailed(conditions);
    case Code::kConflict:
      if (!conditional) return FromStatus(status);
      return S3Error(S3Code::kConditionalRequestConflict)
          .With("Condition", conditions.if_match ? "If-Match" : "If-None-Match")
          .With("Key", key);
    default: return FromStatus(status);
  }
}

S3Error BucketFailure(const Status& status, std::string_view bucket) {
  return status.code() == Code::kNotFound ? NoSuchBucket(bucket) : FromStatus(status);
}

S3Error ExtrasFailure(const Status& status, std::string_view key) {
  return status.code() == Code::kNotFound ? NoSuchKey(key) : FromStatus(status);
}

metadata_db::WriteCondition ToWriteCondition(const WriteConditions& conditions) {
  metadata_db::WriteCondition condition;
  condition.must_not_exist = conditions.if_none_match_any;
  condition.etag_match = conditions.if_match;
  return condition;
}

}  // namespace ashlar::api_gateway
