// Writing shards: the bytes of a record, and the writer of one that arrives in pieces.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/status.h"
#include "chunk_server/chunk_store.h"
#include "chunk_server/drive/drive.h"
#include "chunk_server/volumes/volume_set.h"
#include "model/shard_record.h"
#include "runtime/task.h"

namespace ashlar::chunk_server {

// As the record format bounds it.
inline constexpr uint64_t kBodyBytesMax = 2 * model::kExtentDataBytesMax;

// kInvalidArgument when no record can be made of it.
[[nodiscard]] Status CheckSpec(const ShardSpec& spec);

// The header of the shard's record at `reservation`, with the root of `leaves`.
[[nodiscard]] model::ShardRecordHeaderBytes EncodeHeader(const Drive& drive, const ShardSpec& spec,
                                                         const Reservation& reservation,
                                                         std::span<const Sha256Digest> leaves);
// Zeros between the body's end and the record's.
[[nodiscard]] ByteSpan RecordPadding(uint64_t body_bytes);

// Body pieces go to their places as they come; header and leaf digests last, in one write; then the
// group commit. A record is valid from the header on, so an unfinished one never looks finished.
class LocalShardWriter final : public ShardWriter {
 public:
  LocalShardWriter(Drive& drive, std::shared_ptr<VolumeSet> volumes, const ShardSpec& spec,
                   Reservation reservation);
  Task<Status> Append(std::span<const ByteSpan> pieces) override;
  Task<Result<model::ShardLocation>> Finish(std::span<const Sha256Digest> leaves) override;

 private:
  Drive& drive_;
  const std::shared_ptr<VolumeSet> volumes_;
  const ShardSpec spec_;
  Reservation reservation_;
  uint64_t appended_ = 0;
  bool finished_ = false;
  Status failure_;  // of an earlier piece: nothing can complete the record any more
};

}  // namespace ashlar::chunk_server
