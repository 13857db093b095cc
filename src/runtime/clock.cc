#include "runtime/clock.h"

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>

#include "base/check.h"

namespace ashlar {
namespace {

int64_t Read(clockid_t id, int64_t units_per_second) {
  timespec now{};
  CHECK(clock_gettime(id, &now) == 0);
  return now.tv_sec * units_per_second + now.tv_nsec / (1'000'000'000 / units_per_second);
}

class HostClock : public Clock {
 public:
  int64_t WallMilliseconds() override { return Read(CLOCK_REALTIME, 1000); }
  int64_t MonotonicNanoseconds() override { return Read(CLOCK_MONOTONIC, 1'000'000'000); }
};

// Small requests, those for ids, are served from a stock of the thread's own: a call of the kernel
// for each is a hundredth of a small PUT.
class HostRandom : public Random {
 public:
  void Fill(MutableByteSpan out) override {
    if (out.size() > kStockServesMax) return Ask(out);
    thread_local std::array<uint8_t, 32 * kStockServesMax> stock;
    thread_local size_t used = stock.size();
    if (stock.size() - used < out.size()) {
      Ask(stock);
      used = 0;
    }
    const MutableByteSpan taken = MutableByteSpan(stock).subspan(used, out.size());
    std::memcpy(out.data(), taken.data(), out.size());
    std::memset(taken.data(), 0, taken.size());  // nothing is given twice
    used += out.size();
  }

 private:
  static constexpr size_t kStockServesMax = 16;

  static void Ask(MutableByteSpan out) {
    while (!out.empty()) {
      const ssize_t count = getrandom(out.data(), out.size(), 0);
      if (count < 0) {
        CHECK(errno == EINTR);
        continue;
      }
      out = out.subspan(static_cast<size_t>(count));
    }
  }
};

}  // namespace

uint64_t Random::Next64() {
  uint8_t bytes[8];
  Fill(bytes);
  return LoadLittle64(bytes);
}

UniqueId NewUniqueId(Clock& clock, Random& random) {
  UniqueId id;
  const auto milliseconds = static_cast<uint64_t>(clock.WallMilliseconds());
  for (int i = 0; i < 6; ++i) {
    id.bytes[static_cast<size_t>(i)] = static_cast<uint8_t>(milliseconds >> (40 - 8 * i));
  }
  random.Fill(MutableByteSpan(id.bytes).subspan(6));
  return id;
}

Clock& SystemClock() {
  static HostClock clock;
  return clock;
}

Random& SystemRandom() {
  static HostRandom random;
  return random;
}

}  // namespace ashlar
