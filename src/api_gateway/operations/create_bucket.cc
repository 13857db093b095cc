// CreateBucket. The store has one region; asking for another one is refused as AWS does at the
// endpoint of a region. Creating one's own bucket again never touches it: us-east-1 answers that it
// is done, for the sake of very old clients, every other region 409.
#include "api_gateway/documents/create_bucket.h"
#include "api_gateway/documents/access_settings.h"
#include "api_gateway/documents/acl.h"
#include "api_gateway/documents/tagging.h"
#include "api_gateway/operations/common/authorization.h"
#include "api_gateway/operations/common/errors.h"
#include "api_gateway/operations/common/responses.h"
#include "api_gateway/operations/operations.h"
#include "api_gateway/protocol/bucket_name.h"
#include "api_gateway/protocol/percent.h"
#include "iam/account_store.h"

namespace ashlar::api_gateway::operations {
namespace {

using ObjectLocking = object_service::ObjectService::ObjectLocking;

constexpr std::string_view kFirstRegion = "us-east-1";  // is never named as a constraint
constexpr std::string_view kIreland = "eu-west-1";      // has an older name too

bool IsOlderName(std::string_view constraint) { return constraint == "EU"; }

std::optional<S3Error> CheckRegion(const std::string& constraint, const std::string& region) {
  if (region == kFirstRegion) {
    if (constraint.empty()) return std::nullopt;
    return S3Error(S3Code::kInvalidLocationConstraint).With("LocationConstraint", constraint);
  }
  if (constraint == region || (region == kIreland && IsOlderName(constraint))) return std::nullopt;
  return S3Error(S3Code::kIllegalLocationConstraintException,
                 "The " + (constraint.empty() ? std::string("unspecified") : constraint) +
                     " location constraint is incompatible for the region specific endpoint this "
                     "request was sent to.");
}

using Configurations = std::map<std::string, std::string>;

// ACL and ownership that the headers ask for. The caller becomes the owner.
S3Result<Configurations> AccessSettings(const S3Context& context) {
  Configurations settings;
  auto ownership = ParseOwnershipHeader(context.request());
  if (!ownership.ok()) return ownership.error();
  if (*ownership) settings[iam::kOwnershipConfiguration] = iam::OwnershipName(**ownership);
  const std::string& owner = context.caller()->canonical_id;
  auto acl = ParseAclHeaders(context.request(), {owner, owner}, context.directory);
  if (!acl.ok()) return acl.error();
  const std::string text = *acl ? iam::EncodeAcl(**acl, owner) : std::string();
  if (text.empty()) return settings;
  if (*ownership == iam::Ownership::kBucketOwnerEnforced) {
    return S3Error(S3Code::kInvalidBucketAclWithObjectOwnership,
                   "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced "
                   "setting");
  }
  settings[iam::kAclConfiguration] = text;
  return settings;
}

// Who may create a bucket may not for that reason open it to others.
bool MaySet(S3Context& context, const Configurations& settings, bool locked) {
  const auto may = [&](std::string_view action) { return MayAlso(context, action, {}); };
  return (!settings.contains(iam::kAclConfiguration) || may("s3:PutBucketAcl")) &&
         (!settings.contains(iam::kOwnershipConfiguration) ||
          may("s3:PutBucketOwnershipControls")) &&
         (!settings.contains(std::string(kTaggingConfiguration)) || may("s3:TagResource")) &&
         (!locked || (may("s3:PutBucketObjectLockConfiguration") && may("s3:PutBucketVersioning")));
}

Task<Answer> SendCreated(S3Context& context) {
  ResponseHead head;
  head.Add("Location", "/" + context.address.bucket);
  head.Add("x-amz-bucket-arn", "arn:aws:s3:::" + context.address.bucket);
  co_return co_await SendEmpty(context, std::move(head));
}

// The name is taken. "Done" must not hide that the bucket has no object lock, or other tags.
Task<Answer> AnswerExisting(S3Context& context, ObjectLocking wanted, bool wants_tags) {
  const std::string& name = context.address.bucket;
  const auto bucket = co_await context.objects.GetBucket(name);
  if (!bucket.ok()) co_return ReadFailure(bucket.status());
  if (OwnerOf(**bucket, context.directory) != context.caller()->canonical_id) {
    co_return S3Error(S3Code::kBucketAlreadyExists).With("BucketName", name);
  }
  if (context.settings.region != kFirstRegion || wants_tags ||
      (wanted == ObjectLocking::kOn && !(*bucket)->object_lock)) {
    co_return S3Error(S3Code::kBucketAlreadyOwnedByYou).With("BucketName", name);
  }
  co_return co_await SendCreated(context);
}

}  // namespace

Task<Answer> CreateBucket(S3Context& context) {
  const std::string& name = context.address.bucket;
  if (!IsValidBucketName(name)) {
    co_return S3Error(S3Code::kInvalidBucketName).With("BucketName", name);
  }
  auto body = co_await context.verified.ReadSmallBody(kCreateBucketBytesMax, false);
  if (!body.ok()) co_return body.error();
  auto configuration = ParseCreateBucketConfiguration(*body);
  if (!configuration.ok()) co_return configuration.error();
  if (auto error = CheckRegion(configuration->location_constraint, context.settings.region)) {
    co_return error;
  }
  const auto lock = context.request().Find("x-amz-bucket-object-lock-enabled");
  const bool locked = lock && EqualsIgnoreCase(TrimBlanks(*lock), "true");
  const ObjectLocking locking = locked ? ObjectLocking::kOn : ObjectLocking::kOff;
  auto access = AccessSettings(context);
  if (!access.ok()) co_return access.error();
  const std::string& constraint = configuration->location_constraint;
  if (IsOlderName(constraint)) access->emplace(kLocationConfiguration, constraint);
  const bool tagged = !configuration->tags.empty();
  if (tagged) access->emplace(kTaggingConfiguration, RenderTagging(configuration->tags));
  if (!MaySet(context, *access, locked)) co_return S3Error(S3Code::kAccessDenied);
  auto owner_check = iam::OwnerIsEnabled(*context.caller());
  auto created = co_await context.objects.CreateBucket(name, context.caller()->canonical_id,
                                                       context.settings.region, locking,
                                                       *std::move(access), std::move(owner_check));
  if (!created.ok()) {
    // As the next request of the account will be answered.
    if (created.code() == Code::kPreconditionFailed) {
      co_return S3Error(S3Code::kInvalidAccessKeyId);
    }
    if (created.code() != Code::kAlreadyExists) co_return FromStatus(created.status());
    co_return co_await AnswerExisting(context, locking, tagged);
  }
  co_return co_await SendCreated(context);
}

}  // namespace ashlar::api_gateway::operations
