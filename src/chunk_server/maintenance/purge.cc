// A purge marks the record dead in place, gives its whole pages back, and syncs the volume once for
// all purges of the batch.
//
// Invariants
//  1. Nothing is written before the header on the drive was read and is, bit by bit, that of the
//     shard the caller means: whole, at home, same extent, index and generation. A header with one
//     wrong bit is left alone; its space comes back with its volume.
//  2. No record with an unfinished reservation is touched, and none of an extent that is younger
//     than purge_age_min_ms or "from the future" (a clock that jumped): whatever its metadata says,
//     a commit that names it may be on its way.
//  3. Nothing but the eight bytes of the mark is written, and nothing but pages wholly inside the
//     record behind its header is punched.
//  4. ok, and kNotFound for a record that is dead already, are answered after a sync that began
//     after the mark was there.
//
// How it fails. A crash leaves each mark and each hole, or not, in any combination: a live header
// over holes is a shard that does not verify and that nobody refers to. Purging again does what is
// missing. A failed write or sync of a sealed volume closes it for marks until it is opened anew:
// the kernel may have dropped pages that still read as marked. A hole that cannot be made is no
// failure: the record is dead, and its space comes back with its volume.
#include "chunk_server/maintenance/purge.h"

#include <algorithm>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "base/log.h"
#include "base/seeded_bug.h"
#include "model/shard_record.h"

namespace ashlar::chunk_server {
namespace {

constexpr int kTimeBytes = 6;  // of an id made by NewUniqueId

int64_t MadeAtMs(const ExtentId& extent) {
  int64_t milliseconds = 0;
  for (size_t i = 0; i < kTimeBytes; ++i) milliseconds = milliseconds << 8 | extent.bytes[i];
  return milliseconds;
}

// What can be refused without looking at the drive.
Status Admit(const PurgeContext& context, const ShardPurge& purge) {
  const LocalChunkStoreOptions& options = context.drive.options;
  const model::ShardLocation& location = purge.location;
  if (!location.present || location.drive != options.identity.drive ||
      location.offset % model::kRecordAlignment != 0 ||
      location.offset < model::kVolumeHeaderBytes) {
    return Status(Code::kInvalidArgument, "no such place on this drive");
  }
  RETURN_IF_ERROR(context.fence.Pass(purge.epoch));
  const int64_t age = context.drive.clock.WallMilliseconds() - MadeAtMs(purge.extent);
  if (age < options.purge_age_min_ms && !SeededBug("chunk.purge_any_age")) {
    return Status(Code::kConflict, "extent is too young");
  }
  return Status::Ok();
}

enum class Target { kAlive, kDead };

// Is the record with this header the one that is meant?
Result<Target> Identify(const Drive& drive, const ShardPurge& purge, ByteSpan header,
                        Sha256Digest* root, uint64_t* body_bytes) {
  static constexpr model::ShardRecordHeaderBytes kZeros{};
  if (std::equal(header.begin(), header.end(), kZeros.begin())) {
    return Status(Code::kNotFound, "nothing is there");
  }
  Result<model::ShardRecordHeader> alive = model::DecodeShardRecordHeader(header);
  const bool is_alive = alive.ok();
  const Result<model::ShardRecordHeader> found =
      is_alive ? std::move(alive) : model::DecodeDeadRecordHeader(header);
  if (!found.ok()) return Status(Code::kCorrupt, "record header is damaged");
  const model::ShardRecordHeader& record = *found;
  if (record.own_offset != purge.location.offset || record.volume != purge.location.volume ||
      record.drive_uuid_prefix != drive.uuid_prefix()) {
    return Status(Code::kCorrupt, "record was written to a wrong place");
  }
  // A range is given out once, so ours cannot be there any more: it never became durable, or it lay
  // on the drive that this one has replaced.
  if (record.extent != purge.extent || record.shard_index != purge.shard_index) {
    return Status(Code::kNotFound, "another shard lies there");
  }
  if (record.generation != purge.location.generation && !SeededBug("chunk.purge_any_generation")) {
    // The drive was replaced, and the shard was made again at what happens to be the same place.
    if (record.generation > purge.location.generation) {
      return Status(Code::kNotFound, "a newer generation lies there");
    }
    // Nobody but the caller can be wrong about it.
    return Status(Code::kConflict, "an older generation lies there");
  }
  *root = record.root;
  *body_bytes = record.body_bytes;
  return is_alive ? Target::kAlive : Target::kDead;
}

// The purges of one batch in one volume.
class VolumePurge {
 public:
  VolumePurge(PurgeContext context, MarkableVolume volume, uint32_t number)
      : context_(context),
        volume_(std::move(volume)),
        number_(number),
        path_(context.volumes.PathOf(number)) {}

