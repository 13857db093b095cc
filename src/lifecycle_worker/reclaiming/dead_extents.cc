#include "lifecycle_worker/reclaiming/dead_extents.h"

#include <algorithm>

#include "base/log.h"
#include "base/seeded_bug.h"
#include "lifecycle_worker/reclaiming/step.h"
#include "model/shard_record.h"

namespace ashlar::lifecycle_worker {
namespace {

using metadata_db::ExtentPtr;
using model::ReclaimCause;
using model::ReclaimPhase;
using model::ReclaimRecord;

constexpr uint32_t kPageRecords = 500;
constexpr size_t kPurgeExtentsAtOnce = 128;
constexpr size_t kEarlyMax = 20'000;
constexpr size_t kPartlyPurgedMax = 100'000;

uint64_t RecordBytesOf(const model::Extent& extent) {
  const model::ExtentLayout layout(extent.data_shards, extent.unit_bytes, extent.payload_bytes);
  return model::RecordBytes(layout.shard_bytes());
}

}  // namespace

void WaitingTable::Add(ReclaimCause cause, ReclaimPhase phase, uint64_t bytes, int64_t since_ms) {
  WaitingCount& count = counts[static_cast<size_t>(cause)][static_cast<size_t>(phase)];
  ++count.items;
  count.bytes += bytes;
  if (oldest_since_ms == 0 || since_ms < oldest_since_ms) oldest_since_ms = since_ms;
}

uint64_t StoredBytes(const model::Extent& extent) {
  const auto present = std::count_if(extent.locations.begin(), extent.locations.end(),
                                     [](const model::ShardLocation& at) { return at.present; });
  return static_cast<uint64_t>(present) * RecordBytesOf(extent);
}

Task<Status> DeadExtents::Survey(ReclaimTime now, ReclaimPeriods periods,
                                 std::vector<uint64_t> wanted_by_drive) {
  waiting_ = {};
  waiting_ids_.clear();
  due_.clear();
  due_bytes_ = 0;
  more_is_due_ = false;
  refused_ = 0;
  early_.clear();
  early_cause_.clear();
  const bool pressed = std::any_of(wanted_by_drive.begin(), wanted_by_drive.end(),
                                   [](uint64_t wanted) { return wanted > 0; });
  ExtentId after;
  while (true) {
    CO_ASSIGN_OR_RETURN(std::vector<ReclaimRecord> records,
                        co_await catalog_.ListReclaims(after, kPageRecords));
    if (records.empty()) break;
    after = records.back().extent;
    CO_RETURN_IF_ERROR(co_await SurveyPage(std::move(records), now, periods, pressed));
  }
  if (!pressed) co_return Status::Ok();
  const std::vector<ExtentId> chosen = ChooseEarly(std::move(early_), std::move(wanted_by_drive));
  early_.clear();
  for (size_t begin = 0; begin < chosen.size() && !more_is_due_; begin += kPageRecords) {
    const size_t end = std::min(chosen.size(), begin + kPageRecords);
    std::vector<ExtentId> ids(chosen.begin() + static_cast<std::ptrdiff_t>(begin),
                              chosen.begin() + static_cast<std::ptrdiff_t>(end));
    CO_ASSIGN_OR_RETURN(std::vector<ExtentPtr> extents, co_await catalog_.GetExtents(ids));
    for (ExtentPtr& extent : extents) {
      if (extent == nullptr) continue;
      const ReclaimCause cause = early_cause_.at(extent->id);
      AddDue(std::move(extent), cause);
    }
  }
  co_return Status::Ok();
}

Task<Status> DeadExtents::SurveyPage(std::vector<ReclaimRecord> records, ReclaimTime now,
                                     ReclaimPeriods periods, bool pressed) {
  std::vector<ExtentId> ids;
  for (const ReclaimRecord& record : records) ids.push_back(record.extent);
  CO_ASSIGN_OR_RETURN(const std::vector<ExtentPtr> extents,
                      co_await catalog_.GetExtents(std::move(ids)));
  CHECK(extents.size() == records.size());
  std::vector<ReclaimRecord> to_note;
  std::vector<ReclaimRecord> to_trash;
  for (size_t i = 0; i < records.size(); ++i) {
    const ReclaimRecord& record = records[i];
    const ExtentPtr& extent = extents[i];
    if (extent == nullptr) continue;  // forgotten meanwhile
    const uint64_t bytes = StoredBytes(*extent);
    waiting_.Add(record.cause, record.phase, bytes, record.dead_since_ms);
    if (waiting_ids_.size() < kWaitingIdsMax) waiting_ids_.push_back(record.extent);
    switch (NextStep(record, now, periods)) {
      case ExtentStep::kNote: to_note.push_back(record); break;
      case ExtentStep::kTrash: to_trash.push_back(record); break;
      case ExtentStep::kPurge: AddDue(extent, record.cause); break;
      case ExtentStep::kWait: {
        if (!pressed || record.phase != ReclaimPhase::kTrash || early_.size() >= kEarlyMax) break;
        EarlyCandidate candidate{record.extent, record.phase_since_ms, bytes, {}};
        for (const model::ShardLocation& location : extent->locations) {
          if (location.present) {
            candidate.by_drive.emplace_back(location.drive, RecordBytesOf(*extent));
          }
        }
        early_.push_back(std::move(candidate));
        early_cause_[record.extent] = record.cause;
        break;
      }
    }
  }
  CO_RETURN_IF_ERROR(co_await Advance(std::move(to_note), ReclaimPhase::kSeen, now.clock_s));
  co_return co_await Advance(std::move(to_trash), ReclaimPhase::kTrash, now.clock_s);
}

Task<Status> DeadExtents::Advance(std::vector<ReclaimRecord> records, ReclaimPhase to,
                                  int64_t clock_s) {
  if (records.empty()) co_return Status::Ok();
  const std::vector<Status> answers = co_await catalog_.AdvanceReclaims(records, to, clock_s);
  for (size_t i = 0; i < answers.size(); ++i) {
    if (answers[i].ok() || answers[i].code() == Code::kNotFound) continue;
    if (answers[i].code() != Code::kConflict) co_return answers[i];
    ++refused_;
    spdlog::error("msg=\"a dead extent is not advanced\" extent={} reason={}",
                  records[i].extent.ToHex(), LogValue(answers[i].message()));
  }
  co_return co_await PassStep(to == ReclaimPhase::kSeen ? "reclaim.seen" : "reclaim.trash");
}

void DeadExtents::AddDue(ExtentPtr extent, ReclaimCause cause) {
  due_bytes_ += StoredBytes(*extent);
  if (due_.size() >= kDueMax) {
    more_is_due_ = true;
    return;
  }
  due_.push_back({std::move(extent), cause});
}

Task<Status> DeadExtents::PurgeDue(PurgeCount* count) {
  count->refused += refused_;
  while (!due_.empty()) {
    const size_t some_count = std::min(kPurgeExtentsAtOnce, due_.size());
    const auto begin = due_.end() - static_cast<std::ptrdiff_t>(some_count);
    std::vector<Due> some(std::make_move_iterator(begin), std::make_move_iterator(due_.end()));
    due_.erase(begin, due_.end());
    CO_RETURN_IF_ERROR(co_await PurgeSome(std::move(some), count));
  }
  co_return Status::Ok();
}

Task<Status> DeadExtents::LookAgain(ExtentId id) {
  if (SeededBug("reclaim.skip_last_look")) co_return Status::Ok();
  CO_ASSIGN_OR_RETURN(const uint64_t live, co_await metadata_.LiveBytes(id));
  if (live != 0) co_return Status(Code::kConflict, "it has live bytes");
  CO_ASSIGN_OR_RETURN(const auto referrers, co_await catalog_.ListReferrers(id, 1));
  if (!referrers.empty()) co_return Status(Code::kConflict, "something refers to it");
  co_return Status::Ok();
}

Task<Status> DeadExtents::PurgeSome(std::vector<Due> due, PurgeCount* count) {
  CO_RETURN_IF_ERROR(co_await PassStep("reclaim.before_purge"));
  std::vector<PurgeItem> items;
  std::vector<size_t> owner;  // of each item: its place in `due`
  std::vector<bool> complete(due.size(), true);
  for (size_t i = 0; i < due.size(); ++i) {
    const model::Extent& extent = *due[i].extent;
    const Status clear = co_await LookAgain(extent.id);
    if (!clear.ok()) {
      complete[i] = false;
      if (clear.code() == Code::kNotFound) continue;
      if (clear.code() != Code::kConflict) co_return clear;
      ++count->refused;
      spdlog::error("msg=\"a dead extent is not purged\" extent={} reason={}", extent.id.ToHex(),
                    LogValue(clear.message()));
      continue;
    }
    const auto done = purged_shards_.find(extent.id);
    const uint32_t done_mask = done == purged_shards_.end() ? 0 : done->second;
    for (size_t shard = 0; shard < extent.locations.size(); ++shard) {
      if (!extent.locations[shard].present || (done_mask >> shard & 1U) != 0) continue;
      items.push_back(
          {extent.id, static_cast<uint8_t>(shard), extent.locations[shard], due[i].cause});
      owner.push_back(i);
    }
  }
  const std::vector<Status> answers = co_await purger_.Purge(items);
  CO_RETURN_IF_ERROR(co_await PassStep("reclaim.after_purge"));
  std::vector<bool> waits(due.size(), false);
  for (size_t i = 0; i < answers.size(); ++i) {
    if (answers[i].ok()) {
      ++count->shards;
      count->bytes += RecordBytesOf(*due[owner[i]].extent);
      continue;
    }
    complete[owner[i]] = false;
    if (answers[i].code() == Code::kConflict) {
      ++count->refused;
    } else {
      waits[owner[i]] = true;
    }
  }
  count->waiting_for_drives += static_cast<uint64_t>(std::count(waits.begin(), waits.end(), true));
  if (purged_shards_.size() > kPartlyPurgedMax) purged_shards_.clear();
  for (size_t i = 0; i < answers.size(); ++i) {
    if (answers[i].ok() && waits[owner[i]]) {
      purged_shards_[items[i].extent] |= 1U << items[i].shard_index;
    }
  }
  std::vector<ExtentId> gone;
  for (size_t i = 0; i < due.size(); ++i) {
    if (complete[i]) gone.push_back(due[i].extent->id);
  }
  if (gone.empty()) co_return Status::Ok();
  const std::vector<Status> forgotten = co_await catalog_.ForgetExtents(gone);
  for (size_t i = 0; i < forgotten.size(); ++i) {
    if (forgotten[i].ok()) {
      ++count->extents;
      purged_shards_.erase(gone[i]);
    } else if (forgotten[i].code() == Code::kConflict) {
      ++count->refused;
      spdlog::error("msg=\"a purged extent is not forgotten\" extent={} reason={}", gone[i].ToHex(),
                    LogValue(forgotten[i].message()));
    } else if (forgotten[i].code() != Code::kNotFound) {
      co_return forgotten[i];
    }
  }
  co_return Status::Ok();
}

}  // namespace ashlar::lifecycle_worker
