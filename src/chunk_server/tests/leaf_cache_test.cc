#include <gtest/gtest.h>

#include "chunk_server/shards/leaf_cache.h"

namespace ashlar::chunk_server {
namespace {

LeafList List(size_t size) { return std::make_shared<const std::vector<Sha256Digest>>(size); }
LeafCache::Key KeyOf(uint32_t volume) {
  LeafCache::Key key;
  key.volume = volume;
  return key;
}

TEST(LeafCacheTest, KeepsTheMostRecentWithinItsBytes) {
  LeafCache cache(4000);
  for (uint32_t i = 0; i < 10; ++i) {
    cache.Insert(KeyOf(i), List(20));  // 640 bytes and their overhead
    EXPECT_NE(cache.Find(KeyOf(0)), nullptr);
    EXPECT_LE(cache.bytes(), 4000u);
  }
  EXPECT_NE(cache.Find(KeyOf(9)), nullptr);
  EXPECT_EQ(cache.Find(KeyOf(3)), nullptr);
}

TEST(LeafCacheTest, AnotherRootIsAnotherEntry) {
  LeafCache cache(4000);
  LeafCache::Key key = KeyOf(1);
  cache.Insert(key, List(5));
  key.root[31] = 1;
  EXPECT_EQ(cache.Find(key), nullptr);
}

TEST(LeafCacheTest, TooLargeIsNotKept) {
  LeafCache cache(1000);
  cache.Insert(KeyOf(1), List(3));
  cache.Insert(KeyOf(2), List(100));
  EXPECT_EQ(cache.Find(KeyOf(2)), nullptr);
  EXPECT_NE(cache.Find(KeyOf(1)), nullptr);
  cache.Clear();
  EXPECT_EQ(cache.bytes(), 0u);
  EXPECT_EQ(cache.Find(KeyOf(1)), nullptr);
}

}  // namespace
}  // namespace ashlar::chunk_server
