// ObjectService: orchestrates metadata, cache, coding and chunk stores for every read and write.
// One operation, one file: put_object.cc, get_object.cc, complete_multipart_upload.cc ...
//
// Invariants
//  1. A write is acknowledged when its shards (all k+m, or at least k+m-2 and a durable repair
//     order) and its metadata are durable. A failed or refused write leaves nothing visible.
//  2. A read gives only verified bytes; up to m shards of an extent may be missing, corrupt or
//     slow.
//  3. Nothing here deletes data: dropped references become reclaim records in the same transaction.
// Stateless but for its queues; thread-safe; every call runs on the caller's executor.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/status.h"
#include "metadata_db/metadata_db.h"
#include "model/object_version.h"
#include "object_service/object_reader.h"
#include "runtime/buffer_pool.h"
#include "runtime/clock.h"
#include "runtime/task.h"

namespace ashlar::chunk_server {
class ChunkStore;
}
namespace ashlar::cluster {
class PlacementMap;
}
namespace ashlar::erasure_encoder {
class ErasureEncoder;
}
namespace ashlar::index_cache {
class IndexCache;
}

namespace ashlar::object_service {

using BucketPtr = std::shared_ptr<const model::Bucket>;
using VersionPtr = std::shared_ptr<const model::ObjectVersion>;

// The body of a PUT or a part, verified by whoever made it (the gateway): signature, length, MD5
// and checksums have been compared when Read says 0.
class BodySource {
 public:
  virtual ~BodySource() = default;
  // Payload bytes that will come in all.
  virtual uint64_t size() const = 0;
  // Fills up to out.size() bytes (at least one); 0: everything has come and been verified. An error
  // means that the body must not be stored; it is returned to the caller of the operation as it is.
  virtual Task<Result<size_t>> Read(MutableByteSpan out) = 0;
  // The same into a part of `buffer`, where nobody changes what was read as long as the buffer
  // lives: the body may hold on to it and hash the bytes after this returned, before it says 0.
  // Without a buffer (null) it is Read.
  virtual Task<Result<size_t>> ReadShared(MutableByteSpan part, SharedBuffer buffer) {
    (void)buffer;
    return Read(part);
  }
  // Before the first Read. True: nobody compares the MD5, and whoever stores the body computes it,
  // together with those of others, which costs a fraction. False: Md5() will have it.
  virtual bool LeaveMd5() { return false; }
  // After Read returned 0: what was computed on the way. Not if it was left.
  virtual Md5Digest Md5() const = 0;
  // The client's algorithm, else the default of whoever opened the body.
  virtual model::Checksum Checksum() const = 0;
  // That of Checksum(), known from the start.
  virtual model::ChecksumAlgorithm checksum_algorithm() const = 0;
  // Always computed: multipart uploads without an algorithm of their own combine it.
  virtual uint64_t Crc64Nvme() const = 0;
};

// What a PUT, copy or upload sets on an object besides its bytes.
struct ObjectAttributes {
  std::string storage_class = "STANDARD";
  model::HeaderList system_headers;
  model::HeaderList user_metadata;
  model::ObjectExtras extras;
};

struct PutObjectRequest {
  BucketPtr bucket;
  std::string key;
  ObjectAttributes attributes;
  metadata_db::WriteCondition condition;
  bool alone = false;  // a small object too has an extent of its own
  // Of a write that is alone or large: how long it may wait for syncs that others cause, until it
  // causes its own. Background writes share the syncs of clients so.
  Duration patience = Duration::zero();
};

struct CopyObjectRequest {
  BucketPtr source_bucket;
  std::string source_key;
  VersionPtr source;  // as the caller found it and checked its conditions
  BucketPtr bucket;
  std::string key;
  bool replace_metadata = false;
  bool replace_tags = false;
  // Metadata and tags count when replaced; storage class, owner, ACL and lock always.
  ObjectAttributes attributes;
  // Algorithm asked for, else that of the source, else CRC64NVME.
  std::optional<model::ChecksumAlgorithm> checksum_algorithm;
  metadata_db::WriteCondition condition;
};

struct CreateUploadRequest {
  BucketPtr bucket;
  std::string key;
  std::string owner;
  ObjectAttributes attributes;
  model::ChecksumAlgorithm checksum_algorithm = model::ChecksumAlgorithm::kNone;
  model::ChecksumType checksum_type = model::ChecksumType::kFullObject;
};

struct UploadPartRequest {
  BucketPtr bucket;
  model::Upload upload;  // as GetUpload gave it
  uint32_t part_number = 1;
};

struct UploadPartCopyRequest {
  BucketPtr bucket;
  model::Upload upload;
  uint32_t part_number = 1;
  BucketPtr source_bucket;
  std::string source_key;
  VersionPtr source;
  uint64_t offset = 0;
  uint64_t length = 0;
};

struct CompletedPart {
  uint32_t number = 0;
  std::string etag;          // hex, without quotes
  model::Checksum checksum;  // kNone when the request named none
};

// Why a Complete was refused, where a Status code is not enough for the S3 answer.
struct CompleteRefusal {
  enum class Kind { kNone, kTooSmall, kInvalidPart, kChecksum, kSizeMismatch } kind = Kind::kNone;
  uint32_t part_number = 0;
  uint64_t proposed_size = 0;
  std::string etag;
  std::string detail;
};

struct CompleteUploadRequest {
  BucketPtr bucket;
  std::string key;
  UniqueId upload_id;
  std::vector<CompletedPart> parts;
  metadata_db::WriteCondition condition;
  std::optional<uint64_t> object_size;               // x-amz-mp-object-size
  std::optional<model::Checksum> expected_checksum;  // of the whole object
};

struct ObjectServiceOptions {
  uint64_t packed_object_bytes_max = 128 * 1024;  // larger objects get extents of their own
  uint64_t part_bytes_min = 5ULL << 20;
  Duration buffer_patience = std::chrono::seconds(5);
  Duration read_hedge_after = std::chrono::milliseconds(200);
  Duration write_straggler_patience = std::chrono::seconds(2);
  int missing_shards_max_on_write = 2;
};

struct GatheredRuns {
  metadata_db::NewExtents extents;
  std::vector<model::Slice> slices;  // one a run: where its bytes are now
};

class ObjectService {
 public:
  struct Dependencies {
    metadata_db::MetadataDb& metadata;
    index_cache::IndexCache& cache;
    const erasure_encoder::ErasureEncoder& encoder;
    const cluster::PlacementMap& placement;
    std::vector<chunk_server::ChunkStore*> stores;  // by DriveId
    BufferPool& buffers;
    Clock& clock;
    Random& random;
  };
  ObjectService(Dependencies dependencies, ObjectServiceOptions options);
  ~ObjectService();
  // From now on drives that went away are tried again every few seconds, on `executor`.
  void WatchDrives(Executor& executor);
  // Waits for background work (abandoned reads, repair notes). Before destruction.
  Task<void> Shutdown();

