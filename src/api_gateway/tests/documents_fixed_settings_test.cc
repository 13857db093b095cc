// Settings with one value: asking for it is done, another one is known as such, the rest refused.
#include <gtest/gtest.h>

#include "api_gateway/documents/fixed_settings.h"

namespace ashlar::api_gateway {
namespace {

std::string Ask(FixedSetting setting, std::string_view body) {
  const auto holds = AsksForWhatHolds(setting, body);
  if (!holds.ok()) return std::string(S3CodeName(holds.error().code));
  return *holds ? "holds" : "other";
}

TEST(FixedSettings, RequestPayment) {
  const auto ask = [](const std::string& inside) {
    return Ask(FixedSetting::kRequestPayment,
               "<RequestPaymentConfiguration>" + inside + "</RequestPaymentConfiguration>");
  };
  EXPECT_EQ(ask("<Payer>BucketOwner</Payer>"), "holds");
  EXPECT_EQ(ask("<Payer>Requester</Payer>"), "other");
  EXPECT_EQ(ask("<Payer>Random</Payer>"), "MalformedXML");
  EXPECT_EQ(ask("<Payer>BucketOwner</Payer><Payer>BucketOwner</Payer>"), "MalformedXML");
  EXPECT_EQ(ask(""), "MalformedXML");
}

TEST(FixedSettings, Acceleration) {
  const auto ask = [](const std::string& status) {
    return Ask(FixedSetting::kAcceleration, "<AccelerateConfiguration><Status>" + status +
                                                "</Status></AccelerateConfiguration>");
  };
  EXPECT_EQ(ask("Suspended"), "holds");
  EXPECT_EQ(ask("Enabled"), "other");
  EXPECT_EQ(ask("enabled"), "MalformedXML");
}

TEST(FixedSettings, LoggingAndNotification) {
  EXPECT_EQ(Ask(FixedSetting::kLogging, "<BucketLoggingStatus/>"), "holds");
  EXPECT_EQ(
      Ask(FixedSetting::kLogging, "<BucketLoggingStatus><LoggingEnabled/></BucketLoggingStatus>"),
      "other");
  EXPECT_EQ(Ask(FixedSetting::kLogging, "<BucketLoggingStatus><Else/></BucketLoggingStatus>"),
            "MalformedXML");
  EXPECT_EQ(
      Ask(FixedSetting::kNotification, "<NotificationConfiguration> </NotificationConfiguration>"),
      "holds");
  for (const char* name : {"TopicConfiguration", "QueueConfiguration", "CloudFunctionConfiguration",
                           "EventBridgeConfiguration"}) {
    EXPECT_EQ(Ask(FixedSetting::kNotification, "<NotificationConfiguration><" + std::string(name) +
                                                   "/></NotificationConfiguration>"),
              "other")
        << name;
  }
  EXPECT_EQ(Ask(FixedSetting::kNotification, "<BucketLoggingStatus/>"), "MalformedXML");
}

}  // namespace
}  // namespace ashlar::api_gateway
