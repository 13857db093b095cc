// MD5 and SHA-256 of several streams with AVX-512: one stream a lane of the vectors.
//
// MD5 has no instructions of its own, and a single stream waits for itself; a round over vectors
// takes twice as long as one over words (Zen 5), but does up to sixteen streams. Rotate and the
// three-input functions are single instructions here.
//
// Up to eight streams use narrow vectors, and their SHA-256 goes along: the instructions of the SHA
// extensions stand between the rounds of MD5, which leave most of the machine idle. Those of eight
// streams just fill that time, so that eight take hardly longer than four.
//
//  1. Lanes that are not used read what the first lane reads; their results are dropped.
//  2. Only whole blocks of a lane are read.
#include <algorithm>

#include "base/check.h"
#include "base/digest_kernels.h"

#if defined(__x86_64__)
#include <cpuid.h>

#define ASHLAR_AVX512 target("avx512f,avx512bw,avx512vl,sha,sse4.1")
#define ASHLAR_AVX512_TARGET __attribute__((ASHLAR_AVX512))
#define ASHLAR_AVX512_INLINE __attribute__((ASHLAR_AVX512, always_inline)) inline
#define ASHLAR_MD5_INLINE ASHLAR_AVX512_INLINE

#include "base/digest_md5_rounds.h"
#include "base/digest_sha256_rounds.h"

