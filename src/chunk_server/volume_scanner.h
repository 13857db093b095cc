// VolumeScanner: walks the records of a volume file, for opening it, scrubbing and rebuilding.
//
// After damage it looks for the next valid record at every multiple of kRecordAlignment, so one bad
// header hides one record and never those behind it. A record counts as valid by its header alone
// (magic, CRC, own offset, volume, drive, end inside the range); its body is not read.
//
// While it searches it may see object bytes. To be taken for a record they would have to name this
// drive's UUID, which no client knows. Use from one task; the file must outlive it.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "model/shard_record.h"
#include "runtime/disk.h"
#include "runtime/task.h"

namespace ashlar::chunk_server {

struct ScannedRecord {
  model::ShardRecordHeader header;
  uint64_t offset = 0;
  uint64_t record_bytes = 0;
};

class VolumeScanner {
 public:
  // Records that lie in [begin, end) of `file`; `end` is at most the file's size.
  VolumeScanner(DiskFile& file, uint32_t volume, uint64_t drive_uuid_prefix, uint64_t begin,
                uint64_t end);

  // The next valid record, or nothing at the end. Places that cannot be read are passed over and
  // counted; kIoError only when nothing of a long run could be read.
  Task<Result<std::optional<ScannedRecord>>> Next();

  uint64_t unreadable_bytes() const { return unreadable_bytes_; }
  // Bytes passed over because no valid record lay there and they were not zero (in steps of
  // kRecordAlignment): damage, torn or abandoned records.
  uint64_t skipped_bytes() const { return skipped_bytes_; }

 private:
  Task<Status> Load(uint64_t offset);
  std::optional<ScannedRecord> RecordAt(uint64_t offset, ByteSpan bytes) const;

  DiskFile& file_;
  const uint32_t volume_;
  const uint64_t drive_uuid_prefix_;
  uint64_t position_;
  const uint64_t end_;
  std::vector<uint8_t> window_;
  uint64_t window_begin_ = 0;
  uint64_t window_size_ = 0;
  uint64_t unreadable_run_ = 0;
  uint64_t unreadable_bytes_ = 0;
  uint64_t skipped_bytes_ = 0;
};

}  // namespace ashlar::chunk_server
