// SHA-256 of several independent inputs, interleaved in one thread with the SHA extensions of
// x86-64.
//
// A round instruction (sha256rnds2) waits for the one before it, so one stream leaves the unit idle
// most of the time; two to four streams fill the gaps. The rounds are in digest_sha256_rounds.h.
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

#include "base/digest_sha256_rounds.h"

#define ASHLAR_SHA_TARGET __attribute__((target("sha,sse4.1")))

namespace ashlar::digest_kernels {
namespace {

constexpr size_t kBlockSize = 64;
constexpr size_t kInterleavedMax = 4;
constexpr size_t kWideMax = 16;
// From here on sixteen lanes of AVX-512, even if some idle, take less time than groups of four.
constexpr size_t kWideMin = 9;

// The initial hash value in the order F,E,B,A,H,G,D,C (invariant 2).
constexpr uint32_t kInitialState[8] = {0x9b05688c, 0x510e527f, 0xbb67ae85, 0x6a09e667,
                                       0x5be0cd19, 0x1f83d9ab, 0xa54ff53a, 0x3c6ef372};

struct Lane : Sha256Lane {
  size_t input = 0;  // whose input it is
  size_t tail_blocks = 0;
  bool in_tail = false;
  uint8_t tail[2 * kBlockSize];
};

template <size_t... kLane, int... kGroup>
ASHLAR_SHA_INLINE void CompressLanes(Sha256Lane* const* lanes, size_t blocks,
                                     std::index_sequence<kLane...> lane_sequence,
                                     std::integer_sequence<int, kGroup...>) {
  Sha256Registers registers[sizeof...(kLane)];
  (Sha256LoadState(registers[kLane], lanes[kLane]->sha256), ...);
  for (size_t offset = 0; offset < blocks * kBlockSize; offset += kBlockSize) {
    const Sha256Registers before[] = {registers[kLane]...};
    (Sha256LoadWords(registers[kLane], lanes[kLane]->next + offset), ...);
    (Sha256Group<kGroup>(registers, lane_sequence), ...);
    (Sha256Add(registers[kLane], before[kLane]), ...);
  }
  (Sha256StoreState(registers[kLane], lanes[kLane]->sha256), ...);
}

// The next `blocks` blocks of kLanes lanes, interleaved.
template <size_t kLanes>
ASHLAR_SHA_TARGET void Compress(Sha256Lane* const* lanes, size_t blocks) {
  CompressLanes(lanes, blocks, std::make_index_sequence<kLanes>{},
                std::make_integer_sequence<int, 16>{});
}

void StartLane(Lane& lane, ByteSpan bytes, size_t input) {
  std::memcpy(lane.sha256, kInitialState, sizeof(kInitialState));
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
    StoreLittle32(digest.data() + 4 * i, __builtin_bswap32(lane.sha256[kSha256WordPlace[i]]));
  }
}

}  // namespace

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

void Sha256Lanes(std::span<Sha256Lane* const> lanes, size_t blocks, bool wide) {
  if (wide && lanes.size() >= kWideMin) return Sha256SixteenAvx512(lanes, blocks);
  ClearUpperHalves();
  for (; !lanes.empty(); lanes = lanes.subspan(std::min(lanes.size(), kInterleavedMax))) {
    switch (lanes.size()) {
      case 1: Compress<1>(lanes.data(), blocks); break;
      case 2: Compress<2>(lanes.data(), blocks); break;
      case 3: Compress<3>(lanes.data(), blocks); break;
      default: Compress<4>(lanes.data(), blocks); break;
    }
  }
}

void Sha256ManyShaExtensions(std::span<const ByteSpan> inputs, std::span<Sha256Digest> digests,
                             bool wide) {
  CHECK(inputs.size() == digests.size());
  Lane lanes[kWideMax];
  Sha256Lane* active[kWideMax];
  const size_t lanes_max = wide && inputs.size() >= kWideMin ? kWideMax : kInterleavedMax;
  const size_t width = std::min(lanes_max, inputs.size());
  size_t started = 0;
  size_t count = 0;
  for (; started < width; ++started) {
    active[count++] = &lanes[started];
    StartLane(lanes[started], inputs[started], started);
  }
  while (count > 0) {
    for (size_t i = 0; i < count;) {
      Lane& lane = static_cast<Lane&>(*active[i]);
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
    Sha256Lanes(std::span(active, count), blocks, wide);
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
void ClearUpperHalves() {}
void Sha256Lanes(std::span<Sha256Lane* const>, size_t, bool) { CHECK(false); }
void Sha256ManyShaExtensions(std::span<const ByteSpan> inputs, std::span<Sha256Digest> digests,
                             bool) {
  Sha256ManyPortable(inputs, digests);
}

}  // namespace ashlar::digest_kernels

#endif
