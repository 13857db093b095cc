#include "api_gateway/protocol/s3_error.h"

#include <array>

#include "api_gateway/protocol/xml.h"

namespace ashlar::api_gateway {
namespace {

struct Row {
  S3Code code;
  std::string_view name;
  int http_status;
  std::string_view message;
};

// In the order of the enumeration; RowOf checks it.
constexpr std::array<Row, kS3CodeCount> kRows = {{
    {S3Code::kAccessControlListNotSupported, "AccessControlListNotSupported", 400,
     "The bucket does not allow ACLs"},
    {S3Code::kAccessDenied, "AccessDenied", 403, "Access Denied"},
    {S3Code::kAccessForbidden, "AccessForbidden", 403, "Access Forbidden"},
    {S3Code::kAuthorizationHeaderMalformed, "AuthorizationHeaderMalformed", 400,
     "The authorization header that you provided is not valid."},
    {S3Code::kAuthorizationQueryParametersError, "AuthorizationQueryParametersError", 400,
     "The authorization query parameters that you provided are not valid."},
    {S3Code::kBadDigest, "BadDigest", 400,
     "The Content-MD5 you specified did not match what we received."},
    {S3Code::kBadRequest, "BadRequest", 400, "An error occurred when parsing the HTTP request."},
    {S3Code::kBucketAlreadyExists, "BucketAlreadyExists", 409,
     "The requested bucket name is not available. The bucket namespace is shared by all users of "
     "the system. Please select a different name and try again."},
    {S3Code::kBucketAlreadyOwnedByYou, "BucketAlreadyOwnedByYou", 409,
     "Your previous request to create the named bucket succeeded and you already own it."},
    {S3Code::kBucketNotEmpty, "BucketNotEmpty", 409, "The bucket you tried to delete is not empty"},
    {S3Code::kConditionalRequestConflict, "ConditionalRequestConflict", 409,
     "The conditional request cannot succeed due to a conflicting operation against this "
     "resource."},
    {S3Code::kEntityTooLarge, "EntityTooLarge", 400,
     "Your proposed upload exceeds the maximum allowed size"},
    {S3Code::kEntityTooSmall, "EntityTooSmall", 400,
     "Your proposed upload is smaller than the minimum allowed size"},
    {S3Code::kIllegalLocationConstraintException, "IllegalLocationConstraintException", 400,
     "The unspecified location constraint is incompatible for the region specific endpoint this "
     "request was sent to."},
    {S3Code::kIllegalVersioningConfigurationException, "IllegalVersioningConfigurationException",
     400, "The Versioning element must be specified"},
    {S3Code::kIncompleteBody, "IncompleteBody", 400,
     "You did not provide the number of bytes specified by the Content-Length HTTP header"},
    {S3Code::kInsufficientStorage, "InsufficientStorage", 507,
     "The store has no space left for this request. Nothing was changed."},
    {S3Code::kInternalError, "InternalError", 500,
     "We encountered an internal error. Please try again."},
    {S3Code::kInvalidAccessKeyId, "InvalidAccessKeyId", 403,
     "The AWS Access Key Id you provided does not exist in our records."},
    {S3Code::kInvalidArgument, "InvalidArgument", 400, "Invalid Argument"},
    {S3Code::kInvalidBucketAclWithObjectOwnership, "InvalidBucketAclWithObjectOwnership", 400,
     "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting"},
    {S3Code::kInvalidBucketName, "InvalidBucketName", 400, "The specified bucket is not valid."},
    {S3Code::kInvalidBucketOwnerAwsAccountId, "InvalidBucketOwnerAWSAccountID", 400,
     "The value of the expected bucket owner parameter must be an AWS Account ID..."},
    {S3Code::kInvalidBucketState, "InvalidBucketState", 409,
     "The request is not valid with the current state of the bucket."},
    {S3Code::kInvalidChunkSizeError, "InvalidChunkSizeError", 403,
     "Only the last chunk is allowed to have a size less than 8192 bytes"},
    {S3Code::kInvalidDigest, "InvalidDigest", 400, "The Content-MD5 you specified was invalid."},
    {S3Code::kInvalidLocationConstraint, "InvalidLocationConstraint", 400,
     "The specified location-constraint is not valid"},
    {S3Code::kInvalidPart, "InvalidPart", 400,
     "One or more of the specified parts could not be found.  The part may not have been "
     "uploaded, or the specified entity tag may not match the part's entity tag."},
    {S3Code::kInvalidPartNumber, "InvalidPartNumber", 416,
     "The requested partnumber is not satisfiable"},
    {S3Code::kInvalidPartOrder, "InvalidPartOrder", 400,
     "The list of parts was not in ascending order. Parts must be ordered by part number."},
    {S3Code::kInvalidPolicyDocument, "InvalidPolicyDocument", 400,
     "The content of the form does not meet the conditions specified in the policy document."},
    {S3Code::kInvalidRange, "InvalidRange", 416, "The requested range is not satisfiable"},
    {S3Code::kInvalidRedirectLocation, "InvalidRedirectLocation", 400,
     "The website redirect location must have a prefix of 'http://' or 'https://' or '/'."},
    {S3Code::kInvalidRequest, "InvalidRequest", 400, "Invalid Request"},
    {S3Code::kInvalidStorageClass, "InvalidStorageClass", 400,
     "The storage class you specified is not valid"},
    {S3Code::kInvalidTag, "InvalidTag", 400, "The tag you have provided is invalid"},
    {S3Code::kInvalidToken, "InvalidToken", 400,
     "The provided token is malformed or otherwise invalid."},
    {S3Code::kInvalidUri, "InvalidURI", 400, "Couldn't parse the specified URI."},
    {S3Code::kKeyTooLongError, "KeyTooLongError", 400, "Your key is too long"},
    {S3Code::kMalformedAclError, "MalformedACLError", 400,
     "The XML you provided was not well-formed or did not validate against our published schema"},
    {S3Code::kMalformedPolicy, "MalformedPolicy", 400, "The policy is not valid."},
    {S3Code::kMalformedPostRequest, "MalformedPOSTRequest", 400,
     "The body of your POST request is not well-formed multipart/form-data."},
    {S3Code::kMalformedTrailerError, "MalformedTrailerError", 400,
     "The request contained trailing data that was not well-formed or did not conform to our "
     "published schema."},
    {S3Code::kMalformedXml, "MalformedXML", 400,
     "The XML you provided was not well-formed or did not validate against our published schema"},
    {S3Code::kMaxMessageLengthExceeded, "MaxMessageLengthExceeded", 400,
     "Your request was too big."},
    {S3Code::kMaxPostPreDataLengthExceeded, "MaxPostPreDataLengthExceeded", 400,
     "Your POST request fields preceding the upload file were too large."},
    {S3Code::kMetadataTooLarge, "MetadataTooLarge", 400,
     "Your metadata headers exceed the maximum allowed metadata size"},
    {S3Code::kMethodNotAllowed, "MethodNotAllowed", 405,
     "The specified method is not allowed against this resource."},
    {S3Code::kMissingContentLength, "MissingContentLength", 411,
     "You must provide the Content-Length HTTP header."},
    {S3Code::kMissingRequestBodyError, "MissingRequestBodyError", 400, "Request Body is empty"},
    {S3Code::kMissingSecurityHeader, "MissingSecurityHeader", 400,
     "Your request was missing a required header"},
    {S3Code::kNoSuchBucket, "NoSuchBucket", 404, "The specified bucket does not exist"},
    {S3Code::kNoSuchBucketPolicy, "NoSuchBucketPolicy", 404, "The bucket policy does not exist"},
    {S3Code::kNoSuchConfiguration, "NoSuchConfiguration", 404,
     "The specified configuration does not exist."},
    {S3Code::kNoSuchCorsConfiguration, "NoSuchCORSConfiguration", 404,
     "The CORS configuration does not exist"},
    {S3Code::kNoSuchKey, "NoSuchKey", 404, "The specified key does not exist."},
    {S3Code::kNoSuchLifecycleConfiguration, "NoSuchLifecycleConfiguration", 404,
     "The lifecycle configuration does not exist"},
    {S3Code::kNoSuchObjectLockConfiguration, "NoSuchObjectLockConfiguration", 404,
     "The specified object does not have a ObjectLock configuration"},
    {S3Code::kNoSuchPublicAccessBlockConfiguration, "NoSuchPublicAccessBlockConfiguration", 404,
     "The public access block configuration was not found"},
    {S3Code::kNoSuchTagSet, "NoSuchTagSet", 404, "The TagSet does not exist"},
    {S3Code::kNoSuchUpload, "NoSuchUpload", 404,
     "The specified upload does not exist. The upload ID may be invalid, or the upload may have "
     "been aborted or completed."},
    {S3Code::kNoSuchVersion, "NoSuchVersion", 404, "The specified version does not exist."},
    {S3Code::kNoSuchWebsiteConfiguration, "NoSuchWebsiteConfiguration", 404,
     "The specified bucket does not have a website configuration"},
    {S3Code::kNotImplemented, "NotImplemented", 501,
     "A header you provided implies functionality that is not implemented"},
    {S3Code::kNotModified, "NotModified", 304, "Not Modified"},
    {S3Code::kObjectLockConfigurationNotFoundError, "ObjectLockConfigurationNotFoundError", 404,
     "Object Lock configuration does not exist for this bucket"},
    {S3Code::kOperationAborted, "OperationAborted", 409,
     "A conflicting conditional operation is currently in progress against this resource. Please "
     "try again."},
    {S3Code::kOwnershipControlsNotFoundError, "OwnershipControlsNotFoundError", 404,
     "The bucket ownership controls were not found"},
    {S3Code::kPreconditionFailed, "PreconditionFailed", 412,
     "At least one of the pre-conditions you specified did not hold"},
    {S3Code::kReplicationConfigurationNotFoundError, "ReplicationConfigurationNotFoundError", 404,
     "The replication configuration was not found"},
    {S3Code::kRequestHeaderSectionTooLarge, "RequestHeaderSectionTooLarge", 400,
     "Your request header section exceeds the maximum allowed request header section size."},
    {S3Code::kRequestTimeTooSkewed, "RequestTimeTooSkewed", 403,
     "The difference between the request time and the current time is too large."},
    {S3Code::kRequestTimeout, "RequestTimeout", 400,
     "Your socket connection to the server was not read from or written to within the timeout "
     "period. Idle connections will be closed."},
    {S3Code::kServerSideEncryptionConfigurationNotFoundError,
     "ServerSideEncryptionConfigurationNotFoundError", 404,
     "The server side encryption configuration was not found"},
    {S3Code::kServiceUnavailable, "ServiceUnavailable", 503,
     "Service is unable to handle request."},
    {S3Code::kSignatureDoesNotMatch, "SignatureDoesNotMatch", 403,
     "The request signature we calculated does not match the signature you provided. Check your "
     "key and signing method."},
    {S3Code::kSlowDown, "SlowDown", 503, "Please reduce your request rate."},
    {S3Code::kTooManyBuckets, "TooManyBuckets", 400,
     "You have attempted to create more buckets than allowed"},
    {S3Code::kUnexpectedContent, "UnexpectedContent", 400, "This request does not support content"},
    {S3Code::kUnresolvableGrantByEmailAddress, "UnresolvableGrantByEmailAddress", 400,
     "The email address you provided does not match any account on record."},
    {S3Code::kXAmzContentSha256Mismatch, "XAmzContentSHA256Mismatch", 400,
     "The provided 'x-amz-content-sha256' header does not match what was computed."},
}};

const Row& RowOf(S3Code code) {
  const Row& row = kRows[static_cast<size_t>(code)];
  CHECK(row.code == code);
  return row;
}

}  // namespace

std::string_view S3CodeName(S3Code code) { return RowOf(code).name; }
std::string_view S3CodeMessage(S3Code code) { return RowOf(code).message; }
int S3CodeHttpStatus(S3Code code) { return RowOf(code).http_status; }

std::string_view S3Error::Field(std::string_view name) const {
  for (const auto& [field_name, value] : fields) {
    if (field_name == name) return value;
  }
  return {};
}

S3Error InvalidArgument(std::string message, std::string_view argument_name,
                        std::string_view argument_value) {
  return S3Error(S3Code::kInvalidArgument, std::move(message))
      .With("ArgumentName", argument_name)
      .With("ArgumentValue", argument_value);
}

std::string RenderErrorXml(const S3Error& error, std::string_view resource,
                           std::string_view request_id, std::string_view host_id) {
  std::string out;
  XmlWriter xml(&out);
  xml.Declaration();
  xml.Open("Error");
  xml.Text("Code", S3CodeName(error.code));
  xml.Text("Message", error.message);
  for (const auto& [name, value] : error.fields) xml.Text(name, value);
  if (!resource.empty()) xml.Text("Resource", resource);
  xml.Text("RequestId", request_id);
  if (!host_id.empty()) xml.Text("HostId", host_id);
  xml.Close("Error");
  return out;
}

S3Error FromStatus(const Status& status) {
  const auto with_text = [&status](S3Code code) {
    return status.message().empty() ? S3Error(code) : S3Error(code, status.message());
  };
  switch (status.code()) {
    case Code::kNotFound: return S3Error(S3Code::kNoSuchKey);
    case Code::kAlreadyExists: return S3Error(S3Code::kBucketAlreadyExists);
    case Code::kPreconditionFailed: return S3Error(S3Code::kPreconditionFailed);
    case Code::kLocked:
      return S3Error(S3Code::kAccessDenied,
                     "Access Denied because object protected by object lock.");
    case Code::kConflict: return S3Error(S3Code::kOperationAborted);
    case Code::kInvalidArgument: return with_text(S3Code::kInvalidArgument);
    case Code::kNotImplemented: return with_text(S3Code::kNotImplemented);
    // SDKs retry 500, 502, 503 and 504 with back-off: right for what passes by itself.
    case Code::kUnavailable:
    case Code::kDeadlineExceeded: return S3Error(S3Code::kServiceUnavailable);
    case Code::kOverloaded: return S3Error(S3Code::kSlowDown);
    // 507 is the one 5xx that the SDKs do not retry. A full store stays full until someone adds
    // drives or deletes, so the person shall read why at once instead of after a minute of retries.
    case Code::kNoSpace: return S3Error(S3Code::kInsufficientStorage);
    // Nobody reads the answer; 400 keeps it out of the server's own failures.
    case Code::kCancelled: return S3Error(S3Code::kRequestTimeout);
    // Unreadable is never "absent", and an unknown outcome is never a success: 500 makes the SDK
    // ask again, which is safe because a repeated PUT or DELETE gives the same result.
    case Code::kIoError:
    case Code::kCorrupt:
    case Code::kOutcomeUnknown:
    case Code::kInternal:
    case Code::kOk: return S3Error(S3Code::kInternalError);
  }
  return S3Error(S3Code::kInternalError);
}

}  // namespace ashlar::api_gateway
