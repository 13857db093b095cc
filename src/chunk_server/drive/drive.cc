#include "chunk_server/drive/drive.h"

#include <utility>

#include "base/log.h"
#include "runtime/executor.h"

namespace ashlar::chunk_server {
namespace {

Labels DriveLabels(DriveId drive) { return {{"drive", std::to_string(drive.value)}}; }

}  // namespace

DriveMetrics::DriveMetrics(DriveId drive)
    : writes(MetricCounter("ashlar_chunk_store_writes_total", "Shards made durable.",
                           DriveLabels(drive))),
      reads(MetricCounter("ashlar_chunk_store_reads_total", "Shard reads asked for.",
                          DriveLabels(drive))),
      purges(MetricCounter("ashlar_chunk_store_purges_total", "Shards destroyed, durably.",
                           DriveLabels(drive))),
      verify_failures(MetricCounter("ashlar_chunk_store_verify_failures_total",
                                    "Shard reads whose bytes did not verify.", DriveLabels(drive))),
      io_errors(MetricCounter("ashlar_chunk_store_io_errors_total",
                              "Errors the drive answered with.", DriveLabels(drive))),
      volumes(
          MetricGauge("ashlar_chunk_store_volumes", "Volumes of the drive.", DriveLabels(drive))),
      group_commit_records(MetricHistogram("ashlar_chunk_store_group_commit_records",
                                           "Shards made durable by one sync.", DriveLabels(drive),
                                           {1, 2, 4, 8, 16, 32, 64, 128, 256})) {}

Drive::Drive(Disk& disk, Clock& clock, LocalChunkStoreOptions options)
    : disk(disk),
      clock(clock),
      options(std::move(options)),
      metrics(this->options.identity.drive),
      health(clock) {}

uint64_t Drive::uuid_prefix() const {
  return LoadLittle64(options.identity.drive_uuid.bytes.data());
}

Task<Status> Drive::VerifyIdentity(bool* wrong) {
  const Result<std::string> text =
      co_await ReadWholeFile(disk, options.path + "/" + kIdentityFileName, kIdentityBytesMax);
  if (wrong != nullptr) *wrong = text.ok() || text.code() == Code::kNotFound;
  if (text.code() == Code::kNotFound) {
    co_return Status(Code::kUnavailable, "identity file is missing: " + options.path);
  }
  if (!text.ok()) {
    co_return Status(Code::kUnavailable,
                     "identity file cannot be read: " + text.status().message());
  }
  const Result<DriveIdentity> found = DecodeIdentity(*text);
  if (!found.ok()) {
    co_return Status(Code::kUnavailable, "identity file is damaged: " + found.status().message());
  }
  if (found->drive_uuid != options.identity.drive_uuid ||
      found->cluster_id != options.identity.cluster_id || found->drive != options.identity.drive) {
    co_return Status(Code::kUnavailable, "another drive is mounted at " + options.path);
  }
  co_return Status::Ok();
}

Task<Status> Drive::CheckIdentity(bool force) {
  const int64_t now = clock.MonotonicNanoseconds();
  const int64_t last = identity_checked_.load(std::memory_order_relaxed);
  if (!force && last != 0 && now - last < kIdentityCheckNanoseconds) co_return health.AdmitRead();
  identity_checked_.store(now, std::memory_order_relaxed);

  bool wrong = false;
  const Status status = co_await VerifyIdentity(&wrong);
  if (status.ok()) {
    identity_errors_.store(0);
    co_return health.AdmitRead();
  }
  identity_checked_.store(0, std::memory_order_relaxed);  // look again at the next occasion
  // One that cannot be read is not the drive's fault for sure (no file descriptors left looks the
  // same): be patient.
  if (!wrong && identity_errors_.fetch_add(1) + 1 < kIdentityErrorsMax) co_return status;
  if (!health.offline()) {
    spdlog::error("drive went offline drive={} reason={}", options.identity.drive.value,
                  LogValue(status.message()));
  }
  health.GoOffline(status.message());
  co_return status;
}

Task<Status> Drive::RefreshSpace() {
  const Result<SpaceInfo> space = co_await disk.Space(options.path);
  if (!space.ok()) co_return space.status();
  const std::lock_guard lock(mutex_);
  space_ = *space;
  space_read_ = clock.MonotonicNanoseconds();
  space_known_ = true;
  co_return Status::Ok();
}

Task<Status> Drive::AdmitSpace() {
  bool fresh = false;
  {
    const std::lock_guard lock(mutex_);
    fresh = space_known_ && clock.MonotonicNanoseconds() - space_read_ < kSpaceNanoseconds;
  }
  if (!fresh) CO_RETURN_IF_ERROR(co_await space_flight_.Run(RefreshSpace()));
  const std::lock_guard lock(mutex_);
  if (space_.available_bytes >= options.reserved_free_bytes) co_return Status::Ok();
  co_return Status(Code::kNoSpace, "drive is full: " + options.path);
}

Task<Result<uint64_t>> Drive::FreeAboveReserve() {
  CO_RETURN_IF_ERROR(co_await RefreshSpace());
  const uint64_t available = last_space().available_bytes;
  if (available <= options.reserved_free_bytes) co_return uint64_t{0};
  co_return available - options.reserved_free_bytes;
}

SpaceInfo Drive::last_space() const {
  const std::lock_guard lock(mutex_);
  return space_;
}

void Drive::ReportReadError(const Status& status, std::string_view path) {
  metrics.io_errors.Increment();
  health.OnReadError();
  spdlog::warn("drive read failed drive={} path={} error={}", options.identity.drive.value,
               LogValue(path), LogValue(status.message()));
}

void Drive::ReportWriteFailure(const Status& status, std::string_view path) {
  metrics.io_errors.Increment();
  health.OnWriteFailure(status);
  spdlog::error("drive write failed drive={} path={} error={}", options.identity.drive.value,
                LogValue(path), LogValue(status.message()));
}

Task<Status> HitFailpoint(std::string_view name, std::string detail) {
  const FailpointHit hit = Failpoint(name, detail);
  if (hit.action == FailpointAction::kDelay) {
    Sleep sleep(std::chrono::milliseconds(hit.delay_ms));
    co_await sleep;
  }
  if (hit.action != FailpointAction::kError) co_return Status::Ok();
  co_return Status(Code::kIoError, "failpoint " + std::string(name));
}

}  // namespace ashlar::chunk_server
