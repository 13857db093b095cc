#include "runtime/pooled.h"

#include <gtest/gtest.h>

#include <cstring>
#include <thread>
#include <vector>

namespace ashlar {
namespace {

// Every size around the borders of the classes is given out whole, twice, and disjoint.
TEST(Pooled, BlocksOfEverySizeAreWhole) {
  std::vector<size_t> sizes;
  for (size_t size = 1; size <= 256 * 1024; size *= 2) {
    for (const size_t near : {size - 1, size, size + 1}) {
      if (near > 0) sizes.push_back(near);
    }
  }
  for (int round = 0; round < 3; ++round) {
    std::vector<void*> blocks;
    for (size_t i = 0; i < sizes.size(); ++i) {
      blocks.push_back(internal::AllocateFrame(sizes[i]));
      std::memset(blocks.back(), static_cast<int>(i), sizes[i]);
    }
    for (size_t i = 0; i < sizes.size(); ++i) {
      const auto* bytes = static_cast<const unsigned char*>(blocks[i]);
      EXPECT_EQ(bytes[0], static_cast<unsigned char>(i)) << sizes[i];
      EXPECT_EQ(bytes[sizes[i] - 1], static_cast<unsigned char>(i)) << sizes[i];
      internal::FreeFrame(blocks[i], sizes[i]);
    }
  }
}

TEST(Pooled, ValuesAreLikeThoseOfTheStandardLibrary) {
  PooledString text(std::string_view("a key that is longer than what fits inside of a string"));
  PooledString copy = text;
  copy += " and more";
  EXPECT_NE(text, copy);
  EXPECT_EQ(std::string_view(copy).substr(0, text.size()), text);
  PooledVector<PooledString> list(100, text);
  list.push_back(std::move(copy));
  EXPECT_EQ(list.front(), text);
}

// Freed on another thread than made, which then ends.
TEST(Pooled, ThreadsMayHandBlocksOver) {
  std::vector<std::shared_ptr<PooledString>> shared;
  for (int i = 0; i < 1000; ++i) shared.push_back(MakePooled<PooledString>(i, 'x'));
  std::thread other([taken = std::move(shared)]() mutable {
    EXPECT_EQ(taken[999]->size(), 999U);
    taken.clear();
    taken.push_back(MakePooled<PooledString>(3000, 'y'));
  });
  other.join();
}

}  // namespace
}  // namespace ashlar