namespace ashlar::digest_kernels {
namespace {

constexpr size_t kBlockSize = 64;
// Truth tables of the functions F, G, H, I of MD5, and of those of SHA-256.
constexpr int kMd5Tables[4] = {0xca, 0xe4, 0x96, 0x39};
constexpr int kXor3 = 0x96;
constexpr int kChoose = 0xca;
constexpr int kMajority = 0xe8;

// ---- one block of each lane, as sixteen vectors of one word a lane

// Keeps the compiler from adding in another order than the one written, which makes chains longer.
ASHLAR_AVX512_INLINE void Pin(__m512i& sum) { asm("" : "+v"(sum)); }

ASHLAR_AVX512_INLINE __m512i Load(const uint8_t* block) { return _mm512_loadu_si512(block); }

// Words 4l+i of four lanes, in quarter l of to[i].
ASHLAR_AVX512_INLINE void TransposeQuads(const uint8_t* const* blocks, size_t offset, __m512i* to) {
  const __m512i a = Load(blocks[0] + offset);
  const __m512i b = Load(blocks[1] + offset);
  const __m512i c = Load(blocks[2] + offset);
  const __m512i d = Load(blocks[3] + offset);
  const __m512i ab_low = _mm512_unpacklo_epi32(a, b);
  const __m512i ab_high = _mm512_unpackhi_epi32(a, b);
  const __m512i cd_low = _mm512_unpacklo_epi32(c, d);
  const __m512i cd_high = _mm512_unpackhi_epi32(c, d);
  to[0] = _mm512_unpacklo_epi64(ab_low, cd_low);
  to[1] = _mm512_unpackhi_epi64(ab_low, cd_low);
  to[2] = _mm512_unpacklo_epi64(ab_high, cd_high);
  to[3] = _mm512_unpackhi_epi64(ab_high, cd_high);
}

ASHLAR_AVX512_INLINE void LoadWords(const uint8_t* const* blocks, size_t offset, __m512i* words) {
  __m512i quads[4][4];
  for (int i = 0; i < 4; ++i) TransposeQuads(blocks + 4 * i, offset, quads[i]);
  for (int i = 0; i < 4; ++i) {
    const __m512i low = _mm512_shuffle_i32x4(quads[0][i], quads[1][i], 0x44);
    const __m512i high = _mm512_shuffle_i32x4(quads[0][i], quads[1][i], 0xee);
    const __m512i next_low = _mm512_shuffle_i32x4(quads[2][i], quads[3][i], 0x44);
    const __m512i next_high = _mm512_shuffle_i32x4(quads[2][i], quads[3][i], 0xee);
    words[i] = _mm512_shuffle_i32x4(low, next_low, 0x88);
    words[i + 4] = _mm512_shuffle_i32x4(low, next_low, 0xdd);
    words[i + 8] = _mm512_shuffle_i32x4(high, next_high, 0x88);
    words[i + 12] = _mm512_shuffle_i32x4(high, next_high, 0xdd);
  }
}

// ---- MD5

struct Ops16 {
  using Vec = __m512i;
  using Words = __m512i[16];
  static ASHLAR_AVX512_INLINE Vec Word(const Words& words, int i) { return words[i]; }
  static ASHLAR_AVX512_INLINE Vec Constant(uint32_t c) {
    return _mm512_set1_epi32(static_cast<int>(c));
  }
  static ASHLAR_AVX512_INLINE Vec Add(Vec a, Vec b) { return _mm512_add_epi32(a, b); }
  template <int kBits>
  static ASHLAR_AVX512_INLINE Vec Rotate(Vec a) {
    return _mm512_rol_epi32(a, kBits);
  }
  template <int kStage>
  static ASHLAR_AVX512_INLINE Vec AddMixed(Vec sum, Vec b, Vec c, Vec d) {
    return _mm512_add_epi32(sum, _mm512_ternarylogic_epi32(b, c, d, kMd5Tables[kStage]));
  }
  static ASHLAR_AVX512_INLINE void Pin(Vec& sum) { digest_kernels::Pin(sum); }
};

struct Ops4 {
  using Vec = __m128i;
  using Words = __m128i[16];
  static ASHLAR_AVX512_INLINE Vec Word(const Words& words, int i) { return words[i]; }
  static ASHLAR_AVX512_INLINE Vec Constant(uint32_t c) {
    return _mm_set1_epi32(static_cast<int>(c));
  }
  static ASHLAR_AVX512_INLINE Vec Add(Vec a, Vec b) { return _mm_add_epi32(a, b); }
  template <int kBits>
  static ASHLAR_AVX512_INLINE Vec Rotate(Vec a) {
    return _mm_rol_epi32(a, kBits);
  }
  template <int kStage>
  static ASHLAR_AVX512_INLINE Vec AddMixed(Vec sum, Vec b, Vec c, Vec d) {
    return _mm_add_epi32(sum, _mm_ternarylogic_epi32(b, c, d, kMd5Tables[kStage]));
  }
  static ASHLAR_AVX512_INLINE void Pin(Vec& sum) { asm("" : "+v"(sum)); }
};

struct Ops8 {
  using Vec = __m256i;
  using Words = __m256i[16];
  static ASHLAR_AVX512_INLINE Vec Word(const Words& words, int i) { return words[i]; }
  static ASHLAR_AVX512_INLINE Vec Constant(uint32_t c) {
    return _mm256_set1_epi32(static_cast<int>(c));
  }
  static ASHLAR_AVX512_INLINE Vec Add(Vec a, Vec b) { return _mm256_add_epi32(a, b); }
  template <int kBits>
  static ASHLAR_AVX512_INLINE Vec Rotate(Vec a) {
    return _mm256_rol_epi32(a, kBits);
  }
  template <int kStage>
  static ASHLAR_AVX512_INLINE Vec AddMixed(Vec sum, Vec b, Vec c, Vec d) {
    return _mm256_add_epi32(sum, _mm256_ternarylogic_epi32(b, c, d, kMd5Tables[kStage]));
  }
  static ASHLAR_AVX512_INLINE void Pin(Vec& sum) { asm("" : "+v"(sum)); }
};

template <size_t kLanes>
void GatherMd5(StreamLane* const* lanes, size_t count, uint32_t (&state)[4][kLanes],
               const uint8_t* (&blocks)[kLanes]) {
  for (size_t i = 0; i < kLanes; ++i) {
    const StreamLane& lane = *lanes[i < count ? i : 0];  // invariant 1
    for (size_t word = 0; word < 4; ++word) state[word][i] = lane.md5[word];
    blocks[i] = lane.next;
  }
}
template <size_t kLanes>
void ScatterMd5(const uint32_t (&state)[4][kLanes], StreamLane* const* lanes, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    for (size_t word = 0; word < 4; ++word) lanes[i]->md5[word] = state[word][i];
  }
}

// Four rounds of MD5, and four of SHA-256 in the streams that have it.
template <int kGroup, size_t... kLane>
ASHLAR_AVX512_INLINE void StitchedGroup(__m128i (&md5)[4], const __m128i (&words)[16],
                                        Sha256Registers* sha256,
                                        std::index_sequence<kLane...> sequence) {
  Md5Rounds<Ops4, 4 * kGroup>(md5, words, std::make_integer_sequence<int, 4>{});
  if constexpr (sizeof...(kLane) > 0) Sha256Group<kGroup>(sha256, sequence);
}

ASHLAR_AVX512_INLINE __m128i LoadQuad(const uint8_t* from) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
}

