// The scanner reads in windows; where a window cannot be read, sector by sector around the bad
// place.
#include "chunk_server/volume_scanner.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace ashlar::chunk_server {
namespace {

constexpr uint64_t kWindowBytes = 256 * 1024;
constexpr uint64_t kSectorBytes = 4096;
constexpr uint64_t kUnreadableRunMax = 1024 * 1024;

bool IsZero(ByteSpan bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](uint8_t byte) { return byte == 0; });
}

}  // namespace

VolumeScanner::VolumeScanner(DiskFile& file, uint32_t volume, uint64_t drive_uuid_prefix,
                             uint64_t begin, uint64_t end)
    : file_(file),
      volume_(volume),
      drive_uuid_prefix_(drive_uuid_prefix),
      position_(model::AlignUp(std::max<uint64_t>(begin, model::kVolumeHeaderBytes),
                               model::kRecordAlignment)),
      end_(end) {}

Task<Result<std::optional<ScannedRecord>>> VolumeScanner::Next() {
  while (position_ + model::kRecordHeaderBytes <= end_) {
    if (position_ < window_begin_ ||
        position_ + model::kRecordHeaderBytes > window_begin_ + window_size_) {
      CO_RETURN_IF_ERROR(co_await Load(position_));
    }
    const ByteSpan bytes =
        ByteSpan(window_).subspan(position_ - window_begin_, model::kRecordHeaderBytes);
    std::optional<ScannedRecord> record = RecordAt(position_, bytes);
    if (record.has_value()) {
      position_ += record->record_bytes;
      co_return record;
    }
    if (!IsZero(bytes.first(model::kRecordAlignment))) skipped_bytes_ += model::kRecordAlignment;
    position_ += model::kRecordAlignment;
  }
  co_return std::optional<ScannedRecord>();
}

std::optional<ScannedRecord> VolumeScanner::RecordAt(uint64_t offset, ByteSpan bytes) const {
  if (bytes[0] != 'A') return std::nullopt;  // most places, without a function call
  const Result<model::ShardRecordHeader> header = model::DecodeShardRecordHeader(bytes);
  if (!header.ok() || header->own_offset != offset || header->volume != volume_ ||
      header->drive_uuid_prefix != drive_uuid_prefix_) {
    return std::nullopt;
  }
  const uint64_t size = model::RecordBytes(header->body_bytes);
  if (size > end_ - offset) return std::nullopt;
  return ScannedRecord{*header, offset, size};
}

Task<Status> VolumeScanner::Load(uint64_t offset) {
  window_.resize(kWindowBytes);
  window_begin_ = offset;
  window_size_ = std::min(kWindowBytes, end_ - offset);
  const MutableByteSpan window = MutableByteSpan(window_).first(window_size_);
  const Status whole = co_await file_.ReadAt(offset, window);
  if (whole.ok()) {
    unreadable_run_ = 0;
    co_return whole;
  }
  // Somewhere in it is a bad place: read around it.
  for (uint64_t at = 0; at < window_size_; at += kSectorBytes) {
    const MutableByteSpan piece = window.subspan(at, std::min(kSectorBytes, window_size_ - at));
    const Status status = co_await file_.ReadAt(offset + at, piece);
    if (status.ok()) {
      unreadable_run_ = 0;
      continue;
    }
    std::fill(piece.begin(), piece.end(), uint8_t{0});
    unreadable_bytes_ += piece.size();
    unreadable_run_ += piece.size();
    if (unreadable_run_ >= kUnreadableRunMax) co_return status;
  }
  co_return Status::Ok();
}

}  // namespace ashlar::chunk_server
