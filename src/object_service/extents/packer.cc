#include "object_service/extents/packer.h"

#include <cstring>

#include "object_service/extents/extent_writer.h"
#include "object_service/internal/patience.h"
#include "runtime/failpoint.h"
#include "runtime/metrics.h"

namespace ashlar::object_service {
namespace {

// Room left for the directory in a full stripe. An entry is about 200 bytes and its texts; at most
// 1,024 (key) + 63 (bucket) + headers.
constexpr size_t kEntryBytesEstimate = 256;

size_t EstimatedBytes(ByteSpan payload, const model::DirectoryEntry& entry) {
  size_t bytes = payload.size() + kEntryBytesEstimate + entry.key.size() + entry.bucket.size();
  for (const auto& [name, value] : entry.system_headers) bytes += name.size() + value.size() + 16;
  for (const auto& [name, value] : entry.user_metadata) bytes += name.size() + value.size() + 16;
  for (const auto& [name, value] : entry.extras.tags) bytes += name.size() + value.size() + 16;
  bytes += entry.extras.owner.size() + entry.extras.acl.size();
  return bytes;
}

// Where the batch put the payload goes into the change, whichever kind it is.
void SetSlices(metadata_db::PutObjectChange* change, std::vector<model::Slice> slices) {
  change->version.parts.front().slices = std::move(slices);
}
void SetSlices(metadata_db::MetadataDb::PutPartChange* change, std::vector<model::Slice> slices) {
  change->part.part.slices = std::move(slices);
}

void SetEtag(metadata_db::PutObjectChange* change, std::string etag) {
  change->version.etag = std::move(etag);
}
void SetEtag(metadata_db::MetadataDb::PutPartChange* change, std::string etag) {
  change->part.etag = std::move(etag);
}

// The metadata call of each kind.
Task<std::vector<Result<VersionPtr>>> Submit(metadata_db::MetadataDb& metadata,
                                             metadata_db::NewExtents extents,
                                             std::vector<metadata_db::PutObjectChange> changes,
                                             Duration patience) {
  return metadata.PutObjects(std::move(extents), std::move(changes), patience);
}
Task<std::vector<Result<model::UploadPart>>> Submit(
    metadata_db::MetadataDb& metadata, metadata_db::NewExtents extents,
    std::vector<metadata_db::MetadataDb::PutPartChange> changes, Duration /*parts have none*/) {
  return metadata.PutParts(std::move(extents), std::move(changes));
}

prometheus::Histogram& BatchSize() {
  static prometheus::Histogram& histogram =
      MetricHistogram("ashlar_packed_batch_objects", "Small objects that shared one extent.", {},
                      {1, 2, 4, 8, 16, 32, 64, 128, 256, 512});
  return histogram;
}

}  // namespace

template <typename Change, typename Outcome>
Task<Result<Outcome>> Packer<Change, Outcome>::Store(const SmallBody& body,
                                                     model::DirectoryEntry entry, Change change) {
  Item item;
  item.payload = body.bytes();
  item.md5 = body.md5;
  item.entry = std::move(entry);
  item.change = std::move(change);
  bool start = false;
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(&item);
    queued_bytes_ += EstimatedBytes(item.payload, item.entry);
    const uint64_t stripe_bytes = static_cast<uint64_t>(core_.data_shards()) * model::kUnitBytes;
    const bool full = queued_bytes_ >= stripe_bytes;
    if (in_flight_ == 0 || (full && in_flight_ < kBatchesInFlightMax)) {
      ++in_flight_;
      start = true;
    }
  }
  if (start) core_.background.Spawn(*Executor::Current(), Run());
  co_return co_await item.result;
}

template <typename Change, typename Outcome>
Task<Result<Outcome>> Packer<Change, Outcome>::StoreAlone(const SmallBody& body,
                                                          model::DirectoryEntry entry,
                                                          Change change, Duration patience) {
  Item item;
  item.payload = body.bytes();
  item.md5 = body.md5;
  item.entry = std::move(entry);
  item.change = std::move(change);
  Batch batch;
  batch.push_back(&item);
  co_await Commit(std::move(batch), patience);
  co_return co_await item.result;
}

template <typename Change, typename Outcome>
typename Packer<Change, Outcome>::Batch Packer<Change, Outcome>::TakeBatch() {
  const uint64_t stripe_bytes = static_cast<uint64_t>(core_.data_shards()) * model::kUnitBytes;
  Batch batch;
  uint64_t bytes = 0;
  while (!queue_.empty() && batch.size() < kBatchItemsMax) {
    Item* item = queue_.front();
    const uint64_t item_bytes = EstimatedBytes(item->payload, item->entry);
    if (!batch.empty() && bytes + item_bytes > stripe_bytes) break;
    bytes += item_bytes;
    queued_bytes_ -= item_bytes;
    batch.push_back(item);
    queue_.pop_front();
  }
  return batch;
}