ASHLAR_AVX512_INLINE void LoadWords4(const uint8_t* const* blocks, size_t offset, __m128i* words) {
  for (size_t i = 0; i < 4; ++i, offset += 16) {
    const __m128i a = LoadQuad(blocks[0] + offset);
    const __m128i b = LoadQuad(blocks[1] + offset);
    const __m128i c = LoadQuad(blocks[2] + offset);
    const __m128i d = LoadQuad(blocks[3] + offset);
    const __m128i ab_low = _mm_unpacklo_epi32(a, b);
    const __m128i ab_high = _mm_unpackhi_epi32(a, b);
    const __m128i cd_low = _mm_unpacklo_epi32(c, d);
    const __m128i cd_high = _mm_unpackhi_epi32(c, d);
    words[4 * i] = _mm_unpacklo_epi64(ab_low, cd_low);
    words[4 * i + 1] = _mm_unpackhi_epi64(ab_low, cd_low);
    words[4 * i + 2] = _mm_unpacklo_epi64(ab_high, cd_high);
    words[4 * i + 3] = _mm_unpackhi_epi64(ab_high, cd_high);
  }
}

template <size_t... kLane, int... kGroup>
ASHLAR_AVX512_INLINE void RunFour(StreamLane* const* lanes, size_t count, size_t blocks,
                                  std::index_sequence<kLane...> sequence,
                                  std::integer_sequence<int, kGroup...>) {
  alignas(16) uint32_t state[4][4];
  const uint8_t* from[4];
  GatherMd5(lanes, count, state, from);
  __m128i md5[4];
  for (int i = 0; i < 4; ++i) md5[i] = *reinterpret_cast<const __m128i*>(state[i]);
  Sha256Registers sha256[sizeof...(kLane) + 1];
  (Sha256LoadState(sha256[kLane], lanes[kLane]->sha256), ...);
  for (size_t offset = 0; offset < blocks * kBlockSize; offset += kBlockSize) {
    const __m128i before[4] = {md5[0], md5[1], md5[2], md5[3]};
    __m128i words[16];
    LoadWords4(from, offset, words);
    [[maybe_unused]] const Sha256Registers sha256_before[] = {sha256[kLane]..., {}};
    (Sha256LoadWords(sha256[kLane], lanes[kLane]->next + offset), ...);
    (StitchedGroup<kGroup>(md5, words, sha256, sequence), ...);
    (Sha256Add(sha256[kLane], sha256_before[kLane]), ...);
    for (int i = 0; i < 4; ++i) md5[i] = _mm_add_epi32(md5[i], before[i]);
  }
  (Sha256StoreState(sha256[kLane], lanes[kLane]->sha256), ...);
  for (int i = 0; i < 4; ++i) *reinterpret_cast<__m128i*>(state[i]) = md5[i];
  ScatterMd5(state, lanes, count);
}

template <size_t kShaLanes>
ASHLAR_AVX512_TARGET void Four(StreamLane* const* lanes, size_t count, size_t blocks) {
  RunFour(lanes, count, blocks, std::make_index_sequence<kShaLanes>{},
          std::make_integer_sequence<int, 16>{});
}

// ---- eight streams with both hashes

ASHLAR_AVX512_INLINE __m256i LoadQuads(const uint8_t* low, const uint8_t* high) {
  return _mm256_inserti128_si256(_mm256_castsi128_si256(LoadQuad(low)), LoadQuad(high), 1);
}

