// What clients did and what they were told: the operations on one key, with the times of their
// invocation and completion on one monotonic clock.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace ashlar::histories {

// Contents are numbered; every PUT of a run has a number of its own. 0: there is no object.
using Value = uint64_t;
inline constexpr Value kAbsent = 0;
// As a state: not known. Explains more than any state it may stand for.
inline constexpr Value kAnything = ~Value{0};

inline constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

enum class Kind {
  kPut,          // `value` is written
  kPutIfAbsent,  // If-None-Match: *
  kPutIfMatch,   // If-Match: the ETag of `expected`
  kDelete,
  kDeleteIfMatch,
  kGet,  // `value` is what was seen, as for the two below
  kHead,
  kList,  // what a listing said of this key
};

// How a request ended.
enum class Outcome {
  kOk,
  kFailedCondition,  // 412: the condition did not hold, and nothing was changed
  kNoSuchKey,        // 404 to a condition: there was no object, and nothing was changed
  kUnknown,          // took effect once or never, at any time after its invocation
};

struct Operation {
  Kind kind = Kind::kGet;
  Outcome outcome = Outcome::kOk;
  Value value = kAbsent;
  Value expected = kAbsent;
  int64_t invoked = 0;  // nanoseconds
  int64_t completed = kNever;
  int client = 0;
};

bool IsRead(Kind kind);

// "12.345678 .. 12.346001 client 7 PUT v123 -> ok"; "open": not answered, or later than what is
// told.
std::string Describe(const Operation& operation);

// One key between two moments of quiescence: nothing was under way at either of them.
struct KeyHistory {
  std::string key;
  Value initial = kAbsent;
  std::vector<Operation> operations;
};

}  // namespace ashlar::histories
