// UploadPartCopy: a part made of a whole object or of a range of it.
#include "api_gateway/operations/common/checksums.h"
#include "api_gateway/operations/common/errors.h"
#include "api_gateway/operations/common/lookups.h"
#include "api_gateway/operations/common/responses.h"
#include "api_gateway/operations/operations.h"
#include "api_gateway/protocol/http_date.h"
#include "api_gateway/protocol/range.h"

namespace ashlar::api_gateway::operations {
namespace {

constexpr uint64_t kPartBytesMax = 5ULL << 30;

S3Result<ByteRange> SourceRange(const HttpRequest& request, uint64_t size) {
  const auto header = request.Find("x-amz-copy-source-range");
  if (!header) return ByteRange{0, size};
  auto range = ParseCopySourceRange(*header, size);
  if (range.ok() && range->length > kPartBytesMax) {
    return S3Error(S3Code::kEntityTooLarge)
        .With("ProposedSize", std::to_string(range->length))
        .With("MaxSizeAllowed", std::to_string(kPartBytesMax));
  }
  return range;
}

}  // namespace

Task<Answer> UploadPartCopy(S3Context& context) {
  auto number = ParsePartNumber(context.request().FindQuery("partNumber").value_or(""));
  if (!number.ok()) co_return number.error();
  auto bucket = co_await LoadBucket(context);
  if (!bucket.ok()) co_return bucket.error();
  auto upload = co_await LoadUpload(context, *bucket);
  if (!upload.ok()) co_return upload.error();
  auto source = co_await FindCopySource(context);
  if (!source.ok()) co_return source.error();
  auto range = SourceRange(context.request(), source->version->size);
  if (!range.ok()) co_return range.error();

  // In null mode parts have no checksum of their own to show.
  const bool show_checksum = upload->checksum_algorithm != model::ChecksumAlgorithm::kNone;
  object_service::UploadPartCopyRequest request;
  request.bucket = *bucket;
  request.upload = *std::move(upload);
  request.part_number = *number;
  request.source_bucket = source->bucket;
  request.source_key = source->key;
  request.source = source->version;
  request.offset = range->first;
  request.length = range->length;
  auto part = co_await context.objects.UploadPartCopy(std::move(request));
  if (!part.ok()) {
    if (part.code() != Code::kNotFound) co_return ReadFailure(part.status());
    // The upload or the source has gone meanwhile.
    auto still_there = co_await LoadUpload(context, *bucket);
    co_return still_there.ok() ? NoSuchKey(source->key) : still_there.error();
  }
  std::string document = XmlDocument("CopyPartResult", [&](XmlWriter& xml) {
    xml.Text("LastModified", FormatIso8601(part->last_modified_ms / 1000 * 1000));
    xml.Text("ETag", Quoted(part->etag));
    if (show_checksum) WriteChecksum(xml, part->checksum, false);
  });
  ResponseHead head;
  if (source->bucket->versioning != model::Versioning::kNever) {
    head.Add("x-amz-copy-source-version-id", source->version->version_id);
  }
  co_return co_await SendXmlWith(context, std::move(head), std::move(document));
}

}  // namespace ashlar::api_gateway::operations
