#include "api_gateway/operations/common/authorization.h"

#include <algorithm>
#include <array>

#include "api_gateway/operations/common/condition_keys.h"
#include "api_gateway/operations/common/lookups.h"

namespace ashlar::api_gateway {
namespace {

using iam::Decision;
using iam::Permission;
using iam::Verdict;

constexpr std::string_view kRootOwner = "root";  // of buckets from before there were accounts

struct VersionAction {
  std::string_view action;
  std::string_view of_version;
};
// Naming a version asks for a right of its own.
constexpr VersionAction kVersionActions[] = {
    {"s3:GetObject", "s3:GetObjectVersion"},
    {"s3:GetObjectAcl", "s3:GetObjectVersionAcl"},
    {"s3:PutObjectAcl", "s3:PutObjectVersionAcl"},
    {"s3:GetObjectTagging", "s3:GetObjectVersionTagging"},
    {"s3:PutObjectTagging", "s3:PutObjectVersionTagging"},
    {"s3:DeleteObjectTagging", "s3:DeleteObjectVersionTagging"},
    {"s3:DeleteObject", "s3:DeleteObjectVersion"},
    {"s3:GetObjectAttributes", "s3:GetObjectVersionAttributes"},
    {"s3:GetObjectTorrent", "s3:GetObjectVersionTorrent"},
};

std::string_view ActionFor(std::string_view action, bool version_named) {
  if (!version_named) return action;
  for (const VersionAction& row : kVersionActions) {
    if (row.action == action) return row.of_version;
  }
  return action;
}

enum class AclOf { kBucket, kObject };
struct AclRow {
  std::string_view action;
  AclOf of;
  Permission permission;
};
// What an ACL can give, by the action that it stands for.
constexpr AclRow kAclRows[] = {
    {"s3:ListBucket", AclOf::kBucket, Permission::kRead},
    {"s3:ListBucketVersions", AclOf::kBucket, Permission::kRead},
    {"s3:ListBucketMultipartUploads", AclOf::kBucket, Permission::kRead},
    {"s3:PutObject", AclOf::kBucket, Permission::kWrite},
    {"s3:DeleteObject", AclOf::kBucket, Permission::kWrite},
    {"s3:AbortMultipartUpload", AclOf::kBucket, Permission::kWrite},
    {"s3:ListMultipartUploadParts", AclOf::kBucket, Permission::kWrite},
    {"s3:GetBucketAcl", AclOf::kBucket, Permission::kReadAcp},
    {"s3:PutBucketAcl", AclOf::kBucket, Permission::kWriteAcp},
    {"s3:GetObject", AclOf::kObject, Permission::kRead},
    {"s3:GetObjectAcl", AclOf::kObject, Permission::kReadAcp},
    {"s3:PutObjectAcl", AclOf::kObject, Permission::kWriteAcp},
};
const AclRow* FindAclRow(std::string_view action) {
  const auto* const found = std::find_if(std::begin(kAclRows), std::end(kAclRows),
                                         [&](const AclRow& row) { return row.action == action; });
  return found == std::end(kAclRows) ? nullptr : found;
}

bool IsAboutBucketPolicy(std::string_view action) {
  return action == "s3:GetBucketPolicy" || action == "s3:PutBucketPolicy" ||
         action == "s3:DeleteBucketPolicy";
}

std::string ResourceArn(std::string_view bucket, std::string_view key) {
  std::string arn = "arn:aws:s3:::";
  arn += bucket.empty() ? "*" : bucket;
  if (!key.empty()) arn.append("/").append(key);
  return arn;
}

struct Place {
  const model::Bucket* bucket = nullptr;
  const iam::BucketAccess* access = nullptr;
  std::string_view key = {};
};

// Policies have a say at all: without any, who owns the bucket decides.
bool AsksPolicies(const S3Context& context, const Place& place) {
  const iam::Identity* const caller = context.caller();
  return (caller != nullptr && !caller->policies.empty()) ||
         (place.access != nullptr && place.access->policy != nullptr);
}

Decision DecideAt(S3Context& context, std::string_view action, const Place& place,
                  const model::HeaderList* existing_tags = nullptr) {
  iam::AccessQuestion question;
  question.caller = context.caller();
  question.action = action;
  question.bucket = place.access;
  question.about_bucket_policy = IsAboutBucketPolicy(action);
  if (place.bucket != nullptr) question.bucket_owner = OwnerOf(*place.bucket, context.directory);
  if (!AsksPolicies(context, place)) return iam::Decide(question);
  const std::string resource = ResourceArn(
      place.bucket != nullptr ? std::string_view(place.bucket->name) : context.address.bucket,
      place.key);
  question.resource = resource;
  ConditionKeys keys(context);
  if (const iam::Account* owner = context.directory.FindCanonical(question.bucket_owner)) {
    keys.AddResourceAccount(owner->id);
  }
  if (existing_tags != nullptr) keys.AddExistingTags(*existing_tags);
  question.context = keys.keys();
  return iam::Decide(question);
}

bool BucketAclAllows(const S3Context& context, const Place& place, Permission wanted,
                     const Decision& decision) {
  return iam::AclAllows(place.access->acl, OwnerOf(*place.bucket, context.directory),
                        context.caller(), wanted, *place.access, decision);
}

bool Allows(S3Context& context, std::string_view action, const Place& place) {
  const Decision decision = DecideAt(context, action, place);
  if (decision.verdict != Verdict::kOpen) return decision.verdict == Verdict::kAllowed;
  const AclRow* const row = FindAclRow(action);
  return row != nullptr && row->of == AclOf::kBucket &&
         BucketAclAllows(context, place, row->permission, decision);
}

// Policies of the bucket's owner speak for objects that are his; others belong to whoever wrote
// them, and their ACL decides.
bool MayReach(S3Context& context, const Place& place, const Decision& decision,
              const model::ObjectExtras& extras, std::optional<Permission> permission) {
  const std::string_view bucket_owner = OwnerOf(*place.bucket, context.directory);
  const std::string_view owner = OwnerOf(extras, *place.bucket, *place.access, context.directory);
  const iam::Identity* const caller = context.caller();
  if (decision.verdict == Verdict::kDenied) return false;
  if (caller != nullptr && caller->is_store_root) return true;
  // Tags and locks are nothing that an ACL knows: there the bucket's policies decide alone.
  const bool by_policies = owner == bucket_owner || !permission;
  if (by_policies && decision.verdict == Verdict::kAllowed) return true;
  if (caller != nullptr && decision.identity_allows && owner != bucket_owner &&
      caller->canonical_id == owner) {
    return true;
  }
  if (!permission) return false;
  const auto acl = iam::DecodeAcl(extras.acl, owner);
  return acl.ok() && iam::AclAllows(*acl, owner, caller, *permission, *place.access, decision);
}

std::optional<Permission> ObjectPermission(std::string_view action) {
  const AclRow* const row = FindAclRow(action);
  if (row == nullptr || row->of != AclOf::kObject) return std::nullopt;
  return row->permission;
}

bool IsAtHome(const S3Context& context) {
  const iam::Identity* const caller = context.caller();
  return caller != nullptr && (caller->is_store_root ||
                               caller->canonical_id == OwnerOf(*context.bucket, context.directory));
}

Place RequestPlace(const S3Context& context, std::string_view key) {
  return {context.bucket.get(), context.access.get(), key};
}

// The tags of the object that the request is about, when the bucket's policy asks for them.
Task<Result<model::HeaderList>> ExistingTags(S3Context& context) {
  if (!context.access->needs_object_tags || context.address.key.empty()) {
    co_return model::HeaderList();
  }
  std::optional<std::string> version_id;
  if (const auto text = context.request().FindQuery("versionId")) version_id = *text;
  const auto found = co_await context.objects.FindVersion(context.bucket, context.address.key,
                                                          std::move(version_id));
  if (found.ok()) co_return (*found)->extras.tags;
  if (found.code() != Code::kNotFound) co_return found.status();
  co_return model::HeaderList();
}

bool IsAboutNoBucket(const S3Context& context) {
  return context.route.level == Level::kService || context.route.operation == "CreateBucket";
}

}  // namespace

std::shared_ptr<const iam::BucketAccess> BucketAccessCache::Get(
    const object_service::BucketPtr& bucket, std::string_view owner) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(bucket->name);
    if (found != entries_.end() && found->second.bucket == bucket) return found->second.access;
  }
  std::shared_ptr<const iam::BucketAccess> access = iam::ReadBucketAccess(*bucket, owner);
  const std::lock_guard lock(mutex_);
  if (entries_.size() >= kBucketsMax) entries_.clear();
  entries_[bucket->name] = {bucket, access};
  return access;
}

