// MetadataDb: the source of truth. Buckets, object versions, uploads, extents, outbox, reclaim and
// repair orders, written once as transactions over the OrderedStore port. Schema: schema.h.
//
// Invariants
//  1. One S3 change is one transaction: object row, extent rows, reference counts, outbox event,
//     reclaim records become visible and durable together, or not at all.
//  2. The order of versions of a key is the Sequence given in the commit; last_modified_ms of a key
//     is max(clock, previous + 1).
//  3. An extent's live bytes are the sum of all slices that refer to it. The transaction that drops
//     the last one writes the reclaim record. Nothing here deletes data.
//  4. What cannot be read is an error, never "absent".
//  5. Write-through: the IndexCache (a CacheObserver) is told of every changed row in commit order,
//     before the change is acknowledged, and that it will change before it can be seen.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "metadata_db/ordered_store.h"
#include "model/extent.h"
#include "model/object_version.h"
#include "runtime/clock.h"
#include "runtime/task.h"

namespace ashlar::metadata_db {

// Conditional writes, evaluated inside the transaction against the current version.
struct WriteCondition {
  bool must_not_exist = false;            // If-None-Match: *
  std::optional<std::string> etag_match;  // If-Match: kNotFound if there is no current object,
                                          // kPreconditionFailed if its ETag differs
};

// Told after each durable commit, in order, on the commit thread. Must not block. When one commit
// holds several changes of a thing, the last one is told. Of current versions and buckets also
// before the commit that makes the change visible: to each Changing belongs exactly one Changed
// or, when the commit failed or another change of it was told instead, one Unchanged.
class CacheObserver {
 public:
  virtual ~CacheObserver() = default;
  virtual void OnCurrentChanging(BucketId bucket, const std::string& key) = 0;
  virtual void OnCurrentUnchanged(BucketId bucket, const std::string& key) = 0;
  virtual void OnBucketChanging(const std::string& name) = 0;
  virtual void OnBucketUnchanged(const std::string& name) = 0;
  // null: the key has no current object (deleted or a delete marker).
  virtual void OnCurrentChanged(BucketId bucket, const std::string& key,
                                std::shared_ptr<const model::ObjectVersion> current) = 0;
  virtual void OnExtentAdded(std::shared_ptr<const model::Extent> extent) = 0;
  virtual void OnExtentChanged(const ExtentId& extent) = 0;
  virtual void OnBucketChanged(const std::string& name,
                               std::shared_ptr<const model::Bucket> bucket) = 0;
};

struct PutObjectChange {
  BucketId bucket;
  std::string key;
  model::ObjectVersion
      version;  // sequence, version_id and last_modified_ms are set by the database
  WriteCondition condition;
};

struct DeleteObjectChange {
  std::string key;
  std::optional<std::string> version_id;
  std::optional<std::string> etag_match;
  bool bypass_governance = false;  // the caller may lift a governance retention
};
struct DeleteOutcome {
  bool existed = false;
  bool created_delete_marker = false;
  bool deleted_delete_marker = false;
  std::string
      version_id;  // of the marker made or the version removed; empty on unversioned buckets
};

// Extents that a change brings with it, durable on the drives already.
struct NewExtents {
  std::vector<model::Extent> extents;
  std::vector<model::RepairOrder> repairs;  // shards that could not be written
  // MetadataDb::drive_exchanges() before the first shard was written. A shard whose drive was
  // exchanged since may have gone to the old one: it gets a repair order in the same commit.
  uint64_t exchanges_seen = UINT64_MAX;
};

struct ListRequest {
  BucketId bucket;
  std::string prefix;
  std::string delimiter;    // empty: none
  std::string start_after;  // exclusive; a common prefix given here skips all below it
  uint32_t max_entries = 1000;
};
struct ListEntry {
  std::string key;
  model::ObjectVersion version;  // parts are left out
};
struct ListPage {
  // Objects and common prefixes, each in byte order; together at most max_entries.
  std::vector<ListEntry> objects;
  std::vector<std::string> common_prefixes;
  bool truncated = false;
  std::string next_after;  // last key or common prefix returned, for the next page
};

struct ListVersionsRequest {
  BucketId bucket;
  std::string prefix;
  std::string delimiter;
  std::string key_marker;
  std::optional<std::string> version_id_marker;
  uint32_t max_entries = 1000;
};
struct VersionEntry {
  std::string key;
  model::ObjectVersion version;
  bool is_latest = false;
};
struct ListVersionsPage {
  std::vector<VersionEntry> versions;  // markers among them, in S3 order
  std::vector<std::string> common_prefixes;
  bool truncated = false;
  std::string next_key_marker;
  std::string next_version_id_marker;
};

struct ListUploadsRequest {
  BucketId bucket;
  std::string prefix;
  std::string delimiter;
  std::string key_marker;
  std::string upload_id_marker;  // hex; ignored without key_marker
  uint32_t max_entries = 1000;
};
struct ListUploadsPage {
  std::vector<model::Upload> uploads;  // by key, then by initiation time
  std::vector<std::string> common_prefixes;
  bool truncated = false;
  std::string next_key_marker;
  std::string next_upload_id_marker;
};

struct CompleteUploadChange {
  BucketId bucket;
  std::string key;
  UniqueId upload_id;
  struct RequestedPart {
    uint32_t number;
    std::string etag;  // hex, without quotes
  };
  std::vector<RequestedPart> parts;  // ascending; checked by the caller
  WriteCondition condition;
  // Builds the version from the upload and the chosen parts (pure): ETag, checksum, size checks.
  // Its error ends the transaction without effect.
  std::function<Result<model::ObjectVersion>(const model::Upload&,
                                             const std::vector<model::UploadPart>&)>
      assemble;
};

// Where a call has a `patience`, it is that of OrderedStore::Submit.
class MetadataDb {
 public:
  // `observer` may be null. Store, clock and observer must outlive this.
  MetadataDb(OrderedStore& store, Clock& clock, Random& random, CacheObserver* observer);
  ~MetadataDb();

