#include "lifecycle_worker/reclaiming/dead_shards.h"

#include <algorithm>
#include <optional>

#include "base/seeded_bug.h"
#include "lifecycle_worker/reclaiming/step.h"
#include "model/shard_record.h"

namespace ashlar::lifecycle_worker {
namespace {

using model::DeadShard;

constexpr uint32_t kPageRows = 1000;
constexpr size_t kPurgeAtOnce = 1024;

}  // namespace

Task<Status> DeadShards::Survey(ReclaimTime now, ReclaimPeriods periods, OrphanGate gate) {
  waiting_ = {};
  due_.clear();
  due_bytes_ = 0;
  waiting_for_scan_ = 0;
  more_is_due_ = false;
  std::optional<DeadShard> after;
  while (true) {
    CO_ASSIGN_OR_RETURN(const std::vector<DeadShard> page,
                        co_await catalog_.ListDeadShards(after, kPageRows));
    if (page.empty()) break;
    after = page.back();
    std::vector<DeadShard> to_note;
    for (const DeadShard& shard : page) {
      const uint64_t bytes = model::RecordBytes(shard.body_bytes);
      const bool noted = shard.since_s != 0;
      waiting_.Add(shard.cause, noted ? model::ReclaimPhase::kSeen : model::ReclaimPhase::kDead,
                   bytes, shard.since_ms);
      const ShardStep step = NextStep(shard, now, periods, gate);
      if (step == ShardStep::kNote) to_note.push_back(shard);
      if (step == ShardStep::kWaitForScan) ++waiting_for_scan_;
      if (step != ShardStep::kPurge) continue;
      due_bytes_ += bytes;
      if (due_.size() < kDueMax) {
        due_.push_back(shard);
      } else {
        more_is_due_ = true;
      }
    }
    if (to_note.empty()) continue;
    CO_RETURN_IF_ERROR(co_await catalog_.MarkDeadShardsSeen(std::move(to_note), now.clock_s));
    CO_RETURN_IF_ERROR(co_await PassStep("reclaim.shards_noted"));
  }
  co_return Status::Ok();
}

Task<Status> DeadShards::PurgeDue(PurgeCount* count) {
  while (!due_.empty()) {
    const size_t some_count = std::min(kPurgeAtOnce, due_.size());
    std::vector<DeadShard> some(due_.end() - static_cast<std::ptrdiff_t>(some_count), due_.end());
    due_.resize(due_.size() - some_count);
    CO_RETURN_IF_ERROR(co_await PurgeSome(std::move(some), count));
  }
  co_return Status::Ok();
}

Task<Status> DeadShards::PurgeSome(std::vector<DeadShard> shards, PurgeCount* count) {
  std::vector<Status> confirmed(shards.size());
  if (!SeededBug("reclaim.skip_confirm")) {
    confirmed = co_await catalog_.ConfirmDeadShards(shards);
  }
  CO_RETURN_IF_ERROR(co_await PassStep("reclaim.before_shard_purge"));
  std::vector<PurgeItem> items;
  std::vector<DeadShard> asked;
  for (size_t i = 0; i < shards.size(); ++i) {
    // It lives, or somebody purged it meanwhile.
    if (confirmed[i].code() == Code::kConflict || confirmed[i].code() == Code::kNotFound) continue;
    if (!confirmed[i].ok()) co_return confirmed[i];
    items.push_back({shards[i].extent, shards[i].shard_index, shards[i].location, shards[i].cause});
    asked.push_back(shards[i]);
  }
  const std::vector<Status> answers = co_await purger_.Purge(std::move(items));
  CO_RETURN_IF_ERROR(co_await PassStep("reclaim.after_shard_purge"));
  std::vector<DeadShard> gone;
  for (size_t i = 0; i < answers.size(); ++i) {
    if (answers[i].ok()) {
      ++count->shards;
      count->bytes += model::RecordBytes(asked[i].body_bytes);
      gone.push_back(asked[i]);
    } else if (answers[i].code() == Code::kConflict) {
      ++count->refused;
    } else {
      ++count->waiting_for_drives;
    }
  }
  if (gone.empty()) co_return Status::Ok();
  co_return co_await catalog_.ForgetDeadShards(std::move(gone));
}

}  // namespace ashlar::lifecycle_worker
