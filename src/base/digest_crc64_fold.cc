// CRC64NVME by folding with carry-less multiplication (PCLMULQDQ), or with four multiplications
// in one instruction where the CPU has them (VPCLMULQDQ on 512-bit registers).
//
//  1. An accumulator of 128 bits stands for all bytes before it: moving it over d bits is one
//     multiplication of each half by a constant, modulo the polynomial, and two exclusive-ors.
//  2. Several accumulators run side by side, because a multiplication takes several cycles and the
//     next can start before it ends: 8 over 128 bytes a step, or 16 (in 4 registers) over 256.
//  3. The last 16 bytes of accumulator and the rest below 16 bytes go through the tables, which
//     also reduces to 64 bits; so the constants of a Barrett reduction are not needed.
//
// Source: Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction",
// Intel 2009; the constants are computed here by the compiler.
#include "base/digest_kernels.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

#define ASHLAR_FOLD_TARGET __attribute__((target("pclmul,sse4.1")))
#define ASHLAR_FOLD_INLINE __attribute__((target("pclmul,sse4.1"), always_inline)) inline
#define ASHLAR_WIDE_TARGET __attribute__((target("avx512f,vpclmulqdq,pclmul,sse4.1")))
#define ASHLAR_WIDE_INLINE \
  __attribute__((target("avx512f,vpclmulqdq,pclmul,sse4.1"), always_inline)) inline

