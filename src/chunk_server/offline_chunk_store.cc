// The store of a drive that is not there. It lets every caller treat fourteen drives alike: a
// missing one answers, at once and always, that it is unavailable.
#include <utility>

#include "chunk_server/local_chunk_store.h"

namespace ashlar::chunk_server {
namespace {

class OfflineChunkStore final : public ChunkStore {
 public:
  OfflineChunkStore(DriveId drive, std::string reason)
      : drive_(drive), reason_(std::move(reason)) {}

  DriveId drive() const override { return drive_; }
  Task<Result<model::ShardLocation>> WriteShard(const ShardSpec&, ByteSpan,
                                                std::span<const Sha256Digest>) override {
    co_return Gone();
  }
  Task<Result<std::unique_ptr<ShardWriter>>> OpenShard(const ShardSpec&) override {
    co_return Gone();
  }
  Task<Status> ReadShard(const ShardAddress&, uint64_t, MutableByteSpan) override {
    co_return Gone();
  }
  DriveStatus GetStatus() const override {
    DriveStatus status;
    status.state = DriveState::kOffline;
    status.reason = reason_;
    return status;
  }
  Task<Status> Probe() override { co_return Gone(); }
  Task<Result<std::vector<VolumeInfo>>> ListVolumes() override { co_return Gone(); }
  Task<Result<WalkPage>> WalkVolume(uint32_t, uint64_t, WalkOptions) override { co_return Gone(); }
  Task<std::vector<Status>> PurgeShards(std::vector<ShardPurge> purges) override {
    co_return std::vector<Status>(purges.size(), Gone());
  }
  Task<Status> RemoveVolume(uint32_t, uint64_t) override { co_return Gone(); }

 private:
  Status Gone() const { return Status(Code::kUnavailable, reason_); }

  const DriveId drive_;
  const std::string reason_;
};

}  // namespace

std::unique_ptr<ChunkStore> MakeOfflineChunkStore(DriveId drive, std::string reason) {
  return std::make_unique<OfflineChunkStore>(drive, std::move(reason));
}

}  // namespace ashlar::chunk_server
