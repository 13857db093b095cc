#include "api_gateway/operations/common/list_query.h"

#include <algorithm>
#include <limits>

#include "api_gateway/operations/common/checksums.h"
#include "api_gateway/operations/common/responses.h"
#include "api_gateway/protocol/http_date.h"
#include "api_gateway/protocol/percent.h"

namespace ashlar::api_gateway {

std::string QueryText(const HttpRequest& request, std::string_view name) {
  return std::string(request.FindQuery(name).value_or(std::string_view()));
}

S3Result<uint32_t> ParseCount(const HttpRequest& request, std::string_view name, uint32_t fallback,
                              uint32_t limit) {
  const auto text = request.FindQuery(name);
  if (!text || text->empty()) return fallback;
  const bool negative = text->front() == '-';
  unsigned long long value = 0;
  constexpr auto kMax = static_cast<unsigned long long>(std::numeric_limits<int32_t>::max());
  if (!ParseUnsigned(negative ? text->substr(1) : *text, &value) || value > kMax) {
    return InvalidArgument(
        "Provided " + std::string(name) + " not an integer or within integer range", name, *text);
  }
  if (negative && value > 0) {
    return InvalidArgument(
        "Argument " + std::string(name) + " must be an integer between 0 and 2147483647", name,
        *text);
  }
  return static_cast<uint32_t>(std::min<unsigned long long>(value, limit));
}

S3Result<ListQuery> ParseListQuery(const HttpRequest& request, std::string_view max_name) {
  ListQuery query;
  query.prefix = QueryText(request, "prefix");
  query.delimiter = QueryText(request, "delimiter");
  if (const auto encoding = request.FindQuery("encoding-type")) {
    if (*encoding != "url") {
      return InvalidArgument("Invalid Encoding Method specified in Request", "encoding-type",
                             *encoding);
    }
    query.url_encode = true;
  }
  auto count = ParseCount(request, max_name, kListEntriesMax, kListEntriesMax);
  if (!count.ok()) return count.error();
  query.max_entries = *count;
  return query;
}

void WriteListEcho(XmlWriter& xml, const ListQuery& query) {
  if (!query.delimiter.empty()) xml.Name("Delimiter", query.delimiter, query.url_encode);
  if (query.url_encode) xml.Text("EncodingType", "url");
}

void WriteCommonPrefixes(XmlWriter& xml, const std::vector<std::string>& prefixes,
                         const ListQuery& query) {
  for (const std::string& prefix : prefixes) {
    xml.Open("CommonPrefixes");
    xml.Name("Prefix", prefix, query.url_encode);
    xml.Close("CommonPrefixes");
  }
}

void WriteListedVersion(XmlWriter& xml, const model::ObjectVersion& version) {
  // Whole seconds, as in the Last-Modified header, so that both compare equal.
  xml.Text("LastModified", FormatIso8601(version.last_modified_ms / 1000 * 1000));
  xml.Text("ETag", Quoted(version.etag));
  if (const auto algorithm = NamedAlgorithm(version.checksum.algorithm)) {
    xml.Text("ChecksumAlgorithm", NamesOf(*algorithm).name);
    xml.Text("ChecksumType", TypeName(version.checksum.type));
  }
  xml.Number("Size", version.size);
  xml.Text("StorageClass", version.storage_class);
}

}  // namespace ashlar::api_gateway
