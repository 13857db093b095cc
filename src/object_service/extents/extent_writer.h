// ExtentWriter: turns stripes of payload into k+m durable shards.
//
// A stripe is encoded and hashed at once, while it is in the cache, then handed to all shard
// writers in parallel. A shard whose drive fails or stays behind is given up; the extent is good as
// long as acknowledge_shards_min() are durable, and each one given up leaves a repair order.
#pragma once

#include <memory>
#include <vector>

#include "model/extent.h"
#include "object_service/internal/core.h"
#include "object_service/internal/gathering.h"

namespace ashlar::object_service {

// What a write has put on the drives so far.
struct StoredExtents {
  metadata_db::NewExtents extents;
  std::vector<model::Slice> slices;
};

class ExtentWriter {
 public:
  // Half as many writes of twice the size cost a large PUT 1 to 4 % less CPU, and the leaves of
  // two stripes of 10+4 fill the lanes that hash them.
  static constexpr size_t kStripesPerWrite = 2;

  // `payload_bytes` includes `directory_bytes`; `patience` is that of its shards.
  ExtentWriter(Core& core, uint64_t payload_bytes, uint32_t directory_bytes, Duration patience);

  const model::ExtentLayout& layout() const { return layout_; }
  const ExtentId& id() const { return extent_.id; }
  // Bytes of a buffer for one stripe: k data units, then room for m parity units.
  size_t StripeBufferBytes() const;

  // Reserves room on the drives. kUnavailable or kNoSpace when too few can take a shard.
  Task<Status> Open();
  // The next stripes, of which each drive gets one write: up to kStripesPerWrite, all full or one.
  // Each buffer holds k * UnitBytes(stripe) payload bytes (the end zero-padded). One call at a
  // time.
  Task<Status> AppendStripes(std::vector<SharedBuffer> buffers);
  // After the last stripe: everything durable. Adds the extent and its repair orders to `out`.
  Task<Status> Finish(metadata_db::NewExtents* out);

 private:
  struct Shard;
  using SharedShard = std::shared_ptr<Shard>;
  using SharedBuffers = std::shared_ptr<const std::vector<SharedBuffer>>;

  Task<Status> Settle(std::shared_ptr<Gathering<Status>> gathering, std::vector<size_t> shard_of);
  static Task<Status> OpenShard(SharedShard shard, chunk_server::ShardSpec spec);
  static Task<Status> Append(SharedShard shard, SharedBuffers buffers,
                             std::vector<ByteSpan> pieces);
  static Task<Status> FinishShard(SharedShard shard);

  Core& core_;
  const uint64_t exchanges_seen_;
  const Duration patience_;
  model::Extent extent_;
  model::ExtentLayout layout_;
  std::vector<SharedShard> shards_;
  uint64_t next_stripe_ = 0;
};

// A batch of at most one stripe, written whole: encodes, hashes, writes and syncs k+m records.
// `buffer` as in AppendStripes, `patience` that of the shards. Adds extent and repair orders to
// `out`.
Task<Status> WriteOneStripeExtent(Core& core, ExtentId id, SharedBuffer buffer,
                                  uint64_t payload_bytes, uint32_t directory_bytes,
                                  Duration patience, metadata_db::NewExtents* out);

}  // namespace ashlar::object_service
