#include "runtime/executor.h"

#include "runtime/clock.h"

namespace ashlar {
namespace {

thread_local Executor* current_executor = nullptr;

}  // namespace

int64_t Executor::MonotonicNanoseconds() { return SystemClock().MonotonicNanoseconds(); }

Executor* Executor::Current() { return current_executor; }
void Executor::SetCurrent(Executor* executor) { current_executor = executor; }

}  // namespace ashlar
