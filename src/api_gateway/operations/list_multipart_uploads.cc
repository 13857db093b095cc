// ListMultipartUploads: by key, then by the time they began.
//
// AWS answers empty next markers for a truncated page that ends in a common prefix, which no client
// can continue from; here they are always usable.
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

using metadata_db::ListUploadsPage;
using metadata_db::ListUploadsRequest;

// Pages that are searched for an upload-id-marker that is not an upload of its key.
constexpr int kForeignSearchPagesMax = 10;

struct Markers {
  std::string key;
  std::string upload_id;
};

S3Error InvalidMarker(std::string_view upload_id) {
  return InvalidArgument("Invalid uploadId marker", "upload-id-marker", upload_id);
}

// Whether the upload belongs to another key of the bucket.
Task<bool> IsForeign(S3Context& context, BucketId bucket, UniqueId id) {
  ListUploadsRequest list;
  list.bucket = bucket;
  for (int i = 0; i < kForeignSearchPagesMax; ++i) {
    auto page = co_await context.objects.ListUploads(list);
    if (!page.ok()) co_return false;
    for (const model::Upload& upload : page->uploads) {
      if (upload.id == id) co_return true;
    }
    if (!page->truncated) co_return false;
    list.key_marker = page->next_key_marker;
    list.upload_id_marker = page->next_upload_id_marker;
  }
  co_return false;
}

// An id of another key is refused. One that is nowhere was ended since the last page, perhaps by
// the very client that goes through the list to abort what it finds: it still tells a position,
// since ids are ordered by time.
Task<Answer> CheckUploadIdMarker(S3Context& context, object_service::BucketPtr bucket,
                                 Markers markers) {
  const auto id = ParseUploadId(markers.upload_id);
  if (!id) co_return InvalidMarker(markers.upload_id);
  auto own = co_await context.objects.GetUpload(bucket, markers.key, *id);
  if (own.ok()) co_return std::nullopt;
  if (own.code() != Code::kNotFound) co_return ReadFailure(own.status());
  const bool foreign = co_await IsForeign(context, bucket->id, *id);
  if (foreign) co_return InvalidMarker(markers.upload_id);
  co_return std::nullopt;
}

void WriteUpload(XmlWriter& xml, const model::Upload& upload, const ListQuery& query,
                 const S3Context& context) {
  xml.Open("Upload");
  xml.Name("Key", upload.key, query.url_encode);
  xml.Text("UploadId", upload.id.ToHex());
  const UploadUsers users = UsersOf(upload, context);
  WriteUser(xml, "Initiator", users.initiator, context.directory);
  WriteUser(xml, "Owner", users.owner, context.directory);
  xml.Text("StorageClass", upload.storage_class);
  xml.Text("Initiated", FormatIso8601(upload.initiated_ms / 1000 * 1000));
  if (const auto algorithm = NamedAlgorithm(upload.checksum_algorithm)) {
    xml.Text("ChecksumAlgorithm", NamesOf(*algorithm).name);
    xml.Text("ChecksumType", TypeName(upload.checksum_type));
  }
  xml.Close("Upload");
}

// Also told when nothing follows; empty when no upload was listed.
Markers NextMarkers(const ListUploadsPage& page) {
  if (page.truncated) return {page.next_key_marker, page.next_upload_id_marker};
  if (page.uploads.empty()) return {};
  return {page.uploads.back().key, page.uploads.back().id.ToHex()};
}

std::string Render(const S3Context& context, const ListQuery& query, const Markers& markers,
                   const ListUploadsPage& page) {
  return XmlDocument("ListMultipartUploadsResult", [&](XmlWriter& xml) {
    const Markers next = NextMarkers(page);
    xml.Text("Bucket", context.address.bucket);
    xml.Name("KeyMarker", markers.key, query.url_encode);
    xml.Text("UploadIdMarker", markers.upload_id);
    xml.Name("NextKeyMarker", next.key, query.url_encode);
    xml.Text("NextUploadIdMarker", next.upload_id);
    if (!query.prefix.empty()) xml.Name("Prefix", query.prefix, query.url_encode);
    WriteListEcho(xml, query);
    xml.Number("MaxUploads", query.max_entries);
    xml.Bool("IsTruncated", page.truncated);
    for (const model::Upload& upload : page.uploads) {
      WriteUpload(xml, upload, query, context);
    }
    WriteCommonPrefixes(xml, page.common_prefixes, query);
  });
}

}  // namespace

Task<Answer> ListMultipartUploads(S3Context& context) {
  auto query = ParseListQuery(context.request(), "max-uploads");
  if (!query.ok()) co_return query.error();
  auto bucket = co_await LoadBucket(context);
  if (!bucket.ok()) co_return bucket.error();
  Markers markers;
  markers.key = QueryText(context.request(), "key-marker");
  // Without a key the id says nothing and is ignored.
  if (!markers.key.empty()) markers.upload_id = QueryText(context.request(), "upload-id-marker");
  if (!markers.upload_id.empty()) {
    Answer refused = co_await CheckUploadIdMarker(context, *bucket, markers);
    if (refused) co_return refused;
  }
  ListUploadsPage page;
  if (query->max_entries > 0) {
    ListUploadsRequest list;
    list.bucket = (*bucket)->id;
    list.prefix = query->prefix;
    list.delimiter = query->delimiter;
    list.key_marker = markers.key;
    list.upload_id_marker = markers.upload_id;
    list.max_entries = query->max_entries;
    auto found = co_await context.objects.ListUploads(std::move(list));
    if (!found.ok()) co_return ReadFailure(found.status());
    page = std::move(*found);
  }
  co_return co_await SendXml(context, Render(context, *query, markers, page));
}

}  // namespace ashlar::api_gateway::operations