  // Where a name is a string_view it stays valid until the call returned.

  // ---- buckets: kNotFound, kAlreadyExists, kConflict (not empty) as in MetadataDb
  Task<Result<BucketPtr>> GetBucket(std::string_view name);
  // With object lock a bucket is versioned from the start.
  enum class ObjectLocking { kOff, kOn };
  using SettingCheck = metadata_db::MetadataDb::SettingCheck;
  Task<Result<model::Bucket>> CreateBucket(std::string name, std::string owner, std::string region,
                                           ObjectLocking locking = ObjectLocking::kOff,
                                           std::map<std::string, std::string> configurations = {},
                                           SettingCheck owner_check = SettingCheck());
  Task<Status> DeleteBucket(std::string name);
  // One transaction; see MetadataDb::ChangeBucket.
  Task<Result<model::Bucket>> ChangeBucket(std::string name,
                                           metadata_db::MetadataDb::BucketEdit edit);
  Task<Result<std::vector<model::Bucket>>> ListBuckets(std::string prefix, std::string start_after,
                                                       uint32_t max_entries);

  // ---- reads
  // The current version, or that of `version_id`. kNotFound: no such key or version, or the newest
  // is a delete marker (current only). A delete marker asked for by id is returned as it is.
  Task<Result<VersionPtr>> FindVersion(const BucketPtr& bucket, std::string_view key,
                                       std::optional<std::string> version_id);
  // The newest version, be it a delete marker. kNotFound: the key has no version.
  Task<Result<VersionPtr>> FindNewest(BucketPtr bucket, std::string key);
  // Streams [offset, offset + length) of the version, which must lie inside it.
  std::unique_ptr<ObjectReader> OpenReader(VersionPtr version, uint64_t offset, uint64_t length);
  Task<Result<metadata_db::ListPage>> List(metadata_db::ListRequest request);
  Task<Result<metadata_db::ListVersionsPage>> ListVersions(
      metadata_db::ListVersionsRequest request);

  // ---- writes
  // Tags, ACL, lock of a version; see MetadataDb::ChangeExtras.
  Task<Result<VersionPtr>> ChangeExtras(BucketPtr bucket, std::string key,
                                        std::optional<std::string> version_id,
                                        metadata_db::MetadataDb::ExtrasEdit edit);
  Task<Result<VersionPtr>> PutObject(PutObjectRequest request, BodySource& body);
  Task<std::vector<Result<metadata_db::DeleteOutcome>>> DeleteObjects(
      BucketPtr bucket, std::vector<metadata_db::DeleteObjectChange> changes);
  Task<Result<VersionPtr>> CopyObject(CopyObjectRequest request);

  // ---- multipart
  Task<Result<model::Upload>> CreateUpload(CreateUploadRequest request);
  Task<Result<model::Upload>> GetUpload(BucketPtr bucket, std::string key, UniqueId upload_id);
  Task<Result<model::UploadPart>> UploadPart(UploadPartRequest request, BodySource& body);
  Task<Result<model::UploadPart>> UploadPartCopy(UploadPartCopyRequest request);
  Task<Result<metadata_db::MetadataDb::PartsPage>> ListParts(BucketPtr bucket, std::string key,
                                                             UniqueId upload_id,
                                                             uint32_t after_number,
                                                             uint32_t max_parts);
  Task<Result<metadata_db::ListUploadsPage>> ListUploads(metadata_db::ListUploadsRequest request);
  // On kInvalidArgument `refusal` says what was wrong.
  Task<Result<VersionPtr>> CompleteUpload(CompleteUploadRequest request, CompleteRefusal* refusal);
  Task<Status> AbortUpload(BucketPtr bucket, std::string key, UniqueId upload_id);

  // ---- compaction
  // Writes the bytes of `runs` (at most model::kExtentDataBytesMax, verified), one after the other,
  // as one new extent. Its directory says of them what those of their extents say. Durable, and
  // nothing refers to it yet: the caller commits references or records it as abandoned.
  Task<Result<GatheredRuns>> GatherRuns(std::vector<model::Slice> runs);

  // ---- health: writes, reads and verifies a few bytes through the whole path short of S3; the
  // text names what is wrong ("drive 3 (path): ...").
  Task<Status> Probe();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ashlar::object_service