  // ok: marked. kNotFound with `*dead`: was marked before. What is dead is also punched.
  Task<Status> MarkAndPunch(const ShardPurge& purge, bool* dead);
  // Makes all that was marked durable.
  Task<Status> Sync();

 private:
  Task<Status> ReadHeader(uint64_t offset, MutableByteSpan out);
  Task<Status> Mark(const ShardPurge& purge);
  Task<void> Punch(uint64_t offset, uint64_t record_bytes);
  Task<Status> SyncSealed();
  Status Failed(Status status);

  const PurgeContext context_;
  const MarkableVolume volume_;
  const uint32_t number_;
  const std::string path_;
};

Task<Status> VolumePurge::MarkAndPunch(const ShardPurge& purge, bool* dead) {
  const uint64_t offset = purge.location.offset;
  if (volume_.volume != nullptr && volume_.volume->IsUnfinished(offset)) {
    co_return Status(Code::kConflict, "record is being written");
  }
  model::ShardRecordHeaderBytes header;
  CO_RETURN_IF_ERROR(co_await ReadHeader(offset, MutableByteSpan(header)));
  Sha256Digest root{};
  uint64_t body_bytes = 0;
  CO_ASSIGN_OR_RETURN(const Target target,
                      Identify(context_.drive, purge, header, &root, &body_bytes));
  if (target == Target::kAlive) CO_RETURN_IF_ERROR(co_await Mark(purge));
  *dead = true;
  context_.leaves.Erase({number_, offset, root});
  co_await Punch(offset, model::RecordBytes(body_bytes));
  if (target == Target::kDead) co_return Status(Code::kNotFound, "was purged before");
  co_return Status::Ok();
}

Task<Status> VolumePurge::ReadHeader(uint64_t offset, MutableByteSpan out) {
  DiskFile& file = *volume_.file;
  const Result<uint64_t> size = co_await file.Size();
  if (!size.ok()) co_return size.status();
  if (offset >= *size || *size - offset < out.size()) {
    co_return Status(Code::kNotFound, "volume ends before it");
  }
  const Status status = co_await file.ReadAt(offset, out);
  if (!status.ok()) context_.drive.ReportReadError(status, path_);
  co_return status;
}

Task<Status> VolumePurge::Mark(const ShardPurge& purge) {
  // Again: somebody newer may have come while the header was read.
  CO_RETURN_IF_ERROR(context_.fence.Pass(purge.epoch));
  PASS_FAILPOINT("purge.mark", path_);
  const ByteSpan mark(model::kDeadMark);
  const std::span<const ByteSpan> parts(&mark, 1);
  if (volume_.volume != nullptr) {
    co_return co_await volume_.volume->Write(purge.location.offset, parts);
  }
  DiskFile& file = *volume_.file;
  Status status = co_await file.WriteAt(purge.location.offset, parts);
  if (status.ok() || status.code() == Code::kNoSpace) co_return status;
  co_return Failed(std::move(status));
}

Task<void> VolumePurge::Punch(uint64_t offset, uint64_t record_bytes) {
  const model::PageRange pages = model::PagesToPunch(offset, record_bytes);
  if (pages.begin == pages.end) co_return;
  Status status;
  if (FailpointsArmed()) status = co_await HitFailpoint("purge.punch", path_);
  DiskFile& file = *volume_.file;
  if (status.ok()) status = co_await file.PunchHole(pages.begin, pages.end - pages.begin);
  if (!status.ok()) {
    spdlog::warn("space of a purged shard not given back path={} offset={} error={}",
                 LogValue(path_), offset, LogValue(status.message()));
  }
}

Task<Status> VolumePurge::Sync() {
  if (volume_.volume != nullptr) {
    PASS_FAILPOINT("purge.sync", path_);
    co_return co_await volume_.volume->MakeDurable();
  }
  Status status = co_await SyncSealed();
  if (status.ok()) context_.drive.health.OnWriteSuccess();
  co_return status.ok() ? status : Failed(std::move(status));
}

Task<Status> VolumePurge::SyncSealed() {
  PASS_FAILPOINT("purge.sync", path_);
  CO_RETURN_IF_ERROR(co_await context_.drive.CheckIdentity(/*force=*/false));
  DiskFile& file = *volume_.file;
  CO_RETURN_IF_ERROR(co_await file.Sync());
  if (context_.volumes.epoch() != context_.drive.health.epoch()) {
    co_return Status(Code::kUnavailable, "drive went away: " + path_);
  }
  co_return Status::Ok();
}

Status VolumePurge::Failed(Status status) {
  context_.volumes.RefuseMarks(number_, status);
  if (status.code() != Code::kUnavailable) context_.drive.ReportWriteFailure(status, path_);
  return status;
}

Task<void> PurgeInVolume(PurgeContext context, uint32_t number,
                         const std::vector<ShardPurge>* purges, std::vector<size_t> indexes,
                         std::vector<Status>* answers) {
  Result<MarkableVolume> volume = co_await context.volumes.OpenForMarks(number);
  if (!volume.ok()) {
    for (const size_t index : indexes) (*answers)[index] = volume.status();
    co_return;
  }
  VolumePurge purge(context, std::move(*volume), number);
  std::vector<size_t> dead;
  for (const size_t index : indexes) {
    bool is_dead = false;
    (*answers)[index] = co_await purge.MarkAndPunch((*purges)[index], &is_dead);
    if (is_dead) dead.push_back(index);
  }
  if (dead.empty()) co_return;
  const Status durable = co_await purge.Sync();
  for (const size_t index : dead) {
    if (!durable.ok()) {
      (*answers)[index] = durable;
    } else if ((*answers)[index].ok()) {
      context.drive.metrics.purges.Increment();
    }
  }
  spdlog::debug("shards purged volume={} asked={} dead={} durable={}", number, indexes.size(),
                dead.size(), durable.ok());
}

}  // namespace

Status EpochFence::Pass(uint64_t epoch) {
  uint64_t highest = highest_.load();
  while (epoch > highest && !highest_.compare_exchange_weak(highest, epoch)) {
  }
  if (epoch >= highest || SeededBug("chunk.purge_any_epoch")) return Status::Ok();
  return Status(Code::kConflict, "a newer epoch was seen");
}

Task<std::vector<Status>> Purge(PurgeContext context, std::vector<ShardPurge> purges) {
  std::vector<Status> answers(purges.size());
  std::map<uint32_t, std::vector<size_t>> by_volume;
  for (size_t i = 0; i < purges.size(); ++i) {
    answers[i] = Admit(context, purges[i]);
    if (answers[i].ok()) by_volume[purges[i].location.volume].push_back(i);
  }
  for (const auto& [number, indexes] : by_volume) {
    co_await PurgeInVolume(context, number, &purges, indexes, &answers);
  }
  co_return answers;
}

}  // namespace ashlar::chunk_server
