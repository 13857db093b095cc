#include "histories/history.h"

#include <array>
#include <cstdio>

namespace ashlar::histories {
namespace {

std::string Seconds(int64_t nanoseconds) {
  if (nanoseconds == kNever) return "...";
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), "%.6f", static_cast<double>(nanoseconds) / 1e9);
  return text.data();
}

std::string Named(Value value) {
  return value == kAbsent ? "nothing" : "v" + std::to_string(value);
}

std::string Request(const Operation& operation) {
  switch (operation.kind) {
    case Kind::kPut: return "PUT " + Named(operation.value);
    case Kind::kPutIfAbsent: return "PUT " + Named(operation.value) + " If-None-Match *";
    case Kind::kPutIfMatch:
      return "PUT " + Named(operation.value) + " If-Match " + Named(operation.expected);
    case Kind::kDelete: return "DELETE";
    case Kind::kDeleteIfMatch: return "DELETE If-Match " + Named(operation.expected);
    case Kind::kGet: return "GET -> " + Named(operation.value);
    case Kind::kHead: return "HEAD -> " + Named(operation.value);
    case Kind::kList: return "LIST -> " + Named(operation.value);
  }
  return "?";
}

}  // namespace

bool IsRead(Kind kind) { return kind == Kind::kGet || kind == Kind::kHead || kind == Kind::kList; }

std::string Describe(const Operation& operation) {
  std::string text = Seconds(operation.invoked) + " .. " + Seconds(operation.completed) +
                     " client " + std::to_string(operation.client) + " " + Request(operation);
  if (IsRead(operation.kind)) return text;
  switch (operation.outcome) {
    case Outcome::kOk: return text + " -> ok";
    case Outcome::kFailedCondition: return text + " -> 412";
    case Outcome::kNoSuchKey: return text + " -> 404";
    case Outcome::kUnknown: return text + " -> open";
  }
  return text;
}

}  // namespace ashlar::histories