std::string_view OwnerOf(const model::Bucket& bucket, const iam::Directory& directory) {
  if (bucket.owner.empty() || bucket.owner == kRootOwner) {
    return directory.root_account().canonical_id;
  }
  return bucket.owner;
}

std::string_view OwnerOf(const model::ObjectExtras& extras, const model::Bucket& bucket,
                         const iam::BucketAccess& access, const iam::Directory& directory) {
  const bool enforced = access.ownership == iam::Ownership::kBucketOwnerEnforced;
  if (extras.owner.empty() || enforced) return OwnerOf(bucket, directory);
  return extras.owner;
}

UploadUsers UsersOf(const model::Upload& upload, const S3Context& context) {
  const bool by_root = upload.owner.empty() || upload.owner == kRootOwner;
  return {by_root ? std::string_view(context.directory.root_account().canonical_id)
                  : std::string_view(upload.owner),
          OwnerOf(upload.extras, *context.bucket, *context.access, context.directory)};
}

Task<Answer> Authorize(S3Context& context) {
  const bool version_named =
      !context.request().query.empty() && context.request().HasQuery("versionId");
  const std::string_view action = ActionFor(context.route.action.name(), version_named);
  if (context.route.method == Method::kOptions) co_return std::nullopt;  // tells CORS rules alone
  if (IsAboutNoBucket(context)) {
    context.decision = DecideAt(context, action, Place());
    if (context.decision.verdict == Verdict::kAllowed) co_return std::nullopt;
    co_return S3Error(S3Code::kAccessDenied);
  }
  auto bucket = co_await LoadBucket(context);
  if (!bucket.ok()) co_return bucket.error();
  context.bucket = *bucket;
  context.access = context.bucket_access.Get(*bucket, OwnerOf(**bucket, context.directory));
  if (context.route.operation == "DeleteObjects") {
    // Key by key, but for whom no key can be open.
    const bool nobody = context.caller() == nullptr && iam::HasPlainAccess(**bucket);
    co_return nobody ? Answer(S3Error(S3Code::kAccessDenied)) : std::nullopt;
  }
  const Place place = RequestPlace(context, context.address.key);
  const auto tags = co_await ExistingTags(context);
  if (!tags.ok()) co_return FromStatus(tags.status());
  context.decision = DecideAt(context, action, place, &*tags);
  if (IsAboutBucketPolicy(action) && context.decision.verdict == Verdict::kAllowed &&
      !IsAtHome(context)) {
    // What decides over a bucket stays with its account, whatever it says.
    co_return S3Error(S3Code::kMethodNotAllowed)
        .With("Method", context.request().method)
        .With("ResourceType", "BUCKETPOLICY");
  }
  if (context.decision.verdict == Verdict::kAllowed) co_return std::nullopt;
  const AclRow* const row = FindAclRow(context.route.action.name());
  const bool open = context.decision.verdict == Verdict::kOpen && row != nullptr;
  if (open && row->of == AclOf::kObject) co_return std::nullopt;  // AuthorizeObject
  if (open && (!version_named || action != "s3:DeleteObjectVersion") &&
      BucketAclAllows(context, place, row->permission, context.decision)) {
    co_return std::nullopt;
  }
  co_return S3Error(S3Code::kAccessDenied);
}

