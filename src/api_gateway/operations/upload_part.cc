// UploadPart. A part has the checksum algorithm of its upload; only an upload that was created
// without one ("null mode") takes parts with any.
#include "api_gateway/operations/common/checksums.h"
#include "api_gateway/operations/common/errors.h"
#include "api_gateway/operations/common/lookups.h"
#include "api_gateway/operations/common/responses.h"
#include "api_gateway/operations/operations.h"

namespace ashlar::api_gateway::operations {
namespace {

std::optional<S3Error> CheckAlgorithm(const HttpRequest& request, const model::Upload& upload) {
  auto sent = ParseChecksumHeaders(request);
  if (!sent.ok()) return sent.error();
  const auto wanted = NamedAlgorithm(upload.checksum_algorithm);
  if (!sent->algorithm || !wanted || *sent->algorithm == *wanted) return std::nullopt;
  return S3Error(S3Code::kInvalidRequest,
                 "Checksum Type mismatch occurred, expected checksum Type: " +
                     std::string(NamesOf(*wanted).lower) +
                     ", actual checksum Type: " + std::string(NamesOf(*sent->algorithm).lower));
}

}  // namespace

Task<Answer> UploadPart(S3Context& context) {
  auto number = ParsePartNumber(context.request().FindQuery("partNumber").value_or(""));
  if (!number.ok()) co_return number.error();
  auto bucket = co_await LoadBucket(context);
  if (!bucket.ok()) co_return bucket.error();
  auto upload = co_await LoadUpload(context, *bucket);
  if (!upload.ok()) co_return upload.error();
  if (auto error = CheckAlgorithm(context.request(), *upload)) co_return error;
  BodyOptions options;
  options.default_checksum = upload->checksum_algorithm;
  auto body = context.verified.OpenBody(options);
  if (!body.ok()) co_return body.error();

  object_service::UploadPartRequest request;
  request.bucket = *bucket;
  request.upload = *std::move(upload);
  request.part_number = *number;
  auto part = co_await context.objects.UploadPart(std::move(request), **body);
  if (!part.ok()) {
    if ((*body)->error()) co_return *(*body)->error();
    if (part.code() != Code::kNotFound) co_return FromStatus(part.status());
    co_return NoSuchUpload(context.request().FindQuery("uploadId").value_or(""));
  }
  ResponseHead head;
  head.Add("ETag", Quoted(part->etag));
  AddChecksumHeaders(part->checksum, false, &head);
  co_return co_await SendEmpty(context, std::move(head));
}

}  // namespace ashlar::api_gateway::operations
