#include "load/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace ashlar::bench {
namespace {

TEST(Histogram, EmptyIsZero) {
  const Histogram histogram;
  EXPECT_EQ(histogram.count(), 0u);
  EXPECT_EQ(histogram.Quantile(0.5), 0u);
  EXPECT_EQ(histogram.min(), 0u);
  EXPECT_EQ(histogram.Mean(), 0);
}

TEST(Histogram, EveryMagnitudeWithinOnePercent) {
  for (int bits = 0; bits < 64; ++bits) {
    for (const double part : {1.0, 1.003, 1.249, 1.5, 1.77, 1.9999}) {
      const auto value = static_cast<uint64_t>(std::ldexp(part, bits));
      // Neighbours far away on both sides, so that clamping to min and max cannot help.
      Histogram histogram;
      histogram.Record(0);
      histogram.Record(value);
      histogram.Record(UINT64_MAX);
      const auto found = static_cast<double>(histogram.Quantile(0.5));
      EXPECT_LT(std::abs(found - static_cast<double>(value)),
                0.01 * static_cast<double>(value) + 1e-9)
          << value;
    }
  }
}

TEST(Histogram, QuantilesOfManyValuesMatchTheSortedList) {
  std::mt19937_64 random(7);
  std::lognormal_distribution<double> latencies(12, 2);
  std::vector<uint64_t> values;
  Histogram histogram;
  for (int i = 0; i < 100'000; ++i) {
    values.push_back(static_cast<uint64_t>(latencies(random)));
    histogram.Record(values.back());
  }
  std::sort(values.begin(), values.end());
  for (const double q : {0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999, 1.0}) {
    const auto rank = static_cast<size_t>(std::ceil(q * static_cast<double>(values.size())));
    const auto exact = static_cast<double>(values[rank - 1]);
    EXPECT_NEAR(static_cast<double>(histogram.Quantile(q)), exact, 0.01 * exact) << q;
  }
  EXPECT_EQ(histogram.max(), values.back());
  EXPECT_EQ(histogram.min(), values.front());
}

TEST(Histogram, MergeEqualsRecordingTogether) {
  Histogram left;
  Histogram right;
  Histogram both;
  for (uint64_t i = 1; i < 5000; ++i) {
    (i % 3 == 0 ? left : right).Record(i * i);
    both.Record(i * i);
  }
  left.Merge(right);
  EXPECT_EQ(left.count(), both.count());
  EXPECT_EQ(left.max(), both.max());
  EXPECT_DOUBLE_EQ(left.Mean(), both.Mean());
  for (const double q : {0.0, 0.25, 0.5, 0.99}) EXPECT_EQ(left.Quantile(q), both.Quantile(q));
}

}  // namespace
}  // namespace ashlar::bench
