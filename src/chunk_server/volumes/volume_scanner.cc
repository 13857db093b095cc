// The scanner reads in windows; where a window cannot be read, sector by sector around the bad
// place. After a jump over a large record only the next header is read.
#include "chunk_server/volume_scanner.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/check.h"

namespace ashlar::chunk_server {
namespace {

using model::kRecordAlignment;
using model::kRecordHeaderBytes;

constexpr uint64_t kSectorBytes = 4096;
constexpr uint64_t kUnreadableRunMax = 1024 * 1024;

bool IsZero(ByteSpan bytes) {
  static constexpr std::array<uint8_t, kRecordAlignment> kZeros{};
  return std::memcmp(bytes.data(), kZeros.data(), kZeros.size()) == 0;
}

}  // namespace

VolumeScanner::VolumeScanner(DiskFile& file, uint32_t volume, uint64_t drive_uuid_prefix,
                             ScanRange range)
    : file_(file),
      volume_(volume),
      drive_uuid_prefix_(drive_uuid_prefix),
      range_(range),
      position_(model::AlignUp(std::max<uint64_t>(range.begin, model::kVolumeHeaderBytes),
                               kRecordAlignment)),
      records_end_(range.begin) {
  CHECK(range.end <= range.limit && range.window_bytes % kSectorBytes == 0);
}

Task<Result<std::optional<ScannedRecord>>> VolumeScanner::Next() {
  while (position_ < range_.end && !at_end()) {
    if (!InWindow(position_, kRecordHeaderBytes)) {
      CO_RETURN_IF_ERROR(co_await Load(position_, kRecordHeaderBytes));
    }
    const ByteSpan bytes = ByteSpan(window_).subspan(position_ - window_begin_, kRecordHeaderBytes);
    const std::optional<Found> found = RecordAt(position_, bytes);
    if (!found.has_value()) {
      PassOver(bytes.first(kRecordAlignment));
      continue;
    }
    position_ += found->record.record_bytes;
    records_end_ = position_;
    if (!found->dead) co_return std::optional<ScannedRecord>(found->record);
    dead_bytes_ += found->record.record_bytes;
  }
  co_return std::optional<ScannedRecord>();
}

Task<Result<ByteSpan>> VolumeScanner::View(uint64_t offset, uint64_t least, uint64_t most) {
  CHECK(least <= most && least <= range_.window_bytes / 2 && offset + most <= range_.limit);
  if (!InWindow(offset, least)) CO_RETURN_IF_ERROR(co_await Load(offset, most));
  const uint64_t end = std::min(ReadableEnd(offset), offset + most);
  if (end < offset + least) co_return Status(Code::kIoError, "a place cannot be read");
  co_return ByteSpan(window_).subspan(offset - window_begin_, end - offset);
}

void VolumeScanner::PassOver(ByteSpan bytes) {
  if (bad_sectors_.empty() || ReadableEnd(position_) > position_) {
    (IsZero(bytes) ? zero_bytes_ : skipped_bytes_) += kRecordAlignment;
  }
  position_ += kRecordAlignment;
}

bool VolumeScanner::InWindow(uint64_t offset, uint64_t size) const {
  return offset >= window_begin_ && offset + size <= window_begin_ + window_size_;
}

uint64_t VolumeScanner::ReadableEnd(uint64_t offset) const {
  for (const uint64_t sector : bad_sectors_) {
    if (sector + kSectorBytes > offset) return std::max(sector, offset);
  }
  return window_begin_ + window_size_;
}

std::optional<VolumeScanner::Found> VolumeScanner::RecordAt(uint64_t offset, ByteSpan bytes) {
  if (bytes[0] != 'A') return std::nullopt;  // most places, without a function call
  const bool dead = bytes[3] == model::kDeadMark[3];
  const Result<model::ShardRecordHeader> header =
      dead ? model::DecodeDeadRecordHeader(bytes) : model::DecodeShardRecordHeader(bytes);
  if (!header.ok() || header->own_offset != offset || header->volume != volume_ ||
      header->drive_uuid_prefix != drive_uuid_prefix_) {
    return std::nullopt;
  }
  const uint64_t size = model::RecordBytes(header->body_bytes);
  if (size > range_.limit - offset) {
    cut_record_end_ = std::max(cut_record_end_, offset + size);
    return std::nullopt;
  }
  return Found{ScannedRecord{*header, offset, size}, dead};
}

Task<Status> VolumeScanner::Load(uint64_t offset, uint64_t reach) {
  const uint64_t begin = offset / kSectorBytes * kSectorBytes;
  const bool jumped = begin > window_begin_ + window_size_ + range_.window_bytes;
  const uint64_t reach_end = model::AlignUp(offset + reach, kSectorBytes);
  const uint64_t wanted = jumped ? reach_end : std::max(range_.end, reach_end);
  const uint64_t end = std::min({wanted, begin + range_.window_bytes, range_.limit});
  window_.resize(range_.window_bytes);
  window_begin_ = begin;
  window_size_ = end - begin;
  bad_sectors_.clear();
  const MutableByteSpan window = MutableByteSpan(window_).first(window_size_);
  const Status whole = co_await file_.ReadAt(begin, window);
  if (whole.ok()) {
    unreadable_run_ = 0;
    co_return whole;
  }
  // Somewhere in it is a bad place: read around it.
  for (uint64_t at = 0; at < window_size_; at += kSectorBytes) {
    const MutableByteSpan piece = window.subspan(at, std::min(kSectorBytes, window_size_ - at));
    const Status status = co_await file_.ReadAt(begin + at, piece);
    if (status.ok()) {
      unreadable_run_ = 0;
      continue;
    }
    std::fill(piece.begin(), piece.end(), uint8_t{0});
    bad_sectors_.push_back(begin + at);
    unreadable_run_ += piece.size();
    if (begin + at >= counted_end_) {
      unreadable_bytes_ += piece.size();
      counted_end_ = begin + at + piece.size();
    }
    if (unreadable_run_ >= kUnreadableRunMax) {
      window_size_ = 0;
      co_return status;
    }
  }
  co_return Status::Ok();
}

}  // namespace ashlar::chunk_server
