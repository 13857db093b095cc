#include "api_gateway/operations/common/bucket_configurations.h"

#include "api_gateway/operations/common/errors.h"
#include "api_gateway/operations/common/lookups.h"
#include "api_gateway/operations/common/responses.h"

namespace ashlar::api_gateway {
namespace {

// An empty document drops the configuration.
Task<Answer> Change(S3Context& context, std::string name, std::string document, int status) {
  auto bucket = co_await LoadBucket(context);
  if (!bucket.ok()) co_return bucket.error();
  auto changed = co_await context.objects.ChangeBucket((*bucket)->name, [&](model::Bucket& row) {
    if (document.empty()) {
      row.configurations.erase(name);
    } else {
      row.configurations[name] = document;
    }
    return Status::Ok();
  });
  if (!changed.ok()) co_return BucketFailure(changed.status(), context.address.bucket);
  ResponseHead head;
  head.status = status;
  co_return co_await SendEmpty(context, std::move(head));
}

}  // namespace

Task<Answer> SendBucketConfiguration(S3Context& context, std::string_view name, S3Code absent) {
  auto bucket = co_await LoadBucket(context);
  if (!bucket.ok()) co_return bucket.error();
  const auto kept = (*bucket)->configurations.find(std::string(name));
  if (kept == (*bucket)->configurations.end()) {
    co_return S3Error(absent).With("BucketName", context.address.bucket);
  }
  co_return co_await SendXml(context, kept->second);
}

Task<Answer> KeepBucketConfiguration(S3Context& context, std::string_view name,
                                     std::string document, int status) {
  CHECK(!document.empty());
  return Change(context, std::string(name), std::move(document), status);
}

Task<Answer> DropBucketConfiguration(S3Context& context, std::string_view name) {
  return Change(context, std::string(name), {}, 204);
}

}  // namespace ashlar::api_gateway
