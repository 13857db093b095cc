// What a request sets on an object besides its bytes, and how a response shows it again.
#pragma once

#include <string>
#include <string_view>

#include "api_gateway/http/http_exchange.h"
#include "api_gateway/protocol/user_metadata.h"
#include "object_service/object_service.h"

namespace ashlar::api_gateway {

inline constexpr std::string_view kDefaultContentType = "binary/octet-stream";

// x-amz-storage-class; STANDARD when absent. InvalidStorageClass. The label is kept and shown, it
// moves nothing yet.
[[nodiscard]] S3Result<std::string> ParseStorageClass(const HttpRequest& request);

// Storage class, Cache-Control and its five companions verbatim (without aws-chunked), user
// metadata, tags, object lock, website redirect. InvalidStorageClass, MetadataTooLarge, and the
// errors of the documents' readers. `now_ms`: a retention must lie behind it.
[[nodiscard]] S3Result<object_service::ObjectAttributes> CollectAttributes(
    const HttpRequest& request, int64_t now_ms, MetadataFrom from = MetadataFrom::kHeaders);
// Whether the attributes may be given to an object of this bucket. InvalidRequest: a lock in a
// bucket without object lock.
[[nodiscard]] std::optional<S3Error> CheckAttributes(
    const model::Bucket& bucket, const object_service::ObjectAttributes& attributes);

// A response-* parameter is among the query.
[[nodiscard]] bool AsksForOverrides(const HttpRequest& request);

// Content-Type (or the default) and its companions, user metadata, storage class unless STANDARD.
// A header that response-* overrides takes its value from there. InvalidArgument: an override that
// no header can hold.
[[nodiscard]] std::optional<S3Error> AddStoredHeaders(const model::ObjectVersion& version,
                                                      const HttpRequest& request,
                                                      ResponseHead* head);

}  // namespace ashlar::api_gateway
