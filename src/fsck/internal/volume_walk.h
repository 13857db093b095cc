// VolumeWalk: the records of one volume file, found by their bytes: magic, CRC and own place, at
// every multiple of 64 where none was found before. With `verify` also all digests of each record:
// leaf digests against the header's root, and the body against the leaf digests.
//
// Use from one task.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "model/shard_record.h"
#include "runtime/disk.h"
#include "runtime/task.h"

namespace ashlar::fsck {

struct FoundRecord {
  model::ShardRecordHeader header;
  uint64_t offset = 0;
  bool dead = false;         // purged
  bool misdirected = false;  // valid, but it says that it belongs to another place
  Status body;               // with `verify`; kCorrupt, kIoError
};

struct VolumePlace {
  uint32_t number = 0;
  uint64_t drive_uuid_prefix = 0;
};

class VolumeWalk {
 public:
  // Records that begin below `data_end`; they may reach to `file_bytes`.
  VolumeWalk(DiskFile& file, VolumePlace place, uint64_t data_end, uint64_t file_bytes,
             bool verify);
  // Nothing: the end.
  Task<Result<std::optional<FoundRecord>>> Next();

  uint64_t position() const { return position_; }
  uint64_t unreadable_bytes() const { return unreadable_bytes_; }
  uint64_t damaged_bytes() const { return damaged_bytes_; }

 private:
  Task<void> Load();
  std::optional<FoundRecord> RecordAt(ByteSpan bytes) const;
  Task<Status> VerifyBody(FoundRecord record);

  DiskFile& file_;
  const VolumePlace place_;
  const uint64_t data_end_;
  const uint64_t file_bytes_;
  const bool verify_;
  uint64_t position_ = model::kVolumeHeaderBytes;
  std::vector<uint8_t> window_;
  uint64_t window_begin_ = 0;
  uint64_t window_size_ = 0;
  std::vector<uint8_t> body_;
  uint64_t unreadable_bytes_ = 0;
  uint64_t damaged_bytes_ = 0;
};

}  // namespace ashlar::fsck
