// SeenPlaces: the places on one drive where whole records were seen. Eight bytes each: volumes are
// numbered inside the group, offsets are multiples of the record alignment.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "model/extent.h"
#include "model/shard_record.h"

namespace ashlar::cluster {

class SeenPlaces {
 public:
  void AddVolume(uint32_t volume) { volumes_.push_back(volume); }  // ascending
  // In the order of volumes and offsets.
  void Add(const model::ShardLocation& location) {
    places_.push_back(KeyOf(VolumeIndex(location.volume), location.offset));
  }
  bool HasVolume(uint32_t volume) const {
    return std::binary_search(volumes_.begin(), volumes_.end(), volume);
  }
  bool Contains(const model::ShardLocation& location) const {
    return HasVolume(location.volume) &&
           std::binary_search(places_.begin(), places_.end(),
                              KeyOf(VolumeIndex(location.volume), location.offset));
  }
  size_t size() const { return places_.size(); }

 private:
  static uint64_t KeyOf(uint64_t index, uint64_t offset) {
    return index << 42 | offset / model::kRecordAlignment;
  }
  uint64_t VolumeIndex(uint32_t volume) const {
    return static_cast<uint64_t>(std::lower_bound(volumes_.begin(), volumes_.end(), volume) -
                                 volumes_.begin());
  }

  std::vector<uint32_t> volumes_;
  std::vector<uint64_t> places_;
};

}  // namespace ashlar::cluster
