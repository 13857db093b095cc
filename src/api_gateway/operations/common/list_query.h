// The query parameters that listings share, and the parts that their documents share.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "api_gateway/http/http_request.h"
#include "api_gateway/operations/settings.h"
#include "api_gateway/protocol/xml.h"
#include "model/object_version.h"

namespace ashlar::api_gateway {

inline constexpr uint32_t kListEntriesMax = 1000;

struct ListQuery {
  std::string prefix;
  std::string delimiter;    // empty: none
  bool url_encode = false;  // encoding-type=url
  uint32_t max_entries = kListEntriesMax;
};
// `max_name` is "max-keys" or "max-uploads". InvalidArgument.
[[nodiscard]] S3Result<ListQuery> ParseListQuery(const HttpRequest& request,
                                                 std::string_view max_name);

// A number of 0 to 2^31-1; `fallback` when absent or empty, `limit` at most. InvalidArgument for a
// negative one and, with another text, for what is no number.
[[nodiscard]] S3Result<uint32_t> ParseCount(const HttpRequest& request, std::string_view name,
                                            uint32_t fallback, uint32_t limit);

// The value of a query parameter, empty when absent.
[[nodiscard]] std::string QueryText(const HttpRequest& request, std::string_view name);

// <Delimiter> when there is one, <EncodingType> when one was asked for.
void WriteListEcho(XmlWriter& xml, const ListQuery& query);
void WriteCommonPrefixes(XmlWriter& xml, const std::vector<std::string>& prefixes,
                         const ListQuery& query);

// LastModified, ETag, checksum algorithm, Size, StorageClass of a listed version; Key comes first.
void WriteListedVersion(XmlWriter& xml, const model::ObjectVersion& version);

}  // namespace ashlar::api_gateway
