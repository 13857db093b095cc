// SingleFlight: several ask for the same work, one does it, all get its answer. Thread-safe.
#pragma once

#include <mutex>
#include <vector>

#include "base/status.h"
#include "runtime/sync.h"
#include "runtime/task.h"

namespace ashlar::chunk_server {

class SingleFlight {
 public:
  // Runs `work`, unless another call's work is running: then `work` is dropped unstarted and the
  // answer is the other one's. That one may have begun before this call.
  Task<Status> Run(Task<Status> work);

 private:
  std::mutex mutex_;
  bool running_ = false;
  std::vector<OneShot<Status>*> waiters_;
};

}  // namespace ashlar::chunk_server
