// CreateMultipartUpload: fixes metadata, storage class and checksum mode of the object to come.
#include "api_gateway/operations/common/attributes.h"
#include "api_gateway/operations/common/checksums.h"
#include "api_gateway/operations/common/errors.h"
#include "api_gateway/operations/common/lookups.h"
#include "api_gateway/operations/common/object_access.h"
#include "api_gateway/operations/common/responses.h"
#include "api_gateway/operations/operations.h"

namespace ashlar::api_gateway::operations {

Task<Answer> CreateMultipartUpload(S3Context& context) {
  auto checksum = ParseMultipartChecksum(context.request());
  if (!checksum.ok()) co_return checksum.error();
  auto attributes = CollectAttributes(context.request(), context.clock.WallMilliseconds());
  if (!attributes.ok()) co_return attributes.error();
  auto bucket = co_await LoadBucket(context);
  if (!bucket.ok()) co_return bucket.error();
  if (auto error = CheckAttributes(**bucket, *attributes)) co_return error;
  if (auto error = SetOwnerAndAcl(context, &attributes->extras)) co_return error;

  object_service::CreateUploadRequest create;
  create.bucket = *bucket;
  create.key = context.address.key;
  create.owner =
      context.caller() == nullptr ? iam::kAnonymousCanonicalId : context.caller()->canonical_id;
  create.attributes = *std::move(attributes);
  ResponseHead head;
  if (*checksum) {
    create.checksum_algorithm = StoredAlgorithm((*checksum)->algorithm);
    create.checksum_type = StoredType((*checksum)->type);
    head.Add("x-amz-checksum-algorithm", NamesOf((*checksum)->algorithm).name);
    head.Add("x-amz-checksum-type", ChecksumTypeName((*checksum)->type));
  }
  auto upload = co_await context.objects.CreateUpload(std::move(create));
  if (!upload.ok()) {
    const WriteConditions none;
    co_return WriteFailure(upload.status(), none, context.address.bucket, context.address.key);
  }
  std::string document = XmlDocument("InitiateMultipartUploadResult", [&](XmlWriter& xml) {
    xml.Text("Bucket", context.address.bucket);
    xml.Text("Key", context.address.key);
    xml.Text("UploadId", upload->id.ToHex());
  });
  co_return co_await SendXmlWith(context, std::move(head), std::move(document));
}

}  // namespace ashlar::api_gateway::operations
