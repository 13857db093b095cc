// MD5 and SHA-256 of one stream at once, with the SHA extensions of x86-64.
//
// Both are chains that wait for their own latency, in different units of the machine: MD5 in the
// integer ones, SHA-256 in the vector ones. Four rounds of each in turn take as long as MD5 alone.
// The order of instructions is the one written here, as in digest_sha256_ni.cc.
#include <cstring>

#include "base/digest_kernels.h"

#if defined(__x86_64__)

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

template <int kGroup>
ASHLAR_SHA_INLINE void StitchedGroup(uint32_t (&md5)[4], const uint8_t* block,
                                     Sha256Registers& sha256) {
  Md5Rounds<Ops, 4 * kGroup>(md5, block, std::make_integer_sequence<int, 4>{});
  Sha256Group<kGroup>(&sha256, std::index_sequence<0>{});
}

template <int... kGroup>
ASHLAR_SHA_INLINE void Run(StreamLane& lane, size_t blocks, std::integer_sequence<int, kGroup...>) {
  uint32_t md5[4];
  std::memcpy(md5, lane.md5, sizeof(md5));
  for (const uint8_t* block = lane.next; blocks > 0; --blocks, block += kBlockSize) {
    const uint32_t before[4] = {md5[0], md5[1], md5[2], md5[3]};
    Sha256Registers sha256;
    Sha256Load(sha256, lane.sha256, block);
    (StitchedGroup<kGroup>(md5, block, sha256), ...);
    Sha256AddTo(lane.sha256, sha256);
    for (int i = 0; i < 4; ++i) md5[i] += before[i];
  }
  std::memcpy(lane.md5, md5, sizeof(md5));
}

}  // namespace

__attribute__((target("sha,sse4.1"))) void Md5Sha256Stitched(StreamLane& lane, size_t blocks) {
  ClearUpperHalves();
  Run(lane, blocks, std::make_integer_sequence<int, 16>{});
}

}  // namespace ashlar::digest_kernels

#else

#include "base/check.h"

namespace ashlar::digest_kernels {

void Md5Sha256Stitched(StreamLane&, size_t) { CHECK(false); }

}  // namespace ashlar::digest_kernels

#endif
