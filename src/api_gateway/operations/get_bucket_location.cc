// GetBucketLocation: us-east-1 is an empty element, and a bucket that was asked for by the older
// name of its region tells that one.
#include "api_gateway/documents/create_bucket.h"
#include "api_gateway/operations/common/lookups.h"
#include "api_gateway/operations/common/responses.h"
#include "api_gateway/operations/operations.h"

namespace ashlar::api_gateway::operations {

Task<Answer> GetBucketLocation(S3Context& context) {
  auto bucket = co_await LoadBucket(context);
  if (!bucket.ok()) co_return bucket.error();
  std::string document;
  XmlWriter xml(&document);
  xml.Declaration();
  xml.Open("LocationConstraint", kS3Namespace);
  const auto asked = (*bucket)->configurations.find(kLocationConfiguration);
  if (asked != (*bucket)->configurations.end()) {
    AppendXmlEscaped(asked->second, &document);
  } else if ((*bucket)->region != "us-east-1") {
    AppendXmlEscaped((*bucket)->region, &document);
  }
  xml.Close("LocationConstraint");
  co_return co_await SendXml(context, std::move(document));
}

}  // namespace ashlar::api_gateway::operations
