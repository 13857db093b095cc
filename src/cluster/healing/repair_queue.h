// RepairQueue: extents that wait to be healed, those that can lose the fewest further shards first.
//
// Bounded: when it is full the least urgent one falls out; the next scan of the repair orders finds
// it again. One executor.
#pragma once

#include <cstddef>
#include <iterator>
#include <map>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "model/object_version.h"

namespace ashlar::cluster {

class RepairQueue {
 public:
  using Orders = std::vector<model::RepairOrder>;  // of one extent

  explicit RepairQueue(size_t capacity) : capacity_(capacity) {}

  // `remaining`: further shards that the extent can lose.
  void Push(int remaining, const ExtentId& extent, Orders orders) {
    entries_[{remaining, extent}] = std::move(orders);
    if (entries_.size() > capacity_) entries_.erase(std::prev(entries_.end()));
  }
  std::vector<Orders> Take(size_t max) {
    std::vector<Orders> taken;
    while (taken.size() < max && !entries_.empty()) {
      taken.push_back(std::move(entries_.begin()->second));
      entries_.erase(entries_.begin());
    }
    return taken;
  }
  void Clear() { entries_.clear(); }
  bool empty() const { return entries_.empty(); }

 private:
  const size_t capacity_;
  std::map<std::pair<int, ExtentId>, Orders> entries_;
};

}  // namespace ashlar::cluster
