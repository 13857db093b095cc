#include "cluster/healing/treatment.h"

#include <algorithm>

namespace ashlar::cluster {
namespace {

enum class Action : uint8_t { kLeave, kCheck, kMake, kWaitForDrive, kWaitForReplacement };

struct Plan {
  std::vector<Action> actions;  // by shard
  std::vector<DriveId> to;      // where kMake makes it
  std::vector<bool> copy;
  ShardMask doubtful = 0;
};

// Why a shard has no place to go.
Action WaitReason(const DriveView& drive) {
  const bool for_good = drive.role != DriveRole::kActive || drive.overdue;
  return for_good ? Action::kWaitForReplacement : Action::kWaitForDrive;
}

// `known_bad`: shards that were looked at and are not whole.
Plan MakePlan(const Case& item, ShardMask known_bad, const PlacementMap& placement,
              const std::vector<DriveView>& drives) {
  const model::Extent& extent = *item.extent;
  const ExtentHealth health = AssessExtent(extent, item.ordered | known_bad, drives);
  const std::vector<DriveId> rank = placement.RankOf(extent.id);
  std::vector<DriveId> taken;
  Plan plan;
  plan.actions.assign(health.shards.size(), Action::kLeave);
  plan.to.resize(health.shards.size());
  plan.copy.assign(health.shards.size(), false);
  for (size_t i = 0; i < health.shards.size(); ++i) {
    const model::ShardLocation& location = extent.locations[i];
    if (location.drive.value >= drives.size()) continue;
    const DriveView& drive = drives[location.drive.value];
    const ShardCondition condition = health.shards[i];
    const bool asked = ((item.ordered | item.suspect) & MaskOf(i)) != 0;
    if (condition >= ShardCondition::kAway) plan.doubtful |= MaskOf(i);
    if (!asked && condition == ShardCondition::kGood) continue;
    if (!asked && condition == ShardCondition::kAway && !drive.overdue) continue;
    const bool there = location.present && drive.readable();
    if (there && drive.role == DriveRole::kActive && (known_bad & MaskOf(i)) == 0) {
      plan.actions[i] = Action::kCheck;
      continue;
    }
    const auto to = DestinationOf(extent, i, drives, rank, taken);
    if (!to) {
      plan.actions[i] =
          asked || condition == ShardCondition::kDamaged ? WaitReason(drive) : Action::kLeave;
      continue;
    }
    plan.actions[i] = Action::kMake;
    plan.to[i] = *to;
    plan.copy[i] = there && (known_bad & MaskOf(i)) == 0;
    taken.push_back(*to);
  }
  return plan;
}

bool Has(const Plan& plan, Action action) {
  return std::find(plan.actions.begin(), plan.actions.end(), action) != plan.actions.end();
}

}  // namespace

Verdict Foresee(const Case& item, const PlacementMap& placement,
                const std::vector<DriveView>& drives) {
  const Plan plan = MakePlan(item, 0, placement, drives);
  if (Has(plan, Action::kCheck) || Has(plan, Action::kMake)) return Verdict::kMade;
  if (Has(plan, Action::kWaitForDrive)) return Verdict::kWaitingForDrive;
  if (Has(plan, Action::kWaitForReplacement)) return Verdict::kWaitingForReplacement;
  return Verdict::kWhole;
}

Task<CaseResult> Treat(RebuildTools& tools, const PlacementMap& placement,
                       const std::vector<DriveView>& drives, Case item) {
  CaseResult result;
  result.verdict = Verdict::kWhole;
  ShardMask known_bad = 0;
  ShardMask undecided = 0;
  const Plan first = MakePlan(item, 0, placement, drives);
  for (size_t i = 0; i < first.actions.size(); ++i) {
    if (first.actions[i] != Action::kCheck) continue;
    const Status status = co_await CheckShard(tools, item.extent, static_cast<uint8_t>(i));
    switch (status.code()) {
      case Code::kOk: result.whole |= MaskOf(i); break;
      case Code::kNotFound:
      case Code::kCorrupt:
      case Code::kIoError: known_bad |= MaskOf(i); break;
      default: undecided |= MaskOf(i); break;
    }
  }
  const Plan plan = MakePlan(item, known_bad, placement, drives);
  std::vector<WantedShard> wanted;
  for (size_t i = 0; i < plan.actions.size(); ++i) {
    const Action action = plan.actions[i];
    if (action == Action::kMake) {
      wanted.push_back({static_cast<uint8_t>(i), plan.to[i], plan.copy[i]});
    }
    const bool waits = action == Action::kWaitForDrive || action == Action::kWaitForReplacement;
    if (!waits && (undecided & MaskOf(i)) == 0) continue;
    result.waiting |= MaskOf(i);
    result.verdict = action == Action::kWaitForReplacement ? Verdict::kWaitingForReplacement
                                                           : Verdict::kWaitingForDrive;
  }
  if (wanted.empty()) co_return result;
  RebuildOutcome outcome =
      co_await RebuildShards(tools, item.extent, std::move(wanted), plan.doubtful);
  result.moves = std::move(outcome.moves);
  result.damaged = std::move(outcome.damaged);
  if (!outcome.status.ok() || !outcome.write_failure.ok()) {
    result.verdict = outcome.unrecoverable ? Verdict::kUnrecoverable : Verdict::kFailed;
    result.why = (outcome.status.ok() ? outcome.write_failure : outcome.status).ToString();
  } else if (result.waiting == 0) {
    result.verdict = Verdict::kMade;
  }
  co_return result;
}

}  // namespace ashlar::cluster
