// Two ways to the same proof (leaf -> leaf digests -> root of the extent row):
//
//   small record:  one read   [header | leaf digests | body up to the last leaf needed]
//   large record:  one read   [header | leaf digests], kept in the LeafCache once verified,
//                  then       [leaves that cover the range], straight into the caller's buffer when
//                             the range begins and ends with a leaf
//
// Hashing goes over many leaves at once (Sha256Many), because one SHA-256 stream waits for itself.
#include "chunk_server/shards/shard_reader.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "base/seeded_bug.h"
#include "model/shard_record.h"
#include "runtime/frame_pool.h"

namespace ashlar::chunk_server {
namespace {

using model::kLeafBytes;
using model::kRecordHeaderBytes;

constexpr size_t kLeavesAtOnce = 32;
// Ranges up to this size that are not made of whole leaves are read in one piece and copied; of
// larger ones only the edges are.
constexpr uint64_t kScratchBytesMax = 128 * 1024;

// Memory of the frame pool, not cleared.
struct Scratch {
  explicit Scratch(uint64_t size)
      : span(static_cast<uint8_t*>(internal::AllocateFrame(size)), size) {}
  ~Scratch() { internal::FreeFrame(span.data(), span.size()); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  const MutableByteSpan span;
};

uint64_t LeafEnd(uint64_t leaf, uint64_t body_bytes) {
  return std::min((leaf + 1) * kLeafBytes, body_bytes);
}

// The digests in `bytes`, which they stay in, after they were checked against the root.
Result<std::span<const Sha256Digest>> VerifiedLeafList(const ShardAddress& address,
                                                       ByteSpan bytes) {
  static_assert(alignof(Sha256Digest) == 1 && sizeof(Sha256Digest) == 32);
  const std::span<const Sha256Digest> leaves(reinterpret_cast<const Sha256Digest*>(bytes.data()),
                                             model::LeafCount(address.body_bytes));
  CHECK(bytes.size() == leaves.size_bytes());
  if (model::ShardRoot(leaves) != address.root) {
    return Status(Code::kCorrupt, "leaf digests do not verify");
  }
  return leaves;
}

// A short file is damage (somebody cut it), not an error of the device.
Task<Status> ReadBytes(Drive& drive, DiskFile& file, const ShardAddress& address, uint64_t offset,
                       MutableByteSpan out) {
  Status status = co_await file.ReadAt(offset, out);
  if (status.ok()) co_return status;
  const Result<uint64_t> size = co_await file.Size();
  if (size.ok() && *size < offset + out.size()) {
    co_return Status(Code::kCorrupt, "volume ends before the record");
  }
  drive.ReportReadError(status, "volume " + std::to_string(address.location.volume));
  co_return status;
}

Task<Status> ReadSmall(Drive& drive, DiskFile& file, const ShardAddress& address, uint64_t offset,
                       MutableByteSpan out) {
  const uint64_t list_bytes = sizeof(Sha256Digest) * model::LeafCount(address.body_bytes);
  const uint64_t body_at = kRecordHeaderBytes + list_bytes;
  const uint64_t first = offset / kLeafBytes;
  const uint64_t last = (offset + out.size() - 1) / kLeafBytes;
  const Scratch scratch(body_at + LeafEnd(last, address.body_bytes));
  CO_RETURN_IF_ERROR(
      co_await ReadBytes(drive, file, address, address.location.offset, scratch.span));
  const ByteSpan bytes = scratch.span;
  CO_RETURN_IF_ERROR(CheckRecord(address, drive.uuid_prefix(), bytes.first(kRecordHeaderBytes)));
  const Result<std::span<const Sha256Digest>> leaves =
      VerifiedLeafList(address, bytes.subspan(kRecordHeaderBytes, list_bytes));
  if (!leaves.ok()) co_return leaves.status();
  CO_RETURN_IF_ERROR(VerifyLeaves(bytes.subspan(body_at + first * kLeafBytes), first, *leaves));
  std::memcpy(out.data(), bytes.data() + body_at + offset, out.size());
  co_return Status::Ok();
}

Task<Result<LeafList>> LoadLeaves(Drive& drive, DiskFile& file, LeafCache& cache,
                                  const ShardAddress& address) {
  const LeafCache::Key key{address.location.volume, address.location.offset, address.root};
  if (LeafList cached = cache.Find(key)) co_return cached;
  const Scratch scratch(kRecordHeaderBytes +
                        sizeof(Sha256Digest) * model::LeafCount(address.body_bytes));
  CO_RETURN_IF_ERROR(
      co_await ReadBytes(drive, file, address, address.location.offset, scratch.span));
  const ByteSpan bytes = scratch.span;
  CO_RETURN_IF_ERROR(CheckRecord(address, drive.uuid_prefix(), bytes.first(kRecordHeaderBytes)));
  const Result<std::span<const Sha256Digest>> leaves =
      VerifiedLeafList(address, bytes.subspan(kRecordHeaderBytes));
  if (!leaves.ok()) co_return leaves.status();
  LeafList list = std::make_shared<const std::vector<Sha256Digest>>(leaves->begin(), leaves->end());
  cache.Insert(key, list);
  co_return list;
}

// Reads and verifies the leaves that cover [offset, offset + out.size()) of the body at `body_at`.
Task<Status> ReadCovering(Drive& drive, DiskFile& file, const ShardAddress& address,
                          uint64_t body_at, std::span<const Sha256Digest> leaves, uint64_t offset,
                          MutableByteSpan out) {
  const uint64_t first = offset / kLeafBytes;
  const uint64_t begin = first * kLeafBytes;
  const uint64_t end = LeafEnd((offset + out.size() - 1) / kLeafBytes, address.body_bytes);
  if (begin == offset && end == offset + out.size()) {
    CO_RETURN_IF_ERROR(co_await ReadBytes(drive, file, address, body_at + begin, out));
    co_return VerifyLeaves(out, first, leaves);
  }
  const Scratch scratch(end - begin);
  CO_RETURN_IF_ERROR(co_await ReadBytes(drive, file, address, body_at + begin, scratch.span));
  CO_RETURN_IF_ERROR(VerifyLeaves(scratch.span, first, leaves));
  std::memcpy(out.data(), scratch.span.data() + (offset - begin), out.size());
  co_return Status::Ok();
}

Task<Status> ReadLarge(Drive& drive, DiskFile& file, LeafCache& cache, const ShardAddress& address,
                       uint64_t offset, MutableByteSpan out) {
  const Result<LeafList> loaded = co_await LoadLeaves(drive, file, cache, address);
  if (!loaded.ok()) co_return loaded.status();
  const std::span<const Sha256Digest> leaves(**loaded);
  const uint64_t body_at = model::BodyPosition(address.location.offset, address.body_bytes);
  if (out.size() <= kScratchBytesMax) {
    co_return co_await ReadCovering(drive, file, address, body_at, leaves, offset, out);
  }
  // Head up to the first whole leaf, whole leaves, tail behind the last whole one.
  const uint64_t end = offset + out.size();
  const uint64_t middle = model::AlignUp(offset, kLeafBytes);
  const uint64_t tail = end == address.body_bytes ? end : end / kLeafBytes * kLeafBytes;
  const std::array<uint64_t, 4> cuts = {offset, middle, tail, end};
  for (size_t i = 0; i + 1 < cuts.size(); ++i) {
    if (cuts[i] == cuts[i + 1]) continue;
    const MutableByteSpan piece = out.subspan(cuts[i] - offset, cuts[i + 1] - cuts[i]);
    CO_RETURN_IF_ERROR(
        co_await ReadCovering(drive, file, address, body_at, leaves, cuts[i], piece));
  }
  co_return Status::Ok();
}

// A shard that was purged while it was read gives zeros, or digests from the cache that belong to
// nothing any more. The header tells.
Task<Status> LookAgain(Drive& drive, DiskFile& file, LeafCache& cache, const ShardAddress& address,
                       Status corrupt) {
  cache.Erase({address.location.volume, address.location.offset, address.root});
  const Scratch scratch(kRecordHeaderBytes);
  const Status read =
      co_await ReadBytes(drive, file, address, address.location.offset, scratch.span);
  if (!read.ok()) co_return corrupt;
  Status now = CheckRecord(address, drive.uuid_prefix(), scratch.span);
  co_return now.code() == Code::kNotFound ? now : corrupt;
}

}  // namespace

Status VerifyLeaves(ByteSpan body, uint64_t first, std::span<const Sha256Digest> leaves) {
  std::array<ByteSpan, kLeavesAtOnce> inputs;
  std::array<Sha256Digest, kLeavesAtOnce> digests;
  uint64_t leaf = first;
  while (!body.empty()) {
    size_t count = 0;
    for (; count < kLeavesAtOnce && !body.empty(); ++count) {
      const size_t size = std::min<size_t>(kLeafBytes, body.size());
      inputs[count] = body.first(size);
      body = body.subspan(size);
    }
    Sha256Many(std::span(inputs).first(count), std::span(digests).first(count));
    for (size_t i = 0; i < count; ++i, ++leaf) {
      if (digests[i] != leaves[leaf] && !SeededBug("read.skip_leaves")) {
        return Status(Code::kCorrupt, "leaf " + std::to_string(leaf) + " does not verify");
      }
    }
  }
  return Status::Ok();
}

Status CheckRecord(const ShardAddress& address, uint64_t drive_uuid_prefix, ByteSpan header) {
  if (std::all_of(header.begin(), header.end(), [](uint8_t byte) { return byte == 0; })) {
    return Status(Code::kNotFound, "nothing was ever written there");
  }
  Result<model::ShardRecordHeader> decoded = model::DecodeShardRecordHeader(header);
  const bool live = decoded.ok();
  if (!live) {
    // Only now: nearly all records are alive, and a refusal costs the text of its reason.
    Result<model::ShardRecordHeader> dead = model::DecodeDeadRecordHeader(header);
    if (!dead.ok()) return decoded.status();
    decoded = std::move(dead);
  }
  const model::ShardRecordHeader& record = *decoded;
  if (record.own_offset != address.location.offset || record.volume != address.location.volume ||
      record.drive_uuid_prefix != drive_uuid_prefix) {
    return Status(Code::kCorrupt, "record was written to a wrong place");
  }
  if (!live) return Status(Code::kNotFound, "the shard was purged");
  if (record.extent != address.extent || record.shard_index != address.shard_index ||
      record.generation != address.location.generation) {
    return Status(Code::kNotFound, "another shard lies there");
  }
  if (record.body_bytes != address.body_bytes || record.root != address.root) {
    return Status(Code::kCorrupt, "record differs from its extent");
  }
  return Status::Ok();
}

Task<Status> ReadShardRange(Drive& drive, DiskFile& file, LeafCache& cache,
                            const ShardAddress& address, uint64_t offset, MutableByteSpan out) {
  const bool small = model::RecordBytes(address.body_bytes) <= kSmallRecordBytes;
  Status status;
  if (small) {
    status = co_await ReadSmall(drive, file, address, offset, out);
  } else {
    status = co_await ReadLarge(drive, file, cache, address, offset, out);
  }
  if (!status.ok()) std::fill(out.begin(), out.end(), uint8_t{0});
  if (status.code() == Code::kCorrupt) {
    status = co_await LookAgain(drive, file, cache, address, std::move(status));
  }
  if (status.code() == Code::kCorrupt) drive.metrics.verify_failures.Increment();
  co_return status;
}

}  // namespace ashlar::chunk_server
