// LocalChunkStore: one drive's shards in its volumes. Admission first (is the drive there, is there
// space), then reserve, write, sync together with whoever else is there, then answer.
//
// How it fails: README.md has the table. A drive that went away is opened again by Probe, with
// everything read anew; what was opened before can never be acknowledged from again (DriveHealth).
#include "chunk_server/local_chunk_store.h"

#include <array>
#include <mutex>
#include <utility>

#include "base/log.h"
#include "chunk_server/drive/drive.h"
#include "chunk_server/maintenance/purge.h"
#include "chunk_server/maintenance/volume_removal.h"
#include "chunk_server/maintenance/volume_walk.h"
#include "chunk_server/shards/leaf_cache.h"
#include "chunk_server/shards/shard_reader.h"
#include "chunk_server/shards/shard_writer.h"
#include "chunk_server/volumes/volume_set.h"
#include "model/shard_record.h"
#include "runtime/sync.h"

namespace ashlar::chunk_server {
namespace {

constexpr char kProbeFileName[] = "ashlar-probe";
constexpr size_t kProbeBytes = 64;
constexpr uint64_t kProbeRoomBytes = 64 * 1024;  // the shard of one full batch
constexpr uint64_t kVolumeOffsetMax = 1ULL << 48;

class LocalChunkStore final : public ChunkStore {
 public:
  LocalChunkStore(Disk& disk, Clock& clock, LocalChunkStoreOptions options)
      : drive_(disk, clock, std::move(options)), leaves_(drive_.options.leaf_cache_bytes) {}

  Task<void> Start();

  DriveId drive() const override { return drive_.options.identity.drive; }
  Task<Result<model::ShardLocation>> WriteShard(const ShardSpec& spec, ByteSpan body,
                                                std::span<const Sha256Digest> leaves) override;
  Task<Result<std::unique_ptr<ShardWriter>>> OpenShard(const ShardSpec& spec) override;
  Task<Status> ReadShard(const ShardAddress& address, uint64_t offset,
                         MutableByteSpan out) override;
  DriveStatus GetStatus() const override;
  Task<Status> Probe() override { co_return co_await probe_.Run(ProbeOnce()); }
  Task<Result<std::vector<VolumeInfo>>> ListVolumes() override;
  Task<Result<WalkPage>> WalkVolume(uint32_t volume, uint64_t offset, WalkOptions options) override;
  Task<std::vector<Status>> PurgeShards(std::vector<ShardPurge> purges) override;
  Task<Status> RemoveVolume(uint32_t volume, uint64_t epoch) override;
  Task<void> Close() override;

 private:
  std::shared_ptr<VolumeSet> volumes() const {
    const std::lock_guard lock(mutex_);
    return volumes_;
  }
  // Everything a write needs before it reserves. Null never comes with ok.
  Task<Result<std::shared_ptr<VolumeSet>>> Admit(const ShardSpec& spec);
  // The volumes of a drive that is there.
  Result<std::shared_ptr<VolumeSet>> Opened(Status admitted) const;
  Task<Status> OpenVolumes();
  Task<Status> ProbeOnce();
  Task<Status> ProbeFile();

