#include "fsck/internal/extent_table.h"

#include <algorithm>

#include "base/bytes.h"

namespace ashlar::fsck {

uint32_t ExtentTable::Fingerprint(const model::ShardLocation& location, const Sha256Digest& root) {
  std::string text;
  Encoder out(&text);
  out.Varint(location.drive.value);
  out.Varint(location.volume);
  out.Varint(location.offset);
  out.Varint(location.generation);
  // A row that does not know the root (rebuilt metadata) has zeros there: then the place decides.
  out.Raw(root);
  return Crc32c(0, AsBytes(text));
}

void ExtentTable::Append(const model::Extent& extent) {
  CHECK(ids_.empty() || ids_.back() < extent.id);
  ids_.push_back(extent.id);
  data_shards_.push_back(extent.data_shards);
  flags_.push_back(0);
  books_.push_back({.data_bytes = extent.data_bytes()});
  for (size_t i = 0; i < extent.locations.size(); ++i) {
    const model::ShardLocation& location = extent.locations[i];
    fingerprints_.push_back(Fingerprint(location, extent.roots[i]));
    states_.push_back(location.present ? ShardState::kMissing : ShardState::kNotWritten);
  }
  first_shard_.push_back(fingerprints_.size());
}

std::optional<size_t> ExtentTable::Find(const ExtentId& id) const {
  const auto at = std::lower_bound(ids_.begin(), ids_.end(), id);
  if (at == ids_.end() || *at != id) return std::nullopt;
  return static_cast<size_t>(at - ids_.begin());
}

int ExtentTable::GoodShards(size_t at) const {
  const auto begin = states_.begin() + static_cast<ptrdiff_t>(first_shard_[at]);
  const auto end = states_.begin() + static_cast<ptrdiff_t>(first_shard_[at + 1]);
  return static_cast<int>(std::count(begin, end, ShardState::kLive));
}

}  // namespace ashlar::fsck
