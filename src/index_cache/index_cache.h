// IndexCache: current versions and extents in memory, in front of the MetadataDb.
//
// Invariants
//  1. Never a stale answer for a mutable entry (key -> current version, bucket): the commit thread
//     writes through in commit order (it is the MetadataDb's CacheObserver), and a fill after a
//     miss is dropped when the key changed since the miss began. While a change of a thing is in
//     the commit, reads of it go to the database.
//  2. Bounded: least recently used entries go first, by bytes; entries older than the TTL are
//     misses.
//  3. Single-flight: concurrent misses of one key make one read of the database.
// Extents are immutable facts except their locations; a changed extent is evicted.
// Thread-safe; sharded by hash, no lock is held across co_await.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/status.h"
#include "metadata_db/metadata_db.h"
#include "model/extent.h"
#include "model/object_version.h"
#include "runtime/clock.h"
#include "runtime/task.h"

namespace ashlar::index_cache {

struct IndexCacheOptions {
  uint64_t capacity_bytes = 64ULL << 20;
  int64_t ttl_seconds = 3600;
};

// Port: the in-process adapter here; Redis Cluster for several gateways later.
class IndexCache : public metadata_db::CacheObserver {
 public:
  IndexCache(Clock& clock, IndexCacheOptions options);
  ~IndexCache() override;

  // Ties the knot: the database needs the observer first. Before any Get.
  void SetDatabase(metadata_db::MetadataDb* database);

  // As the calls of the same name in MetadataDb. Names stay valid until the call returned; a hit
  // allocates nothing.
  Task<Result<std::shared_ptr<const model::Bucket>>> GetBucket(std::string_view name);
  Task<Result<std::shared_ptr<const model::ObjectVersion>>> GetCurrent(BucketId bucket,
                                                                       std::string_view key);
  Task<Result<std::shared_ptr<const model::Extent>>> GetExtent(ExtentId id);

  void OnCurrentChanging(BucketId bucket, const std::string& key) override;
  void OnCurrentUnchanged(BucketId bucket, const std::string& key) override;
  void OnBucketChanging(const std::string& name) override;
  void OnBucketUnchanged(const std::string& name) override;
  void OnCurrentChanged(BucketId bucket, const std::string& key,
                        std::shared_ptr<const model::ObjectVersion> current) override;
  void OnExtentAdded(std::shared_ptr<const model::Extent> extent) override;
  void OnExtentChanged(const ExtentId& extent) override;
  void OnBucketChanged(const std::string& name,
                       std::shared_ptr<const model::Bucket> bucket) override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ashlar::index_cache
