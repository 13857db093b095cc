#include "lifecycle_worker/compaction/extent_compactor.h"

#include "base/log.h"
#include "lifecycle_worker/compaction/slice_plan.h"
#include "lifecycle_worker/reclaiming/step.h"

namespace ashlar::lifecycle_worker {
namespace {

using metadata_db::ExtentReferrer;
using metadata_db::ExtentUse;
using metadata_db::ReferrerMove;
using model::Slice;

constexpr uint32_t kPageExtents = 256;
constexpr uint32_t kReferrersMax = 1000;  // of a group: they share one commit
constexpr size_t kFailedMax = 10'000;

int64_t CreatedMilliseconds(const ExtentId& id) {
  int64_t milliseconds = 0;
  for (size_t i = 0; i < 6; ++i) milliseconds = milliseconds << 8 | id.bytes[i];
  return milliseconds;
}

// Of the kind that says nothing about the extents: it would be the same with others.
bool IsOurs(const Status& status) {
  return status.code() == Code::kNoSpace || status.code() == Code::kOverloaded ||
         status.code() == Code::kCancelled;
}

}  // namespace

bool ExtentCompactor::IsDue(const ExtentUse& use) const {
  const auto share = static_cast<double>(use.data_bytes) * options_.live_share_max;
  if (use.live_bytes == 0 || static_cast<double>(use.live_bytes) > share) return false;
  const int64_t age_ms = clock_.WallMilliseconds() - CreatedMilliseconds(use.extent);
  if (age_ms < std::chrono::duration_cast<std::chrono::milliseconds>(options_.age_min).count()) {
    return false;
  }
  const auto failed = failed_.find(use.extent);
  return failed == failed_.end() || clock_.MonotonicNanoseconds() >= failed->second;
}

Task<Status> ExtentCompactor::Run(Duration time_max, const std::atomic<bool>& stopping,
                                  ExtentCompactionCount* count) {
  const int64_t deadline_ns = clock_.MonotonicNanoseconds() + time_max.count();
  Group group;
  count->sparse = 0;
  bool at_end = false;
  while (!at_end && clock_.MonotonicNanoseconds() < deadline_ns) {
    CO_ASSIGN_OR_RETURN(const std::vector<ExtentUse> page,
                        co_await catalog_.ListSparse(cursor_, kPageExtents));
    at_end = page.empty();
    for (const ExtentUse& use : page) {
      if (stopping.load(std::memory_order_relaxed)) co_return Status::Ok();
      cursor_ = use.extent;
      if (!IsDue(use)) continue;
      ++count->sparse;
      const Result<bool> full = co_await Collect(use.extent, &group);
      CO_RETURN_IF_ERROR(full.status());
      if (*full) {
        CO_RETURN_IF_ERROR(co_await Flush(std::exchange(group, {}), stopping, count));
        if (clock_.MonotonicNanoseconds() >= deadline_ns) co_return Status::Ok();
      }
    }
  }
  if (at_end) cursor_ = ExtentId{};
  co_return co_await Flush(std::move(group), stopping, count);
}

Task<Result<bool>> ExtentCompactor::Collect(ExtentId id, Group* group) {
  Result<std::vector<ExtentReferrer>> referrers =
      co_await catalog_.ListReferrers(id, kReferrersMax);
  CO_RETURN_IF_ERROR(referrers.status());
  const std::vector<Slice> runs = LiveRuns(id, *referrers);
  if (runs.empty()) co_return false;
  group->extents.push_back(id);
  for (const Slice& run : runs) group->bytes += run.length;
  group->runs.insert(group->runs.end(), runs.begin(), runs.end());
  for (ExtentReferrer& referrer : *referrers) group->referrers.push_back(std::move(referrer));
  // About one stripe: small objects stay in extents of one stripe each. What is larger has come
  // from one extent, half of which is at most half of an extent.
  co_return group->bytes >= 8 * uint64_t{model::kUnitBytes} ||
      group->referrers.size() >= kReferrersMax / 2;
}

Task<Status> ExtentCompactor::Flush(Group group, const std::atomic<bool>& stopping,
                                    ExtentCompactionCount* count) {
  if (group.extents.empty()) co_return Status::Ok();
  co_await throttle_.Take(2 * group.bytes, stopping);
  const std::vector<ExtentId> extents = group.extents;
  const Status status = co_await Move(std::move(group), count);
  if (status.ok() || IsOurs(status)) co_return status;
  if (extents.size() == 1) {
    spdlog::warn("msg=\"a sparse extent is not compacted now\" extent={} reason={}",
                 extents[0].ToHex(), LogValue(status.ToString()));
    if (failed_.size() > kFailedMax) failed_.clear();
    failed_[extents[0]] = clock_.MonotonicNanoseconds() + options_.retry_after.count();
    count->unreadable = failed_.size();
    co_return Status::Ok();
  }
  // One that cannot be read must not hold up those that it shared a group with.
  for (const ExtentId& id : extents) {
    Group alone;
    CO_RETURN_IF_ERROR((co_await Collect(id, &alone)).status());
    CO_RETURN_IF_ERROR(co_await Flush(std::move(alone), stopping, count));
  }
  co_return Status::Ok();
}

Task<Status> ExtentCompactor::Move(Group group, ExtentCompactionCount* count) {
  CO_ASSIGN_OR_RETURN(object_service::GatheredRuns gathered,
                      co_await objects_.GatherRuns(group.runs));
  CO_RETURN_IF_ERROR(co_await PassStep("compact.written"));
  std::vector<ReferrerMove> moves;
  for (const ExtentReferrer& referrer : group.referrers) {
    ReferrerMove& move = moves.emplace_back();
    move.referrer = referrer.referrer;
    for (const Slice& slice : referrer.slices) {
      if (slice.length == 0) continue;
      move.slices.push_back({slice, MovedSlice(slice, group.runs, gathered.slices)});
    }
  }
  const metadata_db::NewExtents written = gathered.extents;
  const std::vector<Status> answers =
      co_await catalog_.MoveSlices(std::move(gathered.extents), std::move(moves));
  for (const Status& status : answers) {
    if (status.ok() || status.code() == Code::kConflict) continue;
    // Nothing was moved, or nobody knows: in that case what arrived is left alone by this.
    (void)co_await metadata_.RecordAbandonedExtents(written);
    co_return status;
  }
  count->extents += group.extents.size();
  count->bytes += group.bytes;
  co_return co_await PassStep("compact.moved");
}

}  // namespace ashlar::lifecycle_worker
