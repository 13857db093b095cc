// The simulated disk is a judge, so it is judged too.
#include <gtest/gtest.h>

#include "runtime/sim_disk.h"

namespace ashlar {
namespace {

Status WriteText(SimExecutor& executor, DiskFile& file, uint64_t offset, const std::string& text) {
  const ByteSpan part = AsBytes(text);
  return executor.Run(file.WriteAt(offset, std::span<const ByteSpan>(&part, 1)));
}

TEST(SimDiskTest, SyncedSurvivesUnsyncedMayNot) {
  int kept = 0;
  int lost = 0;
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    SimExecutor executor;
    SimDisk disk(executor, seed);
    ASSERT_TRUE(executor.Run(disk.CreateDirectory("/d")).ok());
    auto file = executor.Run(disk.Open("/d/f", Disk::OpenMode::kCreateNew)).value();
    ASSERT_TRUE(WriteText(executor, *file, 0, std::string(600, 'a')).ok());
    ASSERT_TRUE(executor.Run(file->Sync()).ok());
    ASSERT_TRUE(executor.Run(disk.SyncDirectory("/d")).ok());
    ASSERT_TRUE(WriteText(executor, *file, 600, std::string(600, 'b')).ok());
    const auto after = disk.Crash(SimDisk::Options());
    EXPECT_FALSE(WriteText(executor, *file, 0, "x").ok());
    const std::vector<uint8_t>* content = after->Content("/d/f");
    ASSERT_NE(content, nullptr);
    ASSERT_GE(content->size(), 600u);
    EXPECT_EQ((*content)[599], 'a');
    const bool whole = content->size() == 1200 && (*content)[600] == 'b' && (*content)[1199] == 'b';
    ++(whole ? kept : lost);
  }
  EXPECT_GT(kept, 10);
  EXPECT_GT(lost, 10);
}

TEST(SimDiskTest, NameNeedsItsDirectorySynced) {
  int kept = 0;
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    SimExecutor executor;
    SimDisk disk(executor, seed);
    ASSERT_TRUE(executor.Run(disk.CreateDirectory("/d")).ok());
    auto file = executor.Run(disk.Open("/d/f", Disk::OpenMode::kCreateNew)).value();
    ASSERT_TRUE(executor.Run(file->Sync()).ok());
    if (disk.Crash(SimDisk::Options())->Content("/d/f") != nullptr) ++kept;
  }
  EXPECT_GT(kept, 10);
  EXPECT_LT(kept, 190);
}

TEST(SimDiskTest, AFailedSyncForgetsAndTheNextOneSucceeds) {
  SimExecutor executor;
  SimDisk disk(executor, 1);
  ASSERT_TRUE(executor.Run(disk.CreateDirectory("/d")).ok());
  auto file = executor.Run(disk.Open("/d/f", Disk::OpenMode::kCreateNew)).value();
  ASSERT_TRUE(executor.Run(disk.SyncDirectory("/d")).ok());
  ASSERT_TRUE(WriteText(executor, *file, 0, "lost").ok());
  disk.fault = [](SimDisk::Operation operation, const std::string&) {
    return operation == SimDisk::Operation::kSync ? Status(Code::kIoError, "once") : Status::Ok();
  };
  EXPECT_FALSE(executor.Run(file->Sync()).ok());
  disk.fault = nullptr;
  EXPECT_TRUE(executor.Run(file->Sync()).ok());
  EXPECT_TRUE(disk.Crash(SimDisk::Options())->Content("/d/f")->empty());
}

}  // namespace
}  // namespace ashlar
