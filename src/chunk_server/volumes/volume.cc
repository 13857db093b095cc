#include "chunk_server/volumes/volume.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "base/seeded_bug.h"
#include "model/shard_record.h"
#include "runtime/executor.h"

namespace ashlar::chunk_server {

Reservation& Reservation::operator=(Reservation&& other) noexcept {
  if (this != &other) {
    Release();
    volume_ = std::move(other.volume_);
    offset_ = other.offset_;
  }
  return *this;
}

void Reservation::Release() {
  if (volume_ != nullptr) volume_->Release(offset_);
  volume_ = nullptr;
}

Volume::Volume(Drive& drive, uint32_t number, std::string path, std::shared_ptr<DiskFile> file,
               State state)
    : drive_(drive),
      number_(number),
      path_(std::move(path)),
      file_(std::move(file)),
      epoch_(drive.health.epoch()),
      cursor_(state.cursor),
      allocated_(state.allocated),
      checkpoint_(state.checkpoint) {
  CHECK(cursor_ % model::kRecordAlignment == 0 && cursor_ >= model::kVolumeHeaderBytes);
}

Task<Result<Reservation>> Volume::Reserve(uint64_t bytes) {
  CHECK(bytes > 0 && bytes % model::kRecordAlignment == 0);
  while (true) {
    {
      const std::lock_guard lock(mutex_);
      const bool empty = cursor_ == model::kVolumeHeaderBytes;
      // A record larger than a volume gets one of its own.
      if (!empty && cursor_ + bytes > drive_.options.volume_bytes) full_ = true;
      if (full_ || !failure_.ok() || epoch_ != drive_.health.epoch()) co_return Reservation();
      if (cursor_ + bytes <= allocated_) {
        const uint64_t offset = cursor_;
        cursor_ += bytes;
        unfinished_.emplace(offset, bytes);
        co_return Reservation(shared_from_this(), offset);
      }
    }
    CO_RETURN_IF_ERROR(co_await allocation_.Run(Allocate(bytes)));
  }
}

Task<Status> Volume::EnsureRoom(uint64_t bytes) {
  {
    const std::lock_guard lock(mutex_);
    const bool passed_on = full_ || !failure_.ok() || epoch_ != drive_.health.epoch() ||
                           cursor_ + bytes > drive_.options.volume_bytes;
    if (passed_on || cursor_ + bytes <= allocated_) co_return Status::Ok();
  }
  co_return co_await allocation_.Run(Allocate(bytes));
}

// One at a time (allocation_). Extends the file so that `bytes` fit behind the cursor.
Task<Status> Volume::Allocate(uint64_t bytes) {
  uint64_t begin = 0;
  uint64_t needed = 0;
  {
    const std::lock_guard lock(mutex_);
    if (cursor_ + bytes <= allocated_) co_return Status::Ok();
    begin = allocated_;
    needed = cursor_ + bytes - allocated_;
  }
  const Result<uint64_t> free = co_await drive_.FreeAboveReserve();
  if (!free.ok()) co_return free.status();
  const uint64_t end_max = std::max(drive_.options.volume_bytes, begin + needed);
  uint64_t step = model::AlignUp(std::max(drive_.options.allocate_step_bytes, needed), 4096);
  step = std::min(step, std::max(end_max - begin, needed));
  // Near the end of the space: smaller steps, down to what this record needs.
  while (true) {
    Status status(Code::kNoSpace, "drive is full: " + path_);
    if (step <= *free) status = co_await AllocateRange(begin, step);
    if (status.ok()) co_return status;
    if (status.code() != Code::kNoSpace) {
      SealSuspect(status);
      co_return status;
    }
    if (step <= needed) co_return status;
    step = std::max(needed, step / 4);
  }
}

Task<Status> Volume::AllocateRange(uint64_t offset, uint64_t size) {
  PASS_FAILPOINT("volume.allocate", path_);
  CO_RETURN_IF_ERROR(co_await file_->Allocate(offset, size));
  // Drives that share a file system have all seen the same free space: who finds the reserve
  // touched gives back what it took. Nothing was written there yet.
  const Result<uint64_t> left = co_await drive_.FreeAboveReserve();
  if (left.ok() && *left == 0) {
    CO_RETURN_IF_ERROR(co_await file_->Truncate(offset));
    co_return Status(Code::kNoSpace, "drive is full: " + path_);
  }
  const std::lock_guard lock(mutex_);
  allocated_ = std::max(allocated_, offset + size);
  co_return Status::Ok();
}

Task<Status> Volume::Write(uint64_t offset, std::span<const ByteSpan> parts) {
  {
    const std::lock_guard lock(mutex_);
    if (Suspect()) co_return failure_;
    // The drive may be open anew by now, and this range given out again.
    if (epoch_ != drive_.health.epoch()) {
      co_return Status(Code::kUnavailable, "drive went away: " + path_);
    }
    ++writes_under_way_;
  }
  Status status;
  if (FailpointsArmed()) status = co_await HitFailpoint("shard.before_write", path_);
  if (status.ok()) status = co_await file_->WriteAt(offset, parts);
  {
    const std::lock_guard lock(mutex_);
    --writes_under_way_;
  }
  if (!status.ok() && status.code() != Code::kNoSpace) SealSuspect(status);
  co_return status;
}

// What was written before the failure may be lost already, whatever a later sync says.
bool Volume::Suspect() const { return !failure_.ok() && !SeededBug("volume.trust_later_sync"); }

Task<Status> Volume::MakeDurable(Duration patience) {
  OneShot<SyncTurn> turn;
  bool lead = false;
  uint64_t patient = 0;
  {
    const std::lock_guard lock(mutex_);
    if (Suspect()) co_return failure_;
    if (patience > Duration::zero()) {
      patient = ++patient_arrived_;
      patient_.emplace(patient, &turn);
    } else if (syncing_) {
      waiters_.push_back(&turn);
    } else {
      syncing_ = true;
      lead = true;
    }
  }
  if (patient > 0) {
    Executor::Current()->PostFunctionAfter(patience, [weak = weak_from_this(), patient] {
      if (const std::shared_ptr<Volume> volume = weak.lock()) volume->EndPatience(patient);
    });
  }
  if (!lead) {
    const SyncTurn answer = co_await turn;
    if (!answer.lead) co_return answer.status;
  }
  // Writes that completed in this same turn of the loop may still join.
  Yield others_first;
  co_await others_first;

  std::vector<OneShot<SyncTurn>*> batch;
  {
    const std::lock_guard lock(mutex_);
    batch.swap(waiters_);
    for (const auto& [number, waiter] : patient_) batch.push_back(waiter);
    patient_.clear();
  }
  drive_.metrics.group_commit_records.Observe(static_cast<double>(batch.size() + 1));
  const Status status = co_await SyncOnce();
  if (status.ok()) {
    drive_.health.OnWriteSuccess();
  } else {
    SealSuspect(status);
  }

  OneShot<SyncTurn>* next = nullptr;
  std::vector<OneShot<SyncTurn>*> hopeless;
  Status failure;
  {
    const std::lock_guard lock(mutex_);
    if (status.ok()) synced_ = true;
    failure = failure_;
    // Those who came meanwhile cannot be saved by a later sync: the kernel may have dropped their
    // pages and call the file clean.
    if (Suspect()) hopeless.swap(waiters_);
    if (waiters_.empty()) {
      syncing_ = false;
    } else {
      next = waiters_.back();
      waiters_.pop_back();
    }
  }
  for (OneShot<SyncTurn>* waiter : batch) waiter->Set(SyncTurn{false, status});
  for (OneShot<SyncTurn>* waiter : hopeless) waiter->Set(SyncTurn{false, failure});
  if (next != nullptr) next->Set(SyncTurn{true, Status::Ok()});
  co_return status;
}

void Volume::EndPatience(uint64_t waiter) {
  OneShot<SyncTurn>* leader = nullptr;
  {
    const std::lock_guard lock(mutex_);
    const auto found = patient_.find(waiter);
    if (found == patient_.end()) return;  // it found company
    if (syncing_) {
      waiters_.push_back(found->second);
    } else {
      syncing_ = true;
      leader = found->second;
    }
    patient_.erase(found);
  }
  if (leader != nullptr) leader->Set(SyncTurn{true, Status::Ok()});
}

Task<Status> Volume::SyncOnce() {
  PASS_FAILPOINT("shard.before_sync", path_);
  CO_RETURN_IF_ERROR(co_await drive_.CheckIdentity(/*force=*/false));
  if (!SeededBug("volume.skip_sync")) {
    CO_RETURN_IF_ERROR(co_await file_->Sync());
  }
  PASS_FAILPOINT("shard.after_sync", path_);
  if (epoch_ != drive_.health.epoch()) {
    co_return Status(Code::kUnavailable, "drive went away: " + path_);
  }
  co_return Status::Ok();
}

void Volume::SealSuspect(const Status& why) {
  std::map<uint64_t, OneShot<SyncTurn>*> hopeless;
  {
    const std::lock_guard lock(mutex_);
    if (!failure_.ok()) return;
    failure_ = why;
    hopeless.swap(patient_);
  }
  for (const auto& [number, waiter] : hopeless) waiter->Set(SyncTurn{false, why});
  if (why.code() != Code::kUnavailable) drive_.ReportWriteFailure(why, path_);
}

void Volume::Release(uint64_t offset) {
  const std::lock_guard lock(mutex_);
  unfinished_.erase(offset);
}

uint64_t Volume::CompleteEnd() const {
  const std::lock_guard lock(mutex_);
  return unfinished_.empty() ? cursor_ : unfinished_.begin()->first;
}

bool Volume::IsUnfinished(uint64_t offset) const {
  const std::lock_guard lock(mutex_);
  const auto behind = unfinished_.upper_bound(offset);
  if (behind == unfinished_.begin()) return false;
  const auto [begin, bytes] = *std::prev(behind);
  return offset < begin + bytes;
}

bool Volume::WritesUnderWay() const {
  const std::lock_guard lock(mutex_);
  return writes_under_way_ > 0;
}

bool Volume::NearlyFull() const {
  const std::lock_guard lock(mutex_);
  return cursor_ >= drive_.options.volume_bytes / 4 * 3;
}

std::optional<uint64_t> Volume::CheckpointLocked(uint64_t bytes_min) const {
  if (!failure_.ok() || !synced_ || checkpointing_) return std::nullopt;
  const uint64_t position = unfinished_.empty() ? cursor_ : unfinished_.begin()->first;
  if (position < checkpoint_ + std::max<uint64_t>(bytes_min, 1)) return std::nullopt;
  return position;
}

bool Volume::CheckpointDue(uint64_t bytes_min) const {
  const std::lock_guard lock(mutex_);
  return CheckpointLocked(bytes_min).has_value();
}

Task<void> Volume::WriteCheckpoint(uint64_t bytes_min) {
  std::optional<uint64_t> position;
  {
    const std::lock_guard lock(mutex_);
    position = CheckpointLocked(bytes_min);
    if (!position.has_value()) co_return;
    checkpointing_ = true;
  }
  model::VolumeHeader header;
  header.checkpoint = *position;
  model::VolumeHeaderBytes bytes;
  model::EncodeVolumeHeader(header, &bytes);
  constexpr size_t kCheckpointBytes = 12;  // value and CRC: inside one sector, so never torn
  const ByteSpan part = ByteSpan(bytes).subspan(model::kVolumeCheckpointOffset, kCheckpointBytes);
  Status status;
  if (FailpointsArmed()) status = co_await HitFailpoint("checkpoint.write", path_);
  if (status.ok()) {
    status = co_await file_->WriteAt(model::kVolumeCheckpointOffset,
                                     std::span<const ByteSpan>(&part, 1));
  }
  {
    const std::lock_guard lock(mutex_);
    checkpointing_ = false;
    checkpoint_ = *position;
  }
  // It is only a hint: the next open scans a little more. Tried again a step later.
  if (!status.ok()) {
    spdlog::warn("checkpoint not written path={} error={}", LogValue(path_),
                 LogValue(status.message()));
  }
}

}  // namespace ashlar::chunk_server
