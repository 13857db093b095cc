// Walking a volume page by page: ChunkStore::WalkVolume of a local drive.
#pragma once

#include <cstdint>

#include "base/status.h"
#include "chunk_server/chunk_store.h"
#include "chunk_server/drive/drive.h"
#include "chunk_server/volumes/volume_set.h"
#include "runtime/task.h"

namespace ashlar::chunk_server {

// The page of `number` from `offset` on. Memory: one window, and the leaf digests of one record.
Task<Result<WalkPage>> WalkPageAt(Drive& drive, uint32_t number, ReadableVolume volume,
                                  uint64_t offset, WalkOptions options);

}  // namespace ashlar::chunk_server
