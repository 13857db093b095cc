// A whole store below the gateway, on real files in a temporary folder: k+m local chunk stores, the
// metadata database on the memory adapter, and an ObjectService. Drives can be taken away, slowed
// down and damaged.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "chunk_server/chunk_store.h"
#include "cluster/placement_map.h"
#include "erasure_encoder/erasure_encoder.h"
#include "index_cache/index_cache.h"
#include "metadata_db/metadata_db.h"
#include "object_service/object_service.h"
#include "runtime/event_loop.h"

namespace ashlar::object_service {

// Passes everything on to a real store, unless told to misbehave.
class TroubledStore final : public chunk_server::ChunkStore {
 public:
  explicit TroubledStore(std::unique_ptr<chunk_server::ChunkStore> inner);

  std::atomic<bool> offline{false};
  std::atomic<bool> corrupt{false};            // reads answer kCorrupt
  std::atomic<int> slow_ms{0};                 // reads take this long
  std::atomic<int> writes_before_failure{-1};  // then writes answer kIoError; -1: never
  std::atomic<int> reads{0};
  std::function<Task<void>()> after_write;  // of a shard, which is durable and not yet committed

  DriveId drive() const override { return inner_->drive(); }
  Task<Result<model::ShardLocation>> WriteShard(const chunk_server::ShardSpec& spec, ByteSpan body,
                                                std::span<const Sha256Digest> leaves) override;
  Task<Result<std::unique_ptr<chunk_server::ShardWriter>>> OpenShard(
      const chunk_server::ShardSpec& spec) override;
  Task<Status> ReadShard(const chunk_server::ShardAddress& address, uint64_t offset,
                         MutableByteSpan out) override;
  chunk_server::DriveStatus GetStatus() const override { return inner_->GetStatus(); }
  Task<Status> Probe() override;
  Task<Result<std::vector<chunk_server::VolumeInfo>>> ListVolumes() override {
    return inner_->ListVolumes();
  }
  Task<Result<chunk_server::WalkPage>> WalkVolume(uint32_t volume, uint64_t offset,
                                                  chunk_server::WalkOptions options) override {
    return inner_->WalkVolume(volume, offset, options);
  }
  Task<std::vector<Status>> PurgeShards(std::vector<chunk_server::ShardPurge> purges) override {
    return inner_->PurgeShards(std::move(purges));
  }
  Task<Status> RemoveVolume(uint32_t volume, uint64_t epoch) override {
    return inner_->RemoveVolume(volume, epoch);
  }
  Task<void> Close() override;
  // False: this write must fail.
  bool MayWrite();

 private:
  std::unique_ptr<chunk_server::ChunkStore> inner_;
};

// A body in memory with correct digests; may fail after some bytes.
class MemoryBody final : public BodySource {
 public:
  explicit MemoryBody(std::string bytes) : bytes_(std::move(bytes)) {}
  size_t fail_at = SIZE_MAX;
  bool leave_md5 = false;
  size_t piece_max = 100'000;

  uint64_t size() const override { return bytes_.size(); }
  Task<Result<size_t>> Read(MutableByteSpan out) override;
  bool LeaveMd5() override { return leave_md5; }
  Md5Digest Md5() const override {
    CHECK(!leave_md5);
    return ashlar::Md5(AsBytes(bytes_));
  }
  model::Checksum Checksum() const override;
  model::ChecksumAlgorithm checksum_algorithm() const override {
    return model::ChecksumAlgorithm::kCrc64Nvme;
  }
  uint64_t Crc64Nvme() const override { return ashlar::Crc64Nvme(0, AsBytes(bytes_)); }

 private:
  std::string bytes_;
  size_t given_ = 0;
};

std::string RandomBytes(size_t size, uint64_t seed);

class StoreFixture : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;
  virtual erasure_encoder::Code code() const { return {10, 4}; }

  template <typename T>
  T Run(Task<T> task) {
    return RunBlocking(*loops_, std::move(task));
  }
  Result<VersionPtr> Put(const std::string& key, const std::string& bytes);
  Result<std::string> Get(const std::string& key, uint64_t offset = 0,
                          uint64_t length = UINT64_MAX);
  // What the extent's directory says, read back from the shards.
  std::vector<model::DirectoryEntry> Directory(const ExtentId& id);
  size_t RepairCount();
  size_t ReclaimCount();

  std::string directory_;
  std::unique_ptr<EventLoopGroup> loops_;
  std::unique_ptr<BufferPool> buffers_;
  std::vector<std::unique_ptr<TroubledStore>> stores_;
  std::unique_ptr<metadata_db::OrderedStore> ordered_store_;
  std::unique_ptr<index_cache::IndexCache> cache_;
  std::unique_ptr<metadata_db::MetadataDb> metadata_;
  std::unique_ptr<erasure_encoder::ErasureEncoder> encoder_;
  std::unique_ptr<cluster::PlacementMap> placement_;
  std::unique_ptr<ObjectService> service_;
  BucketPtr bucket_;
};

}  // namespace ashlar::object_service
