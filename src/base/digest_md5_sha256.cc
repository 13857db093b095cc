// MD5 and SHA-256 of one to three streams at once, with the SHA extensions of x86-64.
//
// Both are chains that wait for their own latency, in different units of the machine: MD5 in the
// integer ones, SHA-256 in the vector ones. Four rounds of each in turn take as long as MD5 alone,
// and so do two streams, whose chains fill each other's gaps. A third finds no registers left, but
// still costs less than three lanes of vectors, whose rounds take twice as long as those of words.
// The order of instructions is the one written here, as in digest_sha256_ni.cc.
#include <cstring>

#include "base/check.h"
#include "base/digest_kernels.h"

#if defined(__x86_64__)

#define ASHLAR_SHA_TARGET __attribute__((target("sha,sse4.1")))
#define ASHLAR_MD5_INLINE __attribute__((target("sha,sse4.1"), always_inline)) inline

#include "base/digest_md5_rounds.h"
#include "base/digest_sha256_rounds.h"

namespace ashlar::digest_kernels {
namespace {

constexpr size_t kBlockSize = 64;

struct Ops {
  using Vec = uint32_t;
  using Words = const uint8_t*;
  static ASHLAR_SHA_INLINE Vec Word(const Words& words, int i) {
    uint32_t word = 0;
    std::memcpy(&word, words + 4 * i, 4);
    return word;
  }
  static ASHLAR_SHA_INLINE Vec Constant(uint32_t c) { return c; }
  static ASHLAR_SHA_INLINE Vec Add(Vec a, Vec b) { return a + b; }
  template <int kBits>
  static ASHLAR_SHA_INLINE Vec Rotate(Vec a) {
    return a << kBits | a >> (32 - kBits);
  }
  template <int kStage>
  static ASHLAR_SHA_INLINE Vec AddMixed(Vec sum, Vec b, Vec c, Vec d) {
    if constexpr (kStage == 0) return sum + (((c ^ d) & b) ^ d);
    if constexpr (kStage == 1) {
      // The two halves have no bit in common, so they may be added; c and d are there early.
      sum += ~d & c;
      Pin(sum);
      return sum + (d & b);
    }
    if constexpr (kStage == 2) return sum + ((c ^ d) ^ b);
    return sum + ((~d | b) ^ c);
  }
  static ASHLAR_SHA_INLINE void Pin(Vec& sum) { asm("" : "+r"(sum)); }
};

template <int kGroup, size_t... kLane>
ASHLAR_SHA_INLINE void StitchedGroup(uint32_t (*md5)[4], const uint8_t* const* blocks,
                                     size_t offset, Sha256Registers* sha256,
                                     std::index_sequence<kLane...> lane_sequence) {
  (Md5Rounds<Ops, 4 * kGroup>(md5[kLane], blocks[kLane] + offset,
                              std::make_integer_sequence<int, 4>{}),
   ...);
  Sha256Group<kGroup>(sha256, lane_sequence);
}

ASHLAR_SHA_INLINE void AddMd5(uint32_t (&to)[4], const uint32_t (&before)[4]) {
  for (int i = 0; i < 4; ++i) to[i] += before[i];
}

template <size_t... kLane, int... kGroup>
ASHLAR_SHA_INLINE void RunStitched(StreamLane* const* lanes, size_t blocks,
                                   std::index_sequence<kLane...> lane_sequence,
                                   std::integer_sequence<int, kGroup...>) {
  constexpr size_t kLanes = sizeof...(kLane);
  uint32_t md5[kLanes][4];
  Sha256Registers sha256[kLanes];
  const uint8_t* const next[] = {lanes[kLane]->next...};
  (std::memcpy(md5[kLane], lanes[kLane]->md5, sizeof(md5[kLane])), ...);
  (Sha256LoadState(sha256[kLane], lanes[kLane]->sha256), ...);
  for (size_t offset = 0; offset < blocks * kBlockSize; offset += kBlockSize) {
    // MD5's state before the block waits in the lane: registers are few.
    (std::memcpy(lanes[kLane]->md5, md5[kLane], sizeof(md5[kLane])), ...);
    const Sha256Registers sha256_before[] = {sha256[kLane]...};
    (Sha256LoadWords(sha256[kLane], next[kLane] + offset), ...);
    (StitchedGroup<kGroup>(md5, next, offset, sha256, lane_sequence), ...);
    (Sha256Add(sha256[kLane], sha256_before[kLane]), ...);
    (AddMd5(md5[kLane], lanes[kLane]->md5), ...);
  }
  (std::memcpy(lanes[kLane]->md5, md5[kLane], sizeof(md5[kLane])), ...);
  (Sha256StoreState(sha256[kLane], lanes[kLane]->sha256), ...);
}

template <size_t kLanes>
ASHLAR_SHA_TARGET void Stitched(StreamLane* const* lanes, size_t blocks) {
  RunStitched(lanes, blocks, std::make_index_sequence<kLanes>{},
              std::make_integer_sequence<int, 16>{});
}

}  // namespace

ASHLAR_SHA_TARGET void Md5Sha256Stitched(std::span<StreamLane* const> lanes, size_t blocks) {
  CHECK(!lanes.empty() && lanes.size() <= kStitchedLanesMax);
  ClearUpperHalves();
  switch (lanes.size()) {
    case 1: Stitched<1>(lanes.data(), blocks); break;
    case 2: Stitched<2>(lanes.data(), blocks); break;
    default: Stitched<3>(lanes.data(), blocks); break;
  }
}

}  // namespace ashlar::digest_kernels

#else

namespace ashlar::digest_kernels {

void Md5Sha256Stitched(std::span<StreamLane* const>, size_t) { CHECK(false); }

}  // namespace ashlar::digest_kernels

#endif
