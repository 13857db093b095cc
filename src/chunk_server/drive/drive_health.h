// DriveHealth: what we think of a drive, from the outcomes of its operations. A plain state
// machine: no input or output of its own, time comes from the Clock.
//
//   writes: kWriteFailuresMax failures in a row   -> suspect; writes refused for a back-off that
//           doubles, then tried again; one success -> online
//   reads:  kReadStrikes errors                   -> suspect, reads go on; forgotten after a while
//   gone:   identity missing or another drive's   -> offline, until the drive is opened anew
//
// Going offline starts a new epoch: whatever was opened before it can never be acknowledged from.
// Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>

#include "base/status.h"
#include "chunk_server/chunk_store.h"
#include "runtime/clock.h"

namespace ashlar::chunk_server {

inline constexpr int kWriteFailuresMax = 3;
inline constexpr int kReadStrikes = 3;
inline constexpr int64_t kBackOffNanosecondsMin = 1'000'000'000;
inline constexpr int64_t kBackOffNanosecondsMax = 60'000'000'000;
inline constexpr int64_t kStrikesForgottenNanoseconds = 600'000'000'000;

class DriveHealth {
 public:
  explicit DriveHealth(Clock& clock) : clock_(clock) {}

  // kUnavailable when the drive is offline.
  Status AdmitRead() const;
  // kUnavailable when it is offline or in its back-off.
  Status AdmitWrite() const;

  void OnReadError();
  void OnWriteFailure(const Status& why);
  void OnWriteSuccess();
  void EndBackOff();  // let the next write try

  void GoOffline(std::string reason);
  void GoOnline();
  uint64_t epoch() const { return epoch_.load(std::memory_order_acquire); }
  bool offline() const { return offline_.load(std::memory_order_acquire); }

  DriveState State(std::string* reason) const;
  uint64_t io_errors() const { return io_errors_.load(std::memory_order_relaxed); }

 private:
  Clock& clock_;
  std::atomic<uint64_t> epoch_{1};
  std::atomic<bool> offline_{false};
  std::atomic<bool> writes_failing_{false};
  std::atomic<uint64_t> io_errors_{0};
  mutable std::mutex mutex_;
  std::string offline_reason_;
  std::string write_failure_;
  int write_failures_ = 0;  // in a row
  int64_t back_off_ = 0;
  int64_t back_off_until_ = 0;
  int read_strikes_ = 0;
  int64_t last_read_error_ = 0;
};

}  // namespace ashlar::chunk_server
