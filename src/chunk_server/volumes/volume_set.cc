#include "chunk_server/volumes/volume_set.h"

#include <algorithm>
#include <cstdio>
#include <optional>
#include <utility>

#include "base/log.h"
#include "base/seeded_bug.h"
#include "chunk_server/volume_scanner.h"
#include "model/shard_record.h"
#include "runtime/executor.h"

namespace ashlar::chunk_server {
namespace {

constexpr char kPrefix[] = "volume-";
constexpr char kSuffix[] = ".ashlar";
constexpr char kTemporaryPrefix[] = ".volume-";
constexpr char kTemporarySuffix[] = ".new";
// For room in a volume while others take each new one: as long, and so many of them.
constexpr int64_t kReserveNanosecondsMax = 10'000'000'000;
constexpr int kReservesWaitingMax = 4096;
constexpr uint64_t kAllocateMin = 64 * 1024;
constexpr uint64_t kAppendAlignment = 4096;
// Open descriptors of a drive; beyond it the longest unused volume is closed.
constexpr size_t kOpenFilesMax = 48;

std::string NameOf(uint32_t number) {
  char digits[16];
  std::snprintf(digits, sizeof digits, "%08u", number);
  return std::string(kPrefix) + digits + kSuffix;
}

std::optional<uint32_t> NumberOf(const std::string& name) {
  const size_t fixed = sizeof kPrefix - 1 + sizeof kSuffix - 1;
  if (name.size() <= fixed || name.size() > fixed + 10) return std::nullopt;
  uint64_t number = 0;
  for (size_t i = sizeof kPrefix - 1; i < name.size() - (sizeof kSuffix - 1); ++i) {
    if (name[i] < '0' || name[i] > '9') return std::nullopt;
    number = number * 10 + static_cast<uint64_t>(name[i] - '0');
  }
  if (number == 0 || number > UINT32_MAX || name != NameOf(static_cast<uint32_t>(number))) {
    return std::nullopt;
  }
  return static_cast<uint32_t>(number);
}

std::string TemporaryOf(const std::string& folder, uint32_t number) {
  return folder + "/." + NameOf(number) + kTemporarySuffix;
}

// Where appending may begin: behind every record, live or dead, and behind every byte ever written;
// and not where a record lies that the end of the file cuts off: with what is appended its header
// would count again, hide what lies there from every walk, and be purged with it.
// (Pages of dead records are holes, and the last page of a record may be one: the bytes alone do
// not tell.)
Task<Result<uint64_t>> AppendPosition(const Drive& drive, DiskFile& file, uint32_t number,
                                      uint64_t checkpoint, uint64_t size) {
  const Result<uint64_t> written = co_await file.DataEnd(std::min(checkpoint, size));
  if (SeededBug("volume.append_at_checkpoint")) {
    co_return model::AlignUp(std::min(checkpoint, size), kAppendAlignment);
  }
  const uint64_t data_end = written.ok() ? std::min(*written, size) : size;
  uint64_t position = std::max<uint64_t>(data_end, model::kVolumeHeaderBytes);
  const ScanRange range{.begin = checkpoint, .end = data_end, .limit = size};
  VolumeScanner scanner(file, number, drive.uuid_prefix(), range);
  uint64_t records = 0;
  while (true) {
    const Result<std::optional<ScannedRecord>> record = co_await scanner.Next();
    if (!record.ok()) co_return record.status();
    if (!record->has_value()) break;
    ++records;
  }
  position = std::max({position, scanner.records_end(), scanner.cut_record_end()});
  if (scanner.unreadable_bytes() > 0) {
    co_return Status(Code::kIoError,
                     std::to_string(scanner.unreadable_bytes()) + " bytes cannot be read");
  }
  spdlog::debug("volume scanned volume={} from={} records={} skipped_bytes={}", number, checkpoint,
                records, scanner.skipped_bytes());
  co_return model::AlignUp(position, kAppendAlignment);
}

Task<void> RunCheckpoint(std::shared_ptr<Volume> volume, uint64_t bytes_min) {
  co_await volume->WriteCheckpoint(bytes_min);
}

Task<Status> Nothing() { co_return Status::Ok(); }

}  // namespace

Task<Result<model::VolumeHeader>> ReadVolumeHeader(const Drive& drive, DiskFile& file,
                                                   uint32_t number) {
  model::VolumeHeaderBytes bytes;
  CO_RETURN_IF_ERROR(co_await file.ReadAt(0, MutableByteSpan(bytes)));
  CO_ASSIGN_OR_RETURN(const model::VolumeHeader header, model::DecodeVolumeHeader(bytes));
  const DriveIdentity& identity = drive.options.identity;
  if (header.drive_uuid != identity.drive_uuid || header.cluster_id != identity.cluster_id) {
    co_return Status(Code::kCorrupt, "volume of another drive");
  }
  if (header.volume != number) {
    co_return Status(Code::kCorrupt, "header says volume " + std::to_string(header.volume));
  }
  co_return header;
}

VolumeSet::VolumeSet(Drive& drive, TaskScope& scope)
    : drive_(drive), scope_(scope), epoch_(drive.health.epoch()) {}

Task<Result<std::shared_ptr<VolumeSet>>> VolumeSet::Open(Drive& drive, TaskScope& scope) {
  auto set = std::make_shared<VolumeSet>(drive, scope);
  const Result<std::vector<std::string>> names = co_await drive.disk.List(drive.volumes_path());
  if (!names.ok()) {
    co_return Status(Code::kUnavailable, "volumes cannot be listed: " + names.status().message());
  }
  // A process that was killed may have left names that no sync has made durable: whoever made the
  // volume is gone, and what is acknowledged from it must not lose its name.
  for (const std::string& folder : {drive.volumes_path(), drive.options.path}) {
    const Status durable = co_await drive.disk.SyncDirectory(folder);
    if (!durable.ok()) {
      co_return Status(Code::kUnavailable, "folder cannot be synced: " + durable.message());
    }
  }
  for (const std::string& name : *names) {
    if (const std::optional<uint32_t> number = NumberOf(name)) {
      co_await set->AddExisting(*number);
    } else if (name.starts_with(kTemporaryPrefix) && name.ends_with(kTemporarySuffix)) {
      // A volume whose making was cut short; it never had its name, so it never had a record.
      const Status removed = co_await drive.disk.Remove(drive.volumes_path() + "/" + name);
      if (!removed.ok()) spdlog::warn("leftover not removed file={}", LogValue(name));
    } else {
      spdlog::warn("unknown file among the volumes drive={} file={}",
                   drive.options.identity.drive.value, LogValue(name));
    }
  }
  if (!set->known_.empty() && set->known_.rbegin()->second.problem.empty()) {
    const uint32_t newest = set->known_.rbegin()->first;
    const Status status = co_await set->OpenForAppend(newest);
    if (!status.ok()) set->Note(newest, status.message());
  }
  if (set->active_ == nullptr || set->active_->NearlyFull()) {
    // A full or failing drive can still be read; the next write asks again.
    const Status status = co_await set->creation_.Run(set->MakeNext());
    if (!status.ok()) {
      spdlog::warn("no new volume drive={} error={}", drive.options.identity.drive.value,
                   LogValue(status.message()));
    }
  }
  drive.metrics.volumes.Set(static_cast<double>(set->count()));
  co_return set;
}

std::string VolumeSet::PathOf(uint32_t number) const {
  return drive_.volumes_path() + "/" + NameOf(number);
}

void VolumeSet::Note(uint32_t number, std::string problem) {
  spdlog::error("volume has a problem path={} problem={}", LogValue(PathOf(number)),
                LogValue(problem));
  const std::lock_guard lock(mutex_);
  known_[number].problem = std::move(problem);
}

Task<void> VolumeSet::AddExisting(uint32_t number) {
  {
    const std::lock_guard lock(mutex_);
    known_[number];
    last_number_ = std::max(last_number_, number);
  }
  Result<std::unique_ptr<DiskFile>> file =
      co_await drive_.disk.Open(PathOf(number), Disk::OpenMode::kReadOnly);
  if (!file.ok()) {
    Note(number, file.status().message());
    co_return;
  }
  const Result<model::VolumeHeader> header = co_await ReadVolumeHeader(drive_, **file, number);
  if (!header.ok()) Note(number, header.status().message());
}

Task<Status> VolumeSet::OpenForAppend(uint32_t number) {
  const std::string path = PathOf(number);
  Result<std::unique_ptr<DiskFile>> opened =
      co_await drive_.disk.Open(path, Disk::OpenMode::kReadWrite);
  if (!opened.ok()) co_return opened.status();
  std::shared_ptr<DiskFile> file = std::move(*opened);
  const Result<model::VolumeHeader> header = co_await ReadVolumeHeader(drive_, *file, number);
  if (!header.ok()) co_return header.status();
  const Result<uint64_t> size = co_await file->Size();
  if (!size.ok()) co_return size.status();
  // A checkpoint beyond the end: somebody cut the file. Begin at the front.
  const uint64_t checkpoint =
      header->checkpoint <= *size ? header->checkpoint : model::kVolumeHeaderBytes;
  const Result<uint64_t> position =
      co_await AppendPosition(drive_, *file, number, checkpoint, *size);
  if (!position.ok()) co_return position.status();
  const Volume::State state{.cursor = *position, .allocated = *size, .checkpoint = checkpoint};
  auto volume = std::make_shared<Volume>(drive_, number, path, file, state);
  const std::lock_guard lock(mutex_);
  Keep(number, std::move(file));
  known_[number].volume = volume;
  active_ = std::move(volume);
  co_return Status::Ok();
}

void VolumeSet::Keep(uint32_t number, std::shared_ptr<DiskFile> file) {
  Known& known = known_[number];
  known.last_use = ++uses_;
  if (known.file == nullptr) ++open_files_;
  known.file = std::move(file);
  if (open_files_ <= kOpenFilesMax) return;
  Known* oldest = nullptr;
  for (auto& [other, entry] : known_) {
    if (entry.file == nullptr || other == number) continue;
    if (oldest == nullptr || entry.last_use < oldest->last_use) oldest = &entry;
  }
  oldest->file = nullptr;  // readers under way hold it
  --open_files_;
}

Task<Result<std::shared_ptr<DiskFile>>> VolumeSet::FileForRead(uint32_t volume) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = known_.find(volume);
    if (found == known_.end()) co_return Status(Code::kNotFound, "no such volume on this drive");
    if (found->second.file != nullptr) {
      found->second.last_use = ++uses_;
      co_return found->second.file;
    }
  }
  Result<std::unique_ptr<DiskFile>> opened =
      co_await drive_.disk.Open(PathOf(volume), Disk::OpenMode::kReadOnly);
  if (!opened.ok()) co_return opened.status();
  std::shared_ptr<DiskFile> file = std::move(*opened);
  const std::lock_guard lock(mutex_);
  if (known_.contains(volume)) Keep(volume, file);  // else it was removed meanwhile
  co_return file;
}