  // ---- the store itself
  // A small durable value by name (cluster id, drive registration); kNotFound when never set.
  Task<Result<std::string>> GetSetting(std::string name);
  Task<Status> PutSettings(std::vector<std::pair<std::string, std::string>> settings,
                           Duration patience = Duration::zero());
  // Reads, changes and writes one setting in one transaction; a setting that was never set is
  // empty. What `edit` returns ends it without effect. Returns the new value.
  using SettingEdit = std::function<Status(std::string& value)>;
  Task<Result<std::string>> ChangeSetting(std::string name, SettingEdit edit);

  // What a setting must be in the same transaction as a change: what `holds` returns of its value
  // (empty: never set) ends the change without effect. No check: without `holds`.
  struct SettingCheck {
    std::string name;
    std::function<Status(const std::string& value)> holds;
  };

  // ---- buckets
  // kAlreadyExists when there is one of the name.
  // Sets id and created_ms.
  Task<Result<model::Bucket>> CreateBucket(model::Bucket bucket,
                                           SettingCheck check = SettingCheck());
  Task<Result<model::Bucket>> CreateBucket(std::string name, std::string owner, std::string region);
  Task<Result<std::shared_ptr<const model::Bucket>>> GetBucket(std::string name);  // kNotFound
  // Reads, changes and writes the bucket's row in one transaction: versioning, object lock,
  // configurations. What `edit` returns ends it without effect; kInvalidArgument: a change that no
  // bucket may undergo (CheckBucketChange). kNotFound.
  using BucketEdit = std::function<Status(model::Bucket& bucket)>;
  Task<Result<model::Bucket>> ChangeBucket(std::string name, BucketEdit edit);
  Task<Result<model::Bucket>> SetVersioning(std::string name, model::Versioning versioning);
  // kNotFound; kConflict when an object or version is in it. Open uploads are aborted with it.
  Task<Status> DeleteBucket(std::string name);
  Task<Result<std::vector<model::Bucket>>> ListBuckets(std::string prefix, std::string start_after,
                                                       uint32_t max_entries);

