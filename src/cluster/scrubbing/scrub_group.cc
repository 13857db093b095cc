// One group: every record against its row, then every row against the records that were seen.
//
// How it fails: a drive that goes away ends the group (kUnavailable) and nothing counts as
// verified. Unreadable runs are stepped over; the rows say what was in them.
#include <algorithm>

#include "base/log.h"
#include "cluster/pacing/pass_failpoint.h"
#include "cluster/scrubbing/findings.h"
#include "cluster/scrubbing/scrubber_impl.h"
#include "runtime/metrics.h"

namespace ashlar::cluster {

using chunk_server::WalkedShard;
using chunk_server::WalkPage;
using metadata_db::ExtentPtr;
using model::RepairOrder;
using model::RepairReason;

namespace {

constexpr uint32_t kRowsPerPage = 1024;
constexpr uint32_t kRecordsPerPage = 1024;
constexpr uint64_t kStepOverBytes = 1ULL << 20;

model::DeadShard DeadShardOf(const WalkedShard& record, int64_t now_ms) {
  model::DeadShard dead;
  dead.location = record.location;
  dead.extent = record.spec.extent;
  dead.shard_index = record.spec.shard_index;
  dead.body_bytes = record.spec.body_bytes;
  dead.cause = model::ReclaimCause::kOrphan;
  dead.since_ms = now_ms;
  return dead;
}

struct StrayKind {
  uint64_t ScrubFindings::*count;
  const char* name;
};
StrayKind StrayOf(RecordKind kind) {
  switch (kind) {
    case RecordKind::kStale: return {&ScrubFindings::stale, "stale"};
    case RecordKind::kDuplicate: return {&ScrubFindings::duplicate, "duplicate"};
    case RecordKind::kMisplaced: return {&ScrubFindings::misplaced, "misplaced"};
    default: return {&ScrubFindings::orphans, "orphan"};
  }
}

RepairReason ReasonOf(Code code) {
  if (code == Code::kIoError) return RepairReason::kUnreadable;
  return code == Code::kNotFound ? RepairReason::kMissing : RepairReason::kCorrupt;
}

}  // namespace

void Scrubber::Impl::Count(uint64_t ScrubFindings::*what, const char* kind, uint64_t by) {
  if (by == 0) return;
  MetricCounter("ashlar_scrub_findings_total", "Records by what scrubbing found.", {{"kind", kind}})
      .Increment(static_cast<double>(by));
  const std::lock_guard lock(mutex);
  group_findings.*what += by;
}

RepairOrder Scrubber::Impl::OrderFor(const ExtentId& extent, size_t shard,
                                     RepairReason reason) const {
  RepairOrder order;
  order.extent = extent;
  order.shard = ShardIndex{static_cast<uint8_t>(shard)};
  order.reason = reason;
  order.noted_ms = deps.clock.WallMilliseconds();
  return order;
}

Task<Status> Scrubber::Impl::ScrubGroup(Group* group) {
  // Never before its round, also when the wall clock is set back.
  group->began_ms = std::max(deps.clock.WallMilliseconds(), group->round_began_ms);
  {
    const std::lock_guard lock(mutex);
    group_findings = ScrubFindings();
    group_bytes = 0;
  }
  uint64_t bytes = 0;
  size_t taken = 0;
  for (const chunk_server::VolumeInfo& volume : group->volumes) {
    const bool full =
        group->seen.size() >= options.group_records_max || bytes >= options.group_bytes_max;
    if (taken > 0 && full) break;
    CO_RETURN_IF_ERROR(co_await WalkOne(group, volume));
    if (Overtaken(*group)) co_return Status::Ok();
    bytes += volume.file_bytes;
    ++taken;
  }
  group->last = taken == group->volumes.size();
  CO_RETURN_IF_ERROR(co_await CompareRows(group));
  CO_RETURN_IF_ERROR(co_await PassFailpoint("scrub.group_done"));
  co_return Status::Ok();
}

Task<Status> Scrubber::Impl::WalkOne(Group* group, const chunk_server::VolumeInfo& volume) {
  static prometheus::Counter& scrubbed =
      MetricCounter("ashlar_scrub_bytes_total", "Bytes of volumes read by scrubbing.");
  chunk_server::ChunkStore& store = *deps.stores[group->drive.drive.value];
  group->seen.AddVolume(volume.number);
  group->walked.push_back(volume.number);
  chunk_server::WalkOptions walk;
  walk.verify_bodies = true;
  walk.records_max = kRecordsPerPage;
  walk.bytes_max = options.page_bytes;
  uint64_t offset = 0;
  while (true) {
    co_await WaitWhilePaused();
    if (Overtaken(*group)) co_return Status::Ok();
    const Result<WalkPage> page = co_await store.WalkVolume(volume.number, offset, walk);
    uint64_t next = offset + kStepOverBytes;
    if (page.ok()) {
      CO_RETURN_IF_ERROR(co_await ComparePage(group, *page));
      next = page->next_offset;
    } else if (page.code() == Code::kIoError && next < volume.file_bytes) {
      Count(&ScrubFindings::unreadable_bytes, "unreadable_bytes", kStepOverBytes);
    } else if (page.code() == Code::kNotFound || page.code() == Code::kIoError) {
      co_return Status::Ok();  // what should be there is looked for by its rows
    } else {
      co_return page.status();
    }
    const uint64_t moved = next - std::min(offset, next);
    scrubbed.Increment(static_cast<double>(moved));
    {
      const std::lock_guard lock(mutex);
      group_bytes += moved;
    }
    if (page.ok() && page->at_end) co_return Status::Ok();
    offset = next;
    co_await pacer.Take(moved);
  }
}

Task<Status> Scrubber::Impl::ComparePage(Group* group, const WalkPage& page) {
  std::vector<ExtentId> ids;
  for (const WalkedShard& record : page.shards) ids.push_back(record.spec.extent);
  CO_ASSIGN_OR_RETURN(const std::vector<ExtentPtr> extents, co_await deps.catalog.GetExtents(ids));
  const int64_t now_ms = deps.clock.WallMilliseconds();
  const int64_t grace_ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(options.orphan_grace).count();
  std::vector<RepairOrder> orders;
  std::vector<model::DeadShard> strays;
  uint64_t whole = 0;
  for (size_t i = 0; i < page.shards.size(); ++i) {
    const WalkedShard& record = page.shards[i];
    const RecordKind kind = Classify(record, extents[i].get());
    if (kind == RecordKind::kWhole || kind == RecordKind::kCorrupt) {
      group->seen.Add(record.spec.extent, record.spec.shard_index, record.location);
      if (kind == RecordKind::kWhole) {
        ++whole;
        continue;
      }
      Count(&ScrubFindings::corrupt, "corrupt");
      const Code code = record.verified.ok() ? Code::kCorrupt : record.verified.code();
      orders.push_back(OrderFor(record.spec.extent, record.spec.shard_index, ReasonOf(code)));
      spdlog::warn("msg=\"scrubbing found a damaged shard\" extent={} shard={} drive={}",
                   record.spec.extent.ToHex(), record.spec.shard_index,
                   group->drive.drive.value + 1);
      continue;
    }
    const StrayKind stray = StrayOf(kind);
    Count(stray.count, stray.name);
    if (now_ms - CreatedMs(record.spec.extent) < grace_ms) {
      Count(&ScrubFindings::young_strays, "young_stray");
    } else {
      strays.push_back(DeadShardOf(record, now_ms));
    }
  }
  Count(&ScrubFindings::records, "record", page.shards.size());
  Count(&ScrubFindings::whole, "whole", whole);
  Count(&ScrubFindings::damaged_bytes, "damaged_bytes", page.damaged_bytes);
  Count(&ScrubFindings::unreadable_bytes, "unreadable_bytes", page.unreadable_bytes);
  CO_RETURN_IF_ERROR(co_await PassFailpoint("scrub.page"));
  if (!orders.empty()) CO_RETURN_IF_ERROR(co_await deps.metadata.RecordRepairs(std::move(orders)));
  if (!strays.empty()) {
    CO_RETURN_IF_ERROR(co_await deps.catalog.RecordDeadShards(std::move(strays)));
  }
  co_return Status::Ok();
}

Task<Status> Scrubber::Impl::CompareRows(Group* group) {
  const std::vector<DriveView> drives = deps.drives.View();
  ExtentId after;
  while (true) {
    co_await WaitWhilePaused();
    if (Overtaken(*group)) co_return Status::Ok();
    CO_ASSIGN_OR_RETURN(const std::vector<ExtentPtr> page,
                        co_await deps.catalog.ListExtents(after, kRowsPerPage));
    std::vector<RepairOrder> orders;
    for (const ExtentPtr& extent : page) {
      CO_RETURN_IF_ERROR(co_await CompareRow(group, extent, drives, &orders));
    }
    CO_RETURN_IF_ERROR(co_await PassFailpoint("scrub.rows"));
    if (!orders.empty()) {
      CO_RETURN_IF_ERROR(co_await deps.metadata.RecordRepairs(std::move(orders)));
    }
    if (page.size() < kRowsPerPage) co_return Status::Ok();
    after = page.back()->id;
  }
}

// The places on the group's drive that were not seen whole. What lies in no volume of the drive,
// was never written, or lies on a removed drive belongs to the last group.
Task<Status> Scrubber::Impl::CompareRow(Group* group, const ExtentPtr& extent,
                                        const std::vector<DriveView>& drives,
                                        std::vector<RepairOrder>* orders) {
  for (size_t i = 0; i < extent->locations.size(); ++i) {
    const model::ShardLocation& location = extent->locations[i];
    const bool removed = location.drive.value < drives.size() &&
                         drives[location.drive.value].role == DriveRole::kRemoved;
    if (group->last && removed) {
      orders->push_back(OrderFor(extent->id, i, RepairReason::kMissing));
      continue;
    }
    if (location.drive != group->drive.drive) continue;
    if (!location.present) {
      if (group->last) orders->push_back(OrderFor(extent->id, i, RepairReason::kNotWritten));
      continue;
    }
    const bool listed =
        std::binary_search(group->listed.begin(), group->listed.end(), location.volume);
    const bool ours = group->seen.HasVolume(location.volume) || (group->last && !listed);
    if (!ours || group->seen.Contains(extent->id, i, location)) continue;
    CO_RETURN_IF_ERROR(co_await LookAgain(group, extent, static_cast<uint8_t>(i), orders));
  }
  co_return Status::Ok();
}

// It may have been written or moved while the group was walked.
Task<Status> Scrubber::Impl::LookAgain(Group* group, ExtentPtr extent, uint8_t shard,
                                       std::vector<RepairOrder>* orders) {
  const Status status = co_await CheckShard(tools, extent, shard);
  if (status.ok()) {
    Count(&ScrubFindings::whole, "whole");
    co_return status;
  }
  const Code code = status.code();
  if (code != Code::kNotFound && code != Code::kCorrupt && code != Code::kIoError) {
    co_return status;
  }
  std::vector<ExtentId> ids(1, extent->id);
  CO_ASSIGN_OR_RETURN(const std::vector<ExtentPtr> now, co_await deps.catalog.GetExtents(ids));
  if (now[0] == nullptr || now[0]->locations[shard] != extent->locations[shard]) {
    co_return Status::Ok();
  }
  if (code == Code::kNotFound) {
    Count(&ScrubFindings::missing, "missing");
  } else {
    Count(&ScrubFindings::corrupt, "corrupt");
  }
  orders->push_back(OrderFor(extent->id, shard, ReasonOf(code)));
  spdlog::warn("msg=\"scrubbing found a shard missing\" extent={} shard={} drive={} reason={}",
               extent->id.ToHex(), shard, group->drive.drive.value + 1,
               LogValue(status.ToString()));
  co_return Status::Ok();
}

}  // namespace ashlar::cluster
