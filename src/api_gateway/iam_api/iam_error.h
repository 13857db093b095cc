// What IAM says when it refuses, and the documents around its answers. Pure values.
#pragma once

#include <string>
#include <string_view>

#include "api_gateway/protocol/s3_error.h"
#include "base/status.h"

namespace ashlar::api_gateway::iam_api {

// Each speaks a protocol of the same form, with names of its own.
enum class Service : uint8_t { kIam, kSts };
[[nodiscard]] std::string_view ServiceName(Service service);     // "iam", of credential scopes
[[nodiscard]] std::string_view ServiceVersion(Service service);  // "2010-05-08"

struct IamError {
  int http_status = 400;
  std::string code;
  std::string message;
};

[[nodiscard]] IamError ValidationError(std::string message);
// A change of accounts that was refused, or a store that could not make it.
[[nodiscard]] IamError FromRefusal(const Status& status);
// A request that was not authenticated, in the words of IAM instead of S3.
[[nodiscard]] IamError FromAuthentication(const S3Error& error);

// The complete documents. `result` is what stands in <ActionResult>; empty: there is none.
[[nodiscard]] std::string RenderIamError(const IamError& error, Service service,
                                         std::string_view request_id);
[[nodiscard]] std::string RenderIamAnswer(std::string_view action, std::string_view result,
                                          Service service, std::string_view request_id);

}  // namespace ashlar::api_gateway::iam_api
