// DriveSlot: a drive's place in the store. Passes every call on to the ChunkStore that is in it
// now, which can be exchanged while calls run: a drive is replaced, or one that was missing at the
// start comes back.
//
// Invariants
//  1. A call runs to its end on the store on which it began; so does a ShardWriter.
//  2. A store that was taken out is closed once, after the last call on it and the last of its
//     writers are gone.
// Thread-safe. Destroyed after Close, like any store.
#pragma once

#include <functional>
#include <memory>
#include <mutex>

#include "chunk_server/chunk_store.h"

namespace ashlar::chunk_server {

class DriveSlot final : public ChunkStore {
 public:
  // Looks whether the drive is there now, and opens it. kUnavailable: it is not.
  using Reopen = std::function<Task<Result<std::unique_ptr<ChunkStore>>>()>;

  // `reopen`: for a drive that is missing; asked by Probe until it gave a store. A store that can
  // open its drive anew itself needs none.
  explicit DriveSlot(std::shared_ptr<ChunkStore> store, Reopen reopen = nullptr);

  // Puts `next`, of the same DriveId, in the place of the store there, which is closed when this
  // returns. Waits for the calls that run on it. The two must not be on the same files.
  Task<void> Exchange(std::shared_ptr<ChunkStore> next);

  DriveId drive() const override { return drive_; }
  Task<Result<model::ShardLocation>> WriteShard(const ShardSpec& spec, ByteSpan body,
                                                std::span<const Sha256Digest> leaves) override;
  Task<Result<std::unique_ptr<ShardWriter>>> OpenShard(const ShardSpec& spec) override;
  Task<Status> ReadShard(const ShardAddress& address, uint64_t offset,
                         MutableByteSpan out) override;
  DriveStatus GetStatus() const override;
  Task<Status> Probe() override;
  Task<Result<std::vector<VolumeInfo>>> ListVolumes() override;
  Task<Result<WalkPage>> WalkVolume(uint32_t volume, uint64_t offset, WalkOptions options) override;
  Task<std::vector<Status>> PurgeShards(std::vector<ShardPurge> purges) override;
  Task<Status> RemoveVolume(uint32_t volume, uint64_t epoch) override;
  Task<void> Close() override;

 private:
  class Tenant;
  class Writer;
  std::shared_ptr<Tenant> Hold() const;
  Task<Status> ReopenMissing(Status missing);

  const DriveId drive_;
  mutable std::mutex mutex_;
  std::shared_ptr<Tenant> tenant_;  // never null
  Reopen reopen_;
  bool reopening_ = false;
};

}  // namespace ashlar::chunk_server
