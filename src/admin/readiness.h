// Readiness: asks whether the store can really work, without letting the question become a load.
//
// 1. At most one probe runs at a time; whoever asks meanwhile waits for its answer.
// 2. An answer is good for `ttl`.
// 3. Nobody waits longer than `timeout`: a probe that hangs is an answer too (kDeadlineExceeded).
//    The probe itself goes on until it ends.
// Thread-safe; asked from executors.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "base/status.h"
#include "runtime/clock.h"
#include "runtime/sync.h"
#include "runtime/task.h"

namespace ashlar::admin {

using Probe = std::function<Task<Status>()>;

class Readiness {
 public:
  Readiness(Probe probe, Duration ttl, Duration timeout, Clock& clock);

  Task<Status> Check();
  // Waits for a probe that still runs. Nobody may ask after it.
  Task<void> Shutdown();

 private:
  struct Waiter {
    OneShot<Status> answer;
    std::atomic<bool> answered{false};
    void Answer(Status status) {
      if (!answered.exchange(true)) answer.Set(std::move(status));
    }
  };
  Task<void> RunProbe();

  const Probe probe_;
  const Duration ttl_;
  const Duration timeout_;
  Clock& clock_;
  TaskScope scope_;
  std::mutex mutex_;
  bool running_ = false;
  std::vector<std::shared_ptr<Waiter>> waiters_;
  std::optional<Status> last_;
  int64_t last_at_ = 0;
};

}  // namespace ashlar::admin
