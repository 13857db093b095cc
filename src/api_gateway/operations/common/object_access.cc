#include "api_gateway/operations/common/object_access.h"

#include "api_gateway/documents/acl.h"
#include "api_gateway/operations/common/authorization.h"
#include "api_gateway/protocol/percent.h"

namespace ashlar::api_gateway {
namespace {

constexpr std::string_view kGivenToBucketOwner = "bucket-owner-full-control";

}  // namespace

Answer CheckNewAcl(const S3Context& context, const iam::Acl& acl) {
  if (context.access->block.block_public_acls && iam::IsPublicAcl(acl)) {
    return S3Error(S3Code::kAccessDenied);
  }
  return std::nullopt;
}

Answer SetOwnerAndAcl(S3Context& context, model::ObjectExtras* extras) {
  if (auto error = AuthorizeHeaders(context, context.address.key)) return error;
  const iam::Ownership ownership = context.access->ownership;
  const auto canned = context.request().Find("x-amz-acl");
  const bool given = canned && TrimBlanks(*canned) == kGivenToBucketOwner;
  const bool has_headers = HasAclHeaders(context.request());
  if (ownership == iam::Ownership::kBucketOwnerEnforced) {
    if (has_headers && !given) return S3Error(S3Code::kAccessControlListNotSupported);
    return std::nullopt;  // the bucket's owner owns it, and there is no ACL
  }
  const std::string_view bucket_owner = OwnerOf(*context.bucket, context.directory);
  const iam::Identity* const caller = context.caller();
  std::string_view owner =
      caller == nullptr ? std::string_view(iam::kAnonymousCanonicalId) : caller->canonical_id;
  if (given && ownership == iam::Ownership::kBucketOwnerPreferred) owner = bucket_owner;
  if (owner != bucket_owner) extras->owner = owner;
  if (!has_headers) return std::nullopt;
  auto acl = ParseAclHeaders(context.request(), {owner, bucket_owner}, context.directory);
  if (!acl.ok()) return acl.error();
  if (auto error = CheckNewAcl(context, **acl)) return error;
  extras->acl = iam::EncodeAcl(**acl, owner);
  return std::nullopt;
}

}  // namespace ashlar::api_gateway
