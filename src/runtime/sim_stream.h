// SimStream: a connection in memory between two coroutines of one SimExecutor. Bytes arrive after a
// short random time, in pieces of random size; timeouts are those of the Stream port.
#pragma once

#include <memory>
#include <utility>

#include "runtime/network.h"
#include "runtime/sim_executor.h"

namespace ashlar {

// The two ends. When one is destroyed, the other one reads what was sent and then the end.
[[nodiscard]] std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>> MakeSimStreams(
    SimExecutor& executor, uint64_t seed);

}  // namespace ashlar
