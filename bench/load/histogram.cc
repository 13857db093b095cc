#include "load/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace ashlar::bench {
namespace {

constexpr int kSubBucketBits = 7;
constexpr uint64_t kSubBuckets = uint64_t{1} << kSubBucketBits;
constexpr size_t kBuckets = (64 - kSubBucketBits) * kSubBuckets + kSubBuckets;

// Values below 2 * kSubBuckets have a bucket of their own; above, `shift` low bits are dropped so
// that the rest lies in [kSubBuckets, 2 * kSubBuckets).
size_t BucketOf(uint64_t value) {
  const int shift = std::max(0, static_cast<int>(std::bit_width(value)) - kSubBucketBits - 1);
  return static_cast<size_t>(shift) * kSubBuckets + static_cast<size_t>(value >> shift);
}

uint64_t MiddleOf(size_t bucket) {
  const uint64_t shift = bucket < 2 * kSubBuckets ? 0 : bucket / kSubBuckets - 1;
  const uint64_t low = (bucket - shift * kSubBuckets) << shift;
  return low + ((uint64_t{1} << shift) >> 1);
}

}  // namespace

Histogram::Histogram() : counts_(kBuckets, 0) {}

void Histogram::Record(uint64_t value) {
  ++counts_[BucketOf(value)];
  ++count_;
  sum_ += static_cast<double>(value);
  max_ = std::max(max_, value);
  min_ = std::min(min_, value);
}

void Histogram::Merge(const Histogram& other) {
  for (size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  sum_ += other.sum_;
  max_ = std::max(max_, other.max_);
  min_ = std::min(min_, other.min_);
}

double Histogram::Mean() const { return count_ == 0 ? 0 : sum_ / static_cast<double>(count_); }

uint64_t Histogram::Quantile(double fraction) const {
  if (count_ == 0) return 0;
  const double wanted = std::ceil(std::clamp(fraction, 0.0, 1.0) * static_cast<double>(count_));
  const uint64_t rank = std::clamp<uint64_t>(static_cast<uint64_t>(wanted), 1, count_);
  uint64_t seen = 0;
  for (size_t bucket = 0; bucket < counts_.size(); ++bucket) {
    seen += counts_[bucket];
    if (seen >= rank) return std::clamp(MiddleOf(bucket), min_, max_);
  }
  return max_;
}

}  // namespace ashlar::bench
