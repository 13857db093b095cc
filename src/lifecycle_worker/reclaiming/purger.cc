#include "lifecycle_worker/reclaiming/purger.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/log.h"
#include "runtime/sync.h"

namespace ashlar::lifecycle_worker {
namespace {

using chunk_server::ChunkStore;
using chunk_server::ShardPurge;

constexpr size_t kPurgesInCallMax = 512;

// Some of the items, all on one drive.
struct DriveBatch {
  ChunkStore* store = nullptr;
  std::vector<size_t> indexes;  // in the items
  std::vector<ShardPurge> purges;
};

std::vector<DriveBatch> SplitByDrive(const std::vector<ChunkStore*>& stores,
                                     const std::vector<PurgeItem>& items, uint64_t epoch) {
  std::vector<DriveBatch> batches(stores.size());
  for (size_t drive = 0; drive < stores.size(); ++drive) batches[drive].store = stores[drive];
  for (size_t i = 0; i < items.size(); ++i) {
    const size_t drive = items[i].location.drive.value;
    if (drive >= stores.size()) continue;
    batches[drive].indexes.push_back(i);
    batches[drive].purges.push_back({.extent = items[i].extent,
                                     .shard_index = items[i].shard_index,
                                     .location = items[i].location,
                                     .epoch = epoch});
  }
  return batches;
}

// What is not there any more is what was wanted. A damaged header is left alone by the drive: its
// space comes back with its volume, there is nothing else to wait for.
bool IsGone(const Status& status) {
  return status.ok() || status.code() == Code::kNotFound || status.code() == Code::kCorrupt;
}

// A few hundred a call: the store syncs once for each.
Task<Status> PurgeOnDrive(DriveBatch batch, std::vector<Status>* answers) {
  size_t done = 0;
  while (done < batch.purges.size()) {
    const auto begin = batch.purges.begin() + static_cast<std::ptrdiff_t>(done);
    const size_t count = std::min(kPurgesInCallMax, batch.purges.size() - done);
    std::vector<ShardPurge> some(begin, begin + static_cast<std::ptrdiff_t>(count));
    const std::vector<Status> answered = co_await batch.store->PurgeShards(std::move(some));
    CHECK(answered.size() == count);
    for (const Status& status : answered) {
      (*answers)[batch.indexes[done++]] = IsGone(status) ? Status::Ok() : status;
    }
  }
  co_return Status::Ok();
}

// One line an extent: what was destroyed, where, and why.
void WriteAuditLine(const std::vector<PurgeItem>& items, const std::vector<Status>& answers,
                    size_t begin, size_t end) {
  std::string purged;
  std::string refused;
  for (size_t i = begin; i < end; ++i) {
    const PurgeItem& item = items[i];
    std::string place =
        std::to_string(item.shard_index) + "@" + std::to_string(item.location.drive.value + 1) +
        "/" + std::to_string(item.location.volume) + "/" + std::to_string(item.location.offset);
    if (answers[i].ok()) {
      purged += (purged.empty() ? "" : " ") + place;
    } else if (answers[i].code() == Code::kConflict) {
      refused += (refused.empty() ? "" : " ") + place + ": " + answers[i].message();
    }
  }
  if (!purged.empty()) {
    spdlog::info("msg=purged extent={} reason={} shards={}", items[begin].extent.ToHex(),
                 model::ReclaimCauseName(items[begin].cause), LogValue(purged));
  }
  if (!refused.empty()) {
    spdlog::error("msg=\"purge refused by a drive\" extent={} reason={} shards={}",
                  items[begin].extent.ToHex(), model::ReclaimCauseName(items[begin].cause),
                  LogValue(refused));
  }
}

}  // namespace

Task<std::vector<Status>> Purger::Purge(std::vector<PurgeItem> items) {
  CHECK(epoch_ > 0);
  std::vector<Status> answers(items.size(), Status(Code::kUnavailable, "the drive is offline"));
  std::vector<Task<Status>> calls;
  for (DriveBatch& batch : SplitByDrive(stores_, items, epoch_)) {
    if (batch.purges.empty()) continue;
    if (batch.store->GetStatus().state == chunk_server::DriveState::kOffline) continue;
    calls.push_back(PurgeOnDrive(std::move(batch), &answers));
  }
  (void)co_await WhenAll(std::move(calls));
  for (size_t begin = 0; begin < items.size();) {
    size_t end = begin + 1;
    while (end < items.size() && items[end].extent == items[begin].extent) ++end;
    WriteAuditLine(items, answers, begin, end);
    begin = end;
  }
  co_return answers;
}

Task<Status> Purger::RemoveVolume(DriveId drive, uint32_t volume) {
  CHECK(epoch_ > 0 && drive.value < stores_.size());
  const Status status = co_await stores_[drive.value]->RemoveVolume(volume, epoch_);
  if (status.ok()) {
    spdlog::info("msg=\"removed a volume\" drive={} volume={}", drive.value + 1, volume);
  }
  co_return status;
}

}  // namespace ashlar::lifecycle_worker
