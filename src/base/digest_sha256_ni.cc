// SHA-256 of several independent inputs, interleaved in one thread with the SHA extensions of
// x86-64.
//
// A round instruction (sha256rnds2) waits for the one before it, so one stream leaves the unit idle
// most of the time; two to four streams fill the gaps. Source: FIPS 180-4 section 6.2; the use of
// the instructions follows their definition in Intel's Software Developer's Manual, volume 2.
//
//  1. A lane holds one input: first its full blocks, read in place, then one or two padded blocks
//     from the lane's own buffer. A finished lane takes the next input, so lanes stay busy whatever
//     the sizes are.
//  2. A state stays in the order of the instructions (F,E,B,A and H,G,D,C from the low word up)
//     from the first block to the digest; nothing is shuffled between segments.
//  3. No byte outside an input is read.
//  4. The order of instructions is the one written here (the build turns the compiler's last
//     reordering off for this file): it costs two streams 7 % otherwise.
#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/digest_kernels.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

#define ASHLAR_SHA_TARGET __attribute__((target("sha,sse4.1")))
#define ASHLAR_SHA_INLINE __attribute__((target("sha,sse4.1"), always_inline)) inline

namespace ashlar::digest_kernels {
namespace {

constexpr size_t kBlockSize = 64;
constexpr size_t kLanesMax = 4;

alignas(16) constexpr uint32_t kRoundConstants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

// The initial hash value in the order F,E,B,A,H,G,D,C (invariant 2).
constexpr uint32_t kInitialState[8] = {0x9b05688c, 0x510e527f, 0xbb67ae85, 0x6a09e667,
                                       0x5be0cd19, 0x1f83d9ab, 0xa54ff53a, 0x3c6ef372};
// Where the words A..H stand in it.
constexpr int kWordPlace[8] = {3, 2, 7, 6, 1, 0, 5, 4};

struct Lane {
  alignas(16) uint32_t state[8];
  const uint8_t* next;  // the next block
  size_t blocks;        // how many follow in this segment
  size_t input;         // whose input it is
  size_t tail_blocks;
  bool in_tail;
  uint8_t tail[2 * kBlockSize];
};

// What one lane keeps in registers during a block.
struct Registers {
  __m128i abef;
  __m128i cdgh;
  __m128i words[4];
  __m128i sum;  // words plus constants of the group in work
};

// Rounds 4g and 4g+1.
template <int kGroup>
ASHLAR_SHA_INLINE void FirstRounds(Registers& lane, __m128i constants) {
  lane.sum = _mm_add_epi32(lane.words[kGroup & 3], constants);
  lane.cdgh = _mm_sha256rnds2_epu32(lane.cdgh, lane.abef, lane.sum);
}

// Rounds 4g+2 and 4g+3.
template <int kGroup>
ASHLAR_SHA_INLINE void LastRounds(Registers& lane) {
  lane.abef = _mm_sha256rnds2_epu32(lane.abef, lane.cdgh, _mm_shuffle_epi32(lane.sum, 0x0e));
}

// Words 4g..4g+3 make way for 4g+16..4g+19.
template <int kGroup>
ASHLAR_SHA_INLINE void Schedule(Registers& lane) {
  if constexpr (kGroup < 12) {
    __m128i& words = lane.words[kGroup & 3];
    const __m128i newest = lane.words[(kGroup + 3) & 3];
    const __m128i shifted = _mm_alignr_epi8(newest, lane.words[(kGroup + 2) & 3], 4);
    const __m128i partial = _mm_sha256msg1_epu32(words, lane.words[(kGroup + 1) & 3]);
    words = _mm_sha256msg2_epu32(_mm_add_epi32(partial, shifted), newest);
  }
}

template <int kGroup, size_t... kLane>
ASHLAR_SHA_INLINE void Group(Registers* lanes, std::index_sequence<kLane...>) {
  const __m128i constants =
      _mm_load_si128(reinterpret_cast<const __m128i*>(kRoundConstants + 4 * kGroup));
  (FirstRounds<kGroup>(lanes[kLane], constants), ...);
  (LastRounds<kGroup>(lanes[kLane]), ...);
  (Schedule<kGroup>(lanes[kLane]), ...);
}

ASHLAR_SHA_INLINE void LoadBlock(Registers& lane, const uint8_t* block) {
  const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  const auto* from = reinterpret_cast<const __m128i*>(block);
  lane.words[0] = _mm_shuffle_epi8(_mm_loadu_si128(from), big_endian);
  lane.words[1] = _mm_shuffle_epi8(_mm_loadu_si128(from + 1), big_endian);
  lane.words[2] = _mm_shuffle_epi8(_mm_loadu_si128(from + 2), big_endian);
  lane.words[3] = _mm_shuffle_epi8(_mm_loadu_si128(from + 3), big_endian);
}

ASHLAR_SHA_INLINE void LoadState(Registers& to, const Lane& lane) {
  to.abef = _mm_load_si128(reinterpret_cast<const __m128i*>(lane.state));
  to.cdgh = _mm_load_si128(reinterpret_cast<const __m128i*>(lane.state + 4));
}

ASHLAR_SHA_INLINE void AddToState(const Registers& from, Lane& lane) {
  auto* abef = reinterpret_cast<__m128i*>(lane.state);
  auto* cdgh = reinterpret_cast<__m128i*>(lane.state + 4);
  _mm_store_si128(abef, _mm_add_epi32(_mm_load_si128(abef), from.abef));
  _mm_store_si128(cdgh, _mm_add_epi32(_mm_load_si128(cdgh), from.cdgh));
}

template <size_t... kLane, int... kGroup>
ASHLAR_SHA_INLINE void CompressLanes(Lane* const* lanes, size_t blocks,
                                     std::index_sequence<kLane...> lane_sequence,
                                     std::integer_sequence<int, kGroup...>) {
  for (size_t block = 0; block < blocks; ++block) {
    Registers registers[sizeof...(kLane)];
    (LoadState(registers[kLane], *lanes[kLane]), ...);
    (LoadBlock(registers[kLane], lanes[kLane]->next + block * kBlockSize), ...);
    (Group<kGroup>(registers, lane_sequence), ...);
    (AddToState(registers[kLane], *lanes[kLane]), ...);
  }
}

// The next `blocks` blocks of kLanes lanes, interleaved.
template <size_t kLanes>
ASHLAR_SHA_TARGET void Compress(Lane* const* lanes, size_t blocks) {
  CompressLanes(lanes, blocks, std::make_index_sequence<kLanes>{},
                std::make_integer_sequence<int, 16>{});
}

void StartLane(Lane& lane, ByteSpan bytes, size_t input) {
  std::memcpy(lane.state, kInitialState, sizeof(kInitialState));
  lane.input = input;
  lane.next = bytes.data();
  lane.blocks = bytes.size() / kBlockSize;
  lane.in_tail = false;

  // Padding: a one bit, zeros, and the length in bits as 64 bits at the end of a block.
  const size_t rest = bytes.size() % kBlockSize;
  lane.tail_blocks = rest + 9 <= kBlockSize ? 1 : 2;
  const size_t tail_size = lane.tail_blocks * kBlockSize;
  if (rest > 0) std::memcpy(lane.tail, bytes.data() + bytes.size() - rest, rest);
  lane.tail[rest] = 0x80;
  std::memset(lane.tail + rest + 1, 0, tail_size - rest - 9);
  StoreLittle64(lane.tail + tail_size - 8,
                __builtin_bswap64(static_cast<uint64_t>(bytes.size()) * 8));
}

// Goes on to the padded blocks when the full ones are done. False when the lane is finished.
bool NextSegment(Lane& lane) {
  if (lane.blocks > 0) return true;
  if (lane.in_tail) return false;
  lane.in_tail = true;
  lane.next = lane.tail;
  lane.blocks = lane.tail_blocks;
  return true;
}

void WriteDigest(const Lane& lane, Sha256Digest& digest) {
  for (int i = 0; i < 8; ++i) {
    StoreLittle32(digest.data() + 4 * i, __builtin_bswap32(lane.state[kWordPlace[i]]));
  }
}

}  // namespace

// Code without vzeroupper (ISA-L's AVX-512 kernels) leaves the upper halves of the vector registers
// in use, and then every one of our 128-bit instructions has to merge with them: measured, three
// times slower for as long as the thread runs.
__attribute__((target("avx"))) void ClearUpperHalves() {
  static const bool has_avx = __builtin_cpu_supports("avx") != 0;
  if (has_avx) _mm256_zeroupper();
}

bool CpuHasShaExtensions() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) == 0) return false;
  const bool has_sse41 = (ecx & bit_SSE4_1) != 0 && (ecx & bit_SSSE3) != 0;
  if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) == 0) return false;
  return has_sse41 && (ebx & bit_SHA) != 0;
}

