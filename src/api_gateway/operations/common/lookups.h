// Finding what a request names: bucket, version, upload, copy source.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api_gateway/operations/s3_context.h"

namespace ashlar::api_gateway {

// The bucket of the request's address. NoSuchBucket; InvalidBucketName for what can be no bucket;
// AccessDenied when x-amz-expected-bucket-owner names another account, and
// InvalidBucketOwnerAWSAccountID when it names none. Every operation on a bucket or on what is in
// it comes through here.
Task<S3Result<object_service::BucketPtr>> LoadBucket(S3Context& context);

// The version that ?versionId names. InvalidArgument: empty, or not of the form that this bucket
// gives (a bucket that never was versioned knows only "null").
[[nodiscard]] S3Result<std::optional<std::string>> ParseVersionId(const HttpRequest& request,
                                                                  const model::Bucket& bucket);
[[nodiscard]] bool IsVersionIdOf(std::string_view version_id, const model::Bucket& bucket);

// The object of the request's address, never a delete marker: NoSuchKey, NoSuchVersion,
// MethodNotAllowed (a marker asked for by its id). When a marker is why there is no such key, its
// headers are among the error's (context.error_headers).
struct FoundObject {
  object_service::BucketPtr bucket;
  object_service::VersionPtr version;
};
Task<S3Result<FoundObject>> FindObject(S3Context& context);

// Of a delete marker that an operation was asked to work on: MethodNotAllowed.
[[nodiscard]] S3Error DeleteMarkerNamed(const HttpRequest& request);

// x-amz-bypass-governance-retention: the caller wants to lift the governance retention of `key`,
// and may. InvalidArgument on a bucket without object lock, whatever the header says.
[[nodiscard]] S3Result<bool> MayBypassGovernance(S3Context& context, std::string_view key);

// x-amz-version-id: told where the bucket is or was versioned.
void AddVersionHeader(const model::Bucket& bucket, const model::ObjectVersion& version,
                      ResponseHead* head);

// The object that x-amz-copy-source names, after its conditions held: NoSuchBucket, NoSuchKey,
// NoSuchVersion, InvalidRequest (a marker, larger than 5 GiB), PreconditionFailed.
struct FoundSource {
  object_service::BucketPtr bucket;
  std::string key;
  object_service::VersionPtr version;
  bool version_named = false;
};
Task<S3Result<FoundSource>> FindCopySource(S3Context& context);

// Upload ids are 32 lower-case hex digits; nullopt for all else.
[[nodiscard]] std::optional<UniqueId> ParseUploadId(std::string_view text);
// The upload that ?uploadId names. NoSuchUpload.
Task<S3Result<model::Upload>> LoadUpload(S3Context& context, object_service::BucketPtr bucket);
// ?partNumber, 1 to 10,000. InvalidArgument.
[[nodiscard]] S3Result<uint32_t> ParsePartNumber(std::string_view text);

}  // namespace ashlar::api_gateway
