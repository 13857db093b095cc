// First the metadata, then all drives at once, then the names of what is affected.
#include "fsck/fsck.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <set>
#include <utility>

#include "base/bytes.h"
#include "fsck/internal/extent_table.h"
#include "fsck/internal/metadata_walk.h"
#include "fsck/internal/volume_walk.h"
#include "runtime/sync.h"

namespace ashlar::fsck {
namespace {

constexpr char kIdentityFile[] = "ashlar-drive.json";
constexpr size_t kIdentityBytesMax = 4096;
constexpr size_t kRecordsPerLock = 256;

// A record of the generation that the row names, at another place than the row's.
struct SecondCopy {
  size_t extent = 0;
  int shard = 0;
};

struct VolumeFile {
  std::string path;
  uint32_t number = 0;
  uint64_t bytes = 0;  // up to the end of its data
  uint64_t file_bytes = 0;
};

struct DrivePath {
  std::string path;
  DriveId id;
  uint64_t uuid_prefix = 0;
  std::vector<VolumeFile> volumes;
};

// "volume-00000012.ashlar" -> 12; 0: another file.
uint32_t VolumeNumber(std::string_view name) {
  constexpr std::string_view prefix = "volume-";
  constexpr std::string_view suffix = ".ashlar";
  if (!name.starts_with(prefix) || !name.ends_with(suffix)) return 0;
  name.remove_prefix(prefix.size());
  name.remove_suffix(std::min(suffix.size(), name.size()));
  uint64_t number = 0;
  for (const char digit : name) {
    if (digit < '0' || digit > '9' || number > UINT32_MAX) return 0;
    number = number * 10 + static_cast<uint64_t>(digit - '0');
  }
  return number <= UINT32_MAX ? static_cast<uint32_t>(number) : 0;
}

class Checker {
 public:
  Checker(Disk& disk, metadata_db::View& view, const FsckOptions& options, FsckReport& report)
      : disk_(disk), view_(view), options_(options), report_(report) {}

  Task<Status> Run(std::vector<Executor*> executors);

 private:
  Task<Status> FindDrives();
  Task<Status> IdentifyDrive(std::string path);
  Task<void> ListVolumes(DrivePath* drive);
  Task<Status> WalkDrive(const DrivePath* drive, Executor* executor);
  Task<void> WalkVolume(const DrivePath* drive, const VolumeFile* volume);
  Task<void> CheckVolumeHeader(DiskFile* file, const VolumeFile* volume);

  void Judge(const DrivePath& drive, const std::vector<FoundRecord>& records);
  void JudgeOne(const DrivePath& drive, const FoundRecord& record);
  void JudgeStray(size_t extent, const model::ShardLocation& place, const FoundRecord& record);
  void CountExtents();
  bool WaitsForReclaim(const model::ShardLocation& place) const;
  void Advance(uint64_t bytes);

  Disk& disk_;
  metadata_db::View& view_;
  const FsckOptions& options_;
  FsckReport& report_;
  MetadataFacts facts_;
  std::vector<DrivePath> drives_;
  std::atomic<uint64_t> bytes_done_{0};
  uint64_t bytes_total_ = 0;