template <typename Change, typename Outcome>
Task<void> Packer<Change, Outcome>::Run() {
  // Requests that are ready in this same turn of the loop join the batch.
  Yield yield;
  co_await yield;
  while (true) {
    Batch batch;
    {
      const std::lock_guard lock(mutex_);
      batch = TakeBatch();
      if (batch.empty()) {
        --in_flight_;
        co_return;
      }
    }
    co_await Commit(std::move(batch));
  }
}

// One stream of MD5 waits for itself; side by side, sixteen cost little more than one.
template <typename Change, typename Outcome>
void Packer<Change, Outcome>::FillInDigests(const Batch& batch) {
  std::vector<Md5Hasher> hashers(batch.size());
  std::vector<HashWork> work;
  work.reserve(batch.size());
  for (size_t i = 0; i < batch.size(); ++i) {
    if (!batch[i]->md5) work.push_back({.md5 = &hashers[i], .bytes = batch[i]->payload});
  }
  UpdateTogether(work);
  for (size_t i = 0; i < batch.size(); ++i) {
    Item& item = *batch[i];
    item.entry.md5 = item.md5 ? *item.md5 : hashers[i].Finish();
    SetEtag(&item.change, HexEncode(item.entry.md5));
  }
}

template <typename Change, typename Outcome>
Task<Status> Packer<Change, Outcome>::WriteExtent(Core& core, const Batch& batch, Duration patience,
                                                  metadata_db::NewExtents* extents) {
  const ExtentId id = NewUniqueId(core.deps.clock, core.deps.random);
  std::vector<model::DirectoryEntry> directory;
  uint64_t data_bytes = 0;
  for (Item* item : batch) {
    if (item->payload.empty()) continue;  // lives in metadata alone
    model::DirectoryEntry entry = item->entry;
    entry.extent_offset = data_bytes;
    entry.length = item->payload.size();
    entry.last = true;
    directory.push_back(std::move(entry));
    SetSlices(&item->change, {model::Slice{id, data_bytes, item->payload.size()}});
    data_bytes += item->payload.size();
  }
  if (data_bytes == 0) co_return Status::Ok();
  const std::string directory_bytes = model::EncodeDirectory(directory);
  const uint64_t payload_bytes = data_bytes + directory_bytes.size();
  const model::ExtentLayout layout(core.data_shards(), model::kUnitBytes, payload_bytes);
  CHECK(layout.stripe_count() == 1);
  const size_t unit = layout.UnitBytes(0);
  CO_ASSIGN_OR_RETURN(SharedBuffer buffer, core.Share(co_await core.deps.buffers.Acquire(
                                               unit * static_cast<size_t>(core.total_shards()),
                                               core.options.buffer_patience)));
  uint8_t* to = buffer->data();
  for (const Item* item : batch) {
    if (item->payload.empty()) continue;
    std::memcpy(to, item->payload.data(), item->payload.size());
    to += item->payload.size();
  }
  std::memcpy(to, directory_bytes.data(), directory_bytes.size());
  to += directory_bytes.size();
  const size_t data_room = unit * static_cast<size_t>(core.data_shards());
  std::memset(to, 0, data_room - payload_bytes);
  co_return co_await WriteOneStripeExtent(core, id, std::move(buffer), payload_bytes,
                                          static_cast<uint32_t>(directory_bytes.size()), patience,
                                          extents);
}

template <typename Change, typename Outcome>
Task<void> Packer<Change, Outcome>::Commit(Batch batch, Duration patience) {
  const Patience budget(core_.deps.clock, patience);
  BatchSize().Observe(static_cast<double>(batch.size()));
  FillInDigests(batch);
  metadata_db::NewExtents extents;
  const Status written = co_await WriteExtent(core_, batch, budget.Left(), &extents);
  if (!written.ok()) {
    for (Item* item : batch) item->result.Set(written);
    co_return;
  }
  std::vector<Change> changes;
  changes.reserve(batch.size());
  for (Item* item : batch) changes.push_back(std::move(item->change));
  std::vector<Result<Outcome>> outcomes =
      co_await Submit(core_.deps.metadata, std::move(extents), std::move(changes), budget.Left());
  CHECK(outcomes.size() == batch.size());
  if (FailpointsArmed()) co_await DelayAtFailpoint("put.metadata_committed");
  for (size_t i = 0; i < batch.size(); ++i) batch[i]->result.Set(std::move(outcomes[i]));
}

template class Packer<metadata_db::PutObjectChange, VersionPtr>;
template class Packer<metadata_db::MetadataDb::PutPartChange, model::UploadPart>;

}  // namespace ashlar::object_service
