#include "api_gateway/operations/common/lookups.h"

#include <algorithm>

#include "api_gateway/operations/common/authorization.h"
#include "api_gateway/operations/common/errors.h"
#include "api_gateway/protocol/bucket_name.h"
#include "api_gateway/protocol/conditions.h"
#include "api_gateway/protocol/copy_source.h"
#include "api_gateway/protocol/percent.h"
#include "base/ids.h"

namespace ashlar::api_gateway {
namespace {

constexpr uint64_t kCopySourceBytesMax = 5ULL << 30;
// Version ids are hex digits (MetadataDb makes them).
constexpr size_t kVersionIdBytes = 32;
constexpr unsigned long long kPartNumberMax = 10'000;
constexpr size_t kAccountDigits = 12;

bool IsOwnedBy(const S3Context& context, const model::Bucket& bucket, std::string_view account_id) {
  const iam::Account* const owner =
      context.directory.FindCanonical(OwnerOf(bucket, context.directory));
  return owner != nullptr && owner->id == account_id;
}

std::optional<S3Error> CheckAccountForm(std::string_view value) {
  const bool digits =
      std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (digits && value.size() == kAccountDigits) return std::nullopt;
  const S3Code code = S3Code::kInvalidBucketOwnerAwsAccountId;
  return S3Error(code, std::string(S3CodeMessage(code)) + " [" + std::string(value) + "]");
}

Task<S3Result<object_service::BucketPtr>> LoadBucketNamed(S3Context& context, std::string_view name,
                                                          std::string_view owner_header) {
  const auto expected = context.request().Find(owner_header);
  if (expected) {
    if (auto error = CheckAccountForm(*expected)) co_return *std::move(error);
  }
  if (!IsValidBucketName(name)) {
    co_return S3Error(S3Code::kInvalidBucketName).With("BucketName", name);
  }
  auto bucket = co_await context.objects.GetBucket(name);
  if (!bucket.ok()) {
    co_return bucket.code() == Code::kNotFound ? NoSuchBucket(name) : ReadFailure(bucket.status());
  }
  if (expected && !IsOwnedBy(context, **bucket, *expected)) {
    co_return S3Error(S3Code::kAccessDenied);
  }
  co_return std::move(*bucket);
}

void AddMarkerHeaders(S3Context& context, const model::ObjectVersion& marker) {
  context.error_headers.emplace_back("x-amz-delete-marker", "true");
  context.error_headers.emplace_back("x-amz-version-id", marker.version_id);
}

// Why a read of the current version found none: where a delete marker hides the key, it is told.
Task<S3Error> NoCurrentVersion(S3Context& context, object_service::BucketPtr bucket) {
  if (bucket->versioning != model::Versioning::kNever) {
    const auto newest = co_await context.objects.FindNewest(bucket, context.address.key);
    if (newest.ok() && (*newest)->kind == model::ObjectKind::kDeleteMarker) {
      AddMarkerHeaders(context, **newest);
    } else if (!newest.ok() && newest.code() != Code::kNotFound) {
      co_return ReadFailure(newest.status());
    }
  }
  co_return NoSuchKey(context.address.key);
}

}  // namespace

Task<S3Result<object_service::BucketPtr>> LoadBucket(S3Context& context) {
  if (context.bucket != nullptr) co_return context.bucket;
  co_return co_await LoadBucketNamed(context, context.address.bucket,
                                     "x-amz-expected-bucket-owner");
}

S3Error DeleteMarkerNamed(const HttpRequest& request) {
  return S3Error(S3Code::kMethodNotAllowed)
      .With("Method", request.method)
      .With("ResourceType", "DeleteMarker");
}

S3Result<bool> MayBypassGovernance(S3Context& context, std::string_view key) {
  constexpr std::string_view kHeader = "x-amz-bypass-governance-retention";
  const auto value = context.request().Find(kHeader);
  if (!value) return false;
  if (!context.bucket->object_lock) {
    return S3Error(S3Code::kInvalidArgument,
                   "x-amz-bypass-governance-retention is only applicable to Object Lock enabled "
                   "buckets.")
        .With("ArgumentName", kHeader);
  }
  // Who may not is told by the lock that holds.
  return EqualsIgnoreCase(TrimBlanks(*value), "true") &&
         MayAlso(context, "s3:BypassGovernanceRetention", key);
}

bool IsVersionIdOf(std::string_view version_id, const model::Bucket& bucket) {
  if (version_id == "null") return true;
  std::string bytes;
  return bucket.versioning != model::Versioning::kNever && version_id.size() == kVersionIdBytes &&
         HexDecode(version_id, &bytes);
}

S3Result<std::optional<std::string>> ParseVersionId(const HttpRequest& request,
                                                    const model::Bucket& bucket) {
  const auto text = request.FindQuery("versionId");
  if (!text) return std::optional<std::string>();
  if (text->empty()) {
    return InvalidArgument("Version id cannot be the empty string", "versionId", *text);
  }
  if (!IsVersionIdOf(*text, bucket)) {
    return InvalidArgument("Invalid version id specified", "versionId", *text);
  }
  return std::optional<std::string>(*text);
}

Task<S3Result<FoundObject>> FindObject(S3Context& context) {
  auto bucket = co_await LoadBucket(context);
  if (!bucket.ok()) co_return bucket.error();
  auto version_id = ParseVersionId(context.request(), **bucket);
  if (!version_id.ok()) co_return version_id.error();
  auto found = co_await context.objects.FindVersion(*bucket, context.address.key, *version_id);
  if (!found.ok()) {
    if (found.code() != Code::kNotFound) co_return ReadFailure(found.status());
    if (*version_id) co_return NoSuchVersion(context.address.key, **version_id);
    co_return co_await NoCurrentVersion(context, std::move(*bucket));
  }
  FoundObject object;
  object.bucket = std::move(*bucket);
  object.version = std::move(*found);
  if (auto error = AuthorizeObject(context, *object.version)) co_return *std::move(error);
  if (object.version->kind == model::ObjectKind::kDeleteMarker) {
    AddMarkerHeaders(context, *object.version);
    co_return DeleteMarkerNamed(context.request());
  }
  co_return object;
}

void AddVersionHeader(const model::Bucket& bucket, const model::ObjectVersion& version,
                      ResponseHead* head) {
  if (bucket.versioning != model::Versioning::kNever) {
    head->Add("x-amz-version-id", version.version_id);
  }
}

Task<S3Result<FoundSource>> FindCopySource(S3Context& context) {
  auto source = ParseCopySource(context.request().Find("x-amz-copy-source").value_or(""));
  if (!source.ok()) co_return source.error();
  auto bucket =
      co_await LoadBucketNamed(context, source->bucket, "x-amz-source-expected-bucket-owner");
  if (!bucket.ok()) co_return bucket.error();
  if (source->version_id && !IsVersionIdOf(*source->version_id, **bucket)) {
    co_return InvalidArgument("Invalid version id specified", "x-amz-copy-source",
                              *source->version_id);
  }
  auto found = co_await context.objects.FindVersion(*bucket, source->key, source->version_id);
  if (!found.ok()) {
    if (found.code() != Code::kNotFound) co_return ReadFailure(found.status());
    co_return HideMissing(context, *bucket,
                          source->version_id ? NoSuchVersion(source->key, *source->version_id)
                                             : NoSuchKey(source->key));
  }
  if (auto error = AuthorizeSource(context, {*bucket, source->key, source->version_id.has_value()},
                                   **found)) {
    co_return *std::move(error);
  }
  FoundSource result;
  result.bucket = std::move(*bucket);
  result.key = std::move(source->key);
  result.version = std::move(*found);
  result.version_named = source->version_id.has_value();
  const model::ObjectVersion& version = *result.version;
  if (version.kind == model::ObjectKind::kDeleteMarker) {
    co_return S3Error(S3Code::kInvalidRequest,
                      "The source of a copy request may not specifically refer to a delete marker "
                      "by version id.");
  }
  const ReadConditions conditions = ParseReadConditions(context.request(), true);
  if (auto failed = EvaluateReadConditions(conditions, version.etag,
                                           version.last_modified_ms / 1000, context.NowSeconds())) {
    co_return *std::move(failed);
  }
  // A part may come out of a larger object; its own length is checked with its range.
  if (version.size > kCopySourceBytesMax &&
      !context.request().Find("x-amz-copy-source-range").has_value()) {
    co_return S3Error(S3Code::kInvalidRequest,
                      "The specified copy source is larger than the maximum allowable size for a "
                      "copy source: " +
                          std::to_string(kCopySourceBytesMax));
  }
  co_return result;
}

std::optional<UniqueId> ParseUploadId(std::string_view text) {
  std::string raw;
  if (text.size() != 32 || !HexDecode(text, &raw)) return std::nullopt;
  const UniqueId id = UniqueId::FromView(raw);
  // One spelling for one upload.
  return id.ToHex() == text ? std::optional(id) : std::nullopt;
}

Task<S3Result<model::Upload>> LoadUpload(S3Context& context, object_service::BucketPtr bucket) {
  const std::string_view text = context.request().FindQuery("uploadId").value_or("");
  const auto id = ParseUploadId(text);
  if (!id) co_return NoSuchUpload(text);
  auto upload = co_await context.objects.GetUpload(std::move(bucket), context.address.key, *id);
  if (upload.ok()) co_return std::move(*upload);
  co_return upload.code() == Code::kNotFound ? NoSuchUpload(text) : ReadFailure(upload.status());
}

S3Result<uint32_t> ParsePartNumber(std::string_view text) {
  unsigned long long number = 0;
  if (!ParseUnsigned(text, &number) || number < 1 || number > kPartNumberMax) {
    return InvalidArgument("Part number must be an integer between 1 and 10000, inclusive",
                           "partNumber", text);
  }
  return static_cast<uint32_t>(number);
}

}  // namespace ashlar::api_gateway
