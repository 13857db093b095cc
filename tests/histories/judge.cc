#include "histories/judge.h"

#include <algorithm>

namespace ashlar::histories {
namespace {

// Searching for the smallest window asks for many verdicts: for that few steps must do, and where
// they do not the window stays larger.
constexpr uint64_t kWindowSteps = 2'000'000;
// Windows of so many findings are searched for; the others only count.
constexpr size_t kWindowsMax = 3;

bool InScope(const Operation& operation, Scope scope) {
  const bool listing = operation.kind == Kind::kList;
  if (scope == Scope::kRequests) return !listing;
  if (scope == Scope::kListings) return listing || !IsRead(operation.kind);
  return true;
}

KeyHistory Restrict(const KeyHistory& history, Scope scope) {
  KeyHistory result{history.key, history.initial, {}};
  for (const Operation& operation : history.operations) {
    if (InScope(operation, scope)) result.operations.push_back(operation);
  }
  return result;
}

// What was known at `time`: of what was still under way, reads say nothing and writes are open.
KeyHistory Until(const KeyHistory& history, int64_t time) {
  KeyHistory result{history.key, history.initial, {}};
  for (Operation operation : history.operations) {
    if (operation.invoked > time) continue;
    if (operation.completed > time) {
      if (IsRead(operation.kind)) continue;
      operation.outcome = Outcome::kUnknown;
      operation.completed = kNever;
    }
    result.operations.push_back(operation);
  }
  return result;
}

// What happened from `time` on; writes that were under way then may still have an effect.
KeyHistory From(const KeyHistory& history, int64_t time) {
  KeyHistory result{history.key, history.initial, {}};
  for (Operation operation : history.operations) {
    if (operation.completed < time) continue;
    if (operation.invoked < time) {
      if (IsRead(operation.kind)) continue;
      operation.outcome = Outcome::kUnknown;
      operation.completed = kNever;
    }
    result.operations.push_back(operation);
  }
  return result;
}

// No state before it explains the history.
bool HasNoExplanation(KeyHistory history) {
  history.initial = kAnything;
  return CheckRegister(history, kWindowSteps) == Verdict::kViolation;
}

}  // namespace

std::string_view Name(Scope scope) {
  switch (scope) {
    case Scope::kRequests: return "requests";
    case Scope::kListings: return "listings";
    case Scope::kAll: return "listings against reads";
  }
  return "?";
}

std::vector<Operation> SmallestWindow(const KeyHistory& history) {
  std::vector<int64_t> ends;
  std::vector<int64_t> begins;
  for (const Operation& operation : history.operations) {
    if (operation.completed != kNever) ends.push_back(operation.completed);
    begins.push_back(operation.invoked);
  }
  std::sort(ends.begin(), ends.end());
  std::sort(begins.begin(), begins.end());
  // A history whose beginning has no explanation has none.
  const auto end = std::partition_point(ends.begin(), ends.end(), [&history](int64_t time) {
    return CheckRegister(Until(history, time), kWindowSteps) != Verdict::kViolation;
  });
  KeyHistory window = end == ends.end() ? history : Until(history, *end);
  // Nor has one whose ending has none from any state; where only the state before it speaks against
  // it, the window begins at the beginning.
  const auto begin = std::partition_point(begins.begin(), begins.end(), [&window](int64_t time) {
    return HasNoExplanation(From(window, time));
  });
  if (begin != begins.begin()) window = From(window, *std::prev(begin));
  std::sort(window.operations.begin(), window.operations.end(),
            [](const Operation& a, const Operation& b) { return a.invoked < b.invoked; });
  return window.operations;
}

std::vector<Finding> Judge(const std::vector<KeyHistory>& histories) {
  std::vector<Finding> findings;
  for (const KeyHistory& history : histories) {
    const size_t before = findings.size();
    for (const Scope scope : kScopes) {
      if (scope == Scope::kAll && findings.size() > before) continue;
      const KeyHistory restricted = Restrict(history, scope);
      const Verdict verdict = CheckRegister(restricted);
      if (verdict == Verdict::kLinearizable) continue;
      Finding finding{scope, verdict, history.key, {}};
      if (verdict == Verdict::kViolation && findings.size() < kWindowsMax) {
        finding.window = SmallestWindow(restricted);
      }
      findings.push_back(std::move(finding));
    }
  }
  return findings;
}

}  // namespace ashlar::histories
