// Public access block and ownership controls of a bucket. Kept as iam/access.h reads them.
#include "api_gateway/documents/access_settings.h"

#include "api_gateway/operations/common/bucket_configurations.h"
#include "api_gateway/operations/common/responses.h"
#include "api_gateway/operations/operations.h"

namespace ashlar::api_gateway::operations {
namespace {

// Whether the bucket has a text under this name, and that it could be read.
Answer CheckKept(const S3Context& context, const char* name, S3Code absent) {
  if (context.access->unreadable) return S3Error(S3Code::kInternalError);
  if (context.bucket->configurations.contains(name)) return std::nullopt;
  return S3Error(absent).With("BucketName", context.address.bucket);
}

}  // namespace

Task<Answer> GetPublicAccessBlock(S3Context& context) {
  if (auto error = CheckKept(context, iam::kPublicAccessConfiguration,
                             S3Code::kNoSuchPublicAccessBlockConfiguration)) {
    co_return error;
  }
  co_return co_await SendXml(context, RenderPublicAccessBlock(context.access->block));
}

Task<Answer> PutPublicAccessBlock(S3Context& context) {
  auto body = co_await context.verified.ReadSmallBody(kAccessSettingsBytesMax, false);
  if (!body.ok()) co_return body.error();
  auto block = ParsePublicAccessBlock(*body);
  if (!block.ok()) co_return block.error();
  co_return co_await KeepBucketConfiguration(context, iam::kPublicAccessConfiguration,
                                             iam::EncodePublicAccessBlock(*block), 200);
}

Task<Answer> DeletePublicAccessBlock(S3Context& context) {
  return DropBucketConfiguration(context, iam::kPublicAccessConfiguration);
}

Task<Answer> GetBucketOwnershipControls(S3Context& context) {
  if (auto error = CheckKept(context, iam::kOwnershipConfiguration,
                             S3Code::kOwnershipControlsNotFoundError)) {
    co_return error;
  }
  co_return co_await SendXml(context, RenderOwnershipControls(context.access->ownership));
}

Task<Answer> PutBucketOwnershipControls(S3Context& context) {
  auto body = co_await context.verified.ReadSmallBody(kAccessSettingsBytesMax, false);
  if (!body.ok()) co_return body.error();
  auto ownership = ParseOwnershipControls(*body);
  if (!ownership.ok()) co_return ownership.error();
  // ACLs that are switched off must not lie in wait for the day when they are switched on again.
  if (*ownership == iam::Ownership::kBucketOwnerEnforced &&
      context.bucket->configurations.contains(iam::kAclConfiguration)) {
    co_return S3Error(S3Code::kInvalidBucketAclWithObjectOwnership);
  }
  co_return co_await KeepBucketConfiguration(context, iam::kOwnershipConfiguration,
                                             std::string(iam::OwnershipName(*ownership)), 200);
}

Task<Answer> DeleteBucketOwnershipControls(S3Context& context) {
  return DropBucketConfiguration(context, iam::kOwnershipConfiguration);
}

}  // namespace ashlar::api_gateway::operations
