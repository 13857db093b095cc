#include "metadata_rebuild/internal/drives.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "base/digest.h"
#include "base/log.h"
#include "chunk_server/local_chunk_store.h"
#include "chunk_server/volume_scanner.h"
#include "erasure_encoder/erasure_encoder.h"
#include "metadata_rebuild/internal/scratch.h"

namespace ashlar::metadata_rebuild {
namespace {

// Beyond it all are closed and opened again as they are needed.
constexpr size_t kOpenFilesMax = 200;
constexpr uint64_t kRecordsBetweenProgress = 1000;

std::string VolumeName(uint32_t number) {
  char name[40];
  std::snprintf(name, sizeof name, "volume-%08u.ashlar", number);
  return name;
}

// 0: not the name of a volume.
uint32_t NumberOfVolume(const std::string& name) {
  uint32_t number = 0;
  if (std::sscanf(name.c_str(), "volume-%8u.ashlar", &number) != 1) return 0;
  return VolumeName(number) == name ? number : 0;
}

}  // namespace

Task<Status> Drives::Identify(const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    const auto report = co_await chunk_server::InspectDrivePath(disk_, path);
    if (!report.ok()) co_return report.status();
    if (report->state != chunk_server::DrivePathState::kIdentified) {
      spdlog::warn("msg=\"left out: no drive there\" path={} reason={}", LogValue(path),
                   LogValue(report->detail));
      continue;
    }
    const chunk_server::DriveIdentity& identity = report->identity;
    if (drives_.empty()) cluster_id_ = identity.cluster_id;
    if (identity.cluster_id != cluster_id_) {
      co_return Status(Code::kInvalidArgument,
                       path + " belongs to another store than " + drives_.begin()->second.path);
    }
    const Drive drive{.path = path,
                      .id = identity.drive,
                      .uuid_prefix = LoadLittle64(identity.drive_uuid.bytes.data())};
    const auto [at, added] = drives_.emplace(identity.drive, drive);
    if (!added) {
      co_return Status(Code::kInvalidArgument,
                       path + " and " + at->second.path + " both say that they are drive " +
                           std::to_string(identity.drive.value + 1) + "; name one of them");
    }
    if (uuids_.size() <= identity.drive.value) uuids_.resize(identity.drive.value + 1u);
    uuids_[identity.drive.value] = identity.drive_uuid;
  }
  if (drives_.empty()) {
    co_return Status(Code::kInvalidArgument, "none of the paths holds a drive of a store");
  }
  co_return Status::Ok();
}

Task<std::vector<Drives::Volume>> Drives::ListVolumes(const Drive& drive) {
  std::vector<Volume> volumes;
  const std::string folder = drive.path + "/volumes";
  const auto names = co_await disk_.List(folder);
  if (!names.ok()) {
    spdlog::warn("msg=\"volumes cannot be listed\" path={}", LogValue(folder));
    co_return volumes;
  }
  for (const std::string& name : *names) {
    Volume volume{.path = folder + "/" + name, .number = NumberOfVolume(name)};
    if (volume.number == 0) continue;
    const auto file = co_await disk_.Open(volume.path, Disk::OpenMode::kReadOnly);
    if (!file.ok()) continue;  // its shards count as missing
    const Result<uint64_t> size = co_await (*file)->Size();
    if (size.ok()) volume.file_bytes = *size;
    volumes.push_back(std::move(volume));
  }
  co_return volumes;
}

Task<Status> Drives::Scan(metadata_db::OrderedStore& scratch, const RebuildOptions& options,
                          uint64_t* records) {
  std::map<DriveId, std::vector<Volume>> volumes;
  uint64_t total = 0;
  uint64_t done = 0;
  for (const auto& [id, drive] : drives_) {
    volumes[id] = co_await ListVolumes(drive);
    for (const Volume& volume : volumes[id]) total += volume.file_bytes;
  }
  RowWriter writer(scratch);
  for (const auto& [id, drive] : drives_) {
    for (const Volume& volume : volumes[id]) {
      const auto file = co_await disk_.Open(volume.path, Disk::OpenMode::kReadOnly);
      if (!file.ok()) continue;  // its shards count as missing
      const auto data_end = co_await (*file)->DataEnd(0);
      const uint64_t end =
          data_end.ok() ? std::min(*data_end, volume.file_bytes) : volume.file_bytes;
      chunk_server::ScanRange range;
      range.begin = model::kVolumeHeaderBytes;
      range.end = end;
      range.limit = volume.file_bytes;
      chunk_server::VolumeScanner scanner(**file, volume.number, drive.uuid_prefix, range);
      while (true) {
        const auto record = co_await scanner.Next();
        if (!record.ok() || !record->has_value()) break;
        model::ShardRecordHeaderBytes bytes;
        model::EncodeShardRecordHeader((*record)->header, &bytes);
        CO_RETURN_IF_ERROR(
            co_await writer.Put(RecordKey((*record)->header, id), std::string(AsText(bytes))));
        if (++*records % kRecordsBetweenProgress == 0 && options.progress) {
          options.progress({"records", done + scanner.position(), total});
        }
      }
      done += volume.file_bytes;
    }
  }
  co_return co_await writer.Flush();
}

