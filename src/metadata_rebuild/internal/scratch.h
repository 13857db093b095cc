// Scratch: what a rebuild has found so far, sorted on disk. Rows, by their first byte:
//
//   'r'  extent (16) | shard (1) | ~generation (4) | drive (2) | volume (4) | offset (8)
//                                     the record's header: newest generation of a shard first
//   'x'  extent (16)                  Extent row, put together from its records
//   'w'  write id (16) | object offset (8) | extent (16)      directory of this one entry
//   'n'  extent (16)                  its directory could not be read, or a write in it stayed
//                                     undecided
//   'k'  extent (16)                  a version or event of the journal names it
//   'c'  extent (16)                  listed by the journal: it was in the books
//   'l'  extent (16) | offset (8)     key id of the version that has or had a slice here: tells
//   that
//                                     the upload of such a part is completed
//   'b'  bucket id (8)                Bucket row
//   'd'  bucket name                  time (8) at which a bucket of the name was deleted last
//   'v'  key id (24) | ~sequence (8)  object key (text) | ObjectVersion row
//   't'  key id (24)                  time (8) of the last change of the key that is known
//   'u'  upload id (16)               Upload row
//   'p'  upload id (16) | number (4)  began (varint) | UploadPart row
//   'y'  upload id (16) | number (4) | newest extent (16) | write id (16)
//                                     a part that a directory tells of: what is known of it
//   'f'  upload id (16)               the upload is completed
//   'q'  time (8) | extent (16) | offset (8) | write id (16)  writes to be restored, in order
//   's'  name                         a setting
//   'i'  extent (16)                  is in the new database
// Numbers are big-endian in keys. Key id: bucket id (8) | half of the SHA-256 of the object key, so
// that the versions of a key stand together whatever bytes it has.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "metadata_db/ordered_store.h"
#include "model/object_version.h"
#include "model/shard_record.h"
#include "runtime/task.h"

namespace ashlar::metadata_rebuild {

[[nodiscard]] std::string Big32(uint32_t value);
[[nodiscard]] std::string Big64(uint64_t value);
[[nodiscard]] uint64_t ReadBig(std::string_view bytes);

[[nodiscard]] std::string RecordKey(const model::ShardRecordHeader& header, DriveId drive);
[[nodiscard]] std::string ExtentKey(char table, const ExtentId& extent);
[[nodiscard]] std::string KeyId(BucketId bucket, std::string_view key);
[[nodiscard]] std::string VersionKey(BucketId bucket, std::string_view key, Sequence sequence);
[[nodiscard]] std::string SliceKey(const model::Slice& slice);

[[nodiscard]] std::string EncodeKeyVersion(std::string_view key,
                                           const model::ObjectVersion& version);
struct KeyVersion {
  std::string key;
  model::ObjectVersion version;
};
[[nodiscard]] Result<KeyVersion> DecodeKeyVersion(std::string_view row);

// Collects rows and writes them in large commits. Flush before reading.
class RowWriter {
 public:
  explicit RowWriter(metadata_db::OrderedStore& store) : store_(store) {}
  Task<Status> Put(std::string key, std::string value);
  Task<Status> Flush();

 private:
  metadata_db::OrderedStore& store_;
  std::vector<std::pair<std::string, std::string>> rows_;
  uint64_t bytes_ = 0;
};

// One transaction.
[[nodiscard]] Task<Status> Change(metadata_db::OrderedStore& store,
                                  metadata_db::TransactionBody body);

// A walk over the rows of a table, as they were when it began.
class TableWalk {
 public:
  TableWalk(metadata_db::OrderedStore& store, char table, std::string_view prefix = {});
  bool Valid() const { return cursor_->Valid() && cursor_->key().starts_with(prefix_); }
  void Next() { cursor_->Next(); }
  // Without the table's byte.
  std::string_view key() const { return cursor_->key().substr(1); }
  std::string_view value() const { return cursor_->value(); }
  Status status() const { return cursor_->status(); }

 private:
  std::unique_ptr<metadata_db::Snapshot> view_;
  std::unique_ptr<metadata_db::OrderedCursor> cursor_;
  std::string prefix_;
};

}  // namespace ashlar::metadata_rebuild
