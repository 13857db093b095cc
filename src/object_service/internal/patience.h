// Patience: how long a write may wait for the syncs of others, over all of its steps together.
#pragma once

#include <algorithm>

#include "runtime/clock.h"
#include "runtime/executor.h"

namespace ashlar::object_service {

class Patience {
 public:
  Patience(Clock& clock, Duration budget)
      : clock_(clock), end_nanoseconds_(clock.MonotonicNanoseconds() + budget.count()) {}

  // For the step that begins now.
  Duration Left() const {
    const Duration left(end_nanoseconds_ - clock_.MonotonicNanoseconds());
    return std::max(left, Duration::zero());
  }

 private:
  Clock& clock_;
  const int64_t end_nanoseconds_;
};

}  // namespace ashlar::object_service