ASHLAR_AVX512_INLINE void LoadWords8(const uint8_t* const* blocks, size_t offset, __m256i* words) {
  for (size_t i = 0; i < 4; ++i, offset += 16) {
    const __m256i a = LoadQuads(blocks[0] + offset, blocks[4] + offset);
    const __m256i b = LoadQuads(blocks[1] + offset, blocks[5] + offset);
    const __m256i c = LoadQuads(blocks[2] + offset, blocks[6] + offset);
    const __m256i d = LoadQuads(blocks[3] + offset, blocks[7] + offset);
    const __m256i ab_low = _mm256_unpacklo_epi32(a, b);
    const __m256i ab_high = _mm256_unpackhi_epi32(a, b);
    const __m256i cd_low = _mm256_unpacklo_epi32(c, d);
    const __m256i cd_high = _mm256_unpackhi_epi32(c, d);
    words[4 * i] = _mm256_unpacklo_epi64(ab_low, cd_low);
    words[4 * i + 1] = _mm256_unpackhi_epi64(ab_low, cd_low);
    words[4 * i + 2] = _mm256_unpacklo_epi64(ab_high, cd_high);
    words[4 * i + 3] = _mm256_unpackhi_epi64(ab_high, cd_high);
  }
}

// Two rounds of MD5 in all lanes and four of SHA-256 in four of them: in half of MD5's rounds, the
// whole of SHA-256 for half of the lanes.
template <int kHalf, size_t... kLane, int... kGroup>
ASHLAR_AVX512_INLINE void RunHalf(__m256i (&md5)[4], const __m256i (&words)[16],
                                  Sha256Lane* const* lanes, const uint8_t* const* blocks,
                                  size_t offset, std::index_sequence<kLane...> sequence,
                                  std::integer_sequence<int, kGroup...>) {
  Sha256Registers sha256[sizeof...(kLane)];
  (Sha256LoadState(sha256[kLane], lanes[kLane]->sha256), ...);
  (Sha256LoadWords(sha256[kLane], blocks[kLane] + offset), ...);
  ((Md5Rounds<Ops8, 32 * kHalf + 2 * kGroup>(md5, words, std::make_integer_sequence<int, 2>{}),
    Sha256Group<kGroup>(sha256, sequence)),
   ...);
  (Sha256AddState(sha256[kLane], lanes[kLane]->sha256), ...);
}

// ---- SHA-256

ASHLAR_AVX512_INLINE __m512i Xor3(__m512i a, __m512i b, __m512i c) {
  return _mm512_ternarylogic_epi32(a, b, c, kXor3);
}

template <int kRound>
ASHLAR_AVX512_INLINE void ShaRound(__m512i (&state)[8], __m512i (&words)[16]) {
  constexpr int kA = (64 - kRound) % 8;
  const __m512i a = state[kA];
  const __m512i b = state[(kA + 1) % 8];
  const __m512i c = state[(kA + 2) % 8];
  __m512i& d = state[(kA + 3) % 8];
  const __m512i e = state[(kA + 4) % 8];
  const __m512i f = state[(kA + 5) % 8];
  const __m512i g = state[(kA + 6) % 8];
  __m512i& h = state[(kA + 7) % 8];
  __m512i& word = words[kRound % 16];
  if constexpr (kRound >= 16) {
    const __m512i early = words[(kRound + 1) % 16];
    const __m512i late = words[(kRound + 14) % 16];
    const __m512i sigma0 =
        Xor3(_mm512_ror_epi32(early, 7), _mm512_ror_epi32(early, 18), _mm512_srli_epi32(early, 3));
    const __m512i sigma1 =
        Xor3(_mm512_ror_epi32(late, 17), _mm512_ror_epi32(late, 19), _mm512_srli_epi32(late, 10));
    word = _mm512_add_epi32(_mm512_add_epi32(word, words[(kRound + 9) % 16]),
                            _mm512_add_epi32(sigma0, sigma1));
  }
  const __m512i constant = _mm512_set1_epi32(static_cast<int>(kSha256RoundConstants[kRound]));
  const __m512i sum1 =
      Xor3(_mm512_ror_epi32(e, 6), _mm512_ror_epi32(e, 11), _mm512_ror_epi32(e, 25));
  const __m512i choice = _mm512_ternarylogic_epi32(e, f, g, kChoose);
  const __m512i sum0 =
      Xor3(_mm512_ror_epi32(a, 2), _mm512_ror_epi32(a, 13), _mm512_ror_epi32(a, 22));
  const __m512i majority = _mm512_ternarylogic_epi32(a, b, c, kMajority);
  // The next e is d + T1 and the next a T1 + T2. Written so that after sum1 one addition is left
  // to the next e, and after sum0 one to the next a.
  __m512i next_e = _mm512_add_epi32(_mm512_add_epi32(h, word), _mm512_add_epi32(d, constant));
  Pin(next_e);
  next_e = _mm512_add_epi32(next_e, choice);
  Pin(next_e);
  next_e = _mm512_add_epi32(next_e, sum1);
  __m512i next_a = _mm512_sub_epi32(majority, d);
  Pin(next_a);
  next_a = _mm512_add_epi32(next_a, next_e);
  Pin(next_a);
  d = next_e;
  h = _mm512_add_epi32(next_a, sum0);
}

