#include "runtime/block_arena.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <set>

namespace ashlar {
namespace {

constexpr size_t kBlockBytes = 896 * 1024;
constexpr size_t kBlocks = 16;

// Of `block`, in memory now.
size_t PagesInMemory(uint8_t* block) {
  std::array<unsigned char, kBlockBytes / 4096> pages{};
  EXPECT_EQ(mincore(block, kBlockBytes, pages.data()), 0);
  return static_cast<size_t>(
      std::count_if(pages.begin(), pages.end(), [](unsigned char page) { return page & 1; }));
}

TEST(BlockArenaTest, BlocksAreApartAndNoMoreThanAnnounced) {
  BlockArena arena(kBlockBytes, kBlocks);
  std::set<uint8_t*> blocks;
  for (size_t i = 0; i < kBlocks; ++i) {
    uint8_t* const block = arena.Take();
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(block) % 4096, 0U);
    std::fill_n(block, kBlockBytes, static_cast<uint8_t>(i));
    blocks.insert(block);
  }
  EXPECT_EQ(arena.Take(), nullptr);
  uint8_t* before = nullptr;
  for (uint8_t* const block : blocks) {
    if (before != nullptr) {
      EXPECT_GE(block, before + kBlockBytes);
    }
    EXPECT_EQ(block[0], block[kBlockBytes - 1]);
    before = block;
  }
}

TEST(BlockArenaTest, WhatIsGivenBackTakesNoMemory) {
  BlockArena arena(kBlockBytes, kBlocks);
  uint8_t* const first = arena.Take();
  uint8_t* const second = arena.Take();
  std::fill_n(first, kBlockBytes, uint8_t{1});
  std::fill_n(second, kBlockBytes, uint8_t{2});
  EXPECT_EQ(PagesInMemory(first), kBlockBytes / 4096);
  arena.Give(first);
  EXPECT_EQ(PagesInMemory(first), 0U);
  EXPECT_EQ(second[0], 2);
  EXPECT_EQ(second[kBlockBytes - 1], 2);
  EXPECT_EQ(arena.Take(), first);
  EXPECT_EQ(first[0], 0);
}

}  // namespace
}  // namespace ashlar
