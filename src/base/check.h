// CHECK: programmer errors end the process, in production too. Never for input or for disk content:
// corrupt data is an operating error and travels as a Status.
#pragma once

namespace ashlar {

[[noreturn]] void CheckFailed(const char* file, int line, const char* expression);

}  // namespace ashlar

#define CHECK(expression)                             \
  (__builtin_expect(static_cast<bool>(expression), 1) \
       ? static_cast<void>(0)                         \
       : ::ashlar::CheckFailed(__FILE__, __LINE__, #expression))
