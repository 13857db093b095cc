// ListObjectsV2: pages by continuation token, which beats start-after. Tokens are never
// URL-encoded.
#include "api_gateway/operations/common/continuation_token.h"
#include "api_gateway/operations/common/errors.h"
#include "api_gateway/operations/common/lookups.h"
#include "api_gateway/operations/common/object_listing.h"
#include "api_gateway/operations/common/responses.h"
#include "api_gateway/operations/operations.h"

namespace ashlar::api_gateway::operations {
namespace {

struct Position {
  std::string start_after;  // where to go on
  std::optional<std::string> token;
  std::optional<std::string> start_after_parameter;
};

S3Result<Position> ParsePosition(const HttpRequest& request) {
  Position position;
  if (const auto start_after = request.FindQuery("start-after"); start_after) {
    position.start_after = *start_after;
    if (!start_after->empty()) position.start_after_parameter = std::string(*start_after);
  }
  if (const auto token = request.FindQuery("continuation-token")) {
    auto after = ReadContinuationToken(TokenKind::kObjects, *token);
    if (!after) {
      return InvalidArgument("The continuation token provided is incorrect", "continuation-token",
                             *token);
    }
    position.start_after = *std::move(after);
    position.token = std::string(*token);
  }
  return position;
}

}  // namespace

Task<Answer> ListObjectsV2(S3Context& context) {
  auto query = ParseListQuery(context.request(), "max-keys");
  if (!query.ok()) co_return query.error();
  auto position = ParsePosition(context.request());
  if (!position.ok()) co_return position.error();
  auto bucket = co_await LoadBucket(context);
  if (!bucket.ok()) co_return bucket.error();
  metadata_db::ListPage page;
  if (query->max_entries > 0) {
    metadata_db::ListRequest list;
    list.bucket = (*bucket)->id;
    list.prefix = query->prefix;
    list.delimiter = query->delimiter;
    list.start_after = position->start_after;
    list.max_entries = query->max_entries;
    auto found = co_await context.objects.List(std::move(list));
    if (!found.ok()) co_return ReadFailure(found.status());
    page = std::move(*found);
  }
  const bool with_owner = QueryText(context.request(), "fetch-owner") == "true";
  std::string document = XmlDocument("ListBucketResult", [&](XmlWriter& xml) {
    xml.Text("Name", context.address.bucket);
    xml.Name("Prefix", query->prefix, query->url_encode);
    if (position->token) xml.Text("ContinuationToken", *position->token);
    if (page.truncated) {
      xml.Text("NextContinuationToken",
               MakeContinuationToken(TokenKind::kObjects, page.next_after));
    }
    if (position->start_after_parameter) {
      xml.Name("StartAfter", *position->start_after_parameter, query->url_encode);
    }
    xml.Number("KeyCount", page.objects.size() + page.common_prefixes.size());
    xml.Number("MaxKeys", query->max_entries);
    WriteListEcho(xml, *query);
    xml.Bool("IsTruncated", page.truncated);
    WriteContents(xml, page, *query, context, with_owner);
    WriteCommonPrefixes(xml, page.common_prefixes, *query);
  });
  ResponseHead head;
  head.Add("x-amz-bucket-region", (*bucket)->region);
  co_return co_await SendXmlWith(context, std::move(head), std::move(document));
}

}  // namespace ashlar::api_gateway::operations
