// Disk: files and directories as a port. Production: io_uring, with a blocking fallback on threads;
// tests and simulation: a disk that loses what was not synced.
//
// Contract
//  1. Buffers stay valid and unchanged until the awaited call returned.
//  2. ReadAt/WriteAt move all bytes or give an error; a read beyond the end gives kIoError.
//  3. Bytes are durable only after a Sync that began after their WriteAt returned. A new file's
//     name is durable only after SyncDirectory of its folder.
//  4. A Sync that failed leaves the file suspect: what was not yet durable may be lost even if a
//     later Sync succeeds (the kernel marks pages clean). The owner must not acknowledge from it.
//  5. ENOSPC and EDQUOT give kNoSpace, ENOENT kNotFound, everything else kIoError.
//  6. Reads and writes whose offset, addresses and sizes are all multiples of 4 KiB, of 32 KiB and
//     more, may go past the page cache; reads do so the first time they touch a place.
// Coroutines run on the calling executor. Counters of all operations are in the metrics
// (ashlar_disk_*), so that "syncs per PUT" is a number and not a belief.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "runtime/task.h"

namespace ashlar {

// An open file. Operations may run concurrently. Closed by the destructor.
class DiskFile {
 public:
  virtual ~DiskFile() = default;
  virtual Task<Status> ReadAt(uint64_t offset, MutableByteSpan out) = 0;
  // Writes the parts one after the other from `offset` on.
  virtual Task<Status> WriteAt(uint64_t offset, std::span<const ByteSpan> parts) = 0;
  // fdatasync.
  virtual Task<Status> Sync() = 0;
  // Reserves zeroed space [offset, offset+size) and extends the file to it.
  virtual Task<Status> Allocate(uint64_t offset, uint64_t size) = 0;
  // Gives the space of [offset, offset+size) back; it reads as zero.
  virtual Task<Status> PunchHole(uint64_t offset, uint64_t size) = 0;
  virtual Task<Status> Truncate(uint64_t size) = 0;
  virtual Task<Result<uint64_t>> Size() = 0;
  // What the file takes of the drive: without its holes.
  virtual Task<Result<uint64_t>> AllocatedBytes() = 0;
  // End of the last byte that was ever written at or after `from` (rounded up to a block), `from`
  // if none: preallocated but unwritten space does not count.
  virtual Task<Result<uint64_t>> DataEnd(uint64_t from) = 0;
};

struct SpaceInfo {
  uint64_t total_bytes = 0;
  uint64_t available_bytes = 0;
};

class Disk {
 public:
  virtual ~Disk() = default;
  enum class OpenMode { kReadOnly, kReadWrite, kCreateNew };
  virtual Task<Result<std::unique_ptr<DiskFile>>> Open(std::string path, OpenMode mode) = 0;
  virtual Task<Status> CreateDirectory(std::string path) = 0;  // parents too; fine if it exists
  virtual Task<Status> SyncDirectory(std::string path) = 0;
  virtual Task<Result<std::vector<std::string>>> List(std::string path) = 0;  // names, sorted
  virtual Task<Status> Remove(std::string path) = 0;
  virtual Task<Status> Rename(std::string from, std::string to) = 0;
  virtual Task<Result<SpaceInfo>> Space(std::string path) = 0;
};

// Whole small file. kNotFound when it is not there, kCorrupt never: content is the caller's matter.
[[nodiscard]] Task<Result<std::string>> ReadWholeFile(Disk& disk, std::string path,
                                                      size_t size_max);
// Atomic and durable replacement: temporary file, sync, rename, directory sync.
[[nodiscard]] Task<Status> WriteWholeFile(Disk& disk, std::string directory, std::string name,
                                          std::string content);

// The host's own disk. Operations use the calling EventLoop's io_uring, or its blocking pool when
// the kernel refuses io_uring (or ASHLAR_DISK=blocking is set).
Disk& HostDisk();

}  // namespace ashlar
