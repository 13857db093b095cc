// PutBucketRequestPayment, PutBucketAccelerateConfiguration, PutBucketLogging and
// PutBucketNotificationConfiguration: what holds anyway is done, anything else is not built.
#include "api_gateway/documents/fixed_settings.h"
#include "api_gateway/operations/common/bucket_configurations.h"
#include "api_gateway/operations/common/lookups.h"
#include "api_gateway/operations/common/responses.h"
#include "api_gateway/operations/operations.h"
#include "api_gateway/routing/route_table.h"

namespace ashlar::api_gateway::operations {
namespace {

// nullopt: the bucket has what the body asks for.
Task<std::optional<S3Error>> CheckSetting(S3Context& context, FixedSetting setting) {
  auto bucket = co_await LoadBucket(context);
  if (!bucket.ok()) co_return bucket.error();
  auto body = co_await context.verified.ReadSmallBody(kFixedSettingBytesMax, false);
  if (!body.ok()) co_return body.error();
  auto holds = AsksForWhatHolds(setting, *body);
  if (!holds.ok()) co_return holds.error();
  if (!*holds) co_return NotBuilt(context.route);
  co_return std::nullopt;
}

Task<Answer> Put(S3Context& context, FixedSetting setting) {
  if (auto error = co_await CheckSetting(context, setting)) co_return error;
  co_return co_await SendEmpty(context, ResponseHead());
}

}  // namespace

Task<Answer> PutBucketRequestPayment(S3Context& context) {
  return Put(context, FixedSetting::kRequestPayment);
}

Task<Answer> PutBucketLogging(S3Context& context) { return Put(context, FixedSetting::kLogging); }

Task<Answer> PutBucketNotificationConfiguration(S3Context& context) {
  return Put(context, FixedSetting::kNotification);
}

// Kept, because "suspended" and "never enabled" read differently.
Task<Answer> PutBucketAccelerateConfiguration(S3Context& context) {
  if (auto error = co_await CheckSetting(context, FixedSetting::kAcceleration)) co_return error;
  if (context.address.bucket.find('.') != std::string::npos) {
    co_return S3Error(S3Code::kInvalidRequest,
                      "S3 Transfer Acceleration is not supported for buckets with periods (.) in "
                      "their names");
  }
  co_return co_await KeepBucketConfiguration(
      context, "accelerate",
      XmlDocument("AccelerateConfiguration",
                  [](XmlWriter& xml) { xml.Text("Status", "Suspended"); }),
      200);
}

}  // namespace ashlar::api_gateway::operations
