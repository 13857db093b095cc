// SeenPlaces: the places on one drive where whole records were seen, and of what. Two rows can name
// one place: a drive that lost what it had called durable gives the place to another shard. Twelve
// bytes each: volumes are numbered inside the group, offsets are multiples of the record alignment,
// and of the extent's id four random bytes are kept.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "model/extent.h"
#include "model/shard_record.h"

namespace ashlar::cluster {

class SeenPlaces {
 public:
  void AddVolume(uint32_t volume) { volumes_.push_back(volume); }  // ascending
  // In the order of volumes and offsets.
  void Add(const ExtentId& extent, size_t shard, const model::ShardLocation& location) {
    places_.push_back(KeyOf(VolumeIndex(location.volume), location.offset));
    names_.push_back(NameOf(extent, shard));
  }
  bool HasVolume(uint32_t volume) const {
    return std::binary_search(volumes_.begin(), volumes_.end(), volume);
  }
  bool Contains(const ExtentId& extent, size_t shard, const model::ShardLocation& location) const {
    if (!HasVolume(location.volume)) return false;
    const uint64_t key = KeyOf(VolumeIndex(location.volume), location.offset);
    const auto place = std::lower_bound(places_.begin(), places_.end(), key);
    if (place == places_.end() || *place != key) return false;
    return names_[static_cast<size_t>(place - places_.begin())] == NameOf(extent, shard);
  }
  size_t size() const { return places_.size(); }

 private:
  static uint64_t KeyOf(uint64_t index, uint64_t offset) {
    return index << 42 | offset / model::kRecordAlignment;
  }
  static uint32_t NameOf(const ExtentId& extent, size_t shard) {
    return LoadLittle32(extent.bytes.data() + extent.bytes.size() - sizeof(uint32_t)) ^
           static_cast<uint32_t>(shard);
  }
  uint64_t VolumeIndex(uint32_t volume) const {
    return static_cast<uint64_t>(std::lower_bound(volumes_.begin(), volumes_.end(), volume) -
                                 volumes_.begin());
  }

  std::vector<uint32_t> volumes_;
  std::vector<uint64_t> places_;
  std::vector<uint32_t> names_;  // beside the places
};

}  // namespace ashlar::cluster
