#include "runtime/executor.h"

namespace ashlar {
namespace {

thread_local Executor* current_executor = nullptr;

}  // namespace

Executor* Executor::Current() { return current_executor; }
void Executor::SetCurrent(Executor* executor) { current_executor = executor; }

}  // namespace ashlar
