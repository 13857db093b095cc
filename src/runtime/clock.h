// Clock and Random: ports, so that a simulation can own time and chance.
#pragma once

#include <chrono>
#include <cstdint>

#include "base/bytes.h"
#include "base/ids.h"

namespace ashlar {

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  // Milliseconds since 1970-01-01 UTC. May jump; never used for order or deadlines.
  virtual int64_t WallMilliseconds() = 0;
  // Nanoseconds of a clock that never goes back; its origin means nothing.
  virtual int64_t MonotonicNanoseconds() = 0;
};

// Thread-safe; the production one is the kernel's CSPRNG.
class Random {
 public:
  virtual ~Random() = default;
  virtual void Fill(MutableByteSpan out) = 0;
  uint64_t Next64();
};

// A fresh time-ordered id.
[[nodiscard]] UniqueId NewUniqueId(Clock& clock, Random& random);

Clock& SystemClock();
Random& SystemRandom();

}  // namespace ashlar
