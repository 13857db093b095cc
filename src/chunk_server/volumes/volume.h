// Volume: one volume file that takes new records: where the next one goes, and making it durable.
//
// Invariants
//  1. A range is given out once. Appending never goes below data that was there at open.
//  2. MakeDurable answers ok only when a sync that began after the caller's writes returned has
//     succeeded, on a drive that is still the one that was opened.
//  3. After a failed write or sync nothing is ever acknowledged or reserved here again. (A write
//     that found no space is not a failure of the device: it leaves a gap and the volume goes on.)
//  4. The checkpoint names only what was synced, and lies below every unfinished reservation.
//  5. After the drive went offline no write begins here; WritesUnderWay tells when the last one
//     that had begun is over, and the file may be opened anew.
// Thread-safe; callers may be on different executors.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "chunk_server/drive/drive.h"
#include "runtime/disk.h"
#include "runtime/executor.h"
#include "runtime/sync.h"
#include "runtime/task.h"

namespace ashlar::chunk_server {

class Volume;

// A record's range in a volume. Ends, used or not, with its destructor.
class Reservation {
 public:
  Reservation() = default;
  Reservation(std::shared_ptr<Volume> volume, uint64_t offset)
      : volume_(std::move(volume)), offset_(offset) {}
  Reservation(Reservation&&) noexcept = default;
  Reservation& operator=(Reservation&& other) noexcept;
  ~Reservation() { Release(); }

  explicit operator bool() const { return volume_ != nullptr; }
  Volume& volume() const { return *volume_; }
  const std::shared_ptr<Volume>& shared_volume() const { return volume_; }
  uint64_t offset() const { return offset_; }

 private:
  void Release();
  std::shared_ptr<Volume> volume_;
  uint64_t offset_ = 0;
};

class Volume : public std::enable_shared_from_this<Volume> {
 public:
  struct State {
    uint64_t cursor = 0;      // next record goes here
    uint64_t allocated = 0;   // the file's size
    uint64_t checkpoint = 0;  // as in its header
  };
  Volume(Drive& drive, uint32_t number, std::string path, std::shared_ptr<DiskFile> file,
         State state);

  uint32_t number() const { return number_; }
  const std::string& path() const { return path_; }
  const std::shared_ptr<DiskFile>& file() const { return file_; }

  // Room for a record. An empty Reservation: the volume is full or sealed, take another one.
  // kNoSpace: no room on the drive; nothing was changed.
  Task<Result<Reservation>> Reserve(uint64_t bytes);
  // Would a record of `bytes` find room now? Allocates it if need be, reserves nothing. A volume
  // that is full or sealed is ok: the next one will be asked.
  Task<Status> EnsureRoom(uint64_t bytes);
  Task<Status> Write(uint64_t offset, std::span<const ByteSpan> parts);
  // Everything below was written and answered, well or not, before this call.
  uint64_t CompleteEnd() const;
  // Is the place inside a record that is still being written?
  bool IsUnfinished(uint64_t offset) const;
  bool WritesUnderWay() const;
  // Group commit: one sync at a time; who comes meanwhile shares the next one. Who has patience
  // shares the next that others cause, and causes one only when none came for so long.
  Task<Status> MakeDurable(Duration patience = Duration::zero());

  bool NearlyFull() const;  // time to make the next volume
  // Writes the checkpoint when `bytes_min` more were synced since the last one.
  Task<void> WriteCheckpoint(uint64_t bytes_min);
  bool CheckpointDue(uint64_t bytes_min) const;

 private:
  friend class Reservation;
  struct SyncTurn {
    bool lead = false;  // false: `status` is the answer; true: yours to sync
    Status status;
  };
  // From now on the waiter of this number is as any other, if it still waits.
  void EndPatience(uint64_t waiter);
  void Release(uint64_t offset);
  void SealSuspect(const Status& why);
  bool Suspect() const;  // under mutex_
  Task<Status> Allocate(uint64_t bytes);
  Task<Status> AllocateRange(uint64_t offset, uint64_t size);
  Task<Status> SyncOnce();
  std::optional<uint64_t> CheckpointLocked(uint64_t bytes_min) const;

  Drive& drive_;
  const uint32_t number_;
  const std::string path_;
  const std::shared_ptr<DiskFile> file_;
  const uint64_t epoch_;  // of the drive when it was opened

  SingleFlight allocation_;
  mutable std::mutex mutex_;
  uint64_t cursor_;
  uint64_t allocated_;
  uint64_t checkpoint_;  // last one written, or tried
  bool full_ = false;
  Status failure_;                           // not ok: suspect
  std::map<uint64_t, uint64_t> unfinished_;  // offset, bytes
  int writes_under_way_ = 0;
  bool synced_ = false;  // at least once by this process
  bool checkpointing_ = false;
  bool syncing_ = false;
  std::vector<OneShot<SyncTurn>*> waiters_;
  std::map<uint64_t, OneShot<SyncTurn>*> patient_;  // by number of arrival; empty after a failure
  uint64_t patient_arrived_ = 0;
};

}  // namespace ashlar::chunk_server
