// A page holds the records that begin in `bytes_max` bytes of the volume, so a call's work is
// bounded also where nothing but holes or damage lies.
//
// Bodies are verified out of the scanner's own window: header, leaf digests and body of many small
// records, or a piece of a large one, come from one large read, and no byte is read twice but the
// rest of a leaf at a window's edge.
#include "chunk_server/maintenance/volume_walk.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "chunk_server/shards/shard_reader.h"
#include "chunk_server/volume_scanner.h"
#include "model/shard_record.h"

namespace ashlar::chunk_server {
namespace {

constexpr uint64_t kVerifyWindowBytes = 1 << 20;
constexpr uint64_t kHeadersWindowBytes = 256 * 1024;

Task<Result<std::vector<Sha256Digest>>> ReadLeaves(VolumeScanner& scanner,
                                                   const ScannedRecord& record) {
  std::vector<Sha256Digest> leaves(record.header.leaf_count);
  const MutableByteSpan out(reinterpret_cast<uint8_t*>(leaves.data()),
                            leaves.size() * sizeof(Sha256Digest));
  const uint64_t begin = record.offset + model::kRecordHeaderBytes;
  for (uint64_t at = 0; at < out.size();) {
    const uint64_t least = std::min<uint64_t>(out.size() - at, model::kLeafBytes);
    CO_ASSIGN_OR_RETURN(const ByteSpan bytes,
                        co_await scanner.View(begin + at, least, out.size() - at));
    std::memcpy(out.data() + at, bytes.data(), bytes.size());
    at += bytes.size();
  }
  if (model::ShardRoot(leaves) != record.header.root) {
    co_return Status(Code::kCorrupt, "leaf digests do not verify");
  }
  co_return leaves;
}

// kCorrupt, kIoError.
Task<Status> VerifyBody(VolumeScanner& scanner, ScannedRecord record) {
  CO_ASSIGN_OR_RETURN(const std::vector<Sha256Digest> leaves, co_await ReadLeaves(scanner, record));
  const uint64_t size = record.header.body_bytes;
  const uint64_t begin = model::BodyPosition(record.offset, size);
  for (uint64_t at = 0; at < size;) {
    const uint64_t rest = size - at;
    const uint64_t least = std::min<uint64_t>(rest, model::kLeafBytes);
    CO_ASSIGN_OR_RETURN(const ByteSpan bytes, co_await scanner.View(begin + at, least, rest));
    uint64_t taken = bytes.size();
    if (taken < rest) taken = taken / model::kLeafBytes * model::kLeafBytes;
    CO_RETURN_IF_ERROR(VerifyLeaves(bytes.first(taken), at / model::kLeafBytes, leaves));
    at += taken;
  }
  co_return Status::Ok();
}

WalkedShard Describe(const ScannedRecord& record, DriveId drive) {
  const model::ShardRecordHeader& header = record.header;
  WalkedShard shard;
  shard.spec.extent = header.extent;
  shard.spec.shard_index = header.shard_index;
  shard.spec.data_shards = header.data_shards;
  shard.spec.parity_shards = header.parity_shards;
  shard.spec.tier = header.tier;
  shard.spec.generation = header.generation;
  shard.spec.body_bytes = header.body_bytes;
  shard.spec.payload_bytes = header.payload_bytes;
  shard.spec.directory_bytes = header.directory_bytes;
  shard.spec.unit_bytes = header.unit_bytes;
  shard.location.drive = drive;
  shard.location.present = true;
  shard.location.generation = header.generation;
  shard.location.volume = header.volume;
  shard.location.offset = record.offset;
  shard.root = header.root;
  shard.record_bytes = record.record_bytes;
  return shard;
}

ScanRange RangeOf(uint64_t offset, uint64_t limit, const WalkOptions& options) {
  ScanRange range;
  range.begin =
      std::clamp<uint64_t>(offset, std::min<uint64_t>(model::kVolumeHeaderBytes, limit), limit);
  const uint64_t step = std::max<uint64_t>(options.bytes_max, model::kRecordAlignment);
  range.end = limit - range.begin > step ? range.begin + step : limit;
  range.limit = limit;
  range.window_bytes = options.verify_bodies ? kVerifyWindowBytes : kHeadersWindowBytes;
  return range;
}

}  // namespace

Task<Result<WalkPage>> WalkPageAt(Drive& drive, uint32_t number, ReadableVolume volume,
                                  uint64_t offset, WalkOptions options) {
  const uint32_t records_max = std::max(options.records_max, 1U);
  const ScanRange range = RangeOf(offset, volume.end, options);
  VolumeScanner scanner(*volume.file, number, drive.uuid_prefix(), range);
  WalkPage page;
  while (page.shards.size() < records_max) {
    const Result<std::optional<ScannedRecord>> record = co_await scanner.Next();
    if (!record.ok()) {
      drive.ReportReadError(record.status(), "volume " + std::to_string(number));
      co_return record.status();
    }
    if (!record->has_value()) break;
    WalkedShard shard = Describe(**record, drive.options.identity.drive);
    if (options.verify_bodies) shard.verified = co_await VerifyBody(scanner, **record);
    page.shards.push_back(std::move(shard));
  }
  page.next_offset = std::min(scanner.position(), volume.end);
  page.at_end = scanner.at_end();
  page.dead_bytes = scanner.dead_bytes() + scanner.zero_bytes();
  page.damaged_bytes = scanner.skipped_bytes();
  page.unreadable_bytes = scanner.unreadable_bytes();
  if (page.unreadable_bytes > 0) {
    drive.ReportReadError(Status(Code::kIoError, "some places cannot be read"),
                          "volume " + std::to_string(number));
  }
  co_return page;
}

}  // namespace ashlar::chunk_server
