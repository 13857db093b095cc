// Object versions, manifests, uploads: the rows of the metadata database as values, with codecs.
//
// Every row begins with a format byte; decoders refuse what they do not know (kCorrupt) and never
// guess. Golden bytes of each row are kept in the tests.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "model/extent.h"

namespace ashlar::model {

// A run of bytes inside an extent's data.
struct Slice {
  ExtentId extent;
  uint64_t offset = 0;
  uint64_t length = 0;
  bool operator==(const Slice&) const = default;
};

enum class ChecksumAlgorithm : uint8_t { kNone = 0, kCrc32, kCrc32c, kCrc64Nvme, kSha1, kSha256 };
enum class ChecksumType : uint8_t { kFullObject = 0, kComposite = 1 };

struct Checksum {
  ChecksumAlgorithm algorithm = ChecksumAlgorithm::kNone;
  ChecksumType type = ChecksumType::kFullObject;
  std::string value;  // base64 as S3 returns it; composite ends in "-N"
  bool operator==(const Checksum&) const = default;
};

// One uploaded part, or the single part (number 1) of a plain PUT.
struct Part {
  uint32_t number = 1;
  uint64_t size = 0;
  std::string checksum_value;  // of the part, base64; empty when none
  std::vector<Slice> slices;   // lengths add up to size
  bool operator==(const Part&) const = default;
};

using HeaderList = std::vector<std::pair<std::string, std::string>>;  // lower-case name, value

enum class RetentionMode : uint8_t { kNone = 0, kGovernance = 1, kCompliance = 2 };
enum class LegalHold : uint8_t { kNeverSet = 0, kOff = 1, kOn = 2 };
// Until when nobody may delete a version, and whether somebody forbade it for good.
struct ObjectLock {
  RetentionMode mode = RetentionMode::kNone;
  int64_t retain_until_ms = 0;
  LegalHold legal_hold = LegalHold::kNeverSet;
  bool operator==(const ObjectLock&) const = default;
};
// True: the version must stay. `bypass_governance`: the caller may lift a governance retention.
[[nodiscard]] bool IsLocked(const ObjectLock& lock, int64_t now_ms, bool bypass_governance);

// What most objects do not have, and what no copy inherits but its tags. Grants, tags and lock may
// be changed without a new version.
struct ObjectExtras {
  std::string owner;  // canonical id of the account that wrote it; empty: the bucket's owner
  std::string acl;    // as src/iam encodes it; empty: private
  HeaderList tags = {};
  ObjectLock lock = {};
  std::string website_redirect = {};
  bool operator==(const ObjectExtras&) const = default;
};

enum class ObjectKind : uint8_t { kData = 0, kDeleteMarker = 1 };

struct ObjectVersion {
  Sequence sequence;                // order of versions; given by the metadata database
  std::string version_id = "null";  // as clients see it
  ObjectKind kind = ObjectKind::kData;
  uint64_t size = 0;
  std::string etag;              // without quotes
  int64_t last_modified_ms = 0;  // monotone per key; given by the metadata database
  std::string storage_class = "STANDARD";
  HeaderList system_headers;  // content-type, cache-control, ... verbatim
  HeaderList user_metadata;   // names without "x-amz-meta-"
  Checksum checksum;
  ObjectExtras extras = {};
  bool is_multipart = false;
  std::vector<Part> parts;
  bool operator==(const ObjectVersion&) const = default;
};

// Where [offset, offset + length) of the parts' bytes lie. The range must lie inside of them.
[[nodiscard]] std::vector<Slice> SlicesOfRange(const std::vector<Part>& parts, uint64_t offset,
                                               uint64_t length);

enum class Versioning : uint8_t { kNever = 0, kEnabled = 1, kSuspended = 2 };

// Given to versions that are written without a retention of their own. Days or years, not both.
struct DefaultRetention {
  RetentionMode mode = RetentionMode::kNone;
  uint32_t days = 0;
  uint32_t years = 0;
  bool operator==(const DefaultRetention&) const = default;
};

struct Bucket {
  BucketId id;
  std::string name;
  std::string owner;  // canonical id of an account
  std::string region;
  int64_t created_ms = 0;
  Versioning versioning = Versioning::kNever;
  bool object_lock = false;
  DefaultRetention default_retention = {};
  // What was set on the bucket, by the name of its sub-resource ("policy", "cors"), as the API
  // keeps it. Absent: never set, or deleted.
  std::map<std::string, std::string> configurations = {};
  bool operator==(const Bucket&) const = default;
};

// The lock of a version that is written at this time: its own, else the bucket's default.
[[nodiscard]] ObjectLock LockOfNewVersion(const Bucket& bucket, const ObjectLock& own,
                                          int64_t written_ms);

struct Upload {
  UniqueId id;
  BucketId bucket;
  std::string key;
  std::string owner;
  int64_t initiated_ms = 0;
  Sequence key_sequence;  // of the key's newest version when the upload began; 0: none
  std::string storage_class = "STANDARD";
  HeaderList system_headers;
  HeaderList user_metadata;
  ChecksumAlgorithm checksum_algorithm = ChecksumAlgorithm::kNone;
  ChecksumType checksum_type = ChecksumType::kFullObject;
  ObjectExtras extras = {};
  bool operator==(const Upload&) const = default;
};

struct UploadPart {
  Sequence sequence;  // of the commit, so that the later of two uploads of one part is known
  std::string etag;   // hex MD5
  int64_t last_modified_ms = 0;
  Checksum checksum;
  Part part;
  bool operator==(const UploadPart&) const = default;
};

enum class RepairReason : uint8_t { kNotWritten = 0, kMissing = 1, kCorrupt = 2, kUnreadable = 3 };
// A durable note that one shard needs to be rebuilt.
struct RepairOrder {
  ExtentId extent;
  ShardIndex shard;
  RepairReason reason = RepairReason::kNotWritten;
  int64_t noted_ms = 0;
  bool operator==(const RepairOrder&) const = default;
};

enum class ReclaimCause : uint8_t {
  kDeleted = 0,
  kOverwritten,
  kAborted,
  kFailedWrite,
  kReplacedPart,
  kCompacted,  // its live slices were moved to another extent
  kMoved,      // a shard that was rebuilt or moved elsewhere
  kOrphan,     // a shard that no extent row names
};
[[nodiscard]] std::string_view ReclaimCauseName(ReclaimCause cause);  // "failed_write"
// How far an extent without references has come. Each step waits for its own period.
enum class ReclaimPhase : uint8_t { kDead = 0, kSeen = 1, kTrash = 2 };
// An extent without any reference left; consumed by reclaiming, after its grace period.
struct ReclaimRecord {
  ExtentId extent;
  ReclaimCause cause = ReclaimCause::kDeleted;
  int64_t dead_since_ms = 0;
  ReclaimPhase phase = ReclaimPhase::kDead;
  // The reclaimer's own clock (seconds of observed uptime, never set back or forward by anybody)
  // when the phase began; counts beside the wall clock, and the later of the two decides.
  int64_t phase_at_s = 0;
  int64_t phase_since_ms = 0;
  bool operator==(const ReclaimRecord&) const = default;
};
// A shard record on a drive that no extent row names: to be purged after its grace period.
struct DeadShard {
  ShardLocation location;
  ExtentId extent;
  uint8_t shard_index = 0;
  uint64_t body_bytes = 0;
  ReclaimCause cause = ReclaimCause::kMoved;
  int64_t since_ms = 0;
  int64_t since_s = 0;  // of the reclaimer's clock; 0: it has not seen it yet
  bool operator==(const DeadShard&) const = default;
};

enum class EventType : uint8_t {
  kObjectPut = 0,
  kObjectDeleted = 1,
  kBucketCreated,
  kBucketDeleted,
  // Compaction put the bytes of a version elsewhere. For the metadata journal; nothing that a
  // client sees has changed.
  kSlicesMoved,
  // Tags, grants or lock of a version; its bytes are the same.
  kExtrasChanged,
  kBucketChanged,
  // Compaction put bytes of a part of an open upload into the extent of `first_slice`; bucket and
  // key are empty. For the metadata journal, to which the extent is known by that.
  kPartMoved,
};
// One change, in commit order, for replication and notifications.
struct OutboxEvent {
  Sequence sequence;
  EventType type = EventType::kObjectPut;
  BucketId bucket;
  std::string key;
  std::string version_id;
  Sequence version_sequence;
  uint64_t size = 0;
  std::string etag;
  int64_t time_ms = 0;
  // Of a put whose content begins in an extent: says which directory entry the version was, also
  // when the version has gone before anybody read the event.
  std::optional<Slice> first_slice = std::nullopt;
  bool operator==(const OutboxEvent&) const = default;
};

// What an extent's directory says of one object (or part) inside it: enough to rebuild metadata
// from the shards alone.
struct DirectoryEntry {
  UniqueId write_id;   // one per PUT or part; joins the extents of a large object
  UniqueId upload_id;  // zero: a plain PUT
  uint32_t part_number = 1;
  std::string bucket;
  std::string key;
  uint64_t object_offset = 0;  // of this slice in the object or part
  uint64_t extent_offset = 0;
  uint64_t length = 0;
  bool last = false;  // the fields below are valid
  uint64_t object_size = 0;
  std::array<uint8_t, 16> md5{};
  int64_t time_ms = 0;
  Checksum checksum;  // its value is padded to the length of its algorithm until it is known
  std::string storage_class = "STANDARD";
  HeaderList system_headers;
  HeaderList user_metadata;
  ObjectExtras extras = {};
  // A copy that compaction made: its extent says nothing about when the write took place.
  bool moved = false;
  bool operator==(const DirectoryEntry&) const = default;
};

[[nodiscard]] std::string EncodeObjectVersion(const ObjectVersion& version);
[[nodiscard]] Result<ObjectVersion> DecodeObjectVersion(std::string_view row);
// The same without the parts, at a fraction of the cost: for listings.
[[nodiscard]] Result<ObjectVersion> DecodeObjectVersionSummary(std::string_view row);
// The parts alone, for manifests that do not lie in the object's row.
[[nodiscard]] std::string EncodeManifest(const std::vector<Part>& parts);
[[nodiscard]] Result<std::vector<Part>> DecodeManifest(std::string_view row);
[[nodiscard]] std::string EncodeBucket(const Bucket& bucket);
[[nodiscard]] Result<Bucket> DecodeBucket(std::string_view row);
[[nodiscard]] std::string EncodeUpload(const Upload& upload);
[[nodiscard]] Result<Upload> DecodeUpload(std::string_view row);
[[nodiscard]] std::string EncodeUploadPart(const UploadPart& part);
[[nodiscard]] Result<UploadPart> DecodeUploadPart(std::string_view row);
[[nodiscard]] std::string EncodeRepairOrder(const RepairOrder& order);
[[nodiscard]] Result<RepairOrder> DecodeRepairOrder(std::string_view row);
[[nodiscard]] std::string EncodeReclaimRecord(const ReclaimRecord& record);
[[nodiscard]] Result<ReclaimRecord> DecodeReclaimRecord(std::string_view row);
[[nodiscard]] std::string EncodeDeadShard(const DeadShard& shard);
[[nodiscard]] Result<DeadShard> DecodeDeadShard(std::string_view row);
[[nodiscard]] std::string EncodeOutboxEvent(const OutboxEvent& event);
[[nodiscard]] Result<OutboxEvent> DecodeOutboxEvent(std::string_view row);
// A directory is a sequence of entries. The encoded size of an entry depends only on the lengths of
// its texts (integers are fixed-width here), so that space can be reserved before the MD5 is known.
[[nodiscard]] std::string EncodeDirectory(const std::vector<DirectoryEntry>& entries);
[[nodiscard]] Result<std::vector<DirectoryEntry>> DecodeDirectory(std::string_view bytes);

}  // namespace ashlar::model
