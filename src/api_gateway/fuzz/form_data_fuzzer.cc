// Oracles: a form means the same in one piece and in two, and byte by byte; what is accepted keeps
// the limits; the file's bytes are in the form as they are.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <source_location>
#include <string>
#include <string_view>

#include "api_gateway/protocol/form_data.h"

namespace {

using namespace ashlar::api_gateway;  // NOLINT: a program of its own

void Require(bool holds, std::source_location where = std::source_location::current()) {
  if (holds) return;
  std::fprintf(stderr, "oracle violated at line %u\n", static_cast<unsigned>(where.line()));
  std::abort();
}

// Everything that a decoder says about a body fed in pieces: a short first one, then `step` bytes.
std::string Decode(std::string_view boundary, std::string_view body, size_t first, size_t step) {
  FormDecoder decoder(boundary);
  std::string told;
  size_t begin = 0;
  size_t end = std::min(first, body.size());
  while (true) {
    while (true) {
      const FormDecoder::Step done = decoder.Feed(body.substr(begin, end - begin));
      if (decoder.error() || done.consumed == 0) break;
      told += done.file;
      begin += done.consumed;
      Require(begin <= end);
    }
    if (decoder.error() || end == body.size()) break;
    Require(end - begin < kFormWindowBytes);
    end = std::min(body.size(), end + step);
  }
  Require(body.find(told) != std::string_view::npos);
  if (decoder.error()) return decoder.error()->message;
  size_t bytes = 0;
  for (const FormField& field : decoder.form().fields) {
    Require(field.value.size() <= kFormValueBytesMax && !field.name.empty());
    bytes += field.name.size() + field.value.size();
    told += "|" + field.name + "=" + field.value;
  }
  Require(bytes <= kFormBytesMax + kFormPartHeadBytesMax);
  Require(decoder.form().fields.size() <= kFormFieldsMax);
  return told + decoder.form().file_name.value_or("|none") + (decoder.at_end() ? "|whole" : "|cut");
}

}  // namespace

// First byte: where the body is cut. Then a line of Content-Type, then the body.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const size_t line = std::min(text.find('\n'), text.size());
  const auto boundary = ParseFormBoundary(text.substr(0, line));
  if (!boundary.ok()) return 0;
  Require(!boundary->empty() && boundary->size() <= kFormBoundaryBytesMax);
  const std::string_view body = text.substr(std::min(text.size(), line + 1));
  const std::string whole = Decode(*boundary, body, body.size(), 1);
  Require(Decode(*boundary, body, data[0], body.size()) == whole);
  Require(Decode(*boundary, body, 1, 1) == whole);
  return 0;
}
