// GetBucketVersioning: an empty element while versioning was never configured.
#include "api_gateway/operations/common/lookups.h"
#include "api_gateway/operations/common/responses.h"
#include "api_gateway/operations/operations.h"

namespace ashlar::api_gateway::operations {

Task<Answer> GetBucketVersioning(S3Context& context) {
  auto bucket = co_await LoadBucket(context);
  if (!bucket.ok()) co_return bucket.error();
  const model::Versioning versioning = (*bucket)->versioning;
  std::string document = XmlDocument("VersioningConfiguration", [versioning](XmlWriter& xml) {
    if (versioning == model::Versioning::kEnabled) xml.Text("Status", "Enabled");
    if (versioning == model::Versioning::kSuspended) xml.Text("Status", "Suspended");
  });
  co_return co_await SendXml(context, std::move(document));
}

}  // namespace ashlar::api_gateway::operations
