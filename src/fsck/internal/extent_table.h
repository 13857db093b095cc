// ExtentTable: what the metadata says of every extent and what the drives were found to hold, as
// compact as can be: columns of numbers, sorted by extent id.
//
// A place is kept as a 32-bit fingerprint. A record whose fingerprint differs is looked up in the
// row itself, so a collision (one in 4 billion) could only let a stray pass for the right one.
//
// Filled by one thread in the order of ids; afterwards Find and Mark from several, under the
// owner's lock.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/ids.h"
#include "model/extent.h"
#include "model/shard_record.h"

namespace ashlar::fsck {

enum class ShardState : uint8_t { kMissing = 0, kNotWritten, kLive, kCorrupt };

class ExtentTable {
 public:
  static constexpr uint8_t kReclaimed = 1;  // has a reclaim record
  static constexpr uint8_t kSparse = 2;     // has a row in 'y'
  static constexpr uint8_t kHasBooks = 4;   // has a row in 'l'

  size_t size() const { return ids_.size(); }
  // Ids ascend.
  void Append(const model::Extent& extent);
  std::optional<size_t> Find(const ExtentId& id) const;

  const ExtentId& id(size_t at) const { return ids_[at]; }
  int data_shards(size_t at) const { return data_shards_[at]; }
  int shard_count(size_t at) const {
    return static_cast<int>(first_shard_[at + 1] - first_shard_[at]);
  }
  bool Expects(size_t at, int shard, uint32_t fingerprint) const {
    return fingerprints_[first_shard_[at] + static_cast<size_t>(shard)] == fingerprint;
  }
  ShardState state(size_t at, int shard) const {
    return states_[first_shard_[at] + static_cast<size_t>(shard)];
  }
  void SetState(size_t at, int shard, ShardState state) {
    states_[first_shard_[at] + static_cast<size_t>(shard)] = state;
  }
  int GoodShards(size_t at) const;

  // ---- books
  uint8_t flags(size_t at) const { return flags_[at]; }
  void AddFlag(size_t at, uint8_t flag) { flags_[at] |= flag; }
  struct Books {
    uint64_t data_bytes = 0;        // of the extent
    uint64_t live_bytes = 0;        // as row 'l' says
    uint64_t slice_bytes = 0;       // sum of the slices found
    uint64_t referrer_balance = 0;  // 0 when referrers by slices and by rows are the same set
  };
  Books& books(size_t at) { return books_[at]; }
  const Books& books(size_t at) const { return books_[at]; }
  bool IsInUse(size_t at) const { return books_[at].slice_bytes > 0; }

  static uint32_t Fingerprint(const model::ShardLocation& location, const Sha256Digest& root);

 private:
  std::vector<ExtentId> ids_;
  std::vector<uint8_t> data_shards_;
  std::vector<uint8_t> flags_;
  std::vector<Books> books_;
  std::vector<uint64_t> first_shard_{0};
  std::vector<uint32_t> fingerprints_;
  std::vector<ShardState> states_;
};

}  // namespace ashlar::fsck