void Sha256ManyShaExtensions(std::span<const ByteSpan> inputs, std::span<Sha256Digest> digests) {
  CHECK(inputs.size() == digests.size());
  ClearUpperHalves();
  Lane lanes[kLanesMax];
  Lane* active[kLanesMax];
  const size_t width = std::min(kLanesMax, inputs.size());
  size_t started = 0;
  size_t count = 0;
  for (; started < width; ++started) {
    active[count++] = &lanes[started];
    StartLane(lanes[started], inputs[started], started);
  }
  while (count > 0) {
    for (size_t i = 0; i < count;) {
      Lane& lane = *active[i];
      if (NextSegment(lane)) {
        ++i;
        continue;
      }
      WriteDigest(lane, digests[lane.input]);
      if (started < inputs.size()) {
        StartLane(lane, inputs[started], started);
        ++started;
      } else {
        active[i] = active[--count];
      }
    }
    if (count == 0) break;
    size_t blocks = active[0]->blocks;
    for (size_t i = 1; i < count; ++i) blocks = std::min(blocks, active[i]->blocks);
    switch (count) {
      case 1: Compress<1>(active, blocks); break;
      case 2: Compress<2>(active, blocks); break;
      case 3: Compress<3>(active, blocks); break;
      default: Compress<4>(active, blocks); break;
    }
    for (size_t i = 0; i < count; ++i) {
      active[i]->next += blocks * kBlockSize;
      active[i]->blocks -= blocks;
    }
  }
}

}  // namespace ashlar::digest_kernels

#else

namespace ashlar::digest_kernels {

bool CpuHasShaExtensions() { return false; }
void Sha256ManyShaExtensions(std::span<const ByteSpan> inputs, std::span<Sha256Digest> digests) {
  Sha256ManyPortable(inputs, digests);
}

}  // namespace ashlar::digest_kernels

#endif
