#include "histories/register_checker.h"

#include <algorithm>
#include <random>
#include <unordered_set>

namespace ashlar::histories {
namespace {

// A call or a return, in a doubly linked list ordered by time. Index 0 is the head.
struct Event {
  size_t operation = 0;
  bool is_call = false;
  size_t partner = 0;  // of a call: its return, 0 when it never returned
  size_t next = 0;
  size_t previous = 0;
};

struct Mark {
  uint64_t low;
  uint64_t high;
  Value state;
  bool operator==(const Mark&) const = default;
};

struct MarkHash {
  size_t operator()(const Mark& mark) const { return mark.low ^ (mark.state * 0x9e3779b97f4a7c15); }
};

class Search {
 public:
  Search(const KeyHistory& history, uint64_t steps_max)
      : operations_(history.operations), state_(history.initial), steps_left_(steps_max) {
    BuildEvents();
    // A set of operations is the exclusive or of 128 random bits for each: two sets that were
    // mistaken for one another could hide an order, which would look like a violation and be seen.
    std::mt19937_64 random(operations_.size());
    for (size_t i = 0; i < operations_.size(); ++i) bits_.push_back({random(), random()});
  }

  Verdict Run() {
    size_t at = Descend();
    while (mandatory_left_ > 0) {
      if (steps_left_-- == 0) return Verdict::kUndecided;
      if (at != 0 && events_[at].is_call) {
        at = Take(at, /*is_choice=*/true) ? Descend() : events_[at].next;
      } else {
        if (!StepBack(&at)) return Verdict::kViolation;
      }
    }
    return Verdict::kLinearizable;
  }

 private:
  struct Taken {
    size_t event;
    Value before;
    bool is_choice;
  };

  // Takes all that fits the state and can never change one: reads, and what was refused. That is no
  // choice: in any order that explains the rest, such an operation may as well come now. The first
  // event from which to choose; 0: this state was met before, in vain.
  size_t Descend() {
    size_t at = events_[0].next;
    while (state_ != kAnything && at != 0 && events_[at].is_call) {
      const Operation& operation = operations_[events_[at].operation];
      Value after = kAbsent;
      if (!ChangesNothing(operation) || !Apply(operation, state_, &after)) {
        at = events_[at].next;
        continue;
      }
      if (!Take(at, /*is_choice=*/false)) return 0;
      at = events_[0].next;
    }
    return events_[0].next;
  }

  static bool ChangesNothing(const Operation& operation) {
    return IsRead(operation.kind) || operation.outcome == Outcome::kFailedCondition ||
           operation.outcome == Outcome::kNoSuchKey;
  }

  void BuildEvents() {
    struct Point {
      int64_t time;
      bool is_call;
      size_t operation;
    };
    std::vector<Point> points;
    for (size_t i = 0; i < operations_.size(); ++i) {
      points.push_back({operations_[i].invoked, true, i});
      if (operations_[i].outcome == Outcome::kUnknown) continue;
      ++mandatory_left_;
      points.push_back({operations_[i].completed, false, i});
    }
    // At the same instant calls come first: then the two overlap, which claims less.
    std::sort(points.begin(), points.end(), [](const Point& a, const Point& b) {
      return std::tuple(a.time, !a.is_call, a.operation) <
             std::tuple(b.time, !b.is_call, b.operation);
    });
    events_.resize(points.size() + 1);
    std::vector<size_t> calls(operations_.size());
    for (size_t i = 0; i < points.size(); ++i) {
      Event& event = events_[i + 1];
      event.operation = points[i].operation;
      event.is_call = points[i].is_call;
      event.previous = i;
      events_[i].next = i + 1;
      if (event.is_call) {
        calls[event.operation] = i + 1;
      } else {
        events_[calls[event.operation]].partner = i + 1;
      }
    }
  }

  bool Take(size_t call, bool is_choice) {
    const size_t operation = events_[call].operation;
    Value after = kAbsent;
    if (!Apply(operations_[operation], state_, &after)) return false;
    const auto& bits = bits_[operation];
    const Mark mark{set_.low ^ bits.first, set_.high ^ bits.second, after};
    if (!seen_.insert(mark).second) return false;
    taken_.push_back({call, state_, is_choice});
    set_ = mark;
    state_ = after;
    Unlink(call);
    if (events_[call].partner != 0) {
      Unlink(events_[call].partner);
      --mandatory_left_;
    }
    return true;
  }

  // Puts back the last choice and what came after it; *at: where to go on. False: there was none.
  bool StepBack(size_t* at) {
    while (!taken_.empty()) {
      const Taken last = taken_.back();
      PutBack();
      if (!last.is_choice) continue;
      *at = events_[last.event].next;
      return true;
    }
    return false;
  }

  void PutBack() {
    const Taken last = taken_.back();
    taken_.pop_back();
    const auto& bits = bits_[events_[last.event].operation];
    set_.low ^= bits.first;
    set_.high ^= bits.second;
    state_ = last.before;
    if (events_[last.event].partner != 0) {
      Link(events_[last.event].partner);
      ++mandatory_left_;
    }
    Link(last.event);
  }

  void Unlink(size_t event) {
    events_[events_[event].previous].next = events_[event].next;
    if (events_[event].next != 0) events_[events_[event].next].previous = events_[event].previous;
  }

  void Link(size_t event) {
    events_[events_[event].previous].next = event;
    if (events_[event].next != 0) events_[events_[event].next].previous = event;
  }

  const std::vector<Operation>& operations_;
  std::vector<Event> events_;
  std::vector<std::pair<uint64_t, uint64_t>> bits_;  // by operation
  std::unordered_set<Mark, MarkHash> seen_;
  std::vector<Taken> taken_;
  Mark set_{0, 0, 0};
  Value state_;
  size_t mandatory_left_ = 0;
  uint64_t steps_left_;
};

bool ConditionHolds(const Operation& operation, Value state) {
  switch (operation.kind) {
    case Kind::kPutIfAbsent: return state == kAbsent || state == kAnything;
    case Kind::kPutIfMatch:
    case Kind::kDeleteIfMatch: return state == operation.expected || state == kAnything;
    default: return true;
  }
}

}  // namespace

bool Apply(const Operation& operation, Value state, Value* after) {
  *after = state;
  const bool anything = state == kAnything;
  if (IsRead(operation.kind)) {
    *after = operation.value;
    return anything || operation.value == state;
  }
  const bool holds = ConditionHolds(operation, state);
  switch (operation.outcome) {
    case Outcome::kFailedCondition: return anything || !holds;
    case Outcome::kNoSuchKey: *after = kAbsent; return anything || state == kAbsent;
    case Outcome::kOk:
      if (!holds) return false;
      break;
    case Outcome::kUnknown:
      if (!holds) return true;
      break;
  }
  const bool deletes = operation.kind == Kind::kDelete || operation.kind == Kind::kDeleteIfMatch;
  *after = deletes ? kAbsent : operation.value;
  return true;
}

Verdict CheckRegister(const KeyHistory& history, uint64_t steps_max) {
  return Search(history, steps_max).Run();
}

}  // namespace ashlar::histories