Task<Result<ReadableVolume>> VolumeSet::OpenForWalk(uint32_t volume) {
  ReadableVolume readable;
  CO_ASSIGN_OR_RETURN(readable.file, co_await FileForRead(volume));
  {
    const std::lock_guard lock(mutex_);
    const auto found = known_.find(volume);
    if (found == known_.end()) co_return Status(Code::kNotFound, "volume was removed");
    if (const std::shared_ptr<Volume> written = found->second.volume.lock()) {
      readable.end = written->CompleteEnd();
      co_return readable;
    }
  }
  DiskFile& file = *readable.file;
  CO_ASSIGN_OR_RETURN(readable.end, co_await file.Size());
  co_return readable;
}

Task<Result<MarkableVolume>> VolumeSet::OpenForMarks(uint32_t volume) {
  MarkableVolume markable;
  {
    const std::lock_guard lock(mutex_);
    const auto found = known_.find(volume);
    if (found == known_.end()) co_return Status(Code::kNotFound, "no such volume on this drive");
    CO_RETURN_IF_ERROR(found->second.marks_refused);
    markable.volume = found->second.volume.lock();
  }
  if (markable.volume != nullptr) {
    markable.file = markable.volume->file();
    co_return markable;
  }
  Result<std::unique_ptr<DiskFile>> opened =
      co_await drive_.disk.Open(PathOf(volume), Disk::OpenMode::kReadWrite);
  // A file that is missing is no proof that what was in it was purged.
  if (opened.code() == Code::kNotFound) {
    co_return Status(Code::kIoError, "volume is missing: " + PathOf(volume));
  }
  if (!opened.ok()) co_return opened.status();
  markable.file = std::move(*opened);
  co_return markable;
}

