// Failpoints: named places where a test can make the real process die, fail or wait.
//
// ASHLAR_FAILPOINTS="put.shards_synced=crash@3;disk.read/drive-03=delay:2000;disk.sync=error@5"
//   action: crash (_exit(137), nothing flushed), error, delay:<ms>, corrupt; "@N": only the Nth
//   hit, "@N+": from the Nth on; default every hit. A crash, and an error or a delay "@N", says on
//   stderr what it has met.
//   A name may end in "/<text>": only when the place's detail (for disk operations the path)
//   contains the text.
// Unset in production: then a place costs one relaxed load.
#pragma once

#include <atomic>
#include <string_view>

#include "base/status.h"
#include "runtime/task.h"

namespace ashlar {

enum class FailpointAction { kNone, kError, kCorrupt, kDelay };

struct FailpointHit {
  FailpointAction action = FailpointAction::kNone;
  int delay_ms = 0;
};

extern std::atomic<bool> failpoints_armed;

// Slow path: counts the hit and says what to do. Crashes here if told so.
FailpointHit EvaluateFailpoint(std::string_view name, std::string_view detail);

inline bool FailpointsArmed() { return failpoints_armed.load(std::memory_order_relaxed); }

inline FailpointHit Failpoint(std::string_view name, std::string_view detail = {}) {
  if (!FailpointsArmed()) return {};
  return EvaluateFailpoint(name, detail);
}

// A place where nothing can fail: death and delays only. Call it when failpoints are armed.
Task<void> DelayAtFailpoint(std::string_view name);

// Puts the rules of a specification as above in the place of those before; "" disarms. When it is
// wrong, kInvalidArgument says where, and nothing changes.
Status ArmFailpoints(std::string_view specification);

}  // namespace ashlar
