// What S3 says when it refuses: code, message, HTTP status and the extra elements that SDKs read.
//
// One table holds every code we answer with; a second maps every `ashlar::Code` of the components
// below. Values only; thread-safe by being immutable.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/status.h"

namespace ashlar::api_gateway {

enum class S3Code {
  kAccessControlListNotSupported,
  kAccessDenied,
  kAccessForbidden,
  kAuthorizationHeaderMalformed,
  kAuthorizationQueryParametersError,
  kBadDigest,
  kBadRequest,
  kBucketAlreadyExists,
  kBucketAlreadyOwnedByYou,
  kBucketNotEmpty,
  kConditionalRequestConflict,
  kEntityTooLarge,
  kEntityTooSmall,
  kIllegalLocationConstraintException,
  kIllegalVersioningConfigurationException,
  kIncompleteBody,
  kInsufficientStorage,
  kInternalError,
  kInvalidAccessKeyId,
  kInvalidArgument,
  kInvalidBucketAclWithObjectOwnership,
  kInvalidBucketName,
  kInvalidBucketOwnerAwsAccountId,
  kInvalidBucketState,
  kInvalidChunkSizeError,
  kInvalidDigest,
  kInvalidLocationConstraint,
  kInvalidPart,
  kInvalidPartNumber,
  kInvalidPartOrder,
  kInvalidPolicyDocument,
  kInvalidRange,
  kInvalidRedirectLocation,
  kInvalidRequest,
  kInvalidStorageClass,
  kInvalidTag,
  kInvalidToken,
  kInvalidUri,
  kKeyTooLongError,
  kMalformedAclError,
  kMalformedPolicy,
  kMalformedPostRequest,
  kMalformedTrailerError,
  kMalformedXml,
  kMaxMessageLengthExceeded,
  kMaxPostPreDataLengthExceeded,
  kMetadataTooLarge,
  kMethodNotAllowed,
  kMissingContentLength,
  kMissingRequestBodyError,
  kMissingSecurityHeader,
  kNoSuchBucket,
  kNoSuchBucketPolicy,
  kNoSuchConfiguration,
  kNoSuchCorsConfiguration,
  kNoSuchKey,
  kNoSuchLifecycleConfiguration,
  kNoSuchObjectLockConfiguration,
  kNoSuchPublicAccessBlockConfiguration,
  kNoSuchTagSet,
  kNoSuchUpload,
  kNoSuchVersion,
  kNoSuchWebsiteConfiguration,
  kNotImplemented,
  kNotModified,
  kObjectLockConfigurationNotFoundError,
  kOperationAborted,
  kOwnershipControlsNotFoundError,
  kPreconditionFailed,
  kReplicationConfigurationNotFoundError,
  kRequestHeaderSectionTooLarge,
  kRequestTimeTooSkewed,
  kRequestTimeout,
  kServerSideEncryptionConfigurationNotFoundError,
  kServiceUnavailable,
  kSignatureDoesNotMatch,
  kSlowDown,
  kTooManyBuckets,
  kUnexpectedContent,
  kUnresolvableGrantByEmailAddress,
  kXAmzContentSha256Mismatch,
};
inline constexpr int kS3CodeCount = static_cast<int>(S3Code::kXAmzContentSha256Mismatch) + 1;

// The text of <Code>, the usual message, and the HTTP status (400 to 507; 304 for kNotModified).
[[nodiscard]] std::string_view S3CodeName(S3Code code);
[[nodiscard]] std::string_view S3CodeMessage(S3Code code);
[[nodiscard]] int S3CodeHttpStatus(S3Code code);

struct S3Error {
  explicit S3Error(S3Code error_code)
      : code(error_code),
        message(S3CodeMessage(error_code)),
        http_status(S3CodeHttpStatus(error_code)) {}
  S3Error(S3Code error_code, std::string text)
      : code(error_code), message(std::move(text)), http_status(S3CodeHttpStatus(error_code)) {}

  // Adds an element after <Message>, in the order of the calls. `name` must be an XML name.
  S3Error& With(std::string_view name, std::string_view value) & {
    fields.emplace_back(name, value);
    return *this;
  }
  S3Error&& With(std::string_view name, std::string_view value) && {
    fields.emplace_back(name, value);
    return std::move(*this);
  }
  // The value of an extra element, empty when there is none.
  [[nodiscard]] std::string_view Field(std::string_view name) const;

  S3Code code;
  std::string message;
  int http_status;
  std::vector<std::pair<std::string, std::string>> fields;
};

// A value, or the error to answer with.
template <typename T>
class [[nodiscard]] S3Result {
 public:
  S3Result(T value) : value_(std::move(value)) {}        // NOLINT: implicit on purpose
  S3Result(S3Error error) : error_(std::move(error)) {}  // NOLINT: implicit on purpose

  bool ok() const { return value_.has_value(); }
  const S3Error& error() const {
    CHECK(!ok());
    return *error_;
  }
  T& operator*() & {
    CHECK(ok());
    return *value_;
  }
  const T& operator*() const& {
    CHECK(ok());
    return *value_;
  }
  T&& operator*() && {
    CHECK(ok());
    return std::move(*value_);
  }
  T* operator->() { return &**this; }
  const T* operator->() const { return &**this; }

 private:
  std::optional<T> value_;
  std::optional<S3Error> error_;
};

// InvalidArgument with the two elements that go with it.
[[nodiscard]] S3Error InvalidArgument(std::string message, std::string_view argument_name,
                                      std::string_view argument_value);

// The complete <Error> document. `resource` and `host_id` may be empty and are then left out;
// `request_id` must be the value of the x-amz-request-id header of the same response.
[[nodiscard]] std::string RenderErrorXml(const S3Error& error, std::string_view resource,
                                         std::string_view request_id, std::string_view host_id);

// The answer for a failure of a component below. Callers that know better (which bucket, which key)
// make the specific error themselves. Texts of internal failures are not shown to the client.
[[nodiscard]] S3Error FromStatus(const Status& status);

}  // namespace ashlar::api_gateway
