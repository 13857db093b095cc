// ListObjects, the first form: pages by marker. NextMarker is told only when a delimiter was given;
// without one the last key is the next marker.
#include "api_gateway/operations/common/errors.h"
#include "api_gateway/operations/common/lookups.h"
#include "api_gateway/operations/common/object_listing.h"
#include "api_gateway/operations/common/responses.h"
#include "api_gateway/operations/operations.h"

namespace ashlar::api_gateway::operations {

Task<Answer> ListObjects(S3Context& context) {
  auto query = ParseListQuery(context.request(), "max-keys");
  if (!query.ok()) co_return query.error();
  auto bucket = co_await LoadBucket(context);
  if (!bucket.ok()) co_return bucket.error();
  const std::string marker = QueryText(context.request(), "marker");
  metadata_db::ListPage page;
  if (query->max_entries > 0) {
    metadata_db::ListRequest list;
    list.bucket = (*bucket)->id;
    list.prefix = query->prefix;
    list.delimiter = query->delimiter;
    list.start_after = marker;
    list.max_entries = query->max_entries;
    auto found = co_await context.objects.List(std::move(list));
    if (!found.ok()) co_return ReadFailure(found.status());
    page = std::move(*found);
  }
  std::string document = XmlDocument("ListBucketResult", [&](XmlWriter& xml) {
    xml.Text("Name", context.address.bucket);
    xml.Name("Prefix", query->prefix, query->url_encode);
    xml.Name("Marker", marker, query->url_encode);
    if (page.truncated && !query->delimiter.empty()) {
      xml.Name("NextMarker", page.next_after, query->url_encode);
    }
    xml.Number("MaxKeys", query->max_entries);
    WriteListEcho(xml, *query);
    xml.Bool("IsTruncated", page.truncated);
    WriteContents(xml, page, *query, context, true);
    WriteCommonPrefixes(xml, page.common_prefixes, *query);
  });
  ResponseHead head;
  head.Add("x-amz-bucket-region", (*bucket)->region);
  co_return co_await SendXmlWith(context, std::move(head), std::move(document));
}

}  // namespace ashlar::api_gateway::operations
