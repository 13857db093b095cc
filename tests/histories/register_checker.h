// Is there an order of the operations on one key that explains every answer and in which none
// stands before another that had ended when it began? Linearizability of a register with
// compare-and-set.
//
// Algorithm: Wing and Gong's search in the form of Lowe ("Testing for linearizability", 2017), as
// in Porcupine: operations are taken in the order of invocation, one that does not fit the state is
// passed over, the completion of one not yet taken forces a step back, and what was taken with the
// state it led to is remembered, so that no set is searched twice.
#pragma once

#include <cstdint>

#include "histories/history.h"

namespace ashlar::histories {

enum class Verdict { kLinearizable, kViolation, kUndecided };

// More steps than this and the verdict is kUndecided.
inline constexpr uint64_t kStepsMax = 20'000'000;

// The state after `operation` in `state`; false when its answer does not fit. An unknown outcome
// always fits: as the last of all it is the same as never.
bool Apply(const Operation& operation, Value state, Value* after);

Verdict CheckRegister(const KeyHistory& history, uint64_t steps_max = kStepsMax);

}  // namespace ashlar::histories
