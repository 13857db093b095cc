// Authorisation: whether the caller of a request may do what it asks, before anything is told or
// changed. The rules are those of iam/access.h; here a request becomes a question.
//
// 1. The gateway calls Authorize before every handler. What it cannot decide alone (an object's
//    ACL, other keys of the request, a copy's source) the handlers ask for with the functions
//    below, before they use or tell what they found.
// 2. Whoever may not list a bucket does not learn which keys are missing: 403 in place of 404.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "api_gateway/operations/s3_context.h"

namespace ashlar::api_gateway {

// BucketAccess of buckets in use, made once for each state of a bucket's row. Thread-safe; at most
// kBucketsMax entries, any of which may be dropped at any time.
class BucketAccessCache {
 public:
  std::shared_ptr<const iam::BucketAccess> Get(const object_service::BucketPtr& bucket,
                                               std::string_view owner);

 private:
  static constexpr size_t kBucketsMax = 4096;
  struct Entry {
    object_service::BucketPtr bucket;  // kept, so that its address stays its own
    std::shared_ptr<const iam::BucketAccess> access;
  };
  std::mutex mutex_;
  std::map<std::string, Entry, std::less<>> entries_;
};

// Canonical id of the account that a bucket belongs to.
[[nodiscard]] std::string_view OwnerOf(const model::Bucket& bucket,
                                       const iam::Directory& directory);
// And of an object in it: what it says, unless the bucket's owner owns everything.
[[nodiscard]] std::string_view OwnerOf(const model::ObjectExtras& extras,
                                       const model::Bucket& bucket, const iam::BucketAccess& access,
                                       const iam::Directory& directory);

// Who began an upload, and who will own the object: canonical ids.
struct UploadUsers {
  std::string_view initiator;
  std::string_view owner;
};
[[nodiscard]] UploadUsers UsersOf(const model::Upload& upload, const S3Context& context);

// The action of the route on the address. AccessDenied, or what is wrong with the bucket
// (NoSuchBucket ...). Sets context.bucket, access and decision.
Task<Answer> Authorize(S3Context& context);

// Of the object of the request, once found: AccessDenied unless policies (for the bucket owner's
// objects) or its ACL allow what the route does.
[[nodiscard]] Answer AuthorizeObject(S3Context& context, const model::ObjectVersion& version);

// Another action in the request's bucket, on `key` (empty: on the bucket itself), that the request
// asks for beside its own: s3:PutObjectTagging for a PUT with tags. ACLs do not give these.
[[nodiscard]] bool MayAlso(S3Context& context, std::string_view action, std::string_view key);
// The same of the deletion of one key, which a bucket's ACL may allow.
[[nodiscard]] bool MayDelete(S3Context& context, std::string_view key, bool version_named);
// AccessDenied unless all that the headers of a write ask for is allowed: ACL, tags, lock.
[[nodiscard]] Answer AuthorizeHeaders(S3Context& context, std::string_view key);

// Reading an object, of this or another bucket, to copy it.
struct SourceQuestion {
  object_service::BucketPtr bucket;
  std::string_view key;
  bool version_named = false;
};
[[nodiscard]] Answer AuthorizeSource(S3Context& context, const SourceQuestion& source,
                                     const model::ObjectVersion& version);
// `error` says that something is missing: AccessDenied instead for whoever may not list `bucket`.
[[nodiscard]] S3Error HideMissing(S3Context& context, const object_service::BucketPtr& bucket,
                                  S3Error error);

}  // namespace ashlar::api_gateway