void VolumeSet::RefuseMarks(uint32_t volume, Status why) {
  const std::lock_guard lock(mutex_);
  const auto found = known_.find(volume);
  if (found != known_.end()) found->second.marks_refused = std::move(why);
}

Task<std::vector<VolumeInfo>> VolumeSet::List() {
  std::vector<VolumeInfo> volumes;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [number, known] : known_) {
      volumes.push_back({.number = number, .takes_records = !known.volume.expired()});
    }
  }
  for (VolumeInfo& info : volumes) {
    const auto file = co_await drive_.disk.Open(PathOf(info.number), Disk::OpenMode::kReadOnly);
    if (!file.ok()) continue;
    DiskFile& opened = **file;
    const Result<uint64_t> size = co_await opened.Size();
    if (size.ok()) info.file_bytes = *size;
    const Result<uint64_t> allocated = co_await opened.AllocatedBytes();
    if (allocated.ok()) info.allocated_bytes = *allocated;
  }
  co_return volumes;
}

Status VolumeSet::BeginRemoval(uint32_t volume) {
  const std::lock_guard lock(mutex_);
  const auto found = known_.find(volume);
  if (found == known_.end()) return Status(Code::kNotFound, "no such volume on this drive");
  if (!found->second.volume.expired()) return Status(Code::kConflict, "volume takes records");
  if (volume == known_.rbegin()->first) return Status(Code::kConflict, "newest volume");
  if (found->second.removing) return Status(Code::kConflict, "volume is being removed");
  found->second.removing = true;
  return Status::Ok();
}

