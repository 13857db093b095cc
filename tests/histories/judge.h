// The verdict on a whole run: every key's history is checked, three times over, and what is wrong
// is cut down to the few operations that show it.
#pragma once

#include <string>
#include <vector>

#include "histories/history.h"
#include "histories/register_checker.h"

namespace ashlar::histories {

// Which of the answers must have one explanation together.
enum class Scope {
  kRequests,  // all but listings: linearizability of each key
  kListings,  // writes and listings: what is listed was there at some moment of the listing
  kAll,       // listings together with GET and HEAD: neither may run ahead of the other
};
inline constexpr Scope kScopes[] = {Scope::kRequests, Scope::kListings, Scope::kAll};

std::string_view Name(Scope scope);

struct Finding {
  Scope scope = Scope::kRequests;
  Verdict verdict = Verdict::kViolation;
  std::string key;
  // The smallest stretch of the key's history that has no explanation, whatever was there before;
  // empty beyond the first few findings.
  std::vector<Operation> window;
};

// Nothing is reported for kAll on a key where one of the others is reported already.
std::vector<Finding> Judge(const std::vector<KeyHistory>& histories);

// Requires a history that is a violation.
std::vector<Operation> SmallestWindow(const KeyHistory& history);

}  // namespace ashlar::histories