Task<Result<DiskFile*>> Drives::FileOf(const model::ShardLocation& location) {
  const auto drive = drives_.find(location.drive);
  if (drive == drives_.end()) co_return Status(Code::kUnavailable, "the drive is not there");
  const auto name = std::pair(location.drive, location.volume);
  if (const auto open = files_.find(name); open != files_.end()) co_return open->second.get();
  if (files_.size() >= kOpenFilesMax) files_.clear();
  CO_ASSIGN_OR_RETURN(
      auto file, co_await disk_.Open(drive->second.path + "/volumes/" + VolumeName(location.volume),
                                     Disk::OpenMode::kReadOnly));
  DiskFile* const pointer = file.get();
  files_[name] = std::move(file);
  co_return pointer;
}

Task<Status> Drives::ReadShard(const model::Extent& extent, int shard, uint64_t offset,
                               MutableByteSpan out) {
  const auto index = static_cast<size_t>(shard);
  const model::ShardLocation& location = extent.locations[index];
  if (!location.present) co_return Status(Code::kUnavailable, "the shard is missing");
  CO_ASSIGN_OR_RETURN(DiskFile * file, co_await FileOf(location));
  const model::ExtentLayout layout(extent.data_shards, extent.unit_bytes, extent.payload_bytes);
  const uint64_t body_bytes = layout.shard_bytes();
  std::vector<Sha256Digest> leaves(model::LeafCount(body_bytes));
  const MutableByteSpan leaf_bytes(reinterpret_cast<uint8_t*>(leaves.data()), leaves.size() * 32);
  CO_RETURN_IF_ERROR(
      co_await file->ReadAt(location.offset + model::kRecordHeaderBytes, leaf_bytes));
  if (model::ShardRoot(leaves) != extent.roots[index]) {
    co_return Status(Code::kCorrupt, "the leaf digests of a shard");
  }
  const uint64_t body = model::BodyPosition(location.offset, body_bytes);
  const uint64_t first = offset / model::kLeafBytes;
  const uint64_t begin = first * model::kLeafBytes;
  const uint64_t end = std::min(model::AlignUp(offset + out.size(), model::kLeafBytes), body_bytes);
  std::vector<uint8_t> bytes(end - begin);
  CO_RETURN_IF_ERROR(co_await file->ReadAt(body + begin, bytes));
  for (uint64_t at = 0; at < bytes.size(); at += model::kLeafBytes) {
    const uint64_t size = std::min<uint64_t>(model::kLeafBytes, bytes.size() - at);
    if (Sha256(ByteSpan(bytes).subspan(at, size)) != leaves[first + at / model::kLeafBytes]) {
      co_return Status(Code::kCorrupt, "a leaf of a shard");
    }
  }
  std::memcpy(out.data(), bytes.data() + (offset - begin), out.size());
  co_return Status::Ok();
}

// The whole stripe from any k shards, data shards first.
Task<Status> Drives::ReadStripe(const model::Extent& extent, uint64_t stripe,
                                std::string* payload) {
  const model::ExtentLayout layout(extent.data_shards, extent.unit_bytes, extent.payload_bytes);
  const size_t unit = layout.UnitBytes(stripe);
  const uint64_t shard_offset = stripe * extent.unit_bytes;
  const auto data = static_cast<size_t>(extent.data_shards);
  std::vector<std::vector<uint8_t>> units(extent.locations.size());
  std::vector<uint8_t> present;
  std::vector<const uint8_t*> present_units;
  std::vector<uint8_t> wanted;
  std::vector<uint8_t*> wanted_units;
  payload->assign(unit * data, '\0');
  auto* const out = reinterpret_cast<uint8_t*>(payload->data());
  for (size_t shard = 0; shard < units.size() && present.size() < data; ++shard) {
    units[shard].resize(unit);
    const Status status =
        co_await ReadShard(extent, static_cast<int>(shard), shard_offset, units[shard]);
    if (status.ok()) {
      present.push_back(static_cast<uint8_t>(shard));
      present_units.push_back(units[shard].data());
      if (shard < data) std::memcpy(out + shard * unit, units[shard].data(), unit);
    } else if (shard < data) {
      wanted.push_back(static_cast<uint8_t>(shard));
      wanted_units.push_back(out + shard * unit);
    }
  }
  if (present.size() < data) {
    co_return Status(Code::kUnavailable, "fewer shards than needed can be read");
  }
  if (wanted.empty()) co_return Status::Ok();
  const erasure_encoder::ErasureEncoder encoder({extent.data_shards, extent.parity_shards});
  co_return encoder.Reconstruct(present, present_units, wanted, wanted_units, unit);
}

Task<Result<std::string>> Drives::ReadPayload(const model::Extent& extent, uint64_t offset,
                                              uint64_t length) {
  const model::ExtentLayout layout(extent.data_shards, extent.unit_bytes, extent.payload_bytes);
  if (offset > extent.payload_bytes || length > extent.payload_bytes - offset) {
    co_return Status(Code::kInvalidArgument, "range outside of its extent");
  }
  std::string bytes(length, '\0');
  auto* const out = reinterpret_cast<uint8_t*>(bytes.data());
  for (uint64_t done = 0; done < length;) {
    const model::ExtentLayout::Run run = layout.Locate(offset + done, length - done);
    const MutableByteSpan piece(out + done, run.length);
    const Status direct = co_await ReadShard(extent, run.shard, run.shard_offset, piece);
    if (!direct.ok()) {
      std::string stripe;
      CO_RETURN_IF_ERROR(co_await ReadStripe(extent, run.stripe, &stripe));
      const uint64_t stripe_begin = run.stripe * layout.stripe_bytes();
      std::memcpy(piece.data(), stripe.data() + (offset + done - stripe_begin), piece.size());
    }
    done += run.length;
  }
  co_return bytes;
}

}  // namespace ashlar::metadata_rebuild
