#include "api_gateway/protocol/form_data.h"

#include <algorithm>

#include "api_gateway/protocol/percent.h"
#include "base/check.h"

namespace ashlar::api_gateway {
namespace {

constexpr std::string_view kNewline = "\r\n";
constexpr std::string_view kEndOfHead = "\r\n\r\n";
constexpr std::string_view kFormType = "multipart/form-data";
constexpr std::string_view kIgnored = "x-ignore-";

bool IsAlphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}
bool IsTokenByte(char c) {
  return IsAlphanumeric(c) || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}
bool IsTokenText(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), IsTokenByte);
}
// RFC 2046, 5.1.1.
bool IsBoundary(std::string_view text) {
  return !text.empty() && text.size() <= kFormBoundaryBytesMax && text.back() != ' ' &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return IsAlphanumeric(c) ||
                  std::string_view("'()+_,-./:=? ").find(c) != std::string_view::npos;
         });
}
bool IsControl(char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; }

struct Parameter {
  std::string name;  // lower-case
  std::string value;
};

// A quoted string at the front of *rest, taken off. Only '"' and '\' are escaped: other backslashes
// are those of a path.
bool TakeQuoted(std::string_view* rest, std::string* value) {
  for (size_t i = 1; i < rest->size(); ++i) {
    char c = (*rest)[i];
    if (c == '"') {
      rest->remove_prefix(i + 1);
      return true;
    }
    if (c == '\\' && i + 1 < rest->size() && ((*rest)[i + 1] == '"' || (*rest)[i + 1] == '\\')) {
      c = (*rest)[++i];
    }
    value->push_back(c);
  }
  return false;
}

// `; name=value` and so on. False when it is something else, or a name is there twice.
bool ReadParameters(std::string_view text, std::vector<Parameter>* parameters) {
  std::string_view rest = TrimBlanks(text);
  while (!rest.empty()) {
    if (rest.front() != ';') return false;
    rest = TrimBlanks(rest.substr(1));
    const size_t equals = rest.find('=');
    if (equals == std::string_view::npos || !IsTokenText(rest.substr(0, equals))) return false;
    Parameter parameter;
    parameter.name = ToLower(rest.substr(0, equals));
    rest.remove_prefix(equals + 1);
    if (rest.starts_with('"')) {
      if (!TakeQuoted(&rest, &parameter.value)) return false;
    } else {
      const std::string_view bare = rest.substr(0, rest.find(';'));
      parameter.value = TrimBlanks(bare);
      rest.remove_prefix(bare.size());
    }
    rest = TrimBlanks(rest);
    const auto same = [&](const Parameter& other) { return other.name == parameter.name; };
    if (std::any_of(parameters->begin(), parameters->end(), same)) return false;
    parameters->push_back(std::move(parameter));
  }
  return true;
}

// Null when it is not there.
const std::string* ValueOf(const std::vector<Parameter>& parameters, std::string_view name) {
  const auto found = std::find_if(parameters.begin(), parameters.end(),
                                  [name](const Parameter& p) { return p.name == name; });
  return found == parameters.end() ? nullptr : &found->value;
}

// `value` of "form-data; name=...", split behind the type.
bool ReadTyped(std::string_view value, std::string_view type, std::vector<Parameter>* parameters) {
  const size_t end = std::min(value.find(';'), value.size());
  return EqualsIgnoreCase(TrimBlanks(value.substr(0, end)), type) &&
         ReadParameters(value.substr(end), parameters);
}

struct PartHead {
  std::string name;
  std::optional<std::string> file_name;
};

std::optional<S3Error> ReadDisposition(std::string_view value, PartHead* part) {
  std::vector<Parameter> parameters;
  if (!ReadTyped(value, "form-data", &parameters)) {
    return MalformedForm("A part's Content-Disposition is malformed.");
  }
  const std::string* const name = ValueOf(parameters, "name");
  if (name == nullptr || name->empty() || !IsValidUtf8(*name)) {
    return MalformedForm("A part has no name.");
  }
  part->name = ToLower(*name);
  if (const std::string* const file_name = ValueOf(parameters, "filename")) {
    part->file_name = *file_name;
  }
  return std::nullopt;
}

