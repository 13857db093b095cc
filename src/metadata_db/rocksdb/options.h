// How the embedded engine is set up, and how its answers become ours.
#pragma once

#include <rocksdb/options.h>
#include <rocksdb/status.h>

#include "base/status.h"
#include "metadata_db/ordered_store.h"

namespace ashlar::metadata_db {

inline constexpr int kMemtablesMax = 3;  // filled, flushed, and waiting

[[nodiscard]] rocksdb::Options MakeRocksOptions(const RocksDbOptions& options);
[[nodiscard]] Status FromRocks(const rocksdb::Status& status);

}  // namespace ashlar::metadata_db
