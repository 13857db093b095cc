// One budget for the process, and the named shares of it that its parts get.
//
// The sum of all shares and of what the process needs for itself is the budget, so that the
// resident set stays below it whatever the load. A share that the operator sets by itself is taken
// as it is; the others are not changed by it. /metrics shows each: ashlar_memory_bytes and
// ashlar_memory_limit_bytes.
#pragma once

#include <cstdint>

#include "server/options.h"

namespace ashlar::server {

struct MemoryShares {
  uint64_t buffers = 0;       // data in flight, of clients and of healing
  uint64_t metadata = 0;      // the metadata engine: blocks and memtables together
  uint64_t memtable = 0;      // one memtable, of at most three, in `metadata`
  uint64_t index_cache = 0;   // versions and extents in front of the engine
  uint64_t leaf_digests = 0;  // of all drives together
};

[[nodiscard]] MemoryShares DivideMemory(const ServerOptions& options);

}  // namespace ashlar::server