  Drive drive_;
  LeafCache leaves_;
  EpochFence fence_;
  SingleFlight probe_;
  uint64_t probes_ = 0;  // of ProbeOnce, which runs one at a time
  mutable std::mutex mutex_;
  std::shared_ptr<VolumeSet> volumes_;  // null until the drive could be opened
  TaskScope scope_;
};

// Opens the drive's volumes; on success it is online, else offline with the reason.
Task<Status> LocalChunkStore::OpenVolumes() {
  Status status = co_await drive_.VerifyIdentity();
  if (status.ok()) {
    Result<std::shared_ptr<VolumeSet>> opened = co_await VolumeSet::Open(drive_, scope_);
    if (opened.ok()) {
      leaves_.Clear();
      {
        const std::lock_guard lock(mutex_);
        volumes_ = std::move(*opened);
      }
      drive_.health.GoOnline();
      co_return Status::Ok();
    }
    status = opened.status();
  }
  drive_.health.GoOffline(status.message());
  co_return Status(Code::kUnavailable, status.message());
}

Task<void> LocalChunkStore::Start() {
  const Status opened = co_await OpenVolumes();
  if (!opened.ok()) {
    spdlog::error("drive cannot be opened drive={} path={} reason={}", drive().value,
                  LogValue(drive_.options.path), LogValue(opened.message()));
    co_return;
  }
  // Fills the space for GetStatus; a full drive is no reason not to open.
  const Status space = co_await drive_.AdmitSpace();
  if (!space.ok()) {
    spdlog::warn("drive takes no shards drive={} reason={}", drive().value,
                 LogValue(space.message()));
  }
}

Task<void> LocalChunkStore::Close() {
  co_await scope_.Join();
  const std::shared_ptr<VolumeSet> set = volumes();
  if (set != nullptr && !drive_.health.offline()) co_await set->Checkpoint();
}

Task<Result<std::shared_ptr<VolumeSet>>> LocalChunkStore::Admit(const ShardSpec& spec) {
  CO_RETURN_IF_ERROR(CheckSpec(spec));
  CO_RETURN_IF_ERROR(drive_.health.AdmitWrite());
  std::shared_ptr<VolumeSet> set = volumes();
  if (set == nullptr) co_return Status(Code::kUnavailable, "drive is not open");
  CO_RETURN_IF_ERROR(co_await drive_.AdmitSpace());
  co_return set;
}

Task<Result<model::ShardLocation>> LocalChunkStore::WriteShard(
    const ShardSpec& spec, ByteSpan body, std::span<const Sha256Digest> leaves) {
  if (body.size() != spec.body_bytes || leaves.size() != model::LeafCount(spec.body_bytes)) {
    co_return Status(Code::kInvalidArgument, "body and leaves do not fit the shard");
  }
  Result<std::shared_ptr<VolumeSet>> set = co_await Admit(spec);
  if (!set.ok()) co_return set.status();
  Result<Reservation> reserved = co_await (*set)->Reserve(model::RecordBytes(spec.body_bytes));
  if (!reserved.ok()) co_return reserved.status();
  const std::shared_ptr<Volume> volume = reserved->shared_volume();
  const model::ShardRecordHeaderBytes header = EncodeHeader(drive_, spec, *reserved, leaves);
  const std::array<ByteSpan, 4> parts = {
      ByteSpan(header),
      ByteSpan(reinterpret_cast<const uint8_t*>(leaves.data()), leaves.size_bytes()), body,
      RecordPadding(spec.body_bytes)};
  const std::span<const ByteSpan> all(parts.data(), parts.back().empty() ? 3 : 4);
  if (spec.body_bytes < model::kAlignedBodyBytesMin) {
    CO_RETURN_IF_ERROR(co_await volume->Write(reserved->offset(), all));
  } else {
    const uint64_t body_at = model::BodyPosition(reserved->offset(), spec.body_bytes);
    CO_RETURN_IF_ERROR(co_await volume->Write(body_at, all.subspan(2)));
    CO_RETURN_IF_ERROR(co_await volume->Write(reserved->offset(), all.first(2)));
  }
  CO_RETURN_IF_ERROR(co_await volume->MakeDurable(spec.patience));
  model::ShardLocation location;
  location.drive = drive();
  location.present = true;
  location.generation = spec.generation;
  location.volume = volume->number();
  location.offset = reserved->offset();
  *reserved = Reservation();
  drive_.metrics.writes.Increment();
  (*set)->AfterDurable(volume);
  co_return location;
}

Task<Result<std::unique_ptr<ShardWriter>>> LocalChunkStore::OpenShard(const ShardSpec& spec) {
  Result<std::shared_ptr<VolumeSet>> set = co_await Admit(spec);
  if (!set.ok()) co_return set.status();
  Result<Reservation> reserved = co_await (*set)->Reserve(model::RecordBytes(spec.body_bytes));
  if (!reserved.ok()) co_return reserved.status();
  std::unique_ptr<ShardWriter> writer =
      std::make_unique<LocalShardWriter>(drive_, std::move(*set), spec, std::move(*reserved));
  co_return writer;
}

Task<Status> LocalChunkStore::ReadShard(const ShardAddress& address, uint64_t offset,
                                        MutableByteSpan out) {
  CO_RETURN_IF_ERROR(drive_.health.AdmitRead());
  if (address.body_bytes > kBodyBytesMax || offset > address.body_bytes ||
      out.size() > address.body_bytes - offset) {
    co_return Status(Code::kInvalidArgument, "range lies outside of the shard");
  }
  const model::ShardLocation& location = address.location;
  if (!location.present || location.drive != drive() ||
      location.offset % model::kRecordAlignment != 0 ||
      location.offset < model::kVolumeHeaderBytes || location.offset > kVolumeOffsetMax) {
    co_return Status(Code::kNotFound, "no such place on this drive");
  }
  if (out.empty()) co_return Status::Ok();
  const std::shared_ptr<VolumeSet> set = volumes();
  if (set == nullptr) co_return Status(Code::kUnavailable, "drive is not open");
  drive_.metrics.reads.Increment();
  Status status;
  const Result<std::shared_ptr<DiskFile>> file = co_await set->FileForRead(location.volume);
  if (file.ok()) {
    const std::shared_ptr<DiskFile> held = *file;
    status = co_await ReadShardRange(drive_, *held, leaves_, address, offset, out);
  } else {
    status = file.status();
    if (status.code() == Code::kIoError) drive_.ReportReadError(status, "open");
  }
  // Perhaps it is not this shard that is gone but the whole drive.
  if (status.code() == Code::kIoError || (!file.ok() && status.code() == Code::kNotFound)) {
    const Status there = co_await drive_.CheckIdentity(/*force=*/false);
    if (drive_.health.offline()) co_return there.ok() ? drive_.health.AdmitRead() : there;
  }
  co_return status;
}

DriveStatus LocalChunkStore::GetStatus() const {
  DriveStatus status;
  status.state = drive_.health.State(&status.reason);
  status.space = drive_.last_space();
  status.io_errors = drive_.health.io_errors();
  if (const std::shared_ptr<VolumeSet> set = volumes()) {
    status.volumes = set->count();
    if (status.reason.empty()) status.reason = set->Problems();
  }
  return status;
}

Result<std::shared_ptr<VolumeSet>> LocalChunkStore::Opened(Status admitted) const {
  if (!admitted.ok()) return admitted;
  std::shared_ptr<VolumeSet> set = volumes();
  if (set == nullptr) return Status(Code::kUnavailable, "drive is not open");
  return set;
}

Task<Result<std::vector<VolumeInfo>>> LocalChunkStore::ListVolumes() {
  CO_ASSIGN_OR_RETURN(const std::shared_ptr<VolumeSet> set, Opened(drive_.health.AdmitRead()));
  co_return co_await set->List();
}

Task<Result<WalkPage>> LocalChunkStore::WalkVolume(uint32_t volume, uint64_t offset,
                                                   WalkOptions options) {
  CO_ASSIGN_OR_RETURN(const std::shared_ptr<VolumeSet> set, Opened(drive_.health.AdmitRead()));
  Result<ReadableVolume> opened = co_await set->OpenForWalk(volume);
  Status failure = opened.status();
  if (opened.ok()) {
    Result<WalkPage> page =
        co_await WalkPageAt(drive_, volume, std::move(*opened), offset, options);
    if (page.ok()) co_return page;
    failure = page.status();
  }
  // Perhaps it is not this volume that is gone but the whole drive.
  const Status there = co_await drive_.CheckIdentity(/*force=*/true);
  co_return there.ok() ? failure : there;
}

Task<std::vector<Status>> LocalChunkStore::PurgeShards(std::vector<ShardPurge> purges) {
  const Result<std::shared_ptr<VolumeSet>> set = Opened(drive_.health.AdmitWrite());
  if (!set.ok()) co_return std::vector<Status>(purges.size(), set.status());
  const std::shared_ptr<VolumeSet> held = *set;
  const PurgeContext context{drive_, *held, leaves_, fence_};
  co_return co_await Purge(context, std::move(purges));
}

Task<Status> LocalChunkStore::RemoveVolume(uint32_t volume, uint64_t epoch) {
  CO_ASSIGN_OR_RETURN(const std::shared_ptr<VolumeSet> set, Opened(drive_.health.AdmitWrite()));
  CO_RETURN_IF_ERROR(fence_.Pass(epoch));
  co_return co_await RemoveEmptyVolume(drive_, *set, volume);
}

// One at a time (probe_).
Task<Status> LocalChunkStore::ProbeOnce() {
  const Status there = co_await drive_.CheckIdentity(/*force=*/true);
  if (drive_.health.offline()) {
    // Let the last of the old volumes be made or refused before the folder is read anew.
    if (const std::shared_ptr<VolumeSet> old = volumes()) {
      co_await old->Quiesce();
      // One that lands after the volumes were read anew could land in another shard.
      if (old->WritesUnderWay()) {
        co_return Status(Code::kUnavailable, "writes of before are still under way");
      }
    }
    CO_RETURN_IF_ERROR(co_await OpenVolumes());
    spdlog::info("drive is back drive={}", drive().value);
  } else if (!there.ok()) {
    co_return there;
  }
  CO_RETURN_IF_ERROR(co_await drive_.AdmitSpace());
  if (const std::shared_ptr<VolumeSet> set = volumes()) {
    CO_RETURN_IF_ERROR(co_await set->EnsureRoom(kProbeRoomBytes));
  }
  const Status status = co_await ProbeFile();
  if (status.ok()) {
    drive_.health.EndBackOff();
  } else if (status.code() == Code::kIoError) {
    drive_.ReportWriteFailure(status, kProbeFileName);
  }
  co_return status;
}

Task<Status> LocalChunkStore::ProbeFile() {
  const std::string path = drive_.options.path + "/" + kProbeFileName;
  Result<std::unique_ptr<DiskFile>> file =
      co_await drive_.disk.Open(path, Disk::OpenMode::kReadWrite);
  if (file.code() == Code::kNotFound) {
    file = co_await drive_.disk.Open(path, Disk::OpenMode::kCreateNew);
  }
  if (!file.ok()) co_return file.status();
  std::array<uint8_t, kProbeBytes> written{};
  StoreLittle64(written.data(), ++probes_);
  StoreLittle64(written.data() + 8, static_cast<uint64_t>(drive_.clock.MonotonicNanoseconds()));
  const ByteSpan part(written);
  CO_RETURN_IF_ERROR(co_await (*file)->WriteAt(0, std::span<const ByteSpan>(&part, 1)));
  CO_RETURN_IF_ERROR(co_await (*file)->Sync());
  std::array<uint8_t, kProbeBytes> read{};
  CO_RETURN_IF_ERROR(co_await (*file)->ReadAt(0, MutableByteSpan(read)));
  if (read == written) co_return Status::Ok();
  co_return Status(Code::kIoError, "probe reads back other bytes than were written");
}

}  // namespace

Task<Result<std::unique_ptr<ChunkStore>>> OpenLocalChunkStore(Disk& disk, Clock& clock,
                                                              LocalChunkStoreOptions options) {
  if (options.path.empty() || options.volume_bytes < 2 * model::kVolumeHeaderBytes ||
      options.allocate_step_bytes == 0 || options.checkpoint_step_bytes == 0) {
    co_return Status(Code::kInvalidArgument, "options of the chunk store make no sense");
  }
  auto store = std::make_unique<LocalChunkStore>(disk, clock, std::move(options));
  co_await store->Start();
  std::unique_ptr<ChunkStore> port = std::move(store);
  co_return port;
}

}  // namespace ashlar::chunk_server
