// MD5 of up to eight streams with AVX2, one stream a lane: for CPUs without AVX-512.
//
// Lanes that are not used read what the first lane reads; their results are dropped.
#include "base/check.h"
#include "base/digest_kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define ASHLAR_AVX2_TARGET __attribute__((target("avx2")))
#define ASHLAR_AVX2_INLINE __attribute__((target("avx2"), always_inline)) inline
#define ASHLAR_MD5_INLINE ASHLAR_AVX2_INLINE

#include "base/digest_md5_rounds.h"

namespace ashlar::digest_kernels {
namespace {

constexpr size_t kBlockSize = 64;
constexpr size_t kLanes = 8;

struct Ops8 {
  using Vec = __m256i;
  using Words = __m256i[16];
  static ASHLAR_AVX2_INLINE Vec Word(const Words& words, int i) { return words[i]; }
  static ASHLAR_AVX2_INLINE Vec Constant(uint32_t c) {
    return _mm256_set1_epi32(static_cast<int>(c));
  }
  static ASHLAR_AVX2_INLINE Vec Add(Vec a, Vec b) { return _mm256_add_epi32(a, b); }
  template <int kBits>
  static ASHLAR_AVX2_INLINE Vec Rotate(Vec a) {
    return _mm256_or_si256(_mm256_slli_epi32(a, kBits), _mm256_srli_epi32(a, 32 - kBits));
  }
  template <int kStage>
  static ASHLAR_AVX2_INLINE Vec AddMixed(Vec sum, Vec b, Vec c, Vec d) {
    if constexpr (kStage == 0) {
      return Add(sum, _mm256_xor_si256(_mm256_and_si256(_mm256_xor_si256(c, d), b), d));
    } else if constexpr (kStage == 1) {
      // The two halves have no bit in common, so they may be added; c and d are there early.
      sum = Add(sum, _mm256_andnot_si256(d, c));
      Pin(sum);
      return Add(sum, _mm256_and_si256(d, b));
    } else if constexpr (kStage == 2) {
      return Add(sum, _mm256_xor_si256(_mm256_xor_si256(c, d), b));
    } else {
      const Vec not_d = _mm256_xor_si256(d, _mm256_set1_epi32(-1));
      return Add(sum, _mm256_xor_si256(c, _mm256_or_si256(not_d, b)));
    }
  }
  static ASHLAR_AVX2_INLINE void Pin(Vec& sum) { asm("" : "+x"(sum)); }
};

// Words `first` to first + 7 of the eight blocks.
ASHLAR_AVX2_INLINE void LoadWords(const uint8_t* const* blocks, size_t offset, __m256i* words) {
  __m256i pairs[8];
  for (size_t i = 0; i < 8; i += 2) {
    const __m256i a = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(blocks[i] + offset));
    const __m256i b = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(blocks[i + 1] + offset));
    pairs[i] = _mm256_unpacklo_epi32(a, b);
    pairs[i + 1] = _mm256_unpackhi_epi32(a, b);
  }
  for (size_t i = 0; i < 2; ++i) {
    const __m256i low = _mm256_unpacklo_epi64(pairs[i], pairs[i + 2]);
    const __m256i high = _mm256_unpackhi_epi64(pairs[i], pairs[i + 2]);
    const __m256i next_low = _mm256_unpacklo_epi64(pairs[i + 4], pairs[i + 6]);
    const __m256i next_high = _mm256_unpackhi_epi64(pairs[i + 4], pairs[i + 6]);
    words[2 * i] = _mm256_permute2x128_si256(low, next_low, 0x20);
    words[2 * i + 1] = _mm256_permute2x128_si256(high, next_high, 0x20);
    words[2 * i + 4] = _mm256_permute2x128_si256(low, next_low, 0x31);
    words[2 * i + 5] = _mm256_permute2x128_si256(high, next_high, 0x31);
  }
}

}  // namespace

bool CpuHasAvx2() { return __builtin_cpu_supports("avx2") != 0; }

ASHLAR_AVX2_TARGET void Md5EightAvx2(std::span<StreamLane* const> lanes, size_t blocks) {
  CHECK(!lanes.empty() && lanes.size() <= kLanes);
  alignas(32) uint32_t state[4][kLanes];
  const uint8_t* from[kLanes];
  for (size_t i = 0; i < kLanes; ++i) {
    const StreamLane& lane = *lanes[i < lanes.size() ? i : 0];
    for (size_t word = 0; word < 4; ++word) state[word][i] = lane.md5[word];
    from[i] = lane.next;
  }
  __m256i md5[4];
  for (int i = 0; i < 4; ++i) {
    md5[i] = _mm256_load_si256(reinterpret_cast<const __m256i*>(state[i]));
  }
  for (size_t offset = 0; offset < blocks * kBlockSize; offset += kBlockSize) {
    const __m256i before[4] = {md5[0], md5[1], md5[2], md5[3]};
    __m256i words[16];
    LoadWords(from, offset, words);
    LoadWords(from, offset + kBlockSize / 2, words + 8);
    Md5Rounds<Ops8, 0>(md5, words, std::make_integer_sequence<int, 64>{});
    for (int i = 0; i < 4; ++i) md5[i] = _mm256_add_epi32(md5[i], before[i]);
  }
  for (int i = 0; i < 4; ++i) {
    _mm256_store_si256(reinterpret_cast<__m256i*>(state[i]), md5[i]);
  }
  for (size_t i = 0; i < lanes.size(); ++i) {
    for (size_t word = 0; word < 4; ++word) lanes[i]->md5[word] = state[word][i];
  }
}

}  // namespace ashlar::digest_kernels

#else

namespace ashlar::digest_kernels {

bool CpuHasAvx2() { return false; }
void Md5EightAvx2(std::span<StreamLane* const>, size_t) { CHECK(false); }

}  // namespace ashlar::digest_kernels

#endif