void VolumeSet::EndRemoval(uint32_t volume, bool removed) {
  const std::lock_guard lock(mutex_);
  const auto found = known_.find(volume);
  if (found == known_.end()) return;
  found->second.removing = false;
  if (!removed) return;
  if (found->second.file != nullptr) --open_files_;
  known_.erase(found);
  drive_.metrics.volumes.Set(static_cast<double>(known_.size()));
}

Task<Result<Reservation>> VolumeSet::TryReserve(uint64_t bytes) {
  std::shared_ptr<Volume> active;
  {
    const std::lock_guard lock(mutex_);
    active = active_;
  }
  if (active != nullptr) {
    Result<Reservation> reservation = co_await active->Reserve(bytes);
    if (!reservation.ok()) co_return reservation.status();
    if (*reservation) {
      MakeNextAhead(*active);
      co_return reservation;
    }
  }
  CO_RETURN_IF_ERROR(co_await Rotate(std::move(active)));
  co_return Reservation();
}

// Any record fits into an empty volume. So whoever finds none was outrun by others, who have got
// theirs, or the drive makes no volumes, which is an error.
Task<Result<Reservation>> VolumeSet::Reserve(uint64_t bytes) {
  Result<Reservation> reservation = co_await TryReserve(bytes);
  if (!reservation.ok() || *reservation) co_return reservation;
  struct Waiting {
    std::atomic<int>& count;
    ~Waiting() { --count; }
  };
  const Waiting waiting{reserves_waiting_};
  if (++reserves_waiting_ > kReservesWaitingMax) {
    co_return Status(Code::kOverloaded, "too many records wait for a volume");
  }
  const int64_t give_up = drive_.clock.MonotonicNanoseconds() + kReserveNanosecondsMax;
  while (drive_.clock.MonotonicNanoseconds() < give_up) {
    reservation = co_await TryReserve(bytes);
    if (!reservation.ok() || *reservation) co_return reservation;
  }
  co_return Status(Code::kUnavailable, "no volume takes the record");
}

