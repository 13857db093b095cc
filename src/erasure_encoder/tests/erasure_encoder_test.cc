// Every parity byte and every reconstruction against the slow code of reference_code.h.
#include "erasure_encoder/erasure_encoder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <random>
#include <thread>

#include "erasure_encoder/internal/decode_cache.h"
#include "erasure_encoder/tests/reference_code.h"

namespace ashlar::erasure_encoder {
namespace {

constexpr size_t kGuard = 64;
constexpr uint8_t kGuardByte = 0xa5;

// k data shards of random bytes and their parity by the reference.
struct Stripe {
  Stripe(Code code, size_t size, uint64_t seed) : code(code), size(size) {
    std::mt19937_64 random(seed);
    shards.assign(code.data_shards, reference::Row(size));
    for (auto& shard : shards) {
      for (auto& byte : shard) byte = static_cast<uint8_t>(random());
    }
    const auto matrix = reference::CodingMatrix(code.data_shards, code.parity_shards);
    const reference::Matrix parity_rows(matrix.begin() + code.data_shards, matrix.end());
    for (auto& row : reference::Multiply(parity_rows, shards)) shards.push_back(std::move(row));
  }
  Code code;
  size_t size;
  std::vector<reference::Row> shards;
};

// Buffers that start unaligned and have guard bytes behind them.
struct Outputs {
  Outputs(size_t count, size_t size) : size(size) {
    for (size_t i = 0; i < count; ++i) {
      storage.emplace_back(1 + size + kGuard, kGuardByte);
      pointers.push_back(storage.back().data() + 1);
    }
  }
  void ExpectEqual(size_t i, const reference::Row& expected) const {
    ASSERT_TRUE(std::equal(expected.begin(), expected.end(), pointers[i])) << "output " << i;
    ASSERT_EQ(storage[i][0], kGuardByte);
    for (size_t at = 1 + size; at < storage[i].size(); ++at) {
      ASSERT_EQ(storage[i][at], kGuardByte) << "written beyond the end";
    }
  }
  size_t size;
  std::vector<std::vector<uint8_t>> storage;
  std::vector<uint8_t*> pointers;
};

std::vector<uint8_t> Indices(uint32_t mask) {
  std::vector<uint8_t> indices;
  for (uint8_t i = 0; i < 32; ++i) {
    if ((mask >> i & 1) != 0) indices.push_back(i);
  }
  return indices;
}
uint32_t AllShards(Code code) {
  return code.total() == 32 ? ~uint32_t{0} : (uint32_t{1} << code.total()) - 1;
}

void ExpectEncodes(const ErasureEncoder& encoder, const Stripe& stripe) {
  std::vector<const uint8_t*> data;
  for (int i = 0; i < stripe.code.data_shards; ++i) data.push_back(stripe.shards[i].data());
  Outputs parity(stripe.code.parity_shards, stripe.size);
  encoder.Encode(data, parity.pointers, stripe.size);
  for (int i = 0; i < stripe.code.parity_shards; ++i) {
    ASSERT_NO_FATAL_FAILURE(parity.ExpectEqual(i, stripe.shards[stripe.code.data_shards + i]));
  }
}

void ExpectReconstructs(const ErasureEncoder& encoder, const Stripe& stripe, uint32_t present_mask,
                        uint32_t wanted_mask) {
  const auto present_index = Indices(present_mask);
  const auto wanted = Indices(wanted_mask);
  std::vector<const uint8_t*> present;
  for (const uint8_t index : present_index) present.push_back(stripe.shards[index].data());
  Outputs out(wanted.size(), stripe.size);
  const Status status =
      encoder.Reconstruct(present_index, present, wanted, out.pointers, stripe.size);
  ASSERT_TRUE(status.ok()) << status.ToString();
  for (size_t i = 0; i < wanted.size(); ++i) {
    ASSERT_NO_FATAL_FAILURE(out.ExpectEqual(i, stripe.shards[wanted[i]]))
        << "present " << present_mask << " wanted " << wanted_mask;
  }
}

// The first k shards that are not lost.
uint32_t FirstPresent(Code code, uint32_t lost) {
  uint32_t present = 0;
  for (int i = 0; i < code.total() && std::popcount(present) < code.data_shards; ++i) {
    if ((lost >> i & 1) == 0) present |= uint32_t{1} << i;
  }
  return present;
}

TEST(ReferenceCodeTest, ItselfIsACode) {
  const auto matrix = reference::CodingMatrix(4, 2);
  const reference::Matrix part(matrix.begin() + 2, matrix.end());
  const auto product = reference::Multiply(part, reference::Invert(part));
  for (int i = 0; i < 4; ++i) {
    for (int j = 0; j < 4; ++j) EXPECT_EQ(product[i][j], i == j ? 1 : 0);
  }
  EXPECT_TRUE(reference::Invert({{1, 2}, {1, 2}}).empty());
}

TEST(ErasureEncoderTest, All1470LossPatternsOf10Plus4) {
  const Code code{10, 4};
  const ErasureEncoder encoder(code);
  const Stripe stripe(code, 333, 1);
  ASSERT_NO_FATAL_FAILURE(ExpectEncodes(encoder, stripe));
  int patterns = 0;
  for (int pass = 0; pass < 2; ++pass) {  // the second pass decodes with cached tables
    for (uint32_t lost = 1; lost <= AllShards(code); ++lost) {
      if (std::popcount(lost) > code.parity_shards) continue;
      ++patterns;
      ASSERT_NO_FATAL_FAILURE(ExpectReconstructs(encoder, stripe, FirstPresent(code, lost), lost));
    }
  }
  EXPECT_EQ(patterns, 2 * 1470);
}

// The reads may come from any ten, and only a part of the lost may be wanted.
TEST(ErasureEncoderTest, AnyChoiceOfTenAndAnyPartOfTheRest) {
  const Code code{10, 4};
  const ErasureEncoder encoder(code);
  const Stripe stripe(code, 65, 2);
  std::mt19937_64 random(3);
  int patterns = 0;
  for (uint32_t present = 0; present <= AllShards(code); ++present) {
    if (std::popcount(present) != code.data_shards) continue;
    const uint32_t wanted = ~present & AllShards(code) & static_cast<uint32_t>(random());
    ASSERT_NO_FATAL_FAILURE(ExpectReconstructs(encoder, stripe, present, wanted));
    ++patterns;
  }
  EXPECT_EQ(patterns, 1001);
}

// More patterns than the cache keeps: those beyond the bound must be right too.
TEST(ErasureEncoderTest, BeyondTheBoundOfTheCache) {
  const Code code{10, 4};
  const ErasureEncoder encoder(code);
  const Stripe stripe(code, 33, 4);
  size_t patterns = 0;
  for (int pass = 0; pass < 2; ++pass) {
    for (uint32_t present = 0; present <= AllShards(code); ++present) {
      if (std::popcount(present) != code.data_shards) continue;
      const uint32_t rest = ~present & AllShards(code);
      for (uint32_t wanted = rest; wanted != 0; wanted = (wanted - 1) & rest) {
        ASSERT_NO_FATAL_FAILURE(ExpectReconstructs(encoder, stripe, present, wanted));
        ++patterns;
      }
    }
  }
  EXPECT_GT(patterns, 2 * DecodeCache::kEntriesMax);
}

class CodeTest : public testing::TestWithParam<Code> {};

TEST_P(CodeTest, EverySize) {
  const Code code = GetParam();
  const ErasureEncoder encoder(code);
  std::mt19937_64 random(5);
  for (const size_t size : {0, 1, 15, 16, 31, 32, 33, 63, 64, 65, 127, 500, 4096, 65536}) {
    const Stripe stripe(code, size, size);
    ASSERT_NO_FATAL_FAILURE(ExpectEncodes(encoder, stripe)) << size;
    std::vector<int> order(code.total());
    for (int i = 0; i < code.total(); ++i) order[i] = i;
    for (int round = 0; round < 10; ++round) {
      std::shuffle(order.begin(), order.end(), random);
      uint32_t lost = 0;
      const int losses =
          round == 0 ? code.parity_shards : 1 + static_cast<int>(random() % code.parity_shards);
      for (int i = 0; i < losses; ++i) lost |= uint32_t{1} << order[i];
      ASSERT_NO_FATAL_FAILURE(ExpectReconstructs(encoder, stripe, FirstPresent(code, lost), lost))
          << size;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Codes, CodeTest,
                         testing::Values(Code{10, 4}, Code{4, 2}, Code{2, 1}, Code{1, 1},
                                         Code{17, 3}, Code{20, 8}, Code{24, 8}, Code{31, 1},
                                         Code{1, 8}),
                         [](const auto& info) {
                           return std::to_string(info.param.data_shards) + "_" +
                                  std::to_string(info.param.parity_shards);
                         });

TEST(ErasureEncoderTest, WrongIndicesAreRefused) {
  const Code code{4, 2};
  const ErasureEncoder encoder(code);
  const Stripe stripe(code, 64, 6);
  const auto attempt = [&](std::vector<uint8_t> present_index, std::vector<uint8_t> wanted,
                           size_t pointers, size_t buffers) {
    std::vector<const uint8_t*> present(pointers, stripe.shards[0].data());
    Outputs out(buffers, stripe.size);
    const Status status =
        encoder.Reconstruct(present_index, present, wanted, out.pointers, stripe.size);
    if (!status.ok()) {
      for (size_t i = 0; i < buffers; ++i) out.ExpectEqual(i, reference::Row(64, kGuardByte));
    }
    return status.code();
  };
  const auto invalid = ashlar::Code::kInvalidArgument;
  EXPECT_EQ(attempt({0, 1, 2, 3}, {4, 5}, 4, 2), ashlar::Code::kOk);
  EXPECT_EQ(attempt({0, 1, 2, 3}, {}, 4, 0), ashlar::Code::kOk);
  EXPECT_EQ(attempt({0, 1, 2}, {4}, 3, 1), invalid);        // too few
  EXPECT_EQ(attempt({0, 1, 2, 3, 4}, {5}, 5, 1), invalid);  // too many
  EXPECT_EQ(attempt({0, 1, 2, 3}, {4}, 3, 1), invalid);     // a pointer missing
  EXPECT_EQ(attempt({0, 1, 2, 3}, {4, 5}, 4, 1), invalid);  // a buffer missing
  EXPECT_EQ(attempt({0, 1, 3, 2}, {4}, 4, 1), invalid);     // not ascending
  EXPECT_EQ(attempt({0, 1, 1, 2}, {4}, 4, 1), invalid);     // twice
  EXPECT_EQ(attempt({0, 1, 2, 6}, {4}, 4, 1), invalid);     // outside the code
  EXPECT_EQ(attempt({0, 1, 2, 255}, {4}, 4, 1), invalid);
  EXPECT_EQ(attempt({0, 1, 2, 3}, {5, 4}, 4, 2), invalid);
  EXPECT_EQ(attempt({0, 1, 2, 3}, {4, 4}, 4, 2), invalid);
  EXPECT_EQ(attempt({0, 1, 2, 3}, {6}, 4, 1), invalid);
  EXPECT_EQ(attempt({0, 1, 2, 3}, {3}, 4, 1), invalid);  // wanted and present
}

TEST(ErasureEncoderTest, ThreadsShareTheCache) {
  const Code code{10, 4};
  const ErasureEncoder encoder(code);
  const Stripe stripe(code, 128, 7);
  std::vector<uint32_t> patterns;
  for (uint32_t lost = 1; lost <= AllShards(code); ++lost) {
    if (std::popcount(lost) <= code.parity_shards) patterns.push_back(lost);
  }
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      auto order = patterns;
      // Pairs of threads walk the same order, so that they meet in the same misses.
      std::shuffle(order.begin(), order.end(), std::mt19937_64(t / 2));
      for (const uint32_t lost : order) {
        const auto present_index = Indices(FirstPresent(code, lost));
        const auto wanted = Indices(lost);
        std::vector<const uint8_t*> present;
        for (const uint8_t index : present_index) present.push_back(stripe.shards[index].data());
        Outputs out(wanted.size(), stripe.size);
        if (!encoder.Reconstruct(present_index, present, wanted, out.pointers, stripe.size).ok()) {
          ++wrong;
        }
        for (size_t i = 0; i < wanted.size(); ++i) {
          const auto& expected = stripe.shards[wanted[i]];
          if (!std::equal(expected.begin(), expected.end(), out.pointers[i])) ++wrong;
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST(DecodeCacheTest, KeepsOneEntryAPatternAndStaysBounded) {
  DecodeCache cache;
  const uint8_t first[] = {1, 2, 3};
  const uint8_t second[] = {4, 5, 6};
  EXPECT_EQ(cache.Find({7, 8}), nullptr);
  const uint8_t* kept = cache.Insert({7, 8}, first, 3);
  ASSERT_NE(kept, nullptr);
  EXPECT_EQ(cache.Insert({7, 8}, second, 3), kept);
  EXPECT_EQ(cache.Find({7, 8}), kept);
  EXPECT_EQ(kept[2], 3);
  EXPECT_EQ(cache.size(), 1u);
  for (uint32_t i = 0; cache.size() < DecodeCache::kEntriesMax; ++i) {
    ASSERT_NE(cache.Insert({i, 1}, first, 3), nullptr);
  }
  EXPECT_EQ(cache.Insert({1, 1000}, first, 3), nullptr);
  EXPECT_EQ(cache.Find({1, 1000}), nullptr);
  EXPECT_EQ(cache.size(), DecodeCache::kEntriesMax);
  EXPECT_EQ(cache.Find({7, 8}), kept);
}

TEST(CodeTextTest, ParsesAndPrints) {
  for (const char* text : {"10+4", "4+2", "1+1", "24+8", "31+1"}) {
    const auto code = ParseCode(text);
    ASSERT_TRUE(code.ok()) << text;
    EXPECT_EQ(code->ToString(), text);
  }
  for (const char* text : {"",      "+",     "10",    "10+",           "+4",
                           "10-4",  "10+4 ", " 10+4", "10++4",         "10+4+1",
                           "0+4",   "10+0",  "-1+4",  "10+-4",         "10+9",
                           "25+8",  "32+1",  "a+b",   "99999999999+1", "2147483647+8",
                           "0x0a+4"}) {
    EXPECT_EQ(ParseCode(text).code(), ashlar::Code::kInvalidArgument) << text;
  }
}

TEST(ErasureEncoderDeathTest, CodesOutsideTheLimits) {
  EXPECT_DEATH(ErasureEncoder(Code{0, 1}), "");
  EXPECT_DEATH(ErasureEncoder(Code{10, 9}), "");
  EXPECT_DEATH(ErasureEncoder(Code{25, 8}), "");
}

}  // namespace
}  // namespace ashlar::erasure_encoder
