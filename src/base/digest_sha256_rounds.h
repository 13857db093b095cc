// The rounds of SHA-256 with the SHA extensions of x86-64, for one or several interleaved streams:
// what the kernels that interleave SHA-256 with itself and with MD5 have in common. Private to
// base/digest*.cc; x86-64 only.
//
// Source: FIPS 180-4 section 6.2; the use of the instructions follows their definition in Intel's
// Software Developer's Manual, volume 2.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <utility>

#define ASHLAR_SHA_INLINE __attribute__((target("sha,sse4.1"), always_inline)) inline

namespace ashlar::digest_kernels {

alignas(64) inline constexpr uint32_t kSha256RoundConstants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

// What one stream keeps in registers during a block.
struct Sha256Registers {
  __m128i abef;
  __m128i cdgh;
  __m128i words[4];
  __m128i sum;  // words plus constants of the group in work
};

// Rounds 4g and 4g+1.
template <int kGroup>
ASHLAR_SHA_INLINE void Sha256FirstRounds(Sha256Registers& lane, __m128i constants) {
  lane.sum = _mm_add_epi32(lane.words[kGroup & 3], constants);
  lane.cdgh = _mm_sha256rnds2_epu32(lane.cdgh, lane.abef, lane.sum);
}

// Rounds 4g+2 and 4g+3.
template <int kGroup>
ASHLAR_SHA_INLINE void Sha256LastRounds(Sha256Registers& lane) {
  lane.abef = _mm_sha256rnds2_epu32(lane.abef, lane.cdgh, _mm_shuffle_epi32(lane.sum, 0x0e));
}

// Words 4g..4g+3 make way for 4g+16..4g+19.
template <int kGroup>
ASHLAR_SHA_INLINE void Sha256Schedule(Sha256Registers& lane) {
  if constexpr (kGroup < 12) {
    __m128i& words = lane.words[kGroup & 3];
    const __m128i newest = lane.words[(kGroup + 3) & 3];
    const __m128i shifted = _mm_alignr_epi8(newest, lane.words[(kGroup + 2) & 3], 4);
    const __m128i partial = _mm_sha256msg1_epu32(words, lane.words[(kGroup + 1) & 3]);
    words = _mm_sha256msg2_epu32(_mm_add_epi32(partial, shifted), newest);
  }
}

// Four of the 64 rounds, of all lanes.
template <int kGroup, size_t... kLane>
ASHLAR_SHA_INLINE void Sha256Group(Sha256Registers* lanes, std::index_sequence<kLane...>) {
  const __m128i constants =
      _mm_load_si128(reinterpret_cast<const __m128i*>(kSha256RoundConstants + 4 * kGroup));
  (Sha256FirstRounds<kGroup>(lanes[kLane], constants), ...);
  (Sha256LastRounds<kGroup>(lanes[kLane]), ...);
  (Sha256Schedule<kGroup>(lanes[kLane]), ...);
}

// `state`: that of a Sha256Lane.
ASHLAR_SHA_INLINE void Sha256LoadState(Sha256Registers& to, const uint32_t* state) {
  to.abef = _mm_load_si128(reinterpret_cast<const __m128i*>(state));
  to.cdgh = _mm_load_si128(reinterpret_cast<const __m128i*>(state + 4));
}
ASHLAR_SHA_INLINE void Sha256StoreState(const Sha256Registers& from, uint32_t* state) {
  _mm_store_si128(reinterpret_cast<__m128i*>(state), from.abef);
  _mm_store_si128(reinterpret_cast<__m128i*>(state + 4), from.cdgh);
}

ASHLAR_SHA_INLINE void Sha256LoadWords(Sha256Registers& to, const uint8_t* block) {
  const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  const auto* from = reinterpret_cast<const __m128i*>(block);
  to.words[0] = _mm_shuffle_epi8(_mm_loadu_si128(from), big_endian);
  to.words[1] = _mm_shuffle_epi8(_mm_loadu_si128(from + 1), big_endian);
  to.words[2] = _mm_shuffle_epi8(_mm_loadu_si128(from + 2), big_endian);
  to.words[3] = _mm_shuffle_epi8(_mm_loadu_si128(from + 3), big_endian);
}

// What the rounds of a block are added to. The state itself stays in registers from block to block:
// through memory, the chain of a single stream would be 6 % longer.
ASHLAR_SHA_INLINE void Sha256Add(Sha256Registers& to, const Sha256Registers& before) {
  to.abef = _mm_add_epi32(to.abef, before.abef);
  to.cdgh = _mm_add_epi32(to.cdgh, before.cdgh);
}

// The same where the state before is still in memory, and the new one goes there.
ASHLAR_SHA_INLINE void Sha256AddState(const Sha256Registers& rounds, uint32_t* state) {
  Sha256Registers sum;
  Sha256LoadState(sum, state);
  Sha256Add(sum, rounds);
  Sha256StoreState(sum, state);
}

}  // namespace ashlar::digest_kernels
