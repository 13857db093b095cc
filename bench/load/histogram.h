// Latency histogram with log-linear buckets, after the idea of HdrHistogram (G. Tene): each power
// of two is cut into 128 equal buckets, so that a quantile is off by less than 1/256 of its value
// (0.4 %) at any magnitude, recording is a few instructions, and merging is an addition.
#pragma once

#include <cstdint>
#include <vector>

namespace ashlar::bench {

// Not thread-safe: one per worker, merged at the end.
class Histogram {
 public:
  Histogram();

  void Record(uint64_t value);
  void Merge(const Histogram& other);

  uint64_t count() const { return count_; }
  // Exact, 0 when empty.
  uint64_t max() const { return max_; }
  uint64_t min() const { return count_ == 0 ? 0 : min_; }
  double Mean() const;

  // The smallest recorded value (to bucket precision) that at least `fraction` (0 to 1) of all
  // values do not exceed; 0 when empty. Never beyond max().
  uint64_t Quantile(double fraction) const;

 private:
  std::vector<uint64_t> counts_;
  uint64_t count_ = 0;
  uint64_t max_ = 0;
  uint64_t min_ = UINT64_MAX;
  double sum_ = 0;
};

}  // namespace ashlar::bench
