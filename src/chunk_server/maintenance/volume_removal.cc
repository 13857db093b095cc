// A volume goes when its header is whole and ours, every place of it can be read, and no record in
// it is alive. In any doubt it stays. Readers that hold the file open go on; a crash before the
// folder is durable brings the file back as it was, without a live record, to be removed again.
#include "chunk_server/maintenance/volume_removal.h"

#include <string>

#include "base/log.h"
#include "chunk_server/volume_scanner.h"

namespace ashlar::chunk_server {
namespace {

// kConflict: no.
Task<Status> ProveEmpty(const Drive& drive, const VolumeSet& volumes, uint32_t number) {
  const Result<std::unique_ptr<DiskFile>> opened =
      co_await drive.disk.Open(volumes.PathOf(number), Disk::OpenMode::kReadOnly);
  if (!opened.ok()) co_return Status(Code::kConflict, opened.status().message());
  DiskFile& file = **opened;
  const Result<model::VolumeHeader> header = co_await ReadVolumeHeader(drive, file, number);
  if (!header.ok()) co_return Status(Code::kConflict, header.status().message());
  const Result<uint64_t> size = co_await file.Size();
  if (!size.ok()) co_return Status(Code::kConflict, size.status().message());
  const ScanRange range{.begin = 0, .end = *size, .limit = *size};
  VolumeScanner scanner(file, number, drive.uuid_prefix(), range);
  const Result<std::optional<ScannedRecord>> alive = co_await scanner.Next();
  if (!alive.ok()) co_return Status(Code::kConflict, alive.status().message());
  if (alive->has_value()) {
    co_return Status(Code::kConflict, "a record is alive at " + std::to_string((*alive)->offset));
  }
  if (scanner.unreadable_bytes() > 0)
    co_return Status(Code::kConflict, "not all of it is readable");
  co_return Status::Ok();
}

Task<Status> Unlink(Drive& drive, const VolumeSet& volumes, uint32_t number) {
  CO_RETURN_IF_ERROR(co_await ProveEmpty(drive, volumes, number));
  PASS_FAILPOINT("volume.remove", volumes.PathOf(number));
  // The path must not be another drive's by now, whose volume bears the same number.
  CO_RETURN_IF_ERROR(co_await drive.CheckIdentity(/*force=*/true));
  if (volumes.epoch() != drive.health.epoch()) {
    co_return Status(Code::kUnavailable, "drive went away");
  }
  co_return co_await drive.disk.Remove(volumes.PathOf(number));
}

Task<Status> SyncFolder(Drive& drive, const VolumeSet& volumes, uint32_t number) {
  PASS_FAILPOINT("volume.remove.before_directory_sync", volumes.PathOf(number));
  co_return co_await drive.disk.SyncDirectory(drive.volumes_path());
}

}  // namespace

Task<Status> RemoveEmptyVolume(Drive& drive, VolumeSet& volumes, uint32_t number) {
  CO_RETURN_IF_ERROR(volumes.BeginRemoval(number));
  const Status unlinked = co_await Unlink(drive, volumes, number);
  volumes.EndRemoval(number, unlinked.ok());
  CO_RETURN_IF_ERROR(unlinked);
  const Status durable = co_await SyncFolder(drive, volumes, number);
  if (!durable.ok()) drive.ReportWriteFailure(durable, volumes.PathOf(number));
  spdlog::info("volume removed drive={} volume={}", drive.options.identity.drive.value, number);
  co_return durable;
}

}  // namespace ashlar::chunk_server
