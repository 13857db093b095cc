#include "lifecycle_worker/compaction/volume_compactor.h"

#include <algorithm>

#include "base/log.h"
#include "lifecycle_worker/reclaiming/step.h"
#include "model/shard_record.h"
#include "runtime/sync.h"

namespace ashlar::lifecycle_worker {

using chunk_server::ChunkStore;
using chunk_server::DriveState;
using chunk_server::ShardAddress;
using chunk_server::ShardSpec;
using chunk_server::VolumeInfo;
using chunk_server::WalkedShard;
using metadata_db::ExtentPtr;
using metadata_db::ShardMove;

// A shard to be copied: the extent's row names it at the place where it was met.
struct VolumeCompactor::Copy {
  ExtentPtr extent;
  uint8_t shard = 0;
  uint64_t body_bytes = 0;
};

namespace {

constexpr uint64_t kPieceBytes = 1ULL << 20;
constexpr uint64_t kBytesAtOnce = 4ULL << 20;
constexpr size_t kShardsAtOnce = 64;

uint64_t BodyBytesOf(const model::Extent& extent) {
  const model::ExtentLayout layout(extent.data_shards, extent.unit_bytes, extent.payload_bytes);
  return layout.shard_bytes();
}

ShardSpec NextGeneration(const model::Extent& extent, uint8_t shard) {
  ShardSpec spec;
  spec.extent = extent.id;
  spec.shard_index = shard;
  spec.data_shards = extent.data_shards;
  spec.parity_shards = extent.parity_shards;
  spec.tier = extent.tier;
  spec.generation = extent.locations[shard].generation + 1;
  spec.body_bytes = BodyBytesOf(extent);
  spec.payload_bytes = extent.payload_bytes;
  spec.directory_bytes = extent.directory_bytes;
  spec.unit_bytes = extent.unit_bytes;
  return spec;
}

void HashLeaves(ByteSpan piece, std::vector<Sha256Digest>* leaves) {
  std::vector<ByteSpan> inputs;
  for (size_t offset = 0; offset < piece.size(); offset += model::kLeafBytes) {
    inputs.push_back(
        piece.subspan(offset, std::min<size_t>(model::kLeafBytes, piece.size() - offset)));
  }
  const size_t before = leaves->size();
  leaves->resize(before + inputs.size());
  Sha256Many(inputs, std::span(*leaves).subspan(before));
}

}  // namespace

bool IsSparse(const VolumeUsage::Use& use, uint64_t allocated_bytes, double live_share_max) {
  // What waits to be purged counts as living: it must not be copied, and goes by itself.
  const auto named = static_cast<double>(use.live_bytes + use.waiting_bytes);
  return use.live_bytes > 0 && named <= static_cast<double>(allocated_bytes) * live_share_max;
}

Task<Status> VolumeCompactor::Run(const VolumeUsage& usage, const std::vector<ExtentId>& waiting,
                                  const std::atomic<bool>& stopping, VolumeCompactionCount* count) {
  Status first;
  for (ChunkStore* store : stores_) {
    if (stopping.load(std::memory_order_relaxed)) break;
    if (store->GetStatus().state == DriveState::kOffline) continue;
    const Status status = co_await CompactDrive(store, usage, waiting, stopping, count);
    if (status.ok()) continue;
    spdlog::warn("msg=\"volumes are not compacted now\" drive={} reason={}",
                 store->drive().value + 1, LogValue(status.ToString()));
    if (first.ok()) first = status;
  }
  co_return first;
}

Task<Status> VolumeCompactor::CompactDrive(ChunkStore* store, const VolumeUsage& usage,
                                           const std::vector<ExtentId>& waiting,
                                           const std::atomic<bool>& stopping,
                                           VolumeCompactionCount* count) {
  CO_ASSIGN_OR_RETURN(const std::vector<VolumeInfo> volumes, co_await store->ListVolumes());
  std::vector<std::pair<uint64_t, uint32_t>> sparse;
  for (const VolumeInfo& volume : volumes) {
    if (volume.takes_records) continue;
    const VolumeUsage::Use use = usage.Of(store->drive(), volume.number);
    if (use.shards == 0) {
      const Status removed = co_await purger_.RemoveVolume(store->drive(), volume.number);
      if (removed.ok()) ++count->volumes_removed;
      // Dead shards that still wait, or orphans that nobody has met yet.
      if (!removed.ok() && removed.code() != Code::kConflict) co_return removed;
      CO_RETURN_IF_ERROR(co_await PassStep("volume_compact.removed"));
    } else if (IsSparse(use, volume.allocated_bytes, live_share_max_)) {
      sparse.emplace_back(use.live_bytes, volume.number);
    }
  }
  std::sort(sparse.begin(), sparse.end());  // those that give the most for the least first
  for (const auto& [bytes, volume] : sparse) {
    if (stopping.load(std::memory_order_relaxed)) break;
    CO_RETURN_IF_ERROR(co_await EmptyVolume(store, volume, waiting, stopping, count));
  }
  co_return Status::Ok();
}

Task<Status> VolumeCompactor::EmptyVolume(ChunkStore* store, uint32_t volume,
                                          const std::vector<ExtentId>& waiting,
                                          const std::atomic<bool>& stopping,
                                          VolumeCompactionCount* count) {
  uint64_t offset = 0;
  while (!stopping.load(std::memory_order_relaxed)) {
    CO_ASSIGN_OR_RETURN(const chunk_server::WalkPage page,
                        co_await store->WalkVolume(volume, offset, {}));
    std::vector<ExtentId> ids;
    for (const WalkedShard& shard : page.shards) ids.push_back(shard.spec.extent);
    CO_ASSIGN_OR_RETURN(std::vector<ExtentPtr> extents, co_await catalog_.GetExtents(ids));
    std::vector<Copy> copies;
    uint64_t bytes = 0;
    for (size_t i = 0; i < page.shards.size(); ++i) {
      const WalkedShard& walked = page.shards[i];
      const uint8_t shard = walked.spec.shard_index;
      if (extents[i] == nullptr || shard >= extents[i]->locations.size()) continue;
      if (extents[i]->locations[shard] != walked.location) continue;
      if (std::binary_search(waiting.begin(), waiting.end(), ids[i])) continue;
      bytes += walked.spec.body_bytes;
      copies.push_back({std::move(extents[i]), shard, walked.spec.body_bytes});
      if (bytes < kBytesAtOnce && copies.size() < kShardsAtOnce) continue;
      co_await throttle_.Take(2 * bytes, stopping);
      CO_RETURN_IF_ERROR(co_await MoveSome(store, std::exchange(copies, {}), count));
      bytes = 0;
    }
    co_await throttle_.Take(2 * bytes, stopping);
    CO_RETURN_IF_ERROR(co_await MoveSome(store, std::move(copies), count));
    if (page.at_end) co_return Status::Ok();
    CHECK(page.next_offset > offset);
    offset = page.next_offset;
  }
  co_return Status::Ok();
}

Task<Result<ShardMove>> VolumeCompactor::CopyShard(ChunkStore* store, ExtentPtr extent,
                                                   uint8_t shard) {
  const ShardSpec spec = NextGeneration(*extent, shard);
  ShardAddress address;
  address.extent = extent->id;
  address.shard_index = shard;
  address.body_bytes = spec.body_bytes;
  address.location = extent->locations[shard];
  address.root = extent->roots[shard];
  ShardMove move;
  move.extent = extent->id;
  move.shard_index = shard;
  move.from = extent->locations[shard];
  move.exchanges_seen = catalog_.drive_exchanges();
  std::vector<uint8_t> piece(std::min(spec.body_bytes, kPieceBytes));
  std::vector<Sha256Digest> leaves;
  if (spec.body_bytes <= kPieceBytes) {
    CO_RETURN_IF_ERROR(co_await store->ReadShard(address, 0, piece));
    HashLeaves(piece, &leaves);
    CO_ASSIGN_OR_RETURN(move.to, co_await store->WriteShard(spec, piece, leaves));
  } else {
    CO_ASSIGN_OR_RETURN(const std::unique_ptr<chunk_server::ShardWriter> writer,
                        co_await store->OpenShard(spec));
    for (uint64_t offset = 0; offset < spec.body_bytes; offset += piece.size()) {
      piece.resize(std::min(kPieceBytes, spec.body_bytes - offset));
      CO_RETURN_IF_ERROR(co_await store->ReadShard(address, offset, piece));
      HashLeaves(piece, &leaves);
      CO_RETURN_IF_ERROR(co_await writer->AppendPiece(piece));
    }
    CO_ASSIGN_OR_RETURN(move.to, co_await writer->Finish(leaves));
  }
  move.root = model::ShardRoot(leaves);
  co_return move;
}

Task<Status> VolumeCompactor::NoteDamage(const Copy& copy, Code code) {
  model::RepairOrder order;
  order.extent = copy.extent->id;
  order.shard = ShardIndex{copy.shard};
  order.reason = code == Code::kCorrupt    ? model::RepairReason::kCorrupt
                 : code == Code::kNotFound ? model::RepairReason::kMissing
                                           : model::RepairReason::kUnreadable;
  std::vector<model::RepairOrder> orders{order};
  co_return co_await metadata_.RecordRepairs(std::move(orders));
}

Task<Status> VolumeCompactor::MoveSome(ChunkStore* store, std::vector<Copy> copies,
                                       VolumeCompactionCount* count) {
  if (copies.empty()) co_return Status::Ok();
  std::vector<Task<Result<ShardMove>>> tasks;
  for (const Copy& copy : copies) tasks.push_back(CopyShard(store, copy.extent, copy.shard));
  std::vector<Result<ShardMove>> copied = co_await WhenAll(std::move(tasks));
  CO_RETURN_IF_ERROR(co_await PassStep("volume_compact.written"));
  std::vector<ShardMove> moves;
  std::vector<model::DeadShard> written;
  Status failure;
  for (size_t i = 0; i < copied.size(); ++i) {
    if (copied[i].ok()) {
      moves.push_back(*copied[i]);
      model::DeadShard& shard = written.emplace_back();
      shard.location = moves.back().to;
      shard.extent = moves.back().extent;
      shard.shard_index = moves.back().shard_index;
      shard.body_bytes = copies[i].body_bytes;
      shard.cause = model::ReclaimCause::kFailedWrite;
      continue;
    }
    const Code code = copied[i].code();
    if (code == Code::kCorrupt || code == Code::kNotFound || code == Code::kIoError) {
      CO_RETURN_IF_ERROR(co_await NoteDamage(copies[i], code));
    } else {
      failure = copied[i].status();
    }
  }
  const std::vector<Status> answers = co_await catalog_.MoveShards(moves);
  for (size_t i = 0; i < answers.size(); ++i) {
    if (answers[i].ok()) {
      ++count->shards_moved;
      count->bytes_moved += written[i].body_bytes;
    } else if (answers[i].code() != Code::kConflict && answers[i].code() != Code::kNotFound) {
      failure = answers[i];
    }
  }
  if (!failure.ok()) {
    // Copies that did arrive in rows are left out by this.
    (void)co_await catalog_.RecordDeadShards(std::move(written));
    co_return failure;
  }
  co_return co_await PassStep("volume_compact.moved");
}

}  // namespace ashlar::lifecycle_worker
