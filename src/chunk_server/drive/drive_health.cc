#include "chunk_server/drive/drive_health.h"

#include <algorithm>
#include <utility>

namespace ashlar::chunk_server {

Status DriveHealth::AdmitRead() const {
  if (!offline()) return Status::Ok();
  const std::lock_guard lock(mutex_);
  return Status(Code::kUnavailable, offline_reason_);
}

Status DriveHealth::AdmitWrite() const {
  RETURN_IF_ERROR(AdmitRead());
  if (!writes_failing_.load(std::memory_order_acquire)) return Status::Ok();
  const std::lock_guard lock(mutex_);
  if (write_failures_ >= kWriteFailuresMax && clock_.MonotonicNanoseconds() < back_off_until_) {
    return Status(Code::kUnavailable, "writes to the drive fail: " + write_failure_);
  }
  return Status::Ok();
}

void DriveHealth::OnReadError() {
  io_errors_.fetch_add(1, std::memory_order_relaxed);
  const std::lock_guard lock(mutex_);
  const int64_t now = clock_.MonotonicNanoseconds();
  if (now - last_read_error_ > kStrikesForgottenNanoseconds) read_strikes_ = 0;
  ++read_strikes_;
  last_read_error_ = now;
}

void DriveHealth::OnWriteFailure(const Status& why) {
  io_errors_.fetch_add(1, std::memory_order_relaxed);
  const std::lock_guard lock(mutex_);
  write_failure_ = why.message();
  if (++write_failures_ < kWriteFailuresMax) {
    back_off_ = kBackOffNanosecondsMin;
  } else {
    back_off_until_ = clock_.MonotonicNanoseconds() + back_off_;
    back_off_ = std::min(2 * back_off_, kBackOffNanosecondsMax);
  }
  writes_failing_.store(true, std::memory_order_release);
}

void DriveHealth::OnWriteSuccess() {
  if (!writes_failing_.load(std::memory_order_acquire)) return;
  const std::lock_guard lock(mutex_);
  write_failures_ = 0;
  back_off_until_ = 0;
  writes_failing_.store(false, std::memory_order_release);
}

void DriveHealth::EndBackOff() {
  const std::lock_guard lock(mutex_);
  back_off_until_ = 0;
}

void DriveHealth::GoOffline(std::string reason) {
  const std::lock_guard lock(mutex_);
  offline_reason_ = std::move(reason);
  if (offline_.exchange(true, std::memory_order_acq_rel)) return;
  epoch_.fetch_add(1, std::memory_order_acq_rel);
}

void DriveHealth::GoOnline() {
  const std::lock_guard lock(mutex_);
  write_failures_ = 0;
  back_off_until_ = 0;
  read_strikes_ = 0;
  writes_failing_.store(false, std::memory_order_release);
  offline_.store(false, std::memory_order_release);
}

DriveState DriveHealth::State(std::string* reason) const {
  const std::lock_guard lock(mutex_);
  if (offline()) {
    *reason = offline_reason_;
    return DriveState::kOffline;
  }
  if (write_failures_ >= kWriteFailuresMax) {
    *reason = "writes fail: " + write_failure_;
    return DriveState::kSuspect;
  }
  const int64_t since = clock_.MonotonicNanoseconds() - last_read_error_;
  if (read_strikes_ >= kReadStrikes && since <= kStrikesForgottenNanoseconds) {
    *reason = "reads fail: " + std::to_string(read_strikes_) + " errors";
    return DriveState::kSuspect;
  }
  return DriveState::kOnline;
}

}  // namespace ashlar::chunk_server
