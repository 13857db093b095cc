// ListObjectVersions: by key, newest first; versions and delete markers in one order.
#include "api_gateway/operations/common/authorization.h"
#include "api_gateway/operations/common/errors.h"
#include "api_gateway/operations/common/list_query.h"
#include "api_gateway/operations/common/lookups.h"
#include "api_gateway/operations/common/responses.h"
#include "api_gateway/operations/operations.h"
#include "api_gateway/protocol/http_date.h"

namespace ashlar::api_gateway::operations {
namespace {

struct Markers {
  std::string key;
  std::optional<std::string> version_id;
};

S3Result<Markers> ParseMarkers(const HttpRequest& request) {
  Markers markers;
  markers.key = QueryText(request, "key-marker");
  const auto version_id = request.FindQuery("version-id-marker");
  if (!version_id) return markers;
  if (markers.key.empty()) {
    if (version_id->empty()) return markers;
    return InvalidArgument("A version-id marker cannot be specified without a key marker.",
                           "version-id-marker", *version_id);
  }
  if (version_id->empty()) {
    return InvalidArgument("A version-id marker cannot be empty.", "version-id-marker", "");
  }
  markers.version_id = std::string(*version_id);
  return markers;
}

void WriteEntry(XmlWriter& xml, const metadata_db::VersionEntry& entry, const ListQuery& query,
                const S3Context& context) {
  const bool marker = entry.version.kind == model::ObjectKind::kDeleteMarker;
  const std::string_view element = marker ? "DeleteMarker" : "Version";
  xml.Open(element);
  xml.Name("Key", entry.key, query.url_encode);
  xml.Text("VersionId", entry.version.version_id);
  xml.Bool("IsLatest", entry.is_latest);
  if (marker) {
    xml.Text("LastModified", FormatIso8601(entry.version.last_modified_ms / 1000 * 1000));
  } else {
    WriteListedVersion(xml, entry.version);
  }
  WriteUser(xml, "Owner",
            OwnerOf(entry.version.extras, *context.bucket, *context.access, context.directory),
            context.directory);
  xml.Close(element);
}

void WriteNextMarkers(XmlWriter& xml, const metadata_db::ListVersionsPage& page,
                      const ListQuery& query) {
  if (!page.truncated) return;
  xml.Name("NextKeyMarker", page.next_key_marker, query.url_encode);
  // None after a common prefix.
  if (!page.next_version_id_marker.empty()) {
    xml.Text("NextVersionIdMarker", page.next_version_id_marker);
  }
}

}  // namespace

Task<Answer> ListObjectVersions(S3Context& context) {
  auto query = ParseListQuery(context.request(), "max-keys");
  if (!query.ok()) co_return query.error();
  auto markers = ParseMarkers(context.request());
  if (!markers.ok()) co_return markers.error();
  auto bucket = co_await LoadBucket(context);
  if (!bucket.ok()) co_return bucket.error();
  if (markers->version_id && !IsVersionIdOf(*markers->version_id, **bucket)) {
    co_return InvalidArgument("Invalid version id specified", "version-id-marker",
                              *markers->version_id);
  }
  metadata_db::ListVersionsPage page;
  if (query->max_entries > 0) {
    metadata_db::ListVersionsRequest list;
    list.bucket = (*bucket)->id;
    list.prefix = query->prefix;
    list.delimiter = query->delimiter;
    list.key_marker = markers->key;
    list.version_id_marker = markers->version_id;
    list.max_entries = query->max_entries;
    auto found = co_await context.objects.ListVersions(std::move(list));
    if (!found.ok()) co_return ReadFailure(found.status());
    page = std::move(*found);
  }
  std::string document = XmlDocument("ListVersionsResult", [&](XmlWriter& xml) {
    xml.Text("Name", context.address.bucket);
    xml.Name("Prefix", query->prefix, query->url_encode);
    xml.Name("KeyMarker", markers->key, query->url_encode);
    xml.Text("VersionIdMarker", markers->version_id.value_or(""));
    WriteNextMarkers(xml, page, *query);
    xml.Number("MaxKeys", query->max_entries);
    WriteListEcho(xml, *query);
    xml.Bool("IsTruncated", page.truncated);
    for (const metadata_db::VersionEntry& entry : page.versions) {
      WriteEntry(xml, entry, *query, context);
    }
    WriteCommonPrefixes(xml, page.common_prefixes, *query);
  });
  ResponseHead head;
  head.Add("x-amz-bucket-region", (*bucket)->region);
  co_return co_await SendXmlWith(context, std::move(head), std::move(document));
}

}  // namespace ashlar::api_gateway::operations