Task<Status> VolumeSet::EnsureRoom(uint64_t bytes) {
  std::shared_ptr<Volume> active;
  {
    const std::lock_guard lock(mutex_);
    active = active_;
  }
  if (active == nullptr) co_return Status::Ok();
  co_return co_await active->EnsureRoom(bytes);
}

Task<Status> VolumeSet::Rotate(std::shared_ptr<Volume> from) {
  {
    const std::lock_guard lock(mutex_);
    if (active_ != from) co_return Status::Ok();  // somebody else did
    if (next_ != nullptr) {
      active_ = std::move(next_);
      next_ = nullptr;
      co_return Status::Ok();
    }
  }
  co_return co_await creation_.Run(MakeNext());
}

// One at a time (creation_).
Task<Status> VolumeSet::MakeNext() {
  uint32_t number = 0;
  {
    const std::lock_guard lock(mutex_);
    if (next_ != nullptr) co_return Status::Ok();
    number = ++last_number_;
  }
  Result<std::shared_ptr<Volume>> volume = co_await Create(number);
  if (!volume.ok()) {
    if (volume.code() == Code::kIoError) {
      drive_.ReportWriteFailure(volume.status(), PathOf(number));
    }
    co_return volume.status();
  }
  size_t volumes = 0;
  {
    const std::lock_guard lock(mutex_);
    next_ = std::move(*volume);
    Keep(number, next_->file());
    known_[number].volume = next_;
    volumes = known_.size();
  }
  drive_.metrics.volumes.Set(static_cast<double>(volumes));
  co_return Status::Ok();
}

Task<Result<std::shared_ptr<Volume>>> VolumeSet::Create(uint32_t number) {
  PASS_FAILPOINT("volume.create.begin", PathOf(number));
  // Never into the folder of another drive, or into an empty mount point.
  CO_RETURN_IF_ERROR(co_await drive_.CheckIdentity(/*force=*/true));
  const Result<uint64_t> free = co_await drive_.FreeAboveReserve();
  if (!free.ok()) co_return free.status();
  const uint64_t wanted = std::min(drive_.options.allocate_step_bytes, drive_.options.volume_bytes);
  const uint64_t least = std::min(wanted, kAllocateMin);
  uint64_t bytes = std::max<uint64_t>(wanted, model::kVolumeHeaderBytes);
  while (bytes > *free && bytes / 4 >= least) bytes /= 4;
  if (bytes > *free) co_return Status(Code::kNoSpace, "no room for a volume");

  const std::string temporary = TemporaryOf(drive_.volumes_path(), number);
  Result<std::unique_ptr<DiskFile>> opened =
      co_await drive_.disk.Open(temporary, Disk::OpenMode::kCreateNew);
  if (!opened.ok()) co_return opened.status();
  std::shared_ptr<DiskFile> file = std::move(*opened);
  const Status written = co_await WriteNewFile(number, temporary, *file, bytes);
  if (!written.ok()) {
    const Status removed = co_await drive_.disk.Remove(temporary);
    if (!removed.ok() && removed.code() != Code::kNotFound) {
      spdlog::warn("leftover not removed file={}", LogValue(temporary));
    }
    co_return written;
  }
  const Volume::State state{.cursor = model::kVolumeHeaderBytes,
                            .allocated = bytes,
                            .checkpoint = model::kVolumeHeaderBytes};
  co_return std::make_shared<Volume>(drive_, number, PathOf(number), std::move(file), state);
}

