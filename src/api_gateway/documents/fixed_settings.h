// Settings of a bucket that have one value here: who pays, acceleration, logging, notifications.
//
// A document that asks for this value asks for what holds anyway and may be answered as done. One
// that asks for another value is told that it is not built, so that nobody relies on what is not
// there.
#pragma once

#include <string_view>

#include "api_gateway/protocol/s3_error.h"

namespace ashlar::api_gateway {

inline constexpr size_t kFixedSettingBytesMax = 1024 * 1024;

enum class FixedSetting {
  kRequestPayment,  // BucketOwner
  kAcceleration,    // Suspended
  kLogging,         // none
  kNotification,    // none
};

// True: what holds anyway. False: another value that S3 knows. MalformedXML for all else.
[[nodiscard]] S3Result<bool> AsksForWhatHolds(FixedSetting setting, std::string_view body);

}  // namespace ashlar::api_gateway
