// Removing a volume's file: ChunkStore::RemoveVolume of a local drive.
#pragma once

#include <cstdint>

#include "base/status.h"
#include "chunk_server/drive/drive.h"
#include "chunk_server/volumes/volume_set.h"
#include "runtime/task.h"

namespace ashlar::chunk_server {

// Codes as ChunkStore::RemoveVolume; kIoError and kUnavailable: not removed, or not durably.
Task<Status> RemoveEmptyVolume(Drive& drive, VolumeSet& volumes, uint32_t number);

}  // namespace ashlar::chunk_server