Answer AuthorizeObject(S3Context& context, const model::ObjectVersion& version) {
  const Place place = RequestPlace(context, context.address.key);
  if (MayReach(context, place, context.decision, version.extras,
               ObjectPermission(context.route.action.name()))) {
    return std::nullopt;
  }
  return S3Error(S3Code::kAccessDenied);
}

bool MayAlso(S3Context& context, std::string_view action, std::string_view key) {
  const Place place = RequestPlace(context, key);
  return DecideAt(context, action, place).verdict == Verdict::kAllowed;
}

bool MayDelete(S3Context& context, std::string_view key, bool version_named) {
  const Place place = RequestPlace(context, key);
  if (version_named) {
    return DecideAt(context, "s3:DeleteObjectVersion", place).verdict == Verdict::kAllowed;
  }
  return Allows(context, "s3:DeleteObject", place);
}

Answer AuthorizeHeaders(S3Context& context, std::string_view key) {
  struct Right {
    std::string_view header;
    std::string_view action;
  };
  static constexpr Right kRights[] = {
      {"x-amz-tagging", "s3:PutObjectTagging"},
      {"x-amz-object-lock-mode", "s3:PutObjectRetention"},
      {"x-amz-object-lock-legal-hold", "s3:PutObjectLegalHold"},
      {"x-amz-bypass-governance-retention", "s3:BypassGovernanceRetention"},
  };
  const iam::Identity* const caller = context.caller();
  if (caller != nullptr && caller->is_account_root() && context.access->policy == nullptr &&
      caller->canonical_id == OwnerOf(*context.bucket, context.directory)) {
    return std::nullopt;
  }
  for (const Right& right : kRights) {
    if (context.request().Find(right.header) && !MayAlso(context, right.action, key)) {
      return S3Error(S3Code::kAccessDenied);
    }
  }
  const bool sets_acl = std::any_of(
      context.request().headers.begin(), context.request().headers.end(), [](const Header& header) {
        return header.name.starts_with("x-amz-grant-") ||
               (header.name == "x-amz-acl" && header.value != "private");
      });
  if (!sets_acl) return std::nullopt;
  // Whoever may write because of an ACL says who may read what he wrote.
  const bool by_policy = context.decision.verdict == Verdict::kAllowed;
  if (by_policy && !MayAlso(context, "s3:PutObjectAcl", key)) {
    return S3Error(S3Code::kAccessDenied);
  }
  return std::nullopt;
}

Answer AuthorizeSource(S3Context& context, const SourceQuestion& source,
                       const model::ObjectVersion& version) {
  const auto access =
      context.bucket_access.Get(source.bucket, OwnerOf(*source.bucket, context.directory));
  const Place place{source.bucket.get(), access.get(), source.key};
  const std::string_view action = ActionFor("s3:GetObject", source.version_named);
  const Decision decision = DecideAt(context, action, place, &version.extras.tags);
  if (MayReach(context, place, decision, version.extras, Permission::kRead)) return std::nullopt;
  return S3Error(S3Code::kAccessDenied);
}

S3Error HideMissing(S3Context& context, const object_service::BucketPtr& bucket, S3Error error) {
  if (error.code != S3Code::kNoSuchKey && error.code != S3Code::kNoSuchVersion) return error;
  const auto access = context.bucket_access.Get(bucket, OwnerOf(*bucket, context.directory));
  if (Allows(context, "s3:ListBucket", {bucket.get(), access.get(), {}})) return error;
  context.error_headers.clear();
  return S3Error(S3Code::kAccessDenied);
}

}  // namespace ashlar::api_gateway