  // ---- objects
  // Current version with its manifest. kNotFound.
  Task<Result<std::shared_ptr<const model::ObjectVersion>>> GetCurrent(BucketId bucket,
                                                                       std::string key);
  // kNotFound. "null" is the null version.
  Task<Result<std::shared_ptr<const model::ObjectVersion>>> GetVersion(BucketId bucket,
                                                                       std::string key,
                                                                       std::string version_id);
  // The newest version, be it a delete marker. kNotFound: the key has no version.
  Task<Result<std::shared_ptr<const model::ObjectVersion>>> GetNewest(BucketId bucket,
                                                                      std::string key);
  // Writes the versions (they may share extents) in one commit. One result a change: the version as
  // stored, or kPreconditionFailed / kNotFound (condition, or the bucket has gone). References of
  // changes that failed are dropped in the same commit.
  Task<std::vector<Result<std::shared_ptr<const model::ObjectVersion>>>> PutObjects(
      NewExtents extents, std::vector<PutObjectChange> changes,
      Duration patience = Duration::zero());
  // Metadata-only: the bytes are those of a stored version, from `offset` on. Where they lie is
  // read in the commit and replaces the slices of the parts given, whose sizes say how much is
  // copied: a caller's slices would be those of before the last compaction. Fails with kNotFound
  // when the source version (bucket, key, sequence) has gone meanwhile.
  struct CopySource {
    BucketId bucket;
    std::string key;
    Sequence sequence;
    uint64_t offset = 0;
  };
  Task<Result<std::shared_ptr<const model::ObjectVersion>>> CopyObject(CopySource source,
                                                                       PutObjectChange change);
  // Changes what a version carries besides its bytes (the current one without an id), in one
  // transaction. kNotFound: no such version. `edit` sees the version as it is and may change its
  // extras alone, not their owner; what it returns ends the change without effect.
  using ExtrasEdit =
      std::function<Status(const model::Bucket& bucket, const model::ObjectVersion& version,
                           model::ObjectExtras& extras)>;
  Task<Result<std::shared_ptr<const model::ObjectVersion>>> ChangeExtras(
      BucketId bucket, std::string key, std::optional<std::string> version_id, ExtrasEdit edit);
  // One commit; one result a key. Deleting what is not there is ok (existed = false). kLocked: a
  // retention or legal hold keeps the version.
  Task<std::vector<Result<DeleteOutcome>>> DeleteObjects(BucketId bucket,
                                                         std::vector<DeleteObjectChange> changes);
  Task<Result<ListPage>> List(ListRequest request);
  Task<Result<ListVersionsPage>> ListVersions(ListVersionsRequest request);

  // ---- multipart
  // Sets id, initiated_ms and key_sequence.
  Task<Result<model::Upload>> CreateUpload(model::Upload upload);
  Task<Result<model::Upload>> GetUpload(BucketId bucket, std::string key, UniqueId upload_id);
  struct PutPartChange {
    BucketId bucket;
    std::string key;
    UniqueId upload_id;
    model::UploadPart part;  // sequence and last_modified_ms are set by the database
    // Order in which the requests began (Sequence of ReserveSequence): a part whose request began
    // before the one already stored loses and is dropped without an error.
    Sequence began;
    std::optional<CopySource> source;  // UploadPartCopy: shares the bytes of this version
  };
  // A number that is greater than that of every commit so far.
  Sequence ReserveSequence();
  // kNotFound when the upload is gone (aborted or completed).
  Task<std::vector<Result<model::UploadPart>>> PutParts(NewExtents extents,
                                                        std::vector<PutPartChange> changes);
  struct PartsPage {
    model::Upload upload;
    std::vector<model::UploadPart> parts;
    bool truncated = false;
  };
  Task<Result<PartsPage>> ListParts(BucketId bucket, std::string key, UniqueId upload_id,
                                    uint32_t after_number, uint32_t max_parts);
  Task<Result<ListUploadsPage>> ListUploads(ListUploadsRequest request);
  // kNotFound: no such upload. kInvalidArgument: a part is missing or its ETag differs. kConflict:
  // the condition is given and the key was changed since the upload began. A repeated Complete of
  // the same upload with the same parts answers the version made by the first (kept for a week).
  Task<Result<std::shared_ptr<const model::ObjectVersion>>> CompleteUpload(
      CompleteUploadChange change);
  Task<Status> AbortUpload(BucketId bucket, std::string key, UniqueId upload_id);

  // ---- extents, outbox; background work sees more of extents through ExtentCatalog
  Task<Result<std::shared_ptr<const model::Extent>>> GetExtent(ExtentId id);  // kNotFound
  // Notes damage found by reads; idempotent.
  Task<Status> RecordRepairs(std::vector<model::RepairOrder> orders);
  // Extents that were written for a change that was never submitted: referenced by nobody.
  Task<Status> RecordAbandonedExtents(NewExtents extents);
  Task<Result<std::vector<model::OutboxEvent>>> ListOutbox(Sequence after, uint32_t max_entries);
  // Removes the events up to `through`: every reader of the outbox has done its work on them.
  Task<Status> TrimOutbox(Sequence through, Duration patience = Duration::zero());
  Task<Result<uint64_t>> LiveBytes(ExtentId id);

  // ---- drives that are replaced while extents are on their way
  // How many there were, by this process.
  uint64_t drive_exchanges() const;
  // Another drive takes the place, and writes to the old one have ended. On return every extent
  // that was committed before can be seen, and every later one counts with the exchange: whoever
  // now passes over all extents, and heeds the repair orders, misses none.
  Task<Status> NoteDriveExchanged(DriveId drive);

 private:
  friend class ExtentCatalog;  // the other half of this class: extent_catalog.h
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ashlar::metadata_db
