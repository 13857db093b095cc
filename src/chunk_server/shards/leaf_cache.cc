#include "chunk_server/shards/leaf_cache.h"

#include <utility>

#include "runtime/memory_metrics.h"

namespace ashlar::chunk_server {
namespace {

// Of the caches of all drives together.
void CountHeld(double bytes) {
  static prometheus::Gauge& held = MemoryGauge("leaf_digests");
  held.Increment(bytes);
}

}  // namespace

uint64_t LeafCache::Cost(const Entry& entry) {
  constexpr uint64_t kOverhead = 256;  // nodes of list and map, key twice, control block
  return entry.leaves->size() * sizeof(Sha256Digest) + kOverhead;
}

LeafList LeafCache::Find(const Key& key) {
  const std::lock_guard lock(mutex_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return nullptr;
  by_use_.splice(by_use_.begin(), by_use_, found->second);
  return found->second->leaves;
}

void LeafCache::Insert(const Key& key, LeafList leaves) {
  Entry entry{key, std::move(leaves)};
  const uint64_t cost = Cost(entry);
  if (cost > bytes_max_) return;
  const std::lock_guard lock(mutex_);
  if (by_key_.contains(key)) return;
  EvictDownTo(bytes_max_ - cost);
  by_use_.push_front(std::move(entry));
  by_key_.emplace(key, by_use_.begin());
  bytes_ += cost;
  CountHeld(static_cast<double>(cost));
}

void LeafCache::Erase(const Key& key) {
  const std::lock_guard lock(mutex_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return;
  const uint64_t cost = Cost(*found->second);
  bytes_ -= cost;
  CountHeld(-static_cast<double>(cost));
  by_use_.erase(found->second);
  by_key_.erase(found);
}

void LeafCache::Clear() {
  const std::lock_guard lock(mutex_);
  EvictDownTo(0);
}

uint64_t LeafCache::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

void LeafCache::EvictDownTo(uint64_t bytes) {
  while (bytes_ > bytes) {
    const uint64_t cost = Cost(by_use_.back());
    bytes_ -= cost;
    CountHeld(-static_cast<double>(cost));
    by_key_.erase(by_use_.back().key);
    by_use_.pop_back();
  }
}

}  // namespace ashlar::chunk_server
