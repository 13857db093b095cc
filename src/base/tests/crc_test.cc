// CRCs: catalogue check values, a bit-by-bit reference, the two CRC64 kernels against each other,
// chaining and combining.
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "base/digest.h"
#include "base/digest_kernels.h"

namespace ashlar {
namespace {

constexpr char kCheck[] = "123456789";

std::vector<uint8_t> RandomBytes(std::mt19937_64& random, size_t size) {
  std::vector<uint8_t> bytes(size);
  for (auto& byte : bytes) byte = static_cast<uint8_t>(random());
  return bytes;
}

// Straight from the definition: one bit at a time, reflected, all ones in and out.
template <typename Word>
Word BitwiseCrc(Word polynomial, ByteSpan bytes) {
  Word state = ~Word{0};
  for (const uint8_t byte : bytes) {
    state ^= byte;
    for (int bit = 0; bit < 8; ++bit) state = (state >> 1) ^ ((state & 1) != 0 ? polynomial : 0);
  }
  return static_cast<Word>(~state);
}
uint32_t SlowCrc32(ByteSpan bytes) { return BitwiseCrc<uint32_t>(0xedb88320, bytes); }
uint32_t SlowCrc32c(ByteSpan bytes) { return BitwiseCrc<uint32_t>(0x82f63b78, bytes); }
uint64_t SlowCrc64(ByteSpan bytes) { return BitwiseCrc<uint64_t>(0x9a6c9329ac4bc9b5, bytes); }

// Where the CPU has no such kernel, the portable twin stands in.
uint64_t KernelCrc64(uint64_t crc, ByteSpan bytes) {
  if (!digest_kernels::CpuHasCarrylessMultiply()) return Crc64NvmePortable(crc, bytes);
  return ~digest_kernels::Crc64NvmeFold(~crc, bytes);
}
uint64_t WideKernelCrc64(uint64_t crc, ByteSpan bytes) {
  if (!digest_kernels::CpuHasWideCarrylessMultiply()) return Crc64NvmePortable(crc, bytes);
  return ~digest_kernels::Crc64NvmeFoldWide(~crc, bytes);
}

TEST(CrcTest, CatalogueCheckValues) {
  EXPECT_EQ(Crc32(0, AsBytes(kCheck)), 0xcbf43926u);
  EXPECT_EQ(Crc32c(0, AsBytes(kCheck)), 0xe3069283u);
  EXPECT_EQ(Crc64Nvme(0, AsBytes(kCheck)), 0xae8b14860a799888u);
  EXPECT_EQ(Crc64NvmePortable(0, AsBytes(kCheck)), 0xae8b14860a799888u);
}

TEST(CrcTest, Crc32cOfRfc3720) {
  std::vector<uint8_t> bytes(32, 0);
  EXPECT_EQ(Crc32c(0, bytes), 0x8a9136aau);
  bytes.assign(32, 0xff);
  EXPECT_EQ(Crc32c(0, bytes), 0x62a8ab43u);
}

TEST(CrcTest, NothingGivesZeroAndKeepsTheValue) {
  EXPECT_EQ(Crc32(0, {}), 0u);
  EXPECT_EQ(Crc32c(0, {}), 0u);
  EXPECT_EQ(Crc64Nvme(0, {}), 0u);
  EXPECT_EQ(Crc32(0x12345678, {}), 0x12345678u);
  EXPECT_EQ(Crc32c(0x12345678, {}), 0x12345678u);
  EXPECT_EQ(Crc64Nvme(0x123456789abcdef0, {}), 0x123456789abcdef0u);
}

void ExpectAllRight(ByteSpan bytes) {
  ASSERT_EQ(Crc32(0, bytes), SlowCrc32(bytes));
  ASSERT_EQ(Crc32c(0, bytes), SlowCrc32c(bytes));
  const uint64_t expected = SlowCrc64(bytes);
  ASSERT_EQ(Crc64NvmePortable(0, bytes), expected);
  ASSERT_EQ(KernelCrc64(0, bytes), expected);
  ASSERT_EQ(WideKernelCrc64(0, bytes), expected);
  ASSERT_EQ(Crc64Nvme(0, bytes), expected);
}

TEST(CrcTest, EverySizeTo600) {
  std::mt19937_64 random(1);
  for (size_t size = 0; size <= 600; ++size) {
    ExpectAllRight(RandomBytes(random, size));
    ASSERT_FALSE(HasFatalFailure()) << "size " << size;
  }
}

TEST(CrcTest, RandomLargeUnaligned) {
  std::mt19937_64 random(2);
  const auto bytes = RandomBytes(random, 200000);
  for (int round = 0; round < 40; ++round) {
    const size_t at = random() % 64;
    const size_t size = random() % (bytes.size() - at);
    ExpectAllRight(ByteSpan(bytes).subspan(at, size));
    ASSERT_FALSE(HasFatalFailure()) << "at " << at << ", size " << size;
  }
}

TEST(CrcTest, KernelEqualsPortableFromAnyStart) {
  std::mt19937_64 random(3);
  const auto bytes = RandomBytes(random, 9000);
  for (int round = 0; round < 2000; ++round) {
    const uint64_t start = random();
    const size_t at = random() % 100;
    const ByteSpan piece = ByteSpan(bytes).subspan(at, random() % (bytes.size() - at));
    ASSERT_EQ(KernelCrc64(start, piece), Crc64NvmePortable(start, piece));
    ASSERT_EQ(WideKernelCrc64(start, piece), Crc64NvmePortable(start, piece));
  }
}

TEST(CrcTest, ChainingAndCombining) {
  std::mt19937_64 random(4);
  const auto bytes = RandomBytes(random, 5000);
  for (int round = 0; round < 500; ++round) {
    const size_t size = random() % bytes.size();
    const size_t cut = size == 0 ? 0 : random() % (size + 1);
    const ByteSpan all = ByteSpan(bytes).first(size);
    const ByteSpan a = all.first(cut);
    const ByteSpan b = all.subspan(cut);
    ASSERT_EQ(Crc32(Crc32(0, a), b), Crc32(0, all));
    ASSERT_EQ(Crc32c(Crc32c(0, a), b), Crc32c(0, all));
    ASSERT_EQ(Crc64Nvme(Crc64Nvme(0, a), b), Crc64Nvme(0, all));
    ASSERT_EQ(Crc32Combine(Crc32(0, a), Crc32(0, b), b.size()), Crc32(0, all));
    ASSERT_EQ(Crc32cCombine(Crc32c(0, a), Crc32c(0, b), b.size()), Crc32c(0, all));
    ASSERT_EQ(Crc64NvmeCombine(Crc64Nvme(0, a), Crc64Nvme(0, b), b.size()), Crc64Nvme(0, all));
  }
}

// 2^44 zero bytes cannot be hashed here. Their CRC by doubling a run of 16 must agree with the one
// by doubling a run of 4,096, and lengths must add up however a sum is cut.
template <typename Word>
void ExpectCombiningOverHugeLengths(Word (*crc)(Word, ByteSpan),
                                    Word (*combine)(Word, Word, uint64_t)) {
  const std::vector<uint8_t> zeros(4096, 0);
  const auto double_to_2_44 = [&](size_t first) {
    Word value = crc(0, ByteSpan(zeros).first(first));
    for (uint64_t size = first; size < uint64_t{1} << 44; size *= 2) {
      value = combine(value, value, size);
    }
    return value;
  };
  const Word run = double_to_2_44(16);
  EXPECT_EQ(run, double_to_2_44(4096));
  const Word head = crc(0, AsBytes(kCheck));
  const Word tail = crc(0, ByteSpan(zeros).first(777));
  const uint64_t run_size = uint64_t{1} << 44;
  EXPECT_EQ(combine(combine(head, run, run_size), tail, 777),
            combine(head, combine(run, tail, 777), run_size + 777));
}

TEST(CrcTest, CombiningOverHugeLengths) {
  ExpectCombiningOverHugeLengths<uint32_t>(Crc32, Crc32Combine);
  ExpectCombiningOverHugeLengths<uint32_t>(Crc32c, Crc32cCombine);
  ExpectCombiningOverHugeLengths<uint64_t>(Crc64Nvme, Crc64NvmeCombine);
}

}  // namespace
}  // namespace ashlar
