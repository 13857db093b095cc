// The bytes of a volume are pinned: a store of tomorrow must read what today's wrote.
//
// golden/volume.hex holds a volume with two records, as hex lines (offset: 32 bytes; lines of zeros
// left out). When the format changes on purpose, its version changes and this file gets a sibling.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "chunk_server/tests/sim_world.h"
#include "model/shard_record.h"

namespace ashlar::chunk_server {
namespace {

std::string HexLines(const std::vector<uint8_t>& bytes) {
  std::string lines;
  for (size_t at = 0; at < bytes.size(); at += 32) {
    const ByteSpan line = ByteSpan(bytes).subspan(at, std::min<size_t>(32, bytes.size() - at));
    if (std::all_of(line.begin(), line.end(), [](uint8_t byte) { return byte == 0; })) continue;
    lines += std::to_string(at) + ": " + HexEncode(line) + "\n";
  }
  return lines;
}

TestShard PlainShard(uint8_t index, uint64_t body_bytes) {
  TestShard shard;
  for (uint64_t i = 0; i < body_bytes; ++i)
    shard.body.push_back(static_cast<uint8_t>(i * 7 + index));
  for (uint8_t i = 0; i < 16; ++i) shard.spec.extent.bytes[i] = static_cast<uint8_t>(i + index);
  shard.spec.shard_index = index;
  shard.spec.data_shards = 10;
  shard.spec.parity_shards = 4;
  shard.spec.tier = model::Tier::kInfrequentAccess;
  shard.spec.generation = 2;
  shard.spec.body_bytes = body_bytes;
  shard.spec.payload_bytes = body_bytes * 10 - 5;
  shard.spec.directory_bytes = 33;
  shard.leaves.push_back(Sha256(shard.body));
  return shard;
}

std::string GoldenPath() { return ASHLAR_SOURCE_DIR "/src/chunk_server/tests/golden/volume.hex"; }

std::vector<uint8_t> FromHexLines(const std::string& text, size_t size) {
  std::vector<uint8_t> bytes(size, 0);
  std::istringstream lines(text);
  size_t offset = 0;
  char colon = 0;
  std::string hex;
  while (lines >> offset >> colon >> hex) {
    std::string decoded;
    EXPECT_TRUE(HexDecode(hex, &decoded));
    std::copy(decoded.begin(), decoded.end(), bytes.begin() + static_cast<ptrdiff_t>(offset));
  }
  return bytes;
}

TEST(FormatTest, VolumeBytesAreGolden) {
  std::ifstream file(GoldenPath());
  std::stringstream golden;
  golden << file.rdbuf();

  SimWorld world;
  world.disk->options().delay_nanoseconds_max = 0;
  world.Open();
  const TestShard first = PlainShard(1, 100);
  const TestShard second = PlainShard(13, 257);
  const auto first_at = world.Write(first);
  const auto second_at = world.executor.Run(WriteInPieces(*world.store, second, 16'384));
  ASSERT_TRUE(first_at.ok() && second_at.ok());
  EXPECT_EQ(first_at->offset, 4096u);
  EXPECT_EQ(second_at->offset, 4096u + 320);
  // The checkpoint is written at its step and at closing; here it would only add noise.
  EXPECT_EQ(HexLines(world.Volume(1)), golden.str()) << "golden file: " << GoldenPath();

  // And the other way: the golden bytes are a volume that reads.
  world.Close();
  world.disk->PutFile(SimWorld::VolumePath(1), FromHexLines(golden.str(), 64 * 1024));
  world.Open();
  EXPECT_TRUE(world.Read(first, *first_at).ok());
  EXPECT_TRUE(world.Read(second, *second_at).ok());
}

// A purged record differs from the golden one by its first eight bytes (and by whole pages, of
// which these have none).
TEST(FormatTest, DeadMarkIsGolden) {
  std::ifstream file(GoldenPath());
  std::stringstream golden;
  golden << file.rdbuf();
  SimWorld world;
  world.disk->PutFile(SimWorld::VolumePath(1), FromHexLines(golden.str(), 64 * 1024));
  world.Open();
  const TestShard first = PlainShard(1, 100);
  model::ShardLocation location;
  location.drive = TestIdentity().drive;
  location.present = true;
  location.generation = 2;
  location.volume = 1;
  location.offset = 4096;
  ASSERT_TRUE(world.Read(first, location).ok());
  const Status purged = world.PurgeOne(first, location);
  EXPECT_TRUE(purged.ok()) << purged.ToString();
  std::string expected = golden.str();
  const std::string alive = "\n4096: " + HexEncode(AsBytes("ASHSHRD1"));
  const size_t at = expected.find(alive);
  ASSERT_NE(at, std::string::npos);
  expected.replace(at, alive.size(), "\n4096: " + HexEncode(AsBytes("ASHDEAD1")));
  EXPECT_EQ(HexLines(world.Volume(1)), expected);
}

}  // namespace
}  // namespace ashlar::chunk_server
