// Seeded bugs: guards that a test build can take away, to prove that the tests notice.
//
// `if (!SeededBug("reclaim.skip_grace") && !graceful) return;` In the product this is a constant
// false and costs nothing. In a `<test>_seeded` program (ashlar_seeded_test in cmake/ashlar.cmake)
// the files that mention a bug are compiled once more with ASHLAR_SEEDED_BUGS, and the environment
// variable ASHLAR_SEEDED_BUG names the bug that is active: one program serves all of them.
// `tools/seeded_bugs.toml` lists each bug and the test that must fail with it; `scripts/mutation`
// runs them. Use in .cc files only.
#pragma once

#include <string_view>

#ifdef ASHLAR_SEEDED_BUGS
#include <cstdlib>
#endif

namespace ashlar {

#ifdef ASHLAR_SEEDED_BUGS
inline bool SeededBug(std::string_view name) {
  static const char* const active = std::getenv("ASHLAR_SEEDED_BUG");
  return active != nullptr && name == active;
}
#else
constexpr bool SeededBug(std::string_view /*name*/) { return false; }
#endif

}  // namespace ashlar
