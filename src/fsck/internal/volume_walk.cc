#include "fsck/internal/volume_walk.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace ashlar::fsck {
namespace {

constexpr uint64_t kWindowBytes = 1 << 20;
constexpr uint64_t kSectorBytes = 4096;
constexpr std::array<uint8_t, 8> kLiveMagic = {'A', 'S', 'H', 'S', 'H', 'R', 'D', '1'};
constexpr std::array<uint8_t, 8> kDeadMagic = {'A', 'S', 'H', 'D', 'E', 'A', 'D', '1'};

bool IsZero(ByteSpan bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](uint8_t byte) { return byte == 0; });
}

Status Corrupt(const char* what) { return Status(Code::kCorrupt, what); }

}  // namespace

VolumeWalk::VolumeWalk(DiskFile& file, VolumePlace place, uint64_t data_end, uint64_t file_bytes,
                       bool verify)
    : file_(file),
      place_(place),
      data_end_(std::min(data_end, file_bytes)),
      file_bytes_(file_bytes),
      verify_(verify) {}

Task<Result<std::optional<FoundRecord>>> VolumeWalk::Next() {
  while (position_ < data_end_ && file_bytes_ - position_ >= model::kRecordHeaderBytes) {
    const uint64_t end = position_ + model::kRecordHeaderBytes;
    if (position_ < window_begin_ || end > window_begin_ + window_size_) co_await Load();
    const ByteSpan bytes =
        ByteSpan(window_).subspan(position_ - window_begin_, model::kRecordHeaderBytes);
    std::optional<FoundRecord> record = RecordAt(bytes);
    if (!record) {
      if (!IsZero(bytes.first(model::kRecordAlignment))) damaged_bytes_ += model::kRecordAlignment;
      position_ += model::kRecordAlignment;
      continue;
    }
    if (record->misdirected) {
      // Its length says nothing about this place.
      position_ += model::kRecordAlignment;
      co_return record;
    }
    position_ += model::RecordBytes(record->header.body_bytes);
    if (verify_ && !record->dead) record->body = co_await VerifyBody(*record);
    co_return record;
  }
  co_return std::optional<FoundRecord>();
}

std::optional<FoundRecord> VolumeWalk::RecordAt(ByteSpan bytes) const {
  if (bytes[0] != 'A') return std::nullopt;
  model::ShardRecordHeaderBytes copy;
  std::copy(bytes.begin(), bytes.end(), copy.begin());
  FoundRecord found;
  found.dead = std::equal(kDeadMagic.begin(), kDeadMagic.end(), copy.begin());
  // The CRC of a purged record is that of the live one.
  if (found.dead) std::copy(kLiveMagic.begin(), kLiveMagic.end(), copy.begin());
  const Result<model::ShardRecordHeader> header = model::DecodeShardRecordHeader(copy);
  if (!header.ok()) return std::nullopt;
  found.header = *header;
  found.offset = position_;
  found.misdirected = header->own_offset != position_ || header->volume != place_.number ||
                      header->drive_uuid_prefix != place_.drive_uuid_prefix;
  const uint64_t size = model::RecordBytes(header->body_bytes);
  if (!found.misdirected && size > file_bytes_ - position_) return std::nullopt;  // cut short
  return found;
}

// Reads a window at the position; what cannot be read becomes zeros and is counted.
Task<void> VolumeWalk::Load() {
  window_.resize(kWindowBytes);
  window_begin_ = position_;
  window_size_ = std::min(kWindowBytes, file_bytes_ - position_);
  const MutableByteSpan window = MutableByteSpan(window_).first(window_size_);
  const Status whole = co_await file_.ReadAt(window_begin_, window);
  if (whole.ok()) co_return;
  for (uint64_t at = 0; at < window_size_; at += kSectorBytes) {
    const MutableByteSpan piece = window.subspan(at, std::min(kSectorBytes, window_size_ - at));
    const Status status = co_await file_.ReadAt(window_begin_ + at, piece);
    if (status.ok()) continue;
    std::fill(piece.begin(), piece.end(), uint8_t{0});
    unreadable_bytes_ += piece.size();
  }
}

Task<Status> VolumeWalk::VerifyBody(FoundRecord record) {
  std::vector<Sha256Digest> leaves(record.header.leaf_count);
  const MutableByteSpan leaf_bytes(reinterpret_cast<uint8_t*>(leaves.data()), leaves.size() * 32);
  CO_RETURN_IF_ERROR(co_await file_.ReadAt(record.offset + model::kRecordHeaderBytes, leaf_bytes));
  if (Sha256(leaf_bytes) != record.header.root) co_return Corrupt("leaf digests");
  const uint64_t begin = model::BodyPosition(record.offset, record.header.body_bytes);
  body_.resize(kWindowBytes);
  size_t leaf = 0;
  for (uint64_t done = 0; done < record.header.body_bytes;) {
    const uint64_t size = std::min(kWindowBytes, record.header.body_bytes - done);
    const MutableByteSpan piece = MutableByteSpan(body_).first(size);
    CO_RETURN_IF_ERROR(co_await file_.ReadAt(begin + done, piece));
    std::vector<ByteSpan> inputs;
    for (uint64_t at = 0; at < size; at += model::kLeafBytes) {
      inputs.push_back(piece.subspan(at, std::min<uint64_t>(model::kLeafBytes, size - at)));
    }
    std::vector<Sha256Digest> digests(inputs.size());
    Sha256Many(inputs, digests);
    for (const Sha256Digest& digest : digests) {
      if (digest != leaves[leaf++]) co_return Corrupt("body");
    }
    done += size;
  }
  co_return Status::Ok();
}

}  // namespace ashlar::fsck