  std::mutex mutex_;  // report, table and what follows, while drives are walked
  std::vector<SecondCopy> second_copies_;
};

// ---- drives

Task<Status> Checker::IdentifyDrive(std::string path) {
  const Result<std::string> text =
      co_await ReadWholeFile(disk_, path + "/" + kIdentityFile, kIdentityBytesMax);
  if (!text.ok()) co_return text.status();
  const nlohmann::json json = nlohmann::json::parse(*text, nullptr, /*allow_exceptions=*/false);
  const auto field = [&json](const char* name) {
    std::string bytes;
    const bool known = json.is_object() && json.contains(name) && json[name].is_string();
    if (known) (void)HexDecode(json[name].get<std::string>(), &bytes);
    return UniqueId::FromView(bytes);
  };
  const UniqueId uuid = field("drive_uuid");
  if (field("cluster_id") != facts_.cluster_id) {
    co_return Status(Code::kCorrupt, "holds no drive of this store");
  }
  for (const MetadataFacts::Drive& drive : facts_.drives) {
    if (drive.uuid != uuid) continue;
    DrivePath found{.path = path,
                    .id = drive.id,
                    .uuid_prefix = LoadLittle64(uuid.bytes.data()),
                    .volumes = {}};
    co_await ListVolumes(&found);
    drives_.push_back(std::move(found));
    co_return Status::Ok();
  }
  co_return Status(Code::kCorrupt, "holds a drive that is not registered (any more)");
}

Task<void> Checker::ListVolumes(DrivePath* drive) {
  const std::string folder = drive->path + "/volumes";
  const Result<std::vector<std::string>> names = co_await disk_.List(folder);
  if (!names.ok()) {
    report_.drive_problems.push_back(drive->path + ": " + names.status().message());
    co_return;
  }
  for (const std::string& name : *names) {
    VolumeFile volume{.path = folder + "/" + name, .number = VolumeNumber(name)};
    if (volume.number == 0) continue;
    const auto file = co_await disk_.Open(volume.path, Disk::OpenMode::kReadOnly);
    Status status = file.status();
    if (file.ok()) {
      const Result<uint64_t> size = co_await (*file)->Size();
      status = size.status();
      if (size.ok()) volume.file_bytes = *size;
    }
    if (!status.ok()) {
      report_.volume_problems.push_back(volume.path + ": " + status.message());
      continue;
    }
    const auto data_end = co_await (*file)->DataEnd(0);
    volume.bytes = data_end.ok() ? std::min(*data_end, volume.file_bytes) : volume.file_bytes;
    bytes_total_ += volume.bytes;
    drive->volumes.push_back(std::move(volume));
  }
}

Task<Status> Checker::FindDrives() {
  std::vector<std::string> paths = options_.drives;
  for (size_t i = 1; paths.size() < facts_.drives.size() && options_.drives.empty(); ++i) {
    paths.push_back(options_.data_folder + "/drive-" + (i < 10 ? "0" : "") + std::to_string(i));
  }
  for (const std::string& path : paths) {
    const Status status = co_await IdentifyDrive(path);
    if (!status.ok()) report_.drive_problems.push_back(path + ": " + status.message());
  }
  std::set<DriveId> seen;
  for (const DrivePath& drive : drives_) {
    if (!seen.insert(drive.id).second) {
      co_return Status(Code::kInvalidArgument, "drive " + std::to_string(drive.id.value + 1) +
                                                   " is given twice: " + drive.path);
    }
  }
  report_.drives_missing = facts_.drives.size() - seen.size();
  co_return Status::Ok();
}

// ---- volumes

void Checker::Advance(uint64_t bytes) {
  const uint64_t done = bytes_done_.fetch_add(bytes) + bytes;
  if (options_.progress) options_.progress({"drives", done, bytes_total_});
}

Task<void> Checker::CheckVolumeHeader(DiskFile* file, const VolumeFile* volume) {
  std::vector<uint8_t> bytes(model::kVolumeHeaderBytes);
  Status status = co_await file->ReadAt(0, bytes);
  if (status.ok()) {
    const auto header = model::DecodeVolumeHeader(bytes);
    status = header.status();
    if (header.ok() && header->volume != volume->number) {
      status = Status(Code::kCorrupt, "its header names another volume");
    }
  }
  if (status.ok()) co_return;
  const std::lock_guard lock(mutex_);
  report_.volume_problems.push_back(volume->path + ": " + status.message());
}

Task<void> Checker::WalkVolume(const DrivePath* drive, const VolumeFile* volume) {
  const auto file = co_await disk_.Open(volume->path, Disk::OpenMode::kReadOnly);
  if (!file.ok()) {
    const std::lock_guard lock(mutex_);
    report_.volume_problems.push_back(volume->path + ": " + file.status().message());
    co_return;
  }
  // A damaged header hides no records: the product reads by number and place.
  co_await CheckVolumeHeader(file->get(), volume);
  const VolumePlace place{.number = volume->number, .drive_uuid_prefix = drive->uuid_prefix};
  VolumeWalk walk(**file, place, volume->bytes, volume->file_bytes, options_.verify);
  std::vector<FoundRecord> records;
  uint64_t told = 0;
  for (bool more = true; more;) {
    const auto record = co_await walk.Next();
    more = record.ok() && record->has_value();
    if (more) records.push_back(**record);
    if (more && records.size() < kRecordsPerLock) continue;
    Judge(*drive, records);
    records.clear();
    const uint64_t position = std::min(walk.position(), volume->bytes);
    Advance(position - std::min(told, position));
    told = std::max(told, position);
  }
  const std::lock_guard lock(mutex_);
  ++report_.volumes;
  report_.volume_bytes += volume->bytes;
  report_.unreadable_bytes += walk.unreadable_bytes();
  report_.damaged_bytes += walk.damaged_bytes();
}

Task<Status> Checker::WalkDrive(const DrivePath* drive, Executor* executor) {
  SwitchTo there(*executor);
  co_await there;
  for (const VolumeFile& volume : drive->volumes) co_await WalkVolume(drive, &volume);
  co_return Status::Ok();
}

// ---- judgement

bool Checker::WaitsForReclaim(const model::ShardLocation& place) const {
  return std::binary_search(facts_.dead_places.begin(), facts_.dead_places.end(),
                            PlaceOf(place.drive, place.volume, place.offset));
}

void Checker::Judge(const DrivePath& drive, const std::vector<FoundRecord>& records) {
  const std::lock_guard lock(mutex_);
  for (const FoundRecord& record : records) JudgeOne(drive, record);
}

void Checker::JudgeOne(const DrivePath& drive, const FoundRecord& record) {
  if (record.dead) {
    ++report_.strays.purged;
    return;
  }
  const model::ShardRecordHeader& header = record.header;
  const auto extent = facts_.extents.Find(header.extent);
  if (record.misdirected) {
    // Bytes of an object may look like a record of another place: only an extent of ours counts.
    if (extent) ++report_.strays.misplaced;
    return;
  }
  model::ShardLocation place;
  place.drive = drive.id;
  place.present = true;
  place.generation = header.generation;
  place.volume = header.volume;
  place.offset = record.offset;
  if (!extent) {
    ++(WaitsForReclaim(place) ? report_.strays.in_grace : report_.strays.orphan);
    return;
  }
  const uint32_t fingerprint = ExtentTable::Fingerprint(place, header.root);
  const bool expected = header.shard_index < facts_.extents.shard_count(*extent) &&
                        facts_.extents.Expects(*extent, header.shard_index, fingerprint);
  if (!expected) return JudgeStray(*extent, place, record);
  facts_.extents.SetState(*extent, header.shard_index,
                          record.body.ok() ? ShardState::kLive : ShardState::kCorrupt);
}

void Checker::JudgeStray(size_t extent, const model::ShardLocation& place,
                         const FoundRecord& record) {
  const Result<model::Extent> row = ReadExtentRow(view_, record.header.extent);
  const int shard = record.header.shard_index;
  if (!row.ok() || shard >= static_cast<int>(row->locations.size())) {
    ++report_.strays.orphan;
    return;
  }
  const auto index = static_cast<size_t>(shard);
  if (row->locations[index] == place) {
    // The right place, but not the root that the row knows (all zero: it knows none).
    const bool right = row->roots[index] == Sha256Digest{} && record.body.ok();
    facts_.extents.SetState(extent, shard, right ? ShardState::kLive : ShardState::kCorrupt);
    return;
  }
  if (WaitsForReclaim(place)) {
    ++report_.strays.in_grace;
  } else if (!row->locations[index].present ||
             row->locations[index].generation != place.generation) {
    ++report_.strays.stale;
  } else {
    second_copies_.push_back({.extent = extent, .shard = shard});
  }
}

void Checker::CountExtents() {
  const ExtentTable& extents = facts_.extents;
  for (const SecondCopy& copy : second_copies_) {
    const bool there = extents.state(copy.extent, copy.shard) == ShardState::kLive;
    ++(there ? report_.strays.duplicate : report_.strays.misplaced);
  }
  for (size_t at = 0; at < extents.size(); ++at) {
    if (!extents.IsInUse(at)) {
      report_.strays.in_grace += static_cast<uint64_t>(extents.GoodShards(at));
      continue;
    }
    for (int shard = 0; shard < extents.shard_count(at); ++shard) {
      switch (extents.state(at, shard)) {
        case ShardState::kMissing: ++report_.shards.missing; break;
        case ShardState::kNotWritten: ++report_.shards.not_written; break;
        case ShardState::kLive: ++report_.shards.live; break;
        case ShardState::kCorrupt: ++report_.shards.corrupt; break;
      }
    }
    const int good = extents.GoodShards(at);
    const int left = good - extents.data_shards(at);
    if (left < 0) {
      ++report_.extents_unreadable;
    } else if (good < extents.shard_count(at)) {
      ++report_.extents_by_parity_left[left];
    }
  }
}

Task<Status> Checker::Run(std::vector<Executor*> executors) {
  CO_RETURN_IF_ERROR(WalkMetadata(view_, options_, &facts_, &report_));
  CO_RETURN_IF_ERROR(co_await FindDrives());
  std::vector<Task<Status>> walks;
  for (size_t i = 0; i < drives_.size(); ++i) {
    walks.push_back(WalkDrive(&drives_[i], executors[i % executors.size()]));
  }
  for (const Status& status : co_await WhenAll(std::move(walks))) CO_RETURN_IF_ERROR(status);
  CountExtents();
  if (report_.extents_unreadable > 0 || !report_.extents_by_parity_left.empty()) {
    CO_RETURN_IF_ERROR(ListAffected(view_, options_, facts_.extents, &report_));
  }
  co_return Status::Ok();
}

}  // namespace

Task<Result<FsckReport>> RunFsck(Disk& disk, metadata_db::OrderedStore& metadata,
                                 std::vector<Executor*> executors, FsckOptions options) {
  FsckReport report;
  const std::unique_ptr<metadata_db::Snapshot> view = metadata.NewSnapshot();
  Checker checker(disk, *view, options, report);
  CO_RETURN_IF_ERROR(co_await checker.Run(std::move(executors)));
  co_return report;
}

}  // namespace ashlar::fsck