namespace ashlar::digest_kernels {
namespace {

constexpr uint64_t kPolynomial = 0x9a6c9329ac4bc9b5;
constexpr int kAccumulators = 8;
constexpr size_t kStep = 16 * kAccumulators;
constexpr int kWideAccumulators = 4;
constexpr size_t kWideStep = 64 * kWideAccumulators;

// x^exponent modulo the polynomial, reflected (bit 63 is x^0).
constexpr uint64_t PowerOfX(int exponent) {
  uint64_t power = uint64_t{1} << 63;
  for (int i = 0; i < exponent; ++i) power = (power >> 1) ^ ((power & 1) != 0 ? kPolynomial : 0);
  return power;
}

// The product of two reflected 64-bit polynomials stands one bit too high in 128 bits, hence the
// -1. The low half of an accumulator holds the higher powers.
struct FoldConstants {
  uint64_t low;
  uint64_t high;
};
constexpr FoldConstants FoldOver(int bytes) {
  return {PowerOfX(8 * bytes + 64 - 1), PowerOfX(8 * bytes - 1)};
}
constexpr FoldConstants kFoldStep = FoldOver(kStep);
constexpr FoldConstants kFoldOne = FoldOver(16);
constexpr FoldConstants kFoldWideStep = FoldOver(kWideStep);
constexpr FoldConstants kFoldWideOne = FoldOver(64);

ASHLAR_FOLD_INLINE __m128i ToVector(FoldConstants constants) {
  return _mm_set_epi64x(static_cast<int64_t>(constants.high), static_cast<int64_t>(constants.low));
}

ASHLAR_FOLD_INLINE __m128i LoadBytes(const uint8_t* from) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
}

ASHLAR_FOLD_INLINE __m128i Fold(__m128i accumulator, __m128i constants, __m128i next) {
  const __m128i low = _mm_clmulepi64_si128(accumulator, constants, 0x00);
  const __m128i high = _mm_clmulepi64_si128(accumulator, constants, 0x11);
  return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

// Adds the bytes that are left to an accumulator and reduces it to the register.
ASHLAR_FOLD_INLINE uint64_t Finish(__m128i sum, const uint8_t* next, size_t left) {
  const __m128i one = ToVector(kFoldOne);
  for (; left >= 16; left -= 16, next += 16) sum = Fold(sum, one, LoadBytes(next));
  alignas(16) uint8_t rest[16];
  _mm_store_si128(reinterpret_cast<__m128i*>(rest), sum);
  // ~0 is the finished value of a zero register.
  const uint64_t reduced = Crc64NvmePortable(~uint64_t{0}, ByteSpan(rest, 16));
  return ~Crc64NvmePortable(reduced, ByteSpan(next, left));
}

// Requires left >= kStep.
ASHLAR_FOLD_TARGET uint64_t FoldNarrow(uint64_t state, const uint8_t* next, size_t left) {
  __m128i accumulators[kAccumulators];
#pragma GCC unroll 8
  for (int i = 0; i < kAccumulators; ++i) accumulators[i] = LoadBytes(next + 16 * i);
  accumulators[0] = _mm_xor_si128(accumulators[0], _mm_cvtsi64_si128(static_cast<int64_t>(state)));
  next += kStep;
  left -= kStep;
  const __m128i step = ToVector(kFoldStep);
  for (; left >= kStep; left -= kStep, next += kStep) {
#pragma GCC unroll 8
    for (int i = 0; i < kAccumulators; ++i) {
      accumulators[i] = Fold(accumulators[i], step, LoadBytes(next + 16 * i));
    }
  }
  const __m128i one = ToVector(kFoldOne);
  __m128i sum = accumulators[0];
#pragma GCC unroll 8
  for (int i = 1; i < kAccumulators; ++i) sum = Fold(sum, one, accumulators[i]);
  return Finish(sum, next, left);
}

// The same constants four times. (GCC 12 takes its own broadcast intrinsic for uninitialized.)
ASHLAR_WIDE_INLINE __m512i ToWideVector(FoldConstants constants) {
  const auto high = static_cast<int64_t>(constants.high);
  const auto low = static_cast<int64_t>(constants.low);
  return _mm512_set_epi64(high, low, high, low, high, low, high, low);
}

ASHLAR_WIDE_INLINE __m512i LoadWide(const uint8_t* from) { return _mm512_loadu_si512(from); }

ASHLAR_WIDE_INLINE __m512i FoldWideOnce(__m512i accumulators, __m512i constants, __m512i next) {
  const __m512i low = _mm512_clmulepi64_epi128(accumulators, constants, 0x00);
  const __m512i high = _mm512_clmulepi64_epi128(accumulators, constants, 0x11);
  return _mm512_ternarylogic_epi64(low, high, next, 0x96);  // exclusive-or of the three
}

// Requires left >= kWideStep.
ASHLAR_WIDE_TARGET uint64_t FoldWide(uint64_t state, const uint8_t* next, size_t left) {
  __m512i accumulators[kWideAccumulators];
#pragma GCC unroll 4
  for (int i = 0; i < kWideAccumulators; ++i) accumulators[i] = LoadWide(next + 64 * i);
  accumulators[0] = _mm512_xor_si512(
      accumulators[0], _mm512_set_epi64(0, 0, 0, 0, 0, 0, 0, static_cast<int64_t>(state)));
  next += kWideStep;
  left -= kWideStep;
  const __m512i step = ToWideVector(kFoldWideStep);
  for (; left >= kWideStep; left -= kWideStep, next += kWideStep) {
#pragma GCC unroll 4
    for (int i = 0; i < kWideAccumulators; ++i) {
      accumulators[i] = FoldWideOnce(accumulators[i], step, LoadWide(next + 64 * i));
    }
  }
  const __m512i wide_one = ToWideVector(kFoldWideOne);
  __m512i wide = accumulators[0];
#pragma GCC unroll 4
  for (int i = 1; i < kWideAccumulators; ++i) wide = FoldWideOnce(wide, wide_one, accumulators[i]);
  for (; left >= 64; left -= 64, next += 64) wide = FoldWideOnce(wide, wide_one, LoadWide(next));
  alignas(64) uint8_t parts[64];
  _mm512_store_si512(parts, wide);
  const __m128i one = ToVector(kFoldOne);
  __m128i sum = LoadBytes(parts);
  for (int i = 1; i < 4; ++i) sum = Fold(sum, one, LoadBytes(parts + 16 * i));
  return Finish(sum, next, left);
}

}  // namespace

bool CpuHasCarrylessMultiply() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) == 0) return false;
  return (ecx & bit_PCLMUL) != 0 && (ecx & bit_SSE4_1) != 0;
}

bool CpuHasWideCarrylessMultiply() {
  // Also asks whether the operating system saves the wide registers.
  return CpuHasCarrylessMultiply() && __builtin_cpu_supports("avx512f") != 0 &&
         __builtin_cpu_supports("vpclmulqdq") != 0;
}

uint64_t Crc64NvmeFold(uint64_t state, ByteSpan bytes) {
  if (bytes.size() < kStep) return ~Crc64NvmePortable(~state, bytes);
  return FoldNarrow(state, bytes.data(), bytes.size());
}

uint64_t Crc64NvmeFoldWide(uint64_t state, ByteSpan bytes) {
  if (bytes.size() < kWideStep) return Crc64NvmeFold(state, bytes);
  return FoldWide(state, bytes.data(), bytes.size());
}

}  // namespace ashlar::digest_kernels

#else

namespace ashlar::digest_kernels {

bool CpuHasCarrylessMultiply() { return false; }
bool CpuHasWideCarrylessMultiply() { return false; }
uint64_t Crc64NvmeFold(uint64_t state, ByteSpan bytes) { return ~Crc64NvmePortable(~state, bytes); }
uint64_t Crc64NvmeFoldWide(uint64_t state, ByteSpan bytes) { return Crc64NvmeFold(state, bytes); }

}  // namespace ashlar::digest_kernels

#endif
