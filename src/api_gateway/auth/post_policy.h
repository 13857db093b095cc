// The policy document of a POST upload: what whoever signed it allows a form to say.
//
// 1. Every field of the form is named by a condition, but for the file, the policy, the signature
//    and x-ignore-*; the bucket counts as a field too.
// 2. Names compare without regard to case, values exactly, and against the form as it will be used:
//    ${filename} is filled in before.
// 3. A document that is not understood whole is refused whole.
//
// Read only once its signature was verified. Values; thread-safe by being immutable.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api_gateway/protocol/form_data.h"
#include "api_gateway/protocol/s3_error.h"

namespace ashlar::api_gateway {

inline constexpr size_t kPostConditionsMax = 256;

class PostPolicy {
 public:
  // `base64`: the field "policy". InvalidPolicyDocument.
  static S3Result<PostPolicy> Parse(std::string_view base64);

  // AccessDenied: expired, a condition that does not hold, a field that no condition names.
  [[nodiscard]] std::optional<S3Error> Check(const Form& form, std::string_view bucket,
                                             int64_t now_seconds) const;
  // EntityTooLarge, EntityTooSmall: content-length-range.
  [[nodiscard]] std::optional<S3Error> CheckLength(uint64_t bytes) const;

 private:
  friend class PostPolicyReader;
  struct Condition {
    enum class Kind { kEquals, kStartsWith, kLengthRange, kNever };
    Kind kind = Kind::kNever;
    std::string field;  // lower-case
    std::string value;
    int64_t bytes_min = 0;
    int64_t bytes_max = 0;
    std::string text;  // as messages show it
  };
  static bool Holds(const Condition& condition, const Form& form, std::string_view bucket);
  bool Names(std::string_view field) const;

  int64_t expires_at_ = 0;
  std::vector<Condition> conditions_;
};

}  // namespace ashlar::api_gateway
