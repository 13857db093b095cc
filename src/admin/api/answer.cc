#include "admin/api/answer.h"

namespace ashlar::admin {

ApiAnswer Refuse(int status, const char* code, std::string message) {
  return {status, {{"error", {{"code", code}, {"message", std::move(message)}}}}};
}

ApiAnswer Refuse(const Status& status) {
  switch (status.code()) {
    case Code::kNotFound: return Refuse(404, "not_found", status.message());
    case Code::kInvalidArgument: return Refuse(400, "invalid_argument", status.message());
    case Code::kConflict:
    case Code::kAlreadyExists:
    case Code::kPreconditionFailed: return Refuse(409, "conflict", status.message());
    case Code::kOverloaded:
    case Code::kUnavailable: return Refuse(503, "unavailable", status.message());
    case Code::kNoSpace: return Refuse(507, "no_space", status.message());
    default: return Refuse(500, "internal", status.ToString());
  }
}

}  // namespace ashlar::admin
