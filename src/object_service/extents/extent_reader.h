// ReadExtent: verified bytes of a part of one stripe, whatever up to m shards do.
//
// Data shards that are there are read directly; nothing is decoded. A shard that is missing, does
// not verify, fails or stays silent for read_hedge_after is rebuilt from k others, and damage is
// noted for healing. With fewer than k readable shards the answer is kUnavailable, and nothing is
// changed.
#pragma once

#include <memory>

#include "model/extent.h"
#include "object_service/internal/core.h"
#include "runtime/pooled.h"

namespace ashlar::object_service {

struct ExtentBytes {
  PooledVector<SharedBuffer> buffers;  // what the pieces point into
  PooledVector<ByteSpan> pieces;       // in payload order
};

// [offset, offset + length) must lie in one stripe of the payload; length > 0.
Task<Result<ExtentBytes>> ReadExtent(Core& core, std::shared_ptr<const model::Extent> extent,
                                     uint64_t offset, uint64_t length);

// Bytes from `offset` to the end of its stripe, at most `length`.
uint64_t StripeRun(const model::Extent& extent, uint64_t offset, uint64_t length);

}  // namespace ashlar::object_service
