// A named step of background work at which a test may make the process die, wait or fail.
#pragma once

#include <string>

#include "base/status.h"
#include "runtime/executor.h"
#include "runtime/failpoint.h"
#include "runtime/task.h"

namespace ashlar::lifecycle_worker {

inline Task<Status> PassStep(const char* name) {
  const FailpointHit hit = Failpoint(name);
  if (hit.action == FailpointAction::kDelay) {
    Sleep delay{std::chrono::milliseconds(hit.delay_ms)};
    co_await delay;
  }
  if (hit.action == FailpointAction::kError) {
    co_return Status(Code::kCancelled, std::string("failpoint ") + name);
  }
  co_return Status::Ok();
}

}  // namespace ashlar::lifecycle_worker
