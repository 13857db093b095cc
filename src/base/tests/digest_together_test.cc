// MD5 and SHA-256 of several streams side by side: every kernel that this CPU has, and the public
// function over random streams, against OpenSSL.
#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/digest_kernels.h"

namespace ashlar {
namespace {

using digest_kernels::Sha256Lane;
using digest_kernels::StreamLane;

constexpr size_t kBlockSize = 64;

std::vector<uint8_t> RandomBytes(std::mt19937_64& random, size_t size) {
  std::vector<uint8_t> bytes(size);
  for (auto& byte : bytes) byte = static_cast<uint8_t>(random());
  return bytes;
}

// A message padded by hand, so that a kernel alone computes the digest of it.
struct PaddedMessage {
  PaddedMessage(std::mt19937_64& random, size_t blocks, bool big_endian_length)
      : bytes(RandomBytes(random, blocks * kBlockSize)), size(bytes.size() - 9) {
    bytes[size] = 0x80;
    const uint64_t bits = uint64_t{size} * 8;
    StoreLittle64(bytes.data() + size + 1, big_endian_length ? __builtin_bswap64(bits) : bits);
  }
  ByteSpan message() const { return ByteSpan(bytes).first(size); }
  std::vector<uint8_t> bytes;
  size_t size;
};

StreamLane NewLane(const std::vector<uint8_t>& bytes) {
  StreamLane lane;
  const uint32_t md5[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
  const uint32_t sha256[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                              0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::copy_n(md5, 4, lane.md5);
  for (size_t i = 0; i < 8; ++i) lane.sha256[digest_kernels::kSha256WordPlace[i]] = sha256[i];
  lane.next = bytes.data();
  lane.blocks = bytes.size() / kBlockSize;
  return lane;
}
Md5Digest Md5Of(const StreamLane& lane) {
  Md5Digest digest;
  for (size_t i = 0; i < 4; ++i) StoreLittle32(digest.data() + 4 * i, lane.md5[i]);
  return digest;
}
Sha256Digest Sha256Of(const StreamLane& lane) {
  Sha256Digest digest;
  for (size_t i = 0; i < 8; ++i) {
    StoreLittle32(digest.data() + 4 * i,
                  __builtin_bswap32(lane.sha256[digest_kernels::kSha256WordPlace[i]]));
  }
  return digest;
}

// Runs a kernel over 1 to `lanes_max` lanes, in two calls. `md5`, `sha256`: what it computes.
// Both digests at once would need both paddings, so the one that is not looked at is of no message.
void TestKernel(size_t lanes_max, bool md5, bool sha256,
                const std::function<void(std::span<StreamLane* const>, size_t)>& kernel) {
  std::mt19937_64 random(11);
  for (const bool look_at_sha256 : {false, true}) {
    if (look_at_sha256 ? !sha256 : !md5) continue;
    for (size_t count = 1; count <= lanes_max; ++count) {
      for (const size_t blocks : {1, 2, 7}) {
        std::vector<PaddedMessage> messages;
        std::vector<StreamLane> lanes;
        std::vector<StreamLane*> pointers;
        for (size_t i = 0; i < count; ++i) messages.emplace_back(random, blocks, look_at_sha256);
        for (const PaddedMessage& message : messages) lanes.push_back(NewLane(message.bytes));
        for (StreamLane& lane : lanes) pointers.push_back(&lane);
        const size_t first = random() % (blocks + 1);
        kernel(pointers, first);
        for (StreamLane& lane : lanes) lane.next += first * kBlockSize;
        kernel(pointers, blocks - first);
        for (size_t i = 0; i < count; ++i) {
          if (look_at_sha256) {
            ASSERT_EQ(Sha256Of(lanes[i]), Sha256(messages[i].message())) << i << " of " << count;
          } else {
            ASSERT_EQ(Md5Of(lanes[i]), Md5(messages[i].message())) << i << " of " << count;
          }
        }
      }
    }
  }
}

TEST(DigestKernelTest, Md5EightAvx2) {
  if (!digest_kernels::CpuHasAvx2()) GTEST_SKIP();
  TestKernel(8, true, false, digest_kernels::Md5EightAvx2);
}
TEST(DigestKernelTest, Md5FourAvx512) {
  if (!digest_kernels::CpuHasAvx512()) GTEST_SKIP();
  TestKernel(4, true, false, digest_kernels::Md5FourAvx512);
}
TEST(DigestKernelTest, Md5SixteenAvx512) {
  if (!digest_kernels::CpuHasAvx512()) GTEST_SKIP();
  TestKernel(16, true, false, digest_kernels::Md5SixteenAvx512);
}
TEST(DigestKernelTest, Md5Sha256FourAvx512) {
  if (!digest_kernels::CpuHasAvx512() || !digest_kernels::CpuHasShaExtensions()) GTEST_SKIP();
  TestKernel(4, true, true, digest_kernels::Md5Sha256FourAvx512);
}
TEST(DigestKernelTest, Md5Sha256EightAvx512) {
  if (!digest_kernels::CpuHasAvx512() || !digest_kernels::CpuHasShaExtensions()) GTEST_SKIP();
  TestKernel(8, true, true, digest_kernels::Md5Sha256EightAvx512);
}
TEST(DigestKernelTest, Md5Sha256Stitched) {
  if (!digest_kernels::CpuHasShaExtensions()) GTEST_SKIP();
  TestKernel(digest_kernels::kStitchedLanesMax, true, true, digest_kernels::Md5Sha256Stitched);
}
TEST(DigestKernelTest, Sha256Lanes) {
  if (!digest_kernels::CpuHasShaExtensions()) GTEST_SKIP();
  for (const bool wide : {false, true}) {
    if (wide && !digest_kernels::CpuHasAvx512()) continue;
    TestKernel(16, false, true, [wide](std::span<StreamLane* const> lanes, size_t blocks) {
      const std::vector<Sha256Lane*> plain(lanes.begin(), lanes.end());
      digest_kernels::Sha256Lanes(plain, blocks, wide);
    });
  }
}

// A stream that is given in pieces, sometimes by Update, and what it should come to.
struct Stream {
  std::vector<uint8_t> bytes;
  Md5Hasher md5;
  Sha256Hasher sha256;
  bool has_sha256 = false;
  size_t at = 0;
};

template <void (*kUpdate)(std::span<const HashWork>)>
void TestStreams(uint64_t seed) {
  std::mt19937_64 random(seed);
  for (int round = 0; round < 200; ++round) {
    std::vector<Stream> streams(1 + random() % 34);
    const size_t size_max = random() % 4 == 0 ? 40000 : 1000;
    for (Stream& stream : streams) {
      stream.bytes = RandomBytes(random, random() % size_max);
      stream.has_sha256 = round % 3 == 0 || (round % 3 == 1 && random() % 2 == 0);
    }
    bool more = true;
    while (more) {
      more = false;
      std::vector<HashWork> work;
      std::vector<std::vector<uint8_t>> pieces;  // exact allocations: ASan sees an overread
      pieces.reserve(streams.size());
      for (Stream& stream : streams) {
        const size_t left = stream.bytes.size() - stream.at;
        const size_t size = random() % 8 == 0 ? left : random() % (left + 1);
        const auto begin = stream.bytes.begin() + static_cast<std::ptrdiff_t>(stream.at);
        pieces.emplace_back(begin, begin + static_cast<std::ptrdiff_t>(size));
        stream.at += size;
        more = more || stream.at < stream.bytes.size();
        Sha256Hasher* sha256 = stream.has_sha256 ? &stream.sha256 : nullptr;
        if (random() % 8 == 0) {
          stream.md5.Update(pieces.back());
          if (sha256 != nullptr) sha256->Update(pieces.back());
        } else {
          work.push_back(HashWork{&stream.md5, sha256, pieces.back()});
        }
      }
      kUpdate(work);
    }
    for (Stream& stream : streams) {
      ASSERT_EQ(stream.md5.Finish(), Md5(stream.bytes)) << "round " << round;
      if (stream.has_sha256) {
        ASSERT_EQ(stream.sha256.Finish(), Sha256(stream.bytes)) << "round " << round;
      }
    }
  }
}

TEST(UpdateTogetherTest, AnyStreamsInAnyPieces) { TestStreams<UpdateTogether>(21); }
TEST(UpdateTogetherTest, PortableTwinDoesTheSame) { TestStreams<UpdateTogetherPortable>(22); }

TEST(UpdateTogetherTest, HashersAtDifferentPlacesInABlock) {
  std::mt19937_64 random(23);
  const auto bytes = RandomBytes(random, 1000);
  Md5Hasher md5;
  Sha256Hasher sha256;
  sha256.Update(AsBytes("before"));
  const HashWork work{&md5, &sha256, bytes};
  UpdateTogether(std::span(&work, 1));
  EXPECT_EQ(md5.Finish(), Md5(bytes));
  Sha256Hasher expected;
  expected.Update(AsBytes("before"));
  expected.Update(bytes);
  EXPECT_EQ(sha256.Finish(), expected.Finish());
}

// The counts of bits in OpenSSL's contexts are two words of 32 bits.
TEST(UpdateTogetherTest, OverFourGibibits) {
  const std::vector<uint8_t> bytes(1 << 20, 0x5a);
  Md5Hasher md5;
  Sha256Hasher sha256;
  for (int i = 0; i < 511; ++i) {
    md5.Update(bytes);
    sha256.Update(bytes);
  }
  Md5Hasher expected_md5 = md5;
  Sha256Hasher expected_sha256 = sha256;
  for (int i = 0; i < 2; ++i) {
    const HashWork work{&md5, &sha256, bytes};
    UpdateTogether(std::span(&work, 1));
    expected_md5.Update(bytes);
    expected_sha256.Update(bytes);
  }
  EXPECT_EQ(md5.Finish(), expected_md5.Finish());
  EXPECT_EQ(sha256.Finish(), expected_sha256.Finish());
}

}  // namespace
}  // namespace ashlar
