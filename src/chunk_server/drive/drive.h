// Drive: what the parts of an open store share: disk, clock, options, identity check, free space,
// health and metrics. Lives as long as the store. Thread-safe.
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <string_view>

#include "base/status.h"
#include "chunk_server/drive/drive_health.h"
#include "chunk_server/drive/single_flight.h"
#include "chunk_server/local_chunk_store.h"
#include "runtime/clock.h"
#include "runtime/disk.h"
#include "runtime/failpoint.h"
#include "runtime/metrics.h"
#include "runtime/task.h"

namespace ashlar::chunk_server {

struct DriveMetrics {
  explicit DriveMetrics(DriveId drive);
  prometheus::Counter& writes;
  prometheus::Counter& reads;
  prometheus::Counter& purges;
  prometheus::Counter& verify_failures;
  prometheus::Counter& io_errors;
  prometheus::Gauge& volumes;
  prometheus::Histogram& group_commit_records;
};

class Drive {
 public:
  Drive(Disk& disk, Clock& clock, LocalChunkStoreOptions options);

  Disk& disk;
  Clock& clock;
  const LocalChunkStoreOptions options;
  DriveMetrics metrics;
  DriveHealth health;

  std::string volumes_path() const { return options.path + "/volumes"; }
  // First half of the drive's UUID, as records carry it.
  uint64_t uuid_prefix() const;

  // Is the drive at the path ours? kUnavailable: it is missing, damaged or another one (`wrong`),
  // or its identity could not be read now. Changes nothing.
  Task<Status> VerifyIdentity(bool* wrong = nullptr);
  // Does so, at most every kIdentityCheckNanoseconds unless `force`; when it is not, or cannot be
  // read kIdentityErrorsMax times in a row, the drive goes offline. kUnavailable when it is
  // offline.
  Task<Status> CheckIdentity(bool force);

  // kNoSpace when less than the reserve is free. Asks the disk at most every kSpaceNanoseconds.
  Task<Status> AdmitSpace();
  // How much may be allocated without touching the reserve, asked anew.
  Task<Result<uint64_t>> FreeAboveReserve();
  SpaceInfo last_space() const;

  void ReportReadError(const Status& status, std::string_view path);
  void ReportWriteFailure(const Status& status, std::string_view path);

 private:
  Task<Status> RefreshSpace();

  std::atomic<int64_t> identity_checked_{0};
  std::atomic<int> identity_errors_{0};
  SingleFlight space_flight_;
  mutable std::mutex mutex_;
  SpaceInfo space_;
  int64_t space_read_ = 0;
  bool space_known_ = false;
};

inline constexpr int64_t kIdentityCheckNanoseconds = 500'000'000;
inline constexpr int kIdentityErrorsMax = 3;
inline constexpr int64_t kSpaceNanoseconds = 100'000'000;

// Slow path of PassFailpoint: waits, or gives the error that was asked for.
Task<Status> HitFailpoint(std::string_view name, std::string detail);

// drive_identity.cc
[[nodiscard]] std::string EncodeIdentity(const DriveIdentity& identity);
[[nodiscard]] Result<DriveIdentity> DecodeIdentity(std::string_view text);
inline constexpr size_t kIdentityBytesMax = 4096;

}  // namespace ashlar::chunk_server

// In a coroutine that returns a Status or Result: a named place where a test may break us.
#define PASS_FAILPOINT(name, detail)                                                       \
  do {                                                                                     \
    if (::ashlar::FailpointsArmed()) {                                                     \
      CO_RETURN_IF_ERROR(co_await ::ashlar::chunk_server::HitFailpoint((name), (detail))); \
    }                                                                                      \
  } while (0)