// Encodings are no part of forms; to keep the encoded bytes would be to keep the wrong ones.
bool IsPlainEncoding(std::string_view value) {
  return EqualsIgnoreCase(value, "binary") || EqualsIgnoreCase(value, "8bit") ||
         EqualsIgnoreCase(value, "7bit");
}

// The lines of a part's head, without the empty one that ends it.
std::optional<S3Error> ReadPartHead(std::string_view head, PartHead* part) {
  bool has_disposition = false;
  while (!head.empty()) {
    const size_t end = std::min(head.find(kNewline), head.size());
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(std::min(head.size(), end + kNewline.size()));
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos || !IsTokenText(line.substr(0, colon)) ||
        std::any_of(line.begin(), line.end(), IsControl)) {
      return MalformedForm("A line of a part's head is malformed.");
    }
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = TrimBlanks(line.substr(colon + 1));
    if (EqualsIgnoreCase(name, "content-disposition")) {
      if (has_disposition) return MalformedForm("A part has two Content-Dispositions.");
      has_disposition = true;
      if (auto error = ReadDisposition(value, part)) return error;
    } else if (EqualsIgnoreCase(name, "content-transfer-encoding") && !IsPlainEncoding(value)) {
      return MalformedForm("A part has a transfer encoding.");
    }
  }
  if (!has_disposition) return MalformedForm("A part has no Content-Disposition.");
  return std::nullopt;
}

S3Error TooLong() { return S3Error(S3Code::kMaxPostPreDataLengthExceeded); }

S3Error NoFile() {
  return InvalidArgument("POST requires exactly one file upload per request.", "file", "0");
}

}  // namespace

const FormField* Form::Find(std::string_view name) const {
  const auto found = std::find_if(fields.begin(), fields.end(),
                                  [name](const FormField& field) { return field.name == name; });
  return found == fields.end() ? nullptr : &*found;
}

S3Error MalformedForm(std::string_view detail) {
  std::string message(S3CodeMessage(S3Code::kMalformedPostRequest));
  return S3Error(S3Code::kMalformedPostRequest, message.append(" ").append(detail));
}

S3Error NotAForm() {
  return S3Error(S3Code::kPreconditionFailed)
      .With("Condition", "Bucket POST must be of the enclosure-type multipart/form-data");
}

S3Result<std::string> ParseFormBoundary(std::string_view content_type) {
  const size_t end = std::min(content_type.find(';'), content_type.size());
  if (!EqualsIgnoreCase(TrimBlanks(content_type.substr(0, end)), kFormType)) return NotAForm();
  std::vector<Parameter> parameters;
  if (!ReadParameters(content_type.substr(end), &parameters)) {
    return MalformedForm("The Content-Type is malformed.");
  }
  const std::string* const boundary = ValueOf(parameters, "boundary");
  if (boundary == nullptr || !IsBoundary(*boundary)) {
    return MalformedForm("The boundary must have 1 to 70 of the characters of RFC 2046.");
  }
  return *boundary;
}

FormDecoder::FormDecoder(std::string_view boundary)
    : delimiter_(std::string("\r\n--").append(boundary)) {
  CHECK(IsBoundary(boundary));
}

FormDecoder::Step FormDecoder::Feed(std::string_view input) {
  if (error_) return {};
  CHECK(searched_ <= input.size());
  Step step;
  switch (state_) {
    case State::kStart: step = Start(input); break;
    case State::kHead: step = ReadHead(input); break;
    case State::kValue: step = ReadValue(input); break;
    case State::kFile: step = ReadFile(input); break;
    case State::kSkip:
      step = ReadFile(input);
      step.file = {};
      break;
    case State::kEnd: step.consumed = input.size(); break;  // an epilogue says nothing
  }
  if (step.consumed > 0) searched_ = 0;
  return step;
}

