#include "api_gateway/iam_api/form.h"

#include <algorithm>

#include "api_gateway/protocol/percent.h"

namespace ashlar::api_gateway::iam_api {
namespace {

bool Decode(std::string_view text, std::string* out) {
  return PercentDecode(text, PlusSign::kSpace, out) && IsValidUtf8(*out);
}

}  // namespace

std::optional<Form> Form::Parse(std::string_view body) {
  Form form;
  while (!body.empty()) {
    const size_t end = std::min(body.find('&'), body.size());
    const std::string_view pair = body.substr(0, end);
    const size_t equals = std::min(pair.find('='), pair.size());
    Parameter parameter;
    if (!Decode(pair.substr(0, equals), &parameter.name) ||
        !Decode(pair.substr(std::min(equals + 1, pair.size())), &parameter.value)) {
      return std::nullopt;
    }
    if (parameter.name.empty() || form.Find(parameter.name)) return std::nullopt;
    if (form.parameters_.size() == kFormParametersMax) return std::nullopt;
    form.parameters_.push_back(std::move(parameter));
    if (end + 1 == body.size()) return std::nullopt;  // "a=1&": something was cut off
    body.remove_prefix(std::min(end + 1, body.size()));
  }
  return form;
}

std::optional<std::string_view> Form::Find(std::string_view name) const {
  for (const Parameter& parameter : parameters_) {
    if (parameter.name == name) return parameter.value;
  }
  return std::nullopt;
}

}  // namespace ashlar::api_gateway::iam_api
