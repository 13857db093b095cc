// Core: what the operations of the object service share. Private to the component.
#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <vector>

#include "chunk_server/chunk_store.h"
#include "cluster/placement_map.h"
#include "erasure_encoder/erasure_encoder.h"
#include "index_cache/index_cache.h"
#include "metadata_db/metadata_db.h"
#include "object_service/internal/repair_notes.h"
#include "object_service/object_service.h"
#include "runtime/pooled.h"
#include "runtime/sync.h"

namespace ashlar::object_service {

struct Core {
  Core(ObjectService::Dependencies services, ObjectServiceOptions settings)
      : deps(std::move(services)),
        options(settings),
        repair_notes(deps.metadata, deps.clock, background) {}

  int data_shards() const { return deps.encoder.code().data_shards; }
  int total_shards() const { return deps.encoder.code().total(); }
  // Shards that must be durable before a write is acknowledged: all but two, never fewer than k+1.
  int acknowledge_shards_min() const {
    const int tolerant = total_shards() - options.missing_shards_max_on_write;
    return std::max(tolerant, data_shards() + 1);
  }
  // Larger objects get extents of their own; at most half a stripe, so that directories fit too.
  uint64_t packed_bytes_max() const {
    const uint64_t stripe = static_cast<uint64_t>(data_shards()) * model::kUnitBytes;
    return std::min(options.packed_object_bytes_max, stripe / 2);
  }
  Result<SharedBuffer> Share(Result<PooledBuffer> buffer) const {
    if (!buffer.ok()) return buffer.status();
    return MakePooled<PooledBuffer>(std::move(*buffer));
  }

  ObjectService::Dependencies deps;
  ObjectServiceOptions options;
  TaskScope background;
  std::atomic<bool> stopping{false};
  RepairNotes repair_notes;
};

}  // namespace ashlar::object_service
