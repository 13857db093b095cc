// multipart/form-data (RFC 7578) as browsers send it for a POST upload: fields, then one file.
//
//   body = "--" boundary CRLF part *( CRLF "--" boundary CRLF part ) CRLF "--" boundary "--" ...
//   part = *( name ":" value CRLF ) CRLF content
//
// 1. A form means the same however it is cut into pieces: what cannot be decided yet is not
//    consumed, and is to be fed again with more behind it.
// 2. Everything before the file is bounded: each part's head, each value, all together, and their
//    number. So a caller needs no more than kFormWindowBytes at a time.
// 3. The file's bytes come out as they are, as views of what was fed. What follows the file is
//    skipped, but a form is whole only with its closing delimiter.
// 4. A name occurs once (letter case ignored): two readers could take different ones.
//
// No preamble, no folded lines, no transfer encodings: no browser sends them. After the first error
// every call repeats it. A value for one body and one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api_gateway/protocol/s3_error.h"

namespace ashlar::api_gateway {

inline constexpr size_t kFormBoundaryBytesMax = 70;
inline constexpr size_t kFormPartHeadBytesMax = 8 * 1024;
inline constexpr size_t kFormValueBytesMax = 20 * 1024;
// Names and values before the file: held before anybody is authenticated. S3 takes 20 KiB.
inline constexpr size_t kFormBytesMax = 64 * 1024;
inline constexpr size_t kFormFieldsMax = 100;
// Holds the largest head or value with its delimiter.
inline constexpr size_t kFormWindowBytes = 64 * 1024;

struct FormField {
  std::string name;  // lower-case
  std::string value;
};

struct Form {
  std::vector<FormField> fields;         // before the file, in their order
  std::optional<std::string> file_name;  // as sent, perhaps with a path; nullopt: none was given

  // Null when there is none. `name` must be lower-case.
  [[nodiscard]] const FormField* Find(std::string_view name) const;
};

// MalformedPOSTRequest; `detail` is a sentence.
[[nodiscard]] S3Error MalformedForm(std::string_view detail);
// PreconditionFailed: a POST to a bucket whose content is no form.
[[nodiscard]] S3Error NotAForm();

// The boundary of a Content-Type. PreconditionFailed for another type, MalformedPOSTRequest for a
// boundary that is none.
[[nodiscard]] S3Result<std::string> ParseFormBoundary(std::string_view content_type);

class FormDecoder {
 public:
  // `boundary` as ParseFormBoundary gave it.
  explicit FormDecoder(std::string_view boundary);

  struct Step {
    size_t consumed = 0;    // bytes of the input that are done with; 0: feed more, or an error
    std::string_view file;  // bytes of the file, part of the consumed input; may be empty
  };
  // `input` begins with what the step before did not consume. One step at a time: feed the rest
  // until a step consumes nothing. MalformedPOSTRequest, MaxPostPreDataLengthExceeded, and
  // InvalidArgument (a name twice, no file).
  [[nodiscard]] Step Feed(std::string_view input);

  // The head of the file was read: the fields are complete, what follows are the file's bytes.
  bool at_file() const { return state_ == State::kFile; }
  bool file_ended() const { return state_ == State::kSkip || state_ == State::kEnd; }
  bool at_end() const { return state_ == State::kEnd; }
  const std::optional<S3Error>& error() const { return error_; }
  const Form& form() const { return form_; }
  // What ends a form whose file comes last, as everybody writes it.
  size_t closing_bytes() const { return delimiter_.size() + 4; }

 private:
  enum class State { kStart, kHead, kValue, kFile, kSkip, kEnd };
  enum class Delimiter { kNotYet, kNextPart, kLast };
  struct Found {
    Delimiter what = Delimiter::kNotYet;
    size_t at = 0;  // the bytes before belong to no delimiter
  };

  Found FindDelimiter(std::string_view input, size_t from) const;
  Step Start(std::string_view input);
  Step ReadHead(std::string_view input);
  Step ReadValue(std::string_view input);
  Step ReadFile(std::string_view input);
  // Behind a delimiter.
  size_t Pass(const Found& found) const { return found.at + delimiter_.size() + 2; }
  Step Fail(S3Error error);

  const std::string delimiter_;  // with the CRLF that begins it
  State state_ = State::kStart;
  size_t searched_ = 0;  // of the input that was not consumed
  size_t bytes_ = 0;     // of fields so far
  Form form_;            // the last field's value comes with kValue
  std::optional<S3Error> error_;
};

}  // namespace ashlar::api_gateway
