// A step of background work that tests can stop at: an error is answered as kIoError, a delay
// passes on the executor.
#pragma once

#include "base/status.h"
#include "runtime/executor.h"
#include "runtime/failpoint.h"
#include "runtime/task.h"

namespace ashlar::cluster {

inline Task<Status> PassFailpoint(const char* name) {
  const FailpointHit hit = Failpoint(name);
  if (hit.action == FailpointAction::kError) co_return Status(Code::kIoError, name);
  if (hit.action == FailpointAction::kDelay) {
    Sleep pause{std::chrono::milliseconds(hit.delay_ms)};
    co_await pause;
  }
  co_return Status::Ok();
}

}  // namespace ashlar::cluster
