// Whatever lies on a drive: volume header, record header, directory. The first byte chooses.
// Oracle: what is accepted survives being written and read again, and is inside its bounds.
#include <algorithm>
#include <cstdint>
#include <cstring>

#include "base/check.h"
#include "model/object_version.h"
#include "model/shard_record.h"

namespace {

using namespace ashlar;         // NOLINT: a program, not a header
using namespace ashlar::model;  // NOLINT

void FuzzVolume(ByteSpan bytes) {
  // A fuzzer cannot guess a CRC: offer the same bytes with right ones as well.
  VolumeHeaderBytes header{};
  std::memcpy(header.data(), bytes.data(), std::min(bytes.size(), header.size()));
  (void)DecodeVolumeHeader(bytes).ok();
  std::memcpy(header.data(), "ASHVOLM1", 8);
  StoreLittle32(header.data() + 8, 1);
  StoreLittle32(header.data() + 56, Crc32c(0, ByteSpan(header).first(56)));
  const auto read = DecodeVolumeHeader(header);
  CHECK(read.ok());
  VolumeHeaderBytes again;
  EncodeVolumeHeader(*read, &again);
  const auto second = DecodeVolumeHeader(again);
  CHECK(second.ok() && second->volume == read->volume && second->checkpoint == read->checkpoint);
}

void FuzzRecord(ByteSpan bytes) {
  ShardRecordHeaderBytes header{};
  std::memcpy(header.data(), bytes.data(), std::min(bytes.size(), header.size()));
  (void)DecodeShardRecordHeader(bytes).ok();
  (void)DecodeDeadRecordHeader(bytes).ok();
  StoreLittle32(header.data() + 124, Crc32c(0, ByteSpan(header).first(124)));
  const auto read = DecodeShardRecordHeader(header);
  if (!read.ok()) return;
  CHECK(read->shard_index < read->data_shards + read->parity_shards);
  CHECK(RecordBytes(read->body_bytes) < (1ULL << 32));
  ShardRecordHeaderBytes again;
  EncodeShardRecordHeader(*read, &again);
  CHECK(again == header);
  std::copy(kDeadMark.begin(), kDeadMark.end(), header.begin());
  const auto dead = DecodeDeadRecordHeader(header);
  CHECK(dead.ok() && *dead == *read);
}

void FuzzDirectory(ByteSpan bytes) {
  const auto entries = DecodeDirectory(AsText(bytes));
  if (!entries.ok()) return;
  const auto again = DecodeDirectory(EncodeDirectory(*entries));
  CHECK(again.ok() && *again == *entries);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const ByteSpan bytes(data + 1, size - 1);
  switch (data[0] % 3) {
    case 0: FuzzVolume(bytes); break;
    case 1: FuzzRecord(bytes); break;
    default: FuzzDirectory(bytes); break;
  }
  return 0;
}
