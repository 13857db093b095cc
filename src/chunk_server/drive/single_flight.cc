#include "chunk_server/drive/single_flight.h"

#include <utility>

namespace ashlar::chunk_server {

Task<Status> SingleFlight::Run(Task<Status> work) {
  OneShot<Status> answer;
  bool mine = false;
  {
    const std::lock_guard lock(mutex_);
    if (running_) {
      waiters_.push_back(&answer);
    } else {
      running_ = true;
      mine = true;
    }
  }
  if (!mine) co_return co_await answer;

  Status status = co_await work;
  std::vector<OneShot<Status>*> waiters;
  {
    const std::lock_guard lock(mutex_);
    running_ = false;
    waiters.swap(waiters_);
  }
  for (OneShot<Status>* waiter : waiters) waiter->Set(status);
  co_return status;
}

}  // namespace ashlar::chunk_server