template <int... kRound>
ASHLAR_AVX512_INLINE void ShaRounds(__m512i (&state)[8], __m512i (&words)[16],
                                    std::integer_sequence<int, kRound...>) {
  (ShaRound<kRound>(state, words), ...);
}

}  // namespace

bool CpuHasAvx512() {
  return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
         __builtin_cpu_supports("avx512vl") != 0;
}

// AMD's family 19h does a vector of 512 bits in two halves, and its SHA extensions are faster.
bool CpuHasFastAvx512() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  if (!CpuHasAvx512() || __get_cpuid(1, &eax, &ebx, &ecx, &edx) == 0) return false;
  const unsigned family = (eax >> 8 & 0xf) + (eax >> 20 & 0xff);
  return __builtin_cpu_is("amd") == 0 || family != 0x19;
}

void Md5FourAvx512(std::span<StreamLane* const> lanes, size_t blocks) {
  CHECK(!lanes.empty() && lanes.size() <= 4);
  Four<0>(lanes.data(), lanes.size(), blocks);
}

void Md5Sha256FourAvx512(std::span<StreamLane* const> lanes, size_t blocks) {
  CHECK(!lanes.empty() && lanes.size() <= 4);
  ClearUpperHalves();
  switch (lanes.size()) {
    case 1: Four<1>(lanes.data(), 1, blocks); break;
    case 2: Four<2>(lanes.data(), 2, blocks); break;
    case 3: Four<3>(lanes.data(), 3, blocks); break;
    default: Four<4>(lanes.data(), 4, blocks); break;
  }
}

ASHLAR_AVX512_TARGET void Md5Sha256EightAvx512(std::span<StreamLane* const> lanes, size_t blocks) {
  CHECK(!lanes.empty() && lanes.size() <= 8);
  ClearUpperHalves();
  alignas(32) uint32_t state[4][8];
  const uint8_t* from[8];
  GatherMd5(lanes.data(), lanes.size(), state, from);
  Sha256Lane idle[8];  // take what the first lane's SHA-256 would be
  Sha256Lane* sha256[8];
  for (size_t i = 0; i < 8; ++i) {
    if (i >= lanes.size()) idle[i] = *lanes[0];
    sha256[i] = i < lanes.size() ? lanes[i] : &idle[i];
  }
  __m256i md5[4];
  for (int i = 0; i < 4; ++i) md5[i] = *reinterpret_cast<const __m256i*>(state[i]);
  constexpr auto kFour = std::make_index_sequence<4>{};
  constexpr auto kGroups = std::make_integer_sequence<int, 16>{};
  for (size_t offset = 0; offset < blocks * kBlockSize; offset += kBlockSize) {
    const __m256i before[4] = {md5[0], md5[1], md5[2], md5[3]};
    __m256i words[16];
    LoadWords8(from, offset, words);
    RunHalf<0>(md5, words, sha256, from, offset, kFour, kGroups);
    RunHalf<1>(md5, words, sha256 + 4, from + 4, offset, kFour, kGroups);
    for (int i = 0; i < 4; ++i) md5[i] = _mm256_add_epi32(md5[i], before[i]);
  }
  for (int i = 0; i < 4; ++i) *reinterpret_cast<__m256i*>(state[i]) = md5[i];
  ScatterMd5(state, lanes.data(), lanes.size());
}

