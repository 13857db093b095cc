// The host's file system with the failpoint `metadata.persist` (detail: "append /the/path" and the
// like) before each step by which the engine changes the disk.
#pragma once

#include <rocksdb/env.h>

namespace ashlar::metadata_db {

// Lives as long as the process. For databases opened while failpoints are armed; others use the
// host's file system directly.
[[nodiscard]] rocksdb::Env* FailpointEnv();

}  // namespace ashlar::metadata_db
