// Where threads may run. Private to runtime.
#pragma once

#include <cstddef>

namespace ashlar {

// CPUs that this process was started on: at least 1.
size_t ProcessCpuCount();
// Keeps the calling thread, and those that it or the kernel starts from it, on the `index`-th of
// these. Where the system refuses, the thread goes on wherever it may.
void StayOnCpu(size_t index);
// Takes that back, for a thread that was started from one which stays.
void RunOnAnyCpu();

}  // namespace ashlar
