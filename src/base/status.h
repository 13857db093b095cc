// Status and Result: how every fallible call of ours answers.
//
// Exceptions of third-party code are caught at the edge of the component that calls it; between our
// own components only these values travel. `Code` is the one list of stable codes; the table that
// maps it to S3 errors lives in `api_gateway` and a test walks every code.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/check.h"

namespace ashlar {

enum class Code : uint8_t {
  kOk = 0,
  kNotFound,            // the thing asked for does not exist (proven, not merely unreadable)
  kAlreadyExists,       // it exists and must not
  kPreconditionFailed,  // a condition the caller set does not hold; nothing was changed
  kLocked,              // a retention or legal hold forbids it; nothing was changed
  kConflict,            // lost against a concurrent change; nothing was changed; retry may work
  kInvalidArgument,     // the input is wrong; retrying cannot help
  kUnavailable,         // cannot be done now (drives gone, shutting down); nothing was changed
  kOverloaded,          // refused before any work to stay inside a limit; retry later
  kNoSpace,             // the device or a quota is full; nothing was acknowledged
  kIoError,             // a device answered with an error
  kCorrupt,             // data was read and failed verification
  kOutcomeUnknown,      // the change may or may not have been made durable
  kDeadlineExceeded,    // the time the caller gave is over
  kCancelled,           // the caller went away
  kNotImplemented,      // known, but not built yet
  kInternal,            // a broken promise of our own
};
inline constexpr int kCodeCount = static_cast<int>(Code::kInternal) + 1;

[[nodiscard]] std::string_view CodeName(Code code);

// A code and a message for people. Cheap to move; an ok Status allocates nothing.
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Code code, std::string message) : code_(code), message_(std::move(message)) {}

  static Status Ok() { return {}; }

  bool ok() const { return code_ == Code::kOk; }
  Code code() const { return code_; }
  const std::string& message() const { return message_; }
  // "kNotFound: no such bucket", for logs.
  std::string ToString() const;

 private:
  Code code_ = Code::kOk;
  std::string message_;
};

// A value, or the Status that says why there is none.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}         // NOLINT: implicit on purpose
  Result(Status status) : status_(std::move(status)) {  // NOLINT: implicit on purpose
    CHECK(!status_.ok());
  }

  bool ok() const { return value_.has_value(); }
  const Status& status() const { return status_; }
  Code code() const { return status_.code(); }

  T& value() & {
    CHECK(ok());
    return *value_;
  }
  const T& value() const& {
    CHECK(ok());
    return *value_;
  }
  T&& value() && {
    CHECK(ok());
    return std::move(*value_);
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  std::optional<T> value_;
  Status status_;
};

}  // namespace ashlar

#define ASHLAR_CONCAT_INNER(a, b) a##b
#define ASHLAR_CONCAT(a, b) ASHLAR_CONCAT_INNER(a, b)

// In a plain function: leave with the Status when it is not ok.
#define RETURN_IF_ERROR(expr)                                                               \
  do {                                                                                      \
    if (::ashlar::Status ashlar_status = (expr); !ashlar_status.ok()) return ashlar_status; \
  } while (0)
#define ASSIGN_OR_RETURN(declaration, expr) \
  ASSIGN_OR_RETURN_IMPL(ASHLAR_CONCAT(ashlar_result_, __LINE__), declaration, expr)
#define ASSIGN_OR_RETURN_IMPL(result, declaration, expr) \
  auto result = (expr);                                  \
  if (!result.ok()) return result.status();              \
  declaration = std::move(result).value()

// The same in a coroutine.
#define CO_RETURN_IF_ERROR(expr)                                                               \
  do {                                                                                         \
    if (::ashlar::Status ashlar_status = (expr); !ashlar_status.ok()) co_return ashlar_status; \
  } while (0)
#define CO_ASSIGN_OR_RETURN(declaration, expr) \
  CO_ASSIGN_OR_RETURN_IMPL(ASHLAR_CONCAT(ashlar_result_, __LINE__), declaration, expr)
#define CO_ASSIGN_OR_RETURN_IMPL(result, declaration, expr) \
  auto result = (expr);                                     \
  if (!result.ok()) co_return result.status();              \
  declaration = std::move(result).value()
