// VolumeScanner: walks the records of a volume file, for opening it, scrubbing and rebuilding.
//
// After damage it looks for the next valid record at every multiple of kRecordAlignment, so one bad
// header hides one record and never those behind it. A record counts as valid by its header alone
// (magic, CRC, own offset, volume, drive, end inside the file). Dead records (purged ones) are
// passed over by their length, like live ones, so that what is left of their bodies is never looked
// at.
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

// Records that begin in [begin, end) and lie below `limit`, which is at most the file's size.
struct ScanRange {
  uint64_t begin = 0;
  uint64_t end = 0;
  uint64_t limit = 0;
  uint64_t window_bytes = 256 * 1024;  // of one read, and of memory
};

class VolumeScanner {
 public:
  VolumeScanner(DiskFile& file, uint32_t volume, uint64_t drive_uuid_prefix, ScanRange range);

  // The next live record, or nothing at the end. Places that cannot be read are passed over and
  // counted; kIoError only when nothing of a long run could be read.
  Task<Result<std::optional<ScannedRecord>>> Next();
  // The file's bytes from `offset` on, for who wants to see a record's body without reading the
  // file twice: `least` of them (not more than half a window), up to `most` when they are at hand.
  // Valid until the next call of anything. kIoError: some of the `least` bytes cannot be read.
  Task<Result<ByteSpan>> View(uint64_t offset, uint64_t least, uint64_t most);

  // Where the search goes on: behind the last record, and behind all that was passed over.
  uint64_t position() const { return position_; }
  bool at_end() const { return position_ + model::kRecordHeaderBytes > range_.limit; }
  // End of the last record passed, live or dead; `begin` when there was none.
  uint64_t records_end() const { return records_end_; }
  // Up to where a header that was passed over says that its record goes, which the file's end cuts
  // off. 0: there was none. In a longer file it would count as a record.
  uint64_t cut_record_end() const { return cut_record_end_; }

  uint64_t dead_bytes() const { return dead_bytes_; }  // of dead records
  uint64_t zero_bytes() const { return zero_bytes_; }  // between records
  uint64_t unreadable_bytes() const { return unreadable_bytes_; }
  // Bytes passed over because no valid record lay there and they were not zero (in steps of
  // kRecordAlignment): damage, torn or abandoned records.
  uint64_t skipped_bytes() const { return skipped_bytes_; }

 private:
  struct Found {
    ScannedRecord record;
    bool dead = false;
  };
  bool InWindow(uint64_t offset, uint64_t size) const;
  // Reads a window that begins at `offset`; outside of the range only [offset, offset + reach).
  Task<Status> Load(uint64_t offset, uint64_t reach);
  // The first unreadable byte at or behind `offset` in the window; its end when there is none.
  uint64_t ReadableEnd(uint64_t offset) const;
  std::optional<Found> RecordAt(uint64_t offset, ByteSpan bytes);
  void PassOver(ByteSpan bytes);

  DiskFile& file_;
  const uint32_t volume_;
  const uint64_t drive_uuid_prefix_;
  const ScanRange range_;
  uint64_t position_;
  uint64_t cut_record_end_ = 0;
  uint64_t records_end_;
  std::vector<uint8_t> window_;
  uint64_t window_begin_ = 0;
  uint64_t window_size_ = 0;
  std::vector<uint64_t> bad_sectors_;  // of the window, ascending
  uint64_t counted_end_ = 0;           // unreadable places below it are counted
  uint64_t unreadable_run_ = 0;
  uint64_t dead_bytes_ = 0;
  uint64_t zero_bytes_ = 0;
  uint64_t unreadable_bytes_ = 0;
  uint64_t skipped_bytes_ = 0;
};

}  // namespace ashlar::chunk_server
