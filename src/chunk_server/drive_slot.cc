#include "chunk_server/drive_slot.h"

#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "runtime/sync.h"

namespace ashlar::chunk_server {

// A store and the count of those who use it: each holds a reference, the slot holds one.
class DriveSlot::Tenant {
 public:
  explicit Tenant(std::shared_ptr<ChunkStore> store) : store_(std::move(store)) {}
  ~Tenant() {
    store_.reset();  // who waits for `left_` is then the last one
    if (left_ != nullptr) left_->Set(Unit{});
  }
  ChunkStore& store() const { return *store_; }
  // Before the slot's own reference goes: gives the store, to be closed when `left` was set.
  std::shared_ptr<ChunkStore> Leave(OneShot<Unit>* left) {
    left_ = left;
    return store_;
  }

 private:
  std::shared_ptr<ChunkStore> store_;
  OneShot<Unit>* left_ = nullptr;
};

class DriveSlot::Writer final : public ShardWriter {
 public:
  Writer(std::shared_ptr<Tenant> tenant, std::unique_ptr<ShardWriter> inner)
      : tenant_(std::move(tenant)), inner_(std::move(inner)) {}
  Task<Status> Append(std::span<const ByteSpan> pieces) override { return inner_->Append(pieces); }
  Task<Result<model::ShardLocation>> Finish(std::span<const Sha256Digest> leaves) override {
    return inner_->Finish(leaves);
  }

 private:
  const std::shared_ptr<Tenant> tenant_;  // outlives inner_
  const std::unique_ptr<ShardWriter> inner_;
};

DriveSlot::DriveSlot(std::shared_ptr<ChunkStore> store, Reopen reopen)
    : drive_(store->drive()),
      tenant_(std::make_shared<Tenant>(std::move(store))),
      reopen_(std::move(reopen)) {}

std::shared_ptr<DriveSlot::Tenant> DriveSlot::Hold() const {
  const std::lock_guard lock(mutex_);
  return tenant_;
}

Task<void> DriveSlot::Exchange(std::shared_ptr<ChunkStore> next) {
  CHECK(next->drive() == drive_);
  auto tenant = std::make_shared<Tenant>(std::move(next));
  {
    const std::lock_guard lock(mutex_);
    tenant_.swap(tenant);
    reopen_ = nullptr;  // it was for the drive that is gone
  }
  OneShot<Unit> left;
  const std::shared_ptr<ChunkStore> old = tenant->Leave(&left);
  tenant.reset();
  co_await left;
  co_await old->Close();
}

Task<Result<model::ShardLocation>> DriveSlot::WriteShard(const ShardSpec& spec, ByteSpan body,
                                                         std::span<const Sha256Digest> leaves) {
  const std::shared_ptr<Tenant> tenant = Hold();
  co_return co_await tenant->store().WriteShard(spec, body, leaves);
}

Task<Result<std::unique_ptr<ShardWriter>>> DriveSlot::OpenShard(const ShardSpec& spec) {
  std::shared_ptr<Tenant> tenant = Hold();
  Result<std::unique_ptr<ShardWriter>> inner = co_await tenant->store().OpenShard(spec);
  if (!inner.ok()) co_return inner.status();
  std::unique_ptr<ShardWriter> writer =
      std::make_unique<Writer>(std::move(tenant), std::move(*inner));
  co_return writer;
}

Task<Status> DriveSlot::ReadShard(const ShardAddress& address, uint64_t offset,
                                  MutableByteSpan out) {
  const std::shared_ptr<Tenant> tenant = Hold();
  co_return co_await tenant->store().ReadShard(address, offset, out);
}

DriveStatus DriveSlot::GetStatus() const { return Hold()->store().GetStatus(); }

Task<Status> DriveSlot::Probe() {
  Status status;
  {
    const std::shared_ptr<Tenant> tenant = Hold();
    status = co_await tenant->store().Probe();
  }
  if (status.code() != Code::kUnavailable) co_return status;
  co_return co_await ReopenMissing(std::move(status));
}

Task<Status> DriveSlot::ReopenMissing(Status missing) {
  Reopen reopen;
  {
    const std::lock_guard lock(mutex_);
    if (reopen_ == nullptr || reopening_) co_return missing;
    reopening_ = true;
    reopen = reopen_;
  }
  Result<std::unique_ptr<ChunkStore>> opened = co_await reopen();
  bool replaced = false;  // by another drive meanwhile
  {
    const std::lock_guard lock(mutex_);
    reopening_ = false;
    replaced = reopen_ == nullptr;
  }
  if (!opened.ok()) co_return opened.status();
  if (replaced) {
    co_await (*opened)->Close();
    co_return missing;
  }
  co_await Exchange(std::move(*opened));
  spdlog::info("msg=\"a drive that was missing is there\" drive={}", drive_.value + 1);
  const std::shared_ptr<Tenant> tenant = Hold();
  co_return co_await tenant->store().Probe();
}

Task<Result<std::vector<VolumeInfo>>> DriveSlot::ListVolumes() {
  const std::shared_ptr<Tenant> tenant = Hold();
  co_return co_await tenant->store().ListVolumes();
}

Task<Result<WalkPage>> DriveSlot::WalkVolume(uint32_t volume, uint64_t offset,
                                             WalkOptions options) {
  const std::shared_ptr<Tenant> tenant = Hold();
  co_return co_await tenant->store().WalkVolume(volume, offset, options);
}

Task<std::vector<Status>> DriveSlot::PurgeShards(std::vector<ShardPurge> purges) {
  const std::shared_ptr<Tenant> tenant = Hold();
  co_return co_await tenant->store().PurgeShards(std::move(purges));
}

Task<Status> DriveSlot::RemoveVolume(uint32_t volume, uint64_t epoch) {
  const std::shared_ptr<Tenant> tenant = Hold();
  co_return co_await tenant->store().RemoveVolume(volume, epoch);
}

Task<void> DriveSlot::Close() {
  const std::shared_ptr<Tenant> tenant = Hold();
  co_await tenant->store().Close();
}

}  // namespace ashlar::chunk_server
