// Oracles: what the reader of IAM forms accepts keeps its rules, and encoded again reads back the
// same; a form cut or doubled is not read as another one.
#include <cstdio>
#include <cstdlib>
#include <source_location>
#include <string>
#include <string_view>

#include "api_gateway/iam_api/form.h"
#include "api_gateway/protocol/percent.h"

namespace {

using namespace ashlar::api_gateway;  // NOLINT: a program of its own
using iam_api::Form;

void Require(bool holds, std::source_location where = std::source_location::current()) {
  if (holds) return;
  std::fprintf(stderr, "oracle violated at line %u\n", static_cast<unsigned>(where.line()));
  std::abort();
}

std::string Encode(const Form& form) {
  std::string text;
  for (const Form::Parameter& parameter : form.parameters()) {
    if (!text.empty()) text.push_back('&');
    AppendPercentEncoded(parameter.name, Slash::kEncode, &text);
    text.push_back('=');
    AppendPercentEncoded(parameter.value, Slash::kEncode, &text);
  }
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  const auto form = Form::Parse(body);
  if (!form) return 0;
  Require(form->parameters().size() <= iam_api::kFormParametersMax);
  for (const Form::Parameter& parameter : form->parameters()) {
    Require(!parameter.name.empty());
    Require(IsValidUtf8(parameter.name) && IsValidUtf8(parameter.value));
    Require(form->Find(parameter.name) == parameter.value);  // hence every name once
  }
  const std::string text = Encode(*form);
  const auto again = Form::Parse(text);
  Require(again.has_value() && Encode(*again) == text);
  Require(again->parameters().size() == form->parameters().size());
  for (size_t i = 0; i < form->parameters().size(); ++i) {
    Require(again->parameters()[i].name == form->parameters()[i].name);
    Require(again->parameters()[i].value == form->parameters()[i].value);
  }
  if (!text.empty()) {
    Require(!Form::Parse(text + "&").has_value());
    Require(!Form::Parse(text + "&" + text).has_value());
  }
  return 0;
}
