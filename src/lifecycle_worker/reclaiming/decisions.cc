#include "lifecycle_worker/reclaiming/decisions.h"

#include <algorithm>
#include <numeric>

#include "base/seeded_bug.h"

namespace ashlar::lifecycle_worker {

using model::ReclaimCause;
using model::ReclaimPhase;

bool PeriodOver(const ReclaimTime& now, int64_t since_ms, int64_t since_s, Duration period) {
  const int64_t period_ms = std::chrono::duration_cast<std::chrono::milliseconds>(period).count();
  const bool wall_says = now.wall_ms - since_ms >= period_ms;
  const bool clock_says = (now.clock_s - since_s - 1) * 1000 >= period_ms;
  if (SeededBug("reclaim.trust_wall_clock")) return wall_says;
  return wall_says && clock_says;
}

ExtentStep NextStep(const model::ReclaimRecord& record, const ReclaimTime& now,
                    const ReclaimPeriods& periods) {
  switch (record.phase) {
    case ReclaimPhase::kDead: return ExtentStep::kNote;
    case ReclaimPhase::kSeen: {
      const int64_t since_ms = std::max(record.dead_since_ms, record.phase_since_ms);
      const bool over = PeriodOver(now, since_ms, record.phase_at_s, periods.grace) ||
                        SeededBug("reclaim.skip_grace");
      return over ? ExtentStep::kTrash : ExtentStep::kWait;
    }
    case ReclaimPhase::kTrash: {
      const bool over = PeriodOver(now, record.phase_since_ms, record.phase_at_s, periods.trash) ||
                        SeededBug("reclaim.skip_trash_period");
      return over ? ExtentStep::kPurge : ExtentStep::kWait;
    }
  }
  return ExtentStep::kWait;
}

bool FoundBy(const CompletedScan& scan, const model::DeadShard& shard) {
  if (SeededBug("reclaim.orphans_without_scan")) return true;
  return scan.ended_ms != 0 && shard.since_ms <= scan.ended_ms && shard.since_s <= scan.noted_s;
}

ShardStep NextStep(const model::DeadShard& shard, const ReclaimTime& now,
                   const ReclaimPeriods& periods, const OrphanGate& gate) {
  if (shard.since_s == 0) return ShardStep::kNote;
  const bool orphan = shard.cause == ReclaimCause::kOrphan;
  if (orphan && !gate.open) return ShardStep::kWait;
  const bool hasty = !orphan || SeededBug("reclaim.skip_orphan_grace");
  const Duration period = hasty ? periods.grace : periods.orphan_grace;
  if (!PeriodOver(now, shard.since_ms, shard.since_s, period)) return ShardStep::kWait;
  return orphan && !FoundBy(gate.scan, shard) ? ShardStep::kWaitForScan : ShardStep::kPurge;
}

std::string WhyOrphansStay(const OrphanConditions& conditions) {
  if (conditions.frozen && !SeededBug("reclaim.orphans_while_frozen")) {
    return "the metadata were rebuilt or restored; orphans stay until a person has looked "
           "(ashlar admin reclaim --unfreeze)";
  }
  if (!conditions.all_drives_online && !SeededBug("reclaim.orphans_with_drive_offline")) {
    return "a drive is not online; orphans stay until all drives are";
  }
  return {};
}

std::vector<ExtentId> ChooseEarly(std::vector<EarlyCandidate> candidates,
                                  std::vector<uint64_t> wanted_by_drive) {
  std::sort(candidates.begin(), candidates.end(),
            [](const EarlyCandidate& a, const EarlyCandidate& b) {
              return std::pair(a.trash_since_ms, a.extent) < std::pair(b.trash_since_ms, b.extent);
            });
  std::vector<ExtentId> chosen;
  for (const EarlyCandidate& candidate : candidates) {
    bool helps = false;
    for (const auto& [drive, bytes] : candidate.by_drive) {
      if (drive.value >= wanted_by_drive.size()) continue;
      uint64_t& wanted = wanted_by_drive[drive.value];
      helps = helps || (wanted > 0 && bytes > 0);
    }
    if (!helps) continue;
    for (const auto& [drive, bytes] : candidate.by_drive) {
      if (drive.value >= wanted_by_drive.size()) continue;
      uint64_t& wanted = wanted_by_drive[drive.value];
      wanted -= std::min(wanted, bytes);
    }
    chosen.push_back(candidate.extent);
  }
  return chosen;
}

uint64_t Brake::Limit(uint64_t live_bytes) const {
  const auto of_live = static_cast<uint64_t>(static_cast<double>(live_bytes) * options_.live_share);
  uint64_t of_mean = 0;
  if (!purged_.empty()) {
    const uint64_t sum = std::accumulate(purged_.begin(), purged_.end(), uint64_t{0});
    const double mean = static_cast<double>(sum) / static_cast<double>(purged_.size());
    of_mean = static_cast<uint64_t>(mean * options_.mean_factor);
  }
  return std::max({options_.floor_bytes, of_live, of_mean});
}

bool Brake::Holds(uint64_t wanted_bytes, uint64_t live_bytes) const {
  if (SeededBug("reclaim.no_brake")) return false;
  return wanted_bytes > Limit(live_bytes) + released_bytes_;
}

void Brake::CycleEnded(uint64_t wanted_bytes, uint64_t purged_bytes) {
  last_wanted_bytes_ = wanted_bytes;
  released_bytes_ -= std::min(released_bytes_, purged_bytes);
  if (purged_bytes == 0) return;
  purged_.push_back(purged_bytes);
  if (purged_.size() > kCyclesRemembered) purged_.pop_front();
}

}  // namespace ashlar::lifecycle_worker