FormDecoder::Step FormDecoder::Fail(S3Error error) {
  error_ = std::move(error);
  return {};
}

// A line that only begins like a delimiter is none.
FormDecoder::Found FormDecoder::FindDelimiter(std::string_view input, size_t from) const {
  for (size_t at = input.find(delimiter_, from); at != std::string_view::npos;
       at = input.find(delimiter_, at + 1)) {
    const std::string_view behind = input.substr(at + delimiter_.size(), 2);
    if (behind == kNewline) return {Delimiter::kNextPart, at};
    if (behind == "--") return {Delimiter::kLast, at};
    if (behind.size() < 2 && (behind.empty() || behind == "\r" || behind == "-")) {
      return {Delimiter::kNotYet, at};
    }
  }
  const size_t tail = input.size() - std::min(input.size(), delimiter_.size() - 1);
  return {Delimiter::kNotYet, std::min(input.find('\r', std::max(from, tail)), input.size())};
}

FormDecoder::Step FormDecoder::Start(std::string_view input) {
  const std::string_view first = std::string_view(delimiter_).substr(kNewline.size());
  const size_t size = first.size() + 2;
  const size_t known = std::min(input.size(), first.size());
  if (input.substr(0, known) != first.substr(0, known)) {
    return Fail(MalformedForm("It does not begin with the boundary."));
  }
  if (input.size() < size) return {};
  const std::string_view behind = input.substr(first.size(), 2);
  if (behind == "--") return Fail(NoFile());
  if (behind != kNewline) return Fail(MalformedForm("It does not begin with the boundary."));
  state_ = State::kHead;
  return {size, {}};
}

FormDecoder::Step FormDecoder::ReadHead(std::string_view input) {
  const size_t end = input.find(kEndOfHead, searched_);
  if (end == std::string_view::npos || end > kFormPartHeadBytesMax) {
    if (input.size() >= kFormPartHeadBytesMax + kEndOfHead.size()) return Fail(TooLong());
    searched_ = input.size() - std::min(input.size(), kEndOfHead.size() - 1);
    return {};
  }
  PartHead part;
  if (auto error = ReadPartHead(input.substr(0, end), &part)) return Fail(*std::move(error));
  if (part.name == "file") {
    form_.file_name = std::move(part.file_name);
    state_ = State::kFile;
    return {end + kEndOfHead.size(), {}};
  }
  if (form_.fields.size() == kFormFieldsMax) return Fail(TooLong());
  if (form_.Find(part.name) != nullptr && !part.name.starts_with(kIgnored)) {
    return Fail(InvalidArgument("A field of the form is there more than once.", part.name, ""));
  }
  bytes_ += part.name.size();
  form_.fields.push_back({std::move(part.name), {}});
  state_ = State::kValue;
  return {end + kEndOfHead.size(), {}};
}

FormDecoder::Step FormDecoder::ReadValue(std::string_view input) {
  const Found found = FindDelimiter(input, searched_);
  if (found.at > kFormValueBytesMax || bytes_ + found.at > kFormBytesMax) return Fail(TooLong());
  if (found.what == Delimiter::kNotYet) {
    searched_ = found.at;
    return {};
  }
  if (found.what == Delimiter::kLast) return Fail(NoFile());
  form_.fields.back().value = input.substr(0, found.at);
  bytes_ += found.at;
  state_ = State::kHead;
  return {Pass(found), {}};
}

FormDecoder::Step FormDecoder::ReadFile(std::string_view input) {
  const Found found = FindDelimiter(input, 0);
  const std::string_view file = input.substr(0, found.at);
  if (found.what == Delimiter::kNotYet) return {found.at, file};
  state_ = found.what == Delimiter::kLast ? State::kEnd : State::kSkip;
  return {Pass(found), file};
}

}  // namespace ashlar::api_gateway
