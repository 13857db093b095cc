// SHA-256, SHA-1, MD5 and HMAC: published vectors, and the interleaved kernel against OpenSSL.
#include "base/digest.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "base/digest_kernels.h"

namespace ashlar {
namespace {

template <typename Digest>
std::string Hex(const Digest& digest) {
  return HexEncode(digest);
}

std::vector<uint8_t> RandomBytes(std::mt19937_64& random, size_t size) {
  std::vector<uint8_t> bytes(size);
  for (auto& byte : bytes) byte = static_cast<uint8_t>(random());
  return bytes;
}

// FIPS 180-4 examples of NIST.
constexpr char kAbc[] = "abc";
constexpr char kTwoBlocks[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";

TEST(Sha256Test, MatchesNistExamples) {
  EXPECT_EQ(Hex(Sha256({})), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Hex(Sha256(AsBytes(kAbc))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Hex(Sha256(AsBytes(kTwoBlocks))),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(Hex(Sha256(AsBytes(std::string(1000000, 'a')))),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha1Test, MatchesNistExamples) {
  EXPECT_EQ(Hex(Sha1({})), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  EXPECT_EQ(Hex(Sha1(AsBytes(kAbc))), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(Hex(Sha1(AsBytes(kTwoBlocks))), "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
}

TEST(Md5Test, MatchesRfc1321Suite) {
  const std::pair<std::string_view, std::string_view> suite[] = {
      {"", "d41d8cd98f00b204e9800998ecf8427e"},
      {"a", "0cc175b9c0f1b6a831c399e269772661"},
      {"abc", "900150983cd24fb0d6963f7d28e17f72"},
      {"message digest", "f96b697d7cb7938d525a2f31aaf161d0"},
      {"abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"},
      {"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
       "d174ab98d277d9f5a5611c2c9f419d9f"},
      {"12345678901234567890123456789012345678901234567890123456789012345678901234567890",
       "57edf4a22be3c955ac49da2e2107b67a"},
  };
  for (const auto& [text, digest] : suite) EXPECT_EQ(Hex(Md5(AsBytes(text))), digest) << text;
}

TEST(HmacSha256Test, MatchesRfc4231) {
  const std::string key_20(20, '\x0b');
  EXPECT_EQ(Hex(HmacSha256(AsBytes(key_20), AsBytes("Hi There"))),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(Hex(HmacSha256(AsBytes("Jefe"), AsBytes("what do ya want for nothing?"))),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  const std::string key_131(131, '\xaa');
  EXPECT_EQ(Hex(HmacSha256(AsBytes(key_131),
                           AsBytes("Test Using Larger Than Block-Size Key - Hash Key First"))),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(HmacSha256Test, EmptyKeyAndMessage) {
  EXPECT_EQ(Hex(HmacSha256({}, {})),
            "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST(ConstantTimeEqualTest, ComparesSizeAndEveryByte) {
  EXPECT_TRUE(ConstantTimeEqual({}, {}));
  EXPECT_TRUE(ConstantTimeEqual(AsBytes("same"), AsBytes("same")));
  EXPECT_FALSE(ConstantTimeEqual(AsBytes("same"), AsBytes("same").first(3)));
  EXPECT_FALSE(ConstantTimeEqual(AsBytes("same").first(3), AsBytes("same")));
  EXPECT_FALSE(ConstantTimeEqual(AsBytes("same"), AsBytes("samf")));
  EXPECT_FALSE(ConstantTimeEqual(AsBytes("same"), AsBytes("Same")));
}

template <typename Hasher, typename OneShot>
void ExpectPiecesEqualWhole(OneShot one_shot) {
  std::mt19937_64 random(7);
  const auto bytes = RandomBytes(random, 5000);
  for (int round = 0; round < 50; ++round) {
    Hasher hasher;
    for (size_t at = 0; at < bytes.size();) {
      const size_t piece = std::min<size_t>(random() % 300, bytes.size() - at);
      hasher.Update(ByteSpan(bytes).subspan(at, piece));
      at += piece;
    }
    ASSERT_EQ(hasher.Finish(), one_shot(bytes));
  }
}

TEST(HasherTest, PiecesEqualWhole) {
  ExpectPiecesEqualWhole<Md5Hasher>(Md5);
  ExpectPiecesEqualWhole<Sha1Hasher>(Sha1);
  ExpectPiecesEqualWhole<Sha256Hasher>(Sha256);
}

TEST(HasherTest, CopyGoesItsOwnWay) {
  Sha256Hasher first;
  first.Update(AsBytes("ab"));
  Sha256Hasher second = first;
  first.Update(AsBytes("c"));
  second.Update(AsBytes("d"));
  EXPECT_EQ(first.Finish(), Sha256(AsBytes("abc")));
  EXPECT_EQ(second.Finish(), Sha256(AsBytes("abd")));
}

// Runs the public function and, where the CPU has it, the kernel with any number of lanes.
void ExpectManyEqualsPortable(const std::vector<ByteSpan>& inputs) {
  std::vector<Sha256Digest> expected(inputs.size());
  Sha256ManyPortable(inputs, expected);
  std::vector<Sha256Digest> actual(inputs.size());
  Sha256Many(inputs, actual);
  ASSERT_EQ(actual, expected);
  if (!digest_kernels::CpuHasShaExtensions()) return;
  for (const bool wide : {false, true}) {
    if (wide && !digest_kernels::CpuHasAvx512()) continue;
    actual.assign(inputs.size(), Sha256Digest{});
    digest_kernels::Sha256ManyShaExtensions(inputs, actual, wide);
    ASSERT_EQ(actual, expected) << "wide " << wide;
  }
}

TEST(Sha256ManyTest, NothingToDo) { ExpectManyEqualsPortable({}); }

TEST(Sha256ManyTest, EverySizeTo300InEveryLaneCount) {
  std::mt19937_64 random(1);
  for (size_t size = 0; size <= 300; ++size) {
    std::vector<std::vector<uint8_t>> storage;
    std::vector<ByteSpan> inputs;
    for (int lane = 0; lane < 18; ++lane) {
      storage.push_back(RandomBytes(random, size));  // exact allocations: ASan sees an overread
      inputs.emplace_back(storage.back());
      ExpectManyEqualsPortable(inputs);
      ASSERT_FALSE(HasFatalFailure()) << "size " << size << ", lanes " << lane + 1;
    }
  }
}

TEST(Sha256ManyTest, MixedSizesUnaligned) {
  std::mt19937_64 random(2);
  const auto bytes = RandomBytes(random, 70000);
  for (int round = 0; round < 300; ++round) {
    std::vector<ByteSpan> inputs;
    const size_t count = random() % 40;
    for (size_t i = 0; i < count; ++i) {
      const size_t size_max = random() % 3 == 0 ? 20000 : 300;
      const size_t size = random() % size_max;
      inputs.push_back(ByteSpan(bytes).subspan(random() % (bytes.size() - size), size));
    }
    ExpectManyEqualsPortable(inputs);
    ASSERT_FALSE(HasFatalFailure()) << "round " << round;
  }
}

TEST(Sha256ManyTest, LeavesOf16KiB) {
  std::mt19937_64 random(3);
  const auto bytes = RandomBytes(random, 14 * 16384 + 1);
  for (size_t count : {1, 2, 3, 4, 14}) {
    std::vector<ByteSpan> inputs;
    for (size_t i = 0; i < count; ++i)
      inputs.push_back(ByteSpan(bytes).subspan(1 + i * 16384, 16384));
    ExpectManyEqualsPortable(inputs);
  }
}

TEST(Sha256ManyDeathTest, RefusesUnequalCounts) {
  const std::vector<ByteSpan> inputs(2);
  std::vector<Sha256Digest> digests(1);
  EXPECT_DEATH(Sha256Many(inputs, digests), "");
}

}  // namespace
}  // namespace ashlar
