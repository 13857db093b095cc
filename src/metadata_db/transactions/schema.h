// Schema: how rows are named in the ordered store.
//
// A row's key is a table byte followed by the fields below; integers are big-endian, so that the
// byte order of rows is the order of the values. Values are the rows of src/model (each with its
// own format byte) unless said otherwise.
//
//   table  offset size  field                                value
//   'n'         1    *  bucket name                          bucket id (8)
//   'b'         1    8  bucket id                            Bucket
//   'o'         1    8  bucket id                            place (1) | ObjectVersion: the current
//               9    *  object key, escaped                  version of the key, covering for
//               listings
//   'v'         1    8  bucket id                            place (1) | ObjectVersion: versions
//               9    *  object key, escaped                  that are not current, and delete
//               *    8  ~sequence of the version             markers; newest first
//   'z'         1    8  bucket id                            sequence (8) of the null version,
//               9    *  object key, escaped                  when it lies in 'v'
//   'm'         1    8  bucket id                            manifest of a version whose row says
//               9    *  object key, escaped                  place 1; stays when the version
//               *    8  ~sequence of the version             moves from 'o' to 'v'
//   'u'         1    8  bucket id                            Upload
//               9    *  object key, escaped
//               *   16  upload id (begins with its time)
//   'p'         1   16  upload id                            began (varint) | UploadPart
//              17    4  part number
//   'c'         1   16  upload id                            completed upload: see uploads.cc
//   'w'         1    8  time of completion, ms               empty: finds the rows of 'c' by age
//               9   16  upload id
//   'e'         1   16  extent id                            Extent
//   'l'         1   16  extent id                            live bytes (varint), the sum of all
//                                                            slices that refer to the extent; and
//                                                            its data bytes (varint)
//   'r'         1   16  extent id                            empty: a version or part with at
//              17    1  kind: 0 version, 1 part              least one slice in the extent.
//              18    8  0: bucket id                         Stays when the version moves
//              26    *     object key, escaped               between 'o' and 'v'
//               *    8     ~sequence of the version
//              18   16  1: upload id
//              34    4     part number
//   'y'         1   16  extent id                            empty: at most half of the extent
//                                                            lives, but not nothing
//   'g'         1   16  extent id                            ReclaimRecord, once live bytes are 0
//   'h'         1   16  extent id                            RepairOrder
//              17    1  shard index
//   'd'         1    2  drive                                DeadShard: a record on a drive that
//               3    4  volume                               no extent row names
//               7    8  offset
//   'q'         1    8  sequence                             OutboxEvent
//   's'         1    *  name                                 a setting, as given
//   'k'                                                      last sequence given (8)
//
// Place: 0, the manifest is in the row; 1, it has a row in 'm', because its encoding is longer than
// kInlineManifestMax and would make listings wade through it.
//
// Escaped key: 0x00 becomes 0x00 0xFF, and 0x00 0x01 ends it. So rows are in unsigned byte order of
// the keys, whatever follows, and all rows whose object key begins with P have a row key that
// begins with the escaped P (without its end).
//
// Bucket ids are sequences, hence never reused: rows of a deleted bucket cannot come back to life
// under a new one of the same name.
//
// Partitions. The design cuts a bucket into ordered key ranges, each in one of 256 logical
// partitions. Here, in the embedded engine, there is one partition: rows are moved by nobody, so a
// partition column would cost two bytes a row and give nothing. With PostgreSQL the partition
// becomes a column in front of the row key, looked up in the map (bucket, first key of the range)
// -> partition; the row key itself stays as above, so that rows can be copied between engines byte
// by byte.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "model/extent.h"

namespace ashlar::metadata_db {

enum class Table : char {
  kBucketName = 'n',
  kBucket = 'b',
  kCurrent = 'o',
  kVersion = 'v',
  kNullVersion = 'z',
  kManifest = 'm',
  kUpload = 'u',
  kPart = 'p',
  kCompleted = 'c',
  kCompletedAge = 'w',
  kExtent = 'e',
  kLiveBytes = 'l',
  kReferrer = 'r',
  kSparse = 'y',
  kReclaim = 'g',
  kRepair = 'h',
  kDeadShard = 'd',
  kOutbox = 'q',
  kSetting = 's',
  kCounter = 'k',
};

inline constexpr size_t kInlineManifestMax = 1024;
inline constexpr size_t kBucketPrefixBytes = 9;  // table and bucket id

void AppendBigEndian64(std::string* out, uint64_t value);
[[nodiscard]] std::string BigEndian64(uint64_t value);
// nullopt when it is not 8 bytes.
[[nodiscard]] std::optional<uint64_t> ReadBigEndian64(std::string_view bytes);

// Without the end mark.
[[nodiscard]] std::string EscapeKey(std::string_view key);
// Reads an escaped key and its end mark; `rest` gets what follows. nullopt: not an escaped key.
[[nodiscard]] std::optional<std::string> UnescapeKey(std::string_view bytes,
                                                     std::string_view* rest);

// First row key behind all that begin with `prefix`. The prefix must hold a byte below 0xFF.
[[nodiscard]] std::string PrefixSuccessor(std::string_view prefix);

// Rows.
[[nodiscard]] std::string TableKey(Table table, std::string_view rest = {});
[[nodiscard]] std::string BucketKey(Table table, BucketId bucket);
// With the end mark: kCurrent, kNullVersion, and the prefix of all versions or uploads of the key.
[[nodiscard]] std::string ObjectKey(Table table, BucketId bucket, std::string_view key);
// Prefix of all rows whose object key begins with `prefix`.
[[nodiscard]] std::string ObjectPrefix(Table table, BucketId bucket, std::string_view prefix);
// kVersion, kManifest.
[[nodiscard]] std::string VersionKey(Table table, BucketId bucket, std::string_view key,
                                     Sequence sequence);
[[nodiscard]] std::string UploadKey(BucketId bucket, std::string_view key, const UniqueId& id);
[[nodiscard]] std::string PartKey(const UniqueId& upload, uint32_t number);
// kReferrer: what stands behind the extent id, for a version and for a part of an open upload.
[[nodiscard]] std::string VersionReferrer(BucketId bucket, std::string_view key, Sequence sequence);
[[nodiscard]] std::string PartReferrer(const UniqueId& upload, uint32_t number);
[[nodiscard]] std::string ReferrerKey(const ExtentId& extent, std::string_view referrer);
[[nodiscard]] std::string DeadShardKey(const model::ShardLocation& location);
[[nodiscard]] std::string RepairKey(const ExtentId& extent, ShardIndex shard);
[[nodiscard]] std::string OutboxKey(Sequence sequence);

}  // namespace ashlar::metadata_db
