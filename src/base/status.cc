#include "base/status.h"

namespace ashlar {

std::string_view CodeName(Code code) {
  switch (code) {
    case Code::kOk: return "kOk";
    case Code::kNotFound: return "kNotFound";
    case Code::kAlreadyExists: return "kAlreadyExists";
    case Code::kPreconditionFailed: return "kPreconditionFailed";
    case Code::kLocked: return "kLocked";
    case Code::kConflict: return "kConflict";
    case Code::kInvalidArgument: return "kInvalidArgument";
    case Code::kUnavailable: return "kUnavailable";
    case Code::kOverloaded: return "kOverloaded";
    case Code::kNoSpace: return "kNoSpace";
    case Code::kIoError: return "kIoError";
    case Code::kCorrupt: return "kCorrupt";
    case Code::kOutcomeUnknown: return "kOutcomeUnknown";
    case Code::kDeadlineExceeded: return "kDeadlineExceeded";
    case Code::kCancelled: return "kCancelled";
    case Code::kNotImplemented: return "kNotImplemented";
    case Code::kInternal: return "kInternal";
  }
  return "unknown code";
}

std::string Status::ToString() const {
  std::string text(CodeName(code_));
  if (!message_.empty()) {
    text += ": ";
    text += message_;
  }
  return text;
}

}  // namespace ashlar
