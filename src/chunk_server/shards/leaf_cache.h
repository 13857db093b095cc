// LeafCache: leaf digests of large shards that were read and verified against their root, so that
// the next range of the same shard costs one read. Bounded in bytes, least recently used goes
// first.
//
// A list in the cache is verified; a hit is only given to who asks with the same root, so a stale
// or wrong entry cannot vouch for other bytes. Thread-safe.
#pragma once

#include <compare>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "base/digest.h"
#include "base/ids.h"

namespace ashlar::chunk_server {

using LeafList = std::shared_ptr<const std::vector<Sha256Digest>>;

class LeafCache {
 public:
  struct Key {
    uint32_t volume = 0;
    uint64_t offset = 0;
    Sha256Digest root{};
    auto operator<=>(const Key&) const = default;
  };

  explicit LeafCache(uint64_t bytes_max) : bytes_max_(bytes_max) {}

  LeafList Find(const Key& key);  // null when not there
  void Insert(const Key& key, LeafList leaves);
  void Erase(const Key& key);
  void Clear();
  uint64_t bytes() const;

 private:
  struct Entry {
    Key key;
    LeafList leaves;
  };
  static uint64_t Cost(const Entry& entry);
  void EvictDownTo(uint64_t bytes);  // holds mutex_

  const uint64_t bytes_max_;
  mutable std::mutex mutex_;
  uint64_t bytes_ = 0;
  std::list<Entry> by_use_;  // most recent first
  std::map<Key, std::list<Entry>::iterator> by_key_;
};

}  // namespace ashlar::chunk_server