Task<Status> VolumeSet::WriteNewFile(uint32_t number, std::string temporary, DiskFile& file,
                                     uint64_t bytes) {
  CO_RETURN_IF_ERROR(co_await file.Allocate(0, bytes));
  model::VolumeHeader header;
  header.volume = number;
  header.drive_uuid = drive_.options.identity.drive_uuid;
  header.cluster_id = drive_.options.identity.cluster_id;
  header.created_ms = drive_.clock.WallMilliseconds();
  model::VolumeHeaderBytes encoded;
  model::EncodeVolumeHeader(header, &encoded);
  const ByteSpan part(encoded);
  PASS_FAILPOINT("volume.create.before_header", temporary);
  CO_RETURN_IF_ERROR(co_await file.WriteAt(0, std::span<const ByteSpan>(&part, 1)));
  PASS_FAILPOINT("volume.create.before_sync", temporary);
  CO_RETURN_IF_ERROR(co_await file.Sync());
  PASS_FAILPOINT("volume.create.before_rename", temporary);
  if (epoch_ != drive_.health.epoch()) co_return Status(Code::kUnavailable, "drive went away");
  CO_RETURN_IF_ERROR(co_await drive_.disk.Rename(temporary, PathOf(number)));
  PASS_FAILPOINT("volume.create.before_directory_sync", PathOf(number));
  if (!SeededBug("volume.skip_folder_sync")) {
    CO_RETURN_IF_ERROR(co_await drive_.disk.SyncDirectory(drive_.volumes_path()));
  }
  PASS_FAILPOINT("volume.create.end", PathOf(number));
  co_return Status::Ok();
}

void VolumeSet::MakeNextAhead(const Volume& active) {
  if (!active.NearlyFull()) return;
  {
    const std::lock_guard lock(mutex_);
    if (making_ahead_ || next_ != nullptr) return;
    making_ahead_ = true;
  }
  static constexpr auto kMake = [](std::shared_ptr<VolumeSet> set) -> Task<void> {
    const Status status = co_await set->creation_.Run(set->MakeNext());
    if (!status.ok()) spdlog::warn("no new volume ahead error={}", LogValue(status.message()));
    const std::lock_guard lock(set->mutex_);
    set->making_ahead_ = false;
  };
  scope_.Spawn(*Executor::Current(), kMake(shared_from_this()));
}

void VolumeSet::AfterDurable(const std::shared_ptr<Volume>& volume) {
  const uint64_t step = drive_.options.checkpoint_step_bytes;
  if (!volume->CheckpointDue(step)) return;
  scope_.Spawn(*Executor::Current(), RunCheckpoint(volume, step));
}

size_t VolumeSet::count() const {
  const std::lock_guard lock(mutex_);
  return known_.size();
}

bool VolumeSet::WritesUnderWay() const {
  const std::lock_guard lock(mutex_);
  for (const auto& [number, known] : known_) {
    const std::shared_ptr<Volume> volume = known.volume.lock();
    if (volume != nullptr && volume->WritesUnderWay()) return true;
  }
  return false;
}

std::string VolumeSet::Problems() const {
  const std::lock_guard lock(mutex_);
  std::string problems;
  for (const auto& [number, known] : known_) {
    if (known.problem.empty()) continue;
    if (!problems.empty()) problems += "; ";
    problems += "volume " + std::to_string(number) + ": " + known.problem;
  }
  return problems;
}

Task<void> VolumeSet::Quiesce() {
  const Status ignored = co_await creation_.Run(Nothing());
  static_cast<void>(ignored);
}

Task<void> VolumeSet::Checkpoint() {
  std::shared_ptr<Volume> active;
  {
    const std::lock_guard lock(mutex_);
    active = active_;
  }
  if (active != nullptr) co_await active->WriteCheckpoint(1);
}

}  // namespace ashlar::chunk_server