ASHLAR_AVX512_TARGET void Md5SixteenAvx512(std::span<StreamLane* const> lanes, size_t blocks) {
  CHECK(!lanes.empty() && lanes.size() <= 16);
  alignas(64) uint32_t state[4][16];
  const uint8_t* from[16];
  GatherMd5(lanes.data(), lanes.size(), state, from);
  __m512i md5[4];
  for (int i = 0; i < 4; ++i) md5[i] = _mm512_load_si512(state[i]);
  for (size_t offset = 0; offset < blocks * kBlockSize; offset += kBlockSize) {
    const __m512i before[4] = {md5[0], md5[1], md5[2], md5[3]};
    __m512i words[16];
    LoadWords(from, offset, words);
    Md5Rounds<Ops16, 0>(md5, words, std::make_integer_sequence<int, 64>{});
    for (int i = 0; i < 4; ++i) md5[i] = _mm512_add_epi32(md5[i], before[i]);
  }
  for (int i = 0; i < 4; ++i) _mm512_store_si512(state[i], md5[i]);
  ScatterMd5(state, lanes.data(), lanes.size());
}

ASHLAR_AVX512_TARGET void Sha256SixteenAvx512(std::span<Sha256Lane* const> lanes, size_t blocks) {
  CHECK(!lanes.empty() && lanes.size() <= 16);
  alignas(64) uint32_t words_of[8][16];
  const uint8_t* from[16];
  for (size_t i = 0; i < 16; ++i) {
    const Sha256Lane& lane = *lanes[i < lanes.size() ? i : 0];  // invariant 1
    for (size_t word = 0; word < 8; ++word) {
      words_of[word][i] = lane.sha256[kSha256WordPlace[word]];
    }
    from[i] = lane.next;
  }
  __m512i state[8];
  for (int i = 0; i < 8; ++i) state[i] = _mm512_load_si512(words_of[i]);
  const __m512i big_endian =
      _mm512_broadcast_i32x4(_mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203));
  for (size_t offset = 0; offset < blocks * kBlockSize; offset += kBlockSize) {
    __m512i words[16];
    LoadWords(from, offset, words);
    for (__m512i& word : words) word = _mm512_shuffle_epi8(word, big_endian);
    __m512i before[8];
    std::copy_n(state, 8, before);
    ShaRounds(state, words, std::make_integer_sequence<int, 64>{});
    for (int i = 0; i < 8; ++i) state[i] = _mm512_add_epi32(state[i], before[i]);
  }
  for (int i = 0; i < 8; ++i) _mm512_store_si512(words_of[i], state[i]);
  for (size_t i = 0; i < lanes.size(); ++i) {
    for (size_t word = 0; word < 8; ++word) {
      lanes[i]->sha256[kSha256WordPlace[word]] = words_of[word][i];
    }
  }
}

}  // namespace ashlar::digest_kernels

#else

namespace ashlar::digest_kernels {

bool CpuHasAvx512() { return false; }
bool CpuHasFastAvx512() { return false; }
void Md5FourAvx512(std::span<StreamLane* const>, size_t) { CHECK(false); }
void Md5Sha256FourAvx512(std::span<StreamLane* const>, size_t) { CHECK(false); }
void Md5Sha256EightAvx512(std::span<StreamLane* const>, size_t) { CHECK(false); }
void Md5SixteenAvx512(std::span<StreamLane* const>, size_t) { CHECK(false); }
void Sha256SixteenAvx512(std::span<Sha256Lane* const>, size_t) { CHECK(false); }

}  // namespace ashlar::digest_kernels

#endif
