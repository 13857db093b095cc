// The body of a request to the IAM API: application/x-www-form-urlencoded.
//
// Strict, because a parameter that two readers understand differently is a hole: every name once,
// every '%' with two hex digits, UTF-8 throughout. Pure; values without threads.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar::api_gateway::iam_api {

inline constexpr size_t kFormParametersMax = 64;

class Form {
 public:
  struct Parameter {
    std::string name;  // not empty
    std::string value;
  };
  // Nullopt: it keeps not to the rules above. An empty body has no parameters.
  [[nodiscard]] static std::optional<Form> Parse(std::string_view body);

  // Nullopt when it is absent, which is not the same as empty.
  [[nodiscard]] std::optional<std::string_view> Find(std::string_view name) const;
  [[nodiscard]] std::span<const Parameter> parameters() const { return parameters_; }

 private:
  std::vector<Parameter> parameters_;
};

}  // namespace ashlar::api_gateway::iam_api
