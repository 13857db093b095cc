// ListBuckets: all buckets of the caller's account by name, by pages when asked for. The operator
// of the store sees those of all accounts.
#include "api_gateway/operations/common/authorization.h"
#include "api_gateway/operations/common/continuation_token.h"
#include "api_gateway/operations/common/errors.h"
#include "api_gateway/operations/common/list_query.h"
#include "api_gateway/operations/common/responses.h"
#include "api_gateway/operations/operations.h"
#include "api_gateway/protocol/http_date.h"
#include "api_gateway/protocol/region.h"

namespace ashlar::api_gateway::operations {
namespace {

constexpr uint32_t kBucketsMax = 10'000;

struct Query {
  std::string prefix;
  std::string start_after;
  uint32_t max_buckets = kBucketsMax;
  bool other_region = false;
  bool paged = false;  // any parameter given: buckets then tell their region
};

S3Result<Query> ParseQuery(const HttpRequest& request, const S3GatewaySettings& settings) {
  Query query;
  query.prefix = QueryText(request, "prefix");
  const std::string token = QueryText(request, "continuation-token");
  if (!token.empty()) {
    auto position = ReadContinuationToken(TokenKind::kBuckets, token);
    if (!position) {
      return InvalidArgument("The continuation token provided is incorrect", "continuation-token",
                             token);
    }
    query.start_after = *std::move(position);
  }
  auto count = ParseCount(request, "max-buckets", kBucketsMax, kBucketsMax + 1);
  if (!count.ok()) return count.error();
  if (*count < 1 || *count > kBucketsMax) {
    return InvalidArgument("Argument max-buckets must be an integer between 1 and 10000",
                           "max-buckets", QueryText(request, "max-buckets"));
  }
  query.max_buckets = *count;
  const std::string region = QueryText(request, "bucket-region");
  if (!region.empty() && region != settings.region && !IsAwsRegion(region)) {
    return S3Error(S3Code::kInvalidArgument,
                   "Argument value " + region + " is not a valid AWS Region")
        .With("ArgumentName", "bucket-region");
  }
  query.other_region = !region.empty() && region != settings.region;
  query.paged = request.HasQuery("prefix") || request.HasQuery("max-buckets") ||
                request.HasQuery("continuation-token") || request.HasQuery("bucket-region");
  return query;
}

// One more than a page, where there are so many. Buckets are kept by name: those of others are
// passed over.
Task<Result<std::vector<model::Bucket>>> FindBuckets(S3Context& context, const Query& query) {
  constexpr uint32_t kReadAtOnce = 1000;
  const iam::Identity& caller = *context.caller();
  std::vector<model::Bucket> buckets;
  std::string after = query.start_after;
  while (true) {
    CO_ASSIGN_OR_RETURN(std::vector<model::Bucket> some,
                        co_await context.objects.ListBuckets(query.prefix, after, kReadAtOnce));
    const bool last = some.size() < kReadAtOnce;
    if (!some.empty()) after = some.back().name;
    for (model::Bucket& bucket : some) {
      if (!caller.is_store_root && OwnerOf(bucket, context.directory) != caller.canonical_id) {
        continue;
      }
      buckets.push_back(std::move(bucket));
      if (buckets.size() > query.max_buckets) co_return buckets;
    }
    if (last) co_return buckets;
  }
}

void WriteBucket(XmlWriter& xml, const model::Bucket& bucket, bool with_region) {
  xml.Open("Bucket");
  xml.Text("Name", bucket.name);
  xml.Text("CreationDate", FormatIso8601(bucket.created_ms / 1000 * 1000));
  if (with_region) xml.Text("BucketRegion", bucket.region);
  xml.Text("BucketArn", "arn:aws:s3:::" + bucket.name);
  xml.Close("Bucket");
}

}  // namespace

Task<Answer> ListBuckets(S3Context& context) {
  // "//" is a key without a bucket, not the service.
  if (context.request().raw_path != "/") {
    co_return S3Error(S3Code::kInvalidBucketName).With("BucketName", "");
  }
  auto query = ParseQuery(context.request(), context.settings);
  if (!query.ok()) co_return query.error();
  std::vector<model::Bucket> buckets;
  if (!query->other_region) {
    auto found = co_await FindBuckets(context, *query);
    if (!found.ok()) co_return ReadFailure(found.status());
    buckets = std::move(*found);
  }
  const bool truncated = buckets.size() > query->max_buckets;
  if (truncated) buckets.resize(query->max_buckets);
  std::string document = XmlDocument("ListAllMyBucketsResult", [&](XmlWriter& xml) {
    WriteUser(xml, "Owner", context.caller()->canonical_id, context.directory);
    xml.Open("Buckets");
    for (const model::Bucket& bucket : buckets) WriteBucket(xml, bucket, query->paged);
    xml.Close("Buckets");
    if (!query->prefix.empty()) xml.Text("Prefix", query->prefix);
    if (truncated) {
      xml.Text("ContinuationToken",
               MakeContinuationToken(TokenKind::kBuckets, buckets.back().name));
    }
  });
  co_return co_await SendXml(context, std::move(document));
}

}  // namespace ashlar::api_gateway::operations
