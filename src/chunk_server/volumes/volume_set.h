// VolumeSet: all volumes of a drive. One takes new records, the next one lies ready before it is
// needed, the others are sealed and only read.
//
// Invariants
//  1. A volume has its final name only when its header is durable; records are written to it only
//     when the name is durable too.
//  2. At open the newest volume goes on being appended to, behind all data in it; if its header is
//     damaged or another drive's, or it cannot be scanned, a new one is begun instead. Numbers are
//     never used twice: the newest volume is never removed, so that the next start counts on from
//     it.
//  3. A record is reserved in a sealed or suspect volume by nobody.
// Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/status.h"
#include "chunk_server/chunk_store.h"
#include "chunk_server/drive/drive.h"
#include "chunk_server/drive/single_flight.h"
#include "chunk_server/volumes/volume.h"
#include "model/shard_record.h"
#include "runtime/sync.h"
#include "runtime/task.h"

namespace ashlar::chunk_server {

// Its header, when it is whole and of this drive and volume; kCorrupt when it is not.
Task<Result<model::VolumeHeader>> ReadVolumeHeader(const Drive& drive, DiskFile& file,
                                                   uint32_t number);

// A volume to be read from beginning to end: up to where nobody writes any more.
struct ReadableVolume {
  std::shared_ptr<DiskFile> file;
  uint64_t end = 0;
};
// A volume whose records may be marked in place.
struct MarkableVolume {
  std::shared_ptr<Volume> volume;  // of one that takes records, or has unfinished ones; else null
  std::shared_ptr<DiskFile> file;
};

class VolumeSet : public std::enable_shared_from_this<VolumeSet> {
 public:
  // `drive` and `scope` outlive the set; background work runs in `scope`. An error: the folder of
  // the volumes cannot be listed. A full or failing drive still opens, for reading.
  static Task<Result<std::shared_ptr<VolumeSet>>> Open(Drive& drive, TaskScope& scope);

  // Made by Open.
  VolumeSet(Drive& drive, TaskScope& scope);

  // Waits while others fill each new volume, for a while. kNoSpace, kIoError, kUnavailable,
  // kOverloaded.
  Task<Result<Reservation>> Reserve(uint64_t bytes);
  // As Volume::EnsureRoom, of the volume in use.
  Task<Status> EnsureRoom(uint64_t bytes);
  // kNotFound: the drive has no such volume.
  Task<Result<std::shared_ptr<DiskFile>>> FileForRead(uint32_t volume);
  // kNotFound as above.
  Task<Result<ReadableVolume>> OpenForWalk(uint32_t volume);
  // kNotFound as above; an earlier failure to mark in this volume.
  Task<Result<MarkableVolume>> OpenForMarks(uint32_t volume);
  // Marks in a sealed volume may have been lost behind our back: none is taken any more.
  void RefuseMarks(uint32_t volume, Status why);
  // All volumes, ascending.
  Task<std::vector<VolumeInfo>> List();

  // Removal: kNotFound, or kConflict when it is the newest one, takes records or is being removed.
  // After ok the caller calls EndRemoval.
  Status BeginRemoval(uint32_t volume);
  void EndRemoval(uint32_t volume, bool removed);
  std::string PathOf(uint32_t number) const;

  // A record in `volume` became durable: starts what is due.
  void AfterDurable(const std::shared_ptr<Volume>& volume);

  size_t count() const;
  uint64_t epoch() const { return epoch_; }
  // Is anybody still writing into any of the volumes?
  bool WritesUnderWay() const;
  // What is wrong with volumes, for people; empty when nothing is.
  std::string Problems() const;
  // Waits for the making of a volume that is under way.
  Task<void> Quiesce();
  // Leaves the checkpoint, so that the next open has nothing to scan.
  Task<void> Checkpoint();

 private:
  struct Known {
    std::string problem;             // of its header; its records still vouch for themselves
    std::shared_ptr<DiskFile> file;  // null: opened when read
    uint64_t last_use = 0;
    std::weak_ptr<Volume> volume;  // while it takes records or has unfinished ones
    Status marks_refused;
    bool removing = false;
  };

  Task<void> AddExisting(uint32_t number);
  Task<Status> OpenForAppend(uint32_t number);
  void Note(uint32_t number, std::string problem);
  void Keep(uint32_t number, std::shared_ptr<DiskFile> file);  // holds mutex_
  // Empty: the volume in use was full, and one step towards the next one is made.
  Task<Result<Reservation>> TryReserve(uint64_t bytes);
  Task<Status> Rotate(std::shared_ptr<Volume> from);
  Task<Status> MakeNext();
  Task<Result<std::shared_ptr<Volume>>> Create(uint32_t number);
  Task<Status> WriteNewFile(uint32_t number, std::string temporary, DiskFile& file, uint64_t bytes);
  void MakeNextAhead(const Volume& active);

  Drive& drive_;
  TaskScope& scope_;
  const uint64_t epoch_;
  SingleFlight creation_;
  mutable std::mutex mutex_;
  std::map<uint32_t, Known> known_;
  uint32_t last_number_ = 0;
  uint64_t uses_ = 0;
  size_t open_files_ = 0;
  std::shared_ptr<Volume> active_;
  std::shared_ptr<Volume> next_;
  bool making_ahead_ = false;
  std::atomic<int> reserves_waiting_{0};
};

}  // namespace ashlar::chunk_server
