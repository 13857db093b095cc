// Background duties: what the product does by itself while clients work. The history lets one run
// now and then, while operations are under way.
//
// Here is where healing, scrubbing, reclaiming and compaction are plugged in: one entry each.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/status.h"
#include "process.h"
#include "runtime/task.h"

namespace ashlar::sim {

struct BackgroundDuty {
  std::string name;
  // One round. May fail: it is the checkers who judge what it leaves behind.
  std::function<Task<Status>(Process&)> run;
};

[[nodiscard]] const std::vector<BackgroundDuty>& BackgroundDuties();

}  // namespace ashlar::sim
