// The hand-written kernels behind digest.h. Private to base/digest*.cc, its tests and benchmarks.
// Each kernel may be called only when the CPU has it; digest.cc and digest_together.cc choose once
// per process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/digest.h"

namespace ashlar::digest_kernels {

// All false on anything but x86-64.
[[nodiscard]] bool CpuHasShaExtensions();
[[nodiscard]] bool CpuHasCarrylessMultiply();
[[nodiscard]] bool CpuHasWideCarrylessMultiply();
[[nodiscard]] bool CpuHasAvx2();
[[nodiscard]] bool CpuHasAvx512();      // F, BW, VL
[[nodiscard]] bool CpuHasFastAvx512();  // and SHA-256 of sixteen streams pays

// The SHA extensions want the state as F,E,B,A and H,G,D,C from the low word up. Where A..H stand:
inline constexpr int kSha256WordPlace[8] = {3, 2, 7, 6, 1, 0, 5, 4};

// A stream in a kernel: the state before the next block, and where whole blocks of 64 bytes begin.
// Kernels change the states alone; the caller moves on.
struct Sha256Lane {
  alignas(16) uint32_t sha256[8];  // in the order above
  const uint8_t* next = nullptr;
  size_t blocks = 0;
};
struct StreamLane : Sha256Lane {
  uint32_t md5[4];
};

// SHA-256 of any number of inputs. Requires CpuHasShaExtensions(); `wide` uses
// Sha256SixteenAvx512 where there is enough to do.
void Sha256ManyShaExtensions(std::span<const ByteSpan> inputs, std::span<Sha256Digest> digests,
                             bool wide);

// The next `blocks` blocks of all lanes. Requires CpuHasShaExtensions().
void Sha256Lanes(std::span<Sha256Lane* const> lanes, size_t blocks, bool wide);
// Up to sixteen lanes. Requires CpuHasAvx512().
void Sha256SixteenAvx512(std::span<Sha256Lane* const> lanes, size_t blocks);

// The same for MD5: up to eight lanes, four, sixteen.
void Md5EightAvx2(std::span<StreamLane* const> lanes, size_t blocks);
void Md5FourAvx512(std::span<StreamLane* const> lanes, size_t blocks);
void Md5SixteenAvx512(std::span<StreamLane* const> lanes, size_t blocks);
// MD5 and SHA-256 stitched: MD5 in words, of up to kStitchedLanesMax lanes; in vectors, of up to
// four and eight. Require CpuHasShaExtensions(), those of vectors CpuHasAvx512() too.
inline constexpr size_t kStitchedLanesMax = 3;
void Md5Sha256Stitched(std::span<StreamLane* const> lanes, size_t blocks);
void Md5Sha256FourAvx512(std::span<StreamLane* const> lanes, size_t blocks);
void Md5Sha256EightAvx512(std::span<StreamLane* const> lanes, size_t blocks);

// Code without vzeroupper (ISA-L's AVX-512 kernels) leaves the upper halves of the vector registers
// in use, and then every 128-bit instruction of ours has to merge with them: measured, three times
// slower for as long as the thread runs. Kernels of such instructions call this first.
void ClearUpperHalves();

// Work on the CRC register (not inverted). Require CpuHasCarrylessMultiply(), the second
// CpuHasWideCarrylessMultiply().
[[nodiscard]] uint64_t Crc64NvmeFold(uint64_t state, ByteSpan bytes);
[[nodiscard]] uint64_t Crc64NvmeFoldWide(uint64_t state, ByteSpan bytes);

}  // namespace ashlar::digest_kernels
