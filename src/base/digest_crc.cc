// CRC32 and CRC32C by ISA-L, CRC64NVME by tables of our own or by folding (digest_crc64_fold.cc),
// and the combination of two CRCs.
//
//  1. All three are reflected, start with all ones and end inverted; the public functions take and
//     give finished values, so the value of no bytes is 0.
//  2. A reflected register of n bits holds the coefficient of x^(n-1-i) in bit i.
//
// Sources: the catalogue of parametrised CRC algorithms for parameters and check values (tests);
// slicing after Kounavis and Berry, "A Systematic Approach to Building High Performance
// Software-Based CRC Generators". Combining multiplies by x^(8 * size_b) modulo the polynomial.
#include <isa-l/crc.h>

#include <algorithm>
#include <array>
#include <limits>

#include "base/digest.h"
#include "base/digest_kernels.h"

namespace ashlar {
namespace {

constexpr uint32_t kCrc32Polynomial = 0xedb88320;
constexpr uint32_t kCrc32cPolynomial = 0x82f63b78;
constexpr uint64_t kCrc64NvmePolynomial = 0x9a6c9329ac4bc9b5;

constexpr size_t kSlices = 16;
using Crc64Tables = std::array<std::array<uint64_t, 256>, kSlices>;

// tables[s][b]: the register after byte b and s zero bytes, started from zero.
constexpr Crc64Tables MakeCrc64Tables() {
  Crc64Tables tables{};
  for (uint64_t byte = 0; byte < 256; ++byte) {
    uint64_t state = byte;
    for (int bit = 0; bit < 8; ++bit) {
      state = (state >> 1) ^ ((state & 1) != 0 ? kCrc64NvmePolynomial : 0);
    }
    tables[0][byte] = state;
  }
  for (size_t slice = 1; slice < kSlices; ++slice) {
    for (size_t byte = 0; byte < 256; ++byte) {
      const uint64_t before = tables[slice - 1][byte];
      tables[slice][byte] = (before >> 8) ^ tables[0][before & 0xff];
    }
  }
  return tables;
}
constexpr Crc64Tables kCrc64Tables = MakeCrc64Tables();

// a * b modulo the polynomial, all reflected.
template <typename Word>
constexpr Word MultiplyModulo(Word a, Word b, Word polynomial) {
  constexpr Word kOne = Word{1} << (std::numeric_limits<Word>::digits - 1);
  Word product = 0;
  for (Word bit = kOne; bit != 0; bit >>= 1) {
    if ((a & bit) != 0) product ^= b;
    b = (b >> 1) ^ ((b & 1) != 0 ? polynomial : 0);
  }
  return product;
}

template <typename Word>
Word Combine(Word crc_a, Word crc_b, uint64_t size_b, Word polynomial) {
  constexpr Word kOne = Word{1} << (std::numeric_limits<Word>::digits - 1);
  Word power = kOne >> 8;  // x^8, then squared for each bit of the length
  for (; size_b != 0; size_b >>= 1) {
    if ((size_b & 1) != 0) crc_a = MultiplyModulo(crc_a, power, polynomial);
    power = MultiplyModulo(power, power, polynomial);
  }
  return crc_a ^ crc_b;
}

}  // namespace

uint32_t Crc32(uint32_t crc, ByteSpan bytes) {
  if (bytes.empty()) return crc;
  return crc32_gzip_refl(crc, bytes.data(), bytes.size());
}

uint32_t Crc32c(uint32_t crc, ByteSpan bytes) {
  // Unlike its sibling this function of ISA-L works on the bare register and takes an int length.
  constexpr size_t kPieceMax = size_t{1} << 30;
  uint32_t state = ~crc;
  while (!bytes.empty()) {
    const size_t piece = std::min(bytes.size(), kPieceMax);
    state = crc32_iscsi(const_cast<uint8_t*>(bytes.data()), static_cast<int>(piece), state);
    bytes = bytes.subspan(piece);
  }
  return ~state;
}

uint64_t Crc64NvmePortable(uint64_t crc, ByteSpan bytes) {
  uint64_t state = ~crc;
  const uint8_t* next = bytes.data();
  size_t left = bytes.size();
  for (; left >= kSlices; left -= kSlices, next += kSlices) {
    const uint64_t low = state ^ LoadLittle64(next);
    const uint64_t high = LoadLittle64(next + 8);
    state = 0;
    for (int i = 0; i < 8; ++i) {
      state ^= kCrc64Tables[15 - i][low >> (8 * i) & 0xff];
      state ^= kCrc64Tables[7 - i][high >> (8 * i) & 0xff];
    }
  }
  for (; left > 0; --left) state = (state >> 8) ^ kCrc64Tables[0][(state ^ *next++) & 0xff];
  return ~state;
}

uint64_t Crc64Nvme(uint64_t crc, ByteSpan bytes) {
  static const bool has_wide_kernel = digest_kernels::CpuHasWideCarrylessMultiply();
  static const bool has_kernel = digest_kernels::CpuHasCarrylessMultiply();
  if (has_wide_kernel) return ~digest_kernels::Crc64NvmeFoldWide(~crc, bytes);
  if (has_kernel) return ~digest_kernels::Crc64NvmeFold(~crc, bytes);
  return Crc64NvmePortable(crc, bytes);
}

uint32_t Crc32Combine(uint32_t crc_a, uint32_t crc_b, uint64_t size_b) {
  return Combine(crc_a, crc_b, size_b, kCrc32Polynomial);
}
uint32_t Crc32cCombine(uint32_t crc_a, uint32_t crc_b, uint64_t size_b) {
  return Combine(crc_a, crc_b, size_b, kCrc32cPolynomial);
}
uint64_t Crc64NvmeCombine(uint64_t crc_a, uint64_t crc_b, uint64_t size_b) {
  return Combine(crc_a, crc_b, size_b, kCrc64NvmePolynomial);
}

}  // namespace ashlar
