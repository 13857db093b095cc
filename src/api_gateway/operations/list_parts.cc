// ListParts: by number. Paging parameters out of range are tolerated, as AWS does.
#include "api_gateway/operations/common/authorization.h"
#include "api_gateway/operations/common/checksums.h"
#include "api_gateway/operations/common/errors.h"
#include "api_gateway/operations/common/list_query.h"
#include "api_gateway/operations/common/lookups.h"
#include "api_gateway/operations/common/responses.h"
#include "api_gateway/operations/operations.h"
#include "api_gateway/protocol/http_date.h"

namespace ashlar::api_gateway::operations {
namespace {

using metadata_db::MetadataDb;

void WritePart(XmlWriter& xml, const model::UploadPart& part, bool with_checksum) {
  xml.Open("Part");
  xml.Number("PartNumber", part.part.number);
  xml.Text("LastModified", FormatIso8601(part.last_modified_ms / 1000 * 1000));
  xml.Text("ETag", Quoted(part.etag));
  xml.Number("Size", part.part.size);
  if (with_checksum) WriteChecksum(xml, part.checksum, false);
  xml.Close("Part");
}

void WriteUploadChecksum(XmlWriter& xml, const model::Upload& upload) {
  if (const auto algorithm = NamedAlgorithm(upload.checksum_algorithm)) {
    xml.Text("ChecksumAlgorithm", NamesOf(*algorithm).name);
    xml.Text("ChecksumType", TypeName(upload.checksum_type));
  }
}

}  // namespace

Task<Answer> ListParts(S3Context& context) {
  const HttpRequest& http = context.request();
  auto max_parts = ParseCount(http, "max-parts", kListEntriesMax, kListEntriesMax);
  if (!max_parts.ok()) co_return max_parts.error();
  auto marker = ParseCount(http, "part-number-marker", 0, 1U << 31);
  if (!marker.ok()) co_return marker.error();
  auto bucket = co_await LoadBucket(context);
  if (!bucket.ok()) co_return bucket.error();
  auto upload = co_await LoadUpload(context, *bucket);
  if (!upload.ok()) co_return upload.error();
  MetadataDb::PartsPage page;
  if (*max_parts > 0) {
    auto found = co_await context.objects.ListParts(*bucket, context.address.key, upload->id,
                                                    *marker, *max_parts);
    if (!found.ok()) {
      co_return found.code() == Code::kNotFound ? NoSuchUpload(upload->id.ToHex())
                                                : ReadFailure(found.status());
    }
    page = std::move(*found);
  }
  const bool with_checksum = upload->checksum_algorithm != model::ChecksumAlgorithm::kNone;
  std::string document = XmlDocument("ListPartsResult", [&](XmlWriter& xml) {
    xml.Text("Bucket", context.address.bucket);
    xml.Text("Key", context.address.key);
    xml.Text("UploadId", upload->id.ToHex());
    const UploadUsers users = UsersOf(*upload, context);
    WriteUser(xml, "Initiator", users.initiator, context.directory);
    WriteUser(xml, "Owner", users.owner, context.directory);
    xml.Text("StorageClass", upload->storage_class);
    xml.Number("PartNumberMarker", *marker);
    xml.Number("NextPartNumberMarker", page.parts.empty() ? 0 : page.parts.back().part.number);
    xml.Number("MaxParts", *max_parts);
    xml.Bool("IsTruncated", page.truncated);
    WriteUploadChecksum(xml, *upload);
    for (const model::UploadPart& part : page.parts) WritePart(xml, part, with_checksum);
  });
  co_return co_await SendXml(context, std::move(document));
}

}  // namespace ashlar::api_gateway::operations
