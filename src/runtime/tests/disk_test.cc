#include "runtime/disk.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>

#include "runtime/disk/recent_reads.h"
#include "runtime/event_loop.h"
#include "runtime/sync.h"

namespace ashlar {
namespace {

// Runs over io_uring and over the blocking fallback.
class DiskTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    setenv("ASHLAR_DISK", GetParam(), 1);
    std::string pattern = testing::TempDir() + "ashlar-disk-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    group_ = std::make_unique<EventLoopGroup>(2);
  }
  void TearDown() override {
    group_.reset();
    unsetenv("ASHLAR_DISK");
    std::filesystem::remove_all(directory_);
  }

  std::string directory_;
  std::unique_ptr<EventLoopGroup> group_;
};

std::vector<uint8_t> Pattern(size_t size, uint8_t seed) {
  std::vector<uint8_t> bytes(size);
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<uint8_t>(i * 31 + seed);
  return bytes;
}

Task<Status> WriteAndRead(std::string path) {
  Disk& disk = HostDisk();
  CO_ASSIGN_OR_RETURN(auto file, co_await disk.Open(path, Disk::OpenMode::kCreateNew));
  CO_RETURN_IF_ERROR(co_await file->Allocate(0, 1 << 20));
  const auto first = Pattern(100'000, 1);
  const auto second = Pattern(33, 2);
  const std::vector<ByteSpan> parts = {first, {}, second};
  CO_RETURN_IF_ERROR(co_await file->WriteAt(4096, parts));
  CO_RETURN_IF_ERROR(co_await file->Sync());
  std::vector<uint8_t> back(first.size() + second.size());
  CO_RETURN_IF_ERROR(co_await file->ReadAt(4096, back));
  EXPECT_TRUE(std::equal(first.begin(), first.end(), back.begin()));
  EXPECT_TRUE(std::equal(second.begin(), second.end(), back.begin() + 100'000));
  CO_ASSIGN_OR_RETURN(const uint64_t end, co_await file->DataEnd(0));
  EXPECT_GE(end, 4096 + back.size());
  EXPECT_LE(end, 4096 + back.size() + 65536);
  const Status beyond = co_await file->ReadAt((1 << 20) - 10, back);
  EXPECT_EQ(beyond.code(), Code::kIoError);
  co_return Status::Ok();
}

TEST_P(DiskTest, WritesReadsAndKnowsTheEndOfData) {
  const Status status = RunBlocking(*group_, WriteAndRead(directory_ + "/file"));
  EXPECT_TRUE(status.ok()) << status.ToString();
}

Task<Status> OneWriter(DiskFile* file, int index) {
  const auto bytes = Pattern(3000, static_cast<uint8_t>(index));
  const ByteSpan part = bytes;
  CO_RETURN_IF_ERROR(co_await file->WriteAt(static_cast<uint64_t>(index) * 3000, {&part, 1}));
  if (index % 50 == 0) CO_RETURN_IF_ERROR(co_await file->Sync());
  std::vector<uint8_t> back(3000);
  CO_RETURN_IF_ERROR(co_await file->ReadAt(static_cast<uint64_t>(index) * 3000, back));
  co_return back == bytes ? Status::Ok() : Status(Code::kCorrupt, "other bytes came back");
}

Task<Status> ManyWriters(std::string path) {
  CO_ASSIGN_OR_RETURN(auto file, co_await HostDisk().Open(path, Disk::OpenMode::kCreateNew));
  std::vector<Task<Status>> writers;
  for (int i = 0; i < 2000; ++i) writers.push_back(OneWriter(file.get(), i));
  for (const Status& status : co_await WhenAll(std::move(writers))) CO_RETURN_IF_ERROR(status);
  co_return Status::Ok();
}

TEST_P(DiskTest, MoreOperationsThanTheRingHolds) {
  const Status status = RunBlocking(*group_, ManyWriters(directory_ + "/file"));
  EXPECT_TRUE(status.ok()) << status.ToString();
}

Task<Status> Names(std::string directory) {
  Disk& disk = HostDisk();
  CO_RETURN_IF_ERROR(co_await disk.CreateDirectory(directory + "/a/b"));
  CO_RETURN_IF_ERROR(co_await WriteWholeFile(disk, directory + "/a", "name", "first"));
  CO_RETURN_IF_ERROR(co_await WriteWholeFile(disk, directory + "/a", "name", "second"));
  CO_ASSIGN_OR_RETURN(const std::string content,
                      co_await ReadWholeFile(disk, directory + "/a/name", 100));
  EXPECT_EQ(content, "second");
  CO_ASSIGN_OR_RETURN(const auto names, co_await disk.List(directory + "/a"));
  EXPECT_EQ(names, (std::vector<std::string>{"b", "name"}));
  const auto missing = co_await ReadWholeFile(disk, directory + "/a/none", 100);
  EXPECT_EQ(missing.code(), Code::kNotFound);
  CO_ASSIGN_OR_RETURN(const SpaceInfo space, co_await disk.Space(directory));
  EXPECT_GT(space.total_bytes, 0U);
  co_return Status::Ok();
}

TEST_P(DiskTest, FilesAreReplacedWhole) {
  const Status status = RunBlocking(*group_, Names(directory_));
  EXPECT_TRUE(status.ok()) << status.ToString();
}

// How many of the file's first pages are in the page cache.
size_t CachedPages(const std::string& path, size_t bytes) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  void* mapped = mmap(nullptr, bytes, PROT_READ, MAP_SHARED, fd, 0);
  std::vector<unsigned char> resident(bytes / 4096);
  EXPECT_EQ(mincore(mapped, bytes, resident.data()), 0);
  munmap(mapped, bytes);
  close(fd);
  return static_cast<size_t>(std::count_if(resident.begin(), resident.end(),
                                           [](unsigned char page) { return (page & 1) != 0; }));
}

Task<Status> ReadTwice(std::string path, std::array<size_t, 2>* cached) {
  constexpr size_t kBytes = 64 * 1024;
  CO_ASSIGN_OR_RETURN(auto file, co_await HostDisk().Open(path, Disk::OpenMode::kCreateNew));
  const std::unique_ptr<void, decltype(&free)> memory(aligned_alloc(4096, kBytes), free);
  const MutableByteSpan bytes(static_cast<uint8_t*>(memory.get()), kBytes);
  const auto wanted = Pattern(kBytes, 3);
  std::copy(wanted.begin(), wanted.end(), bytes.begin());
  const ByteSpan part = bytes;
  CO_RETURN_IF_ERROR(co_await file->WriteAt(0, {&part, 1}));
  CO_RETURN_IF_ERROR(co_await file->Sync());
  for (size_t& pages : *cached) {
    std::fill(bytes.begin(), bytes.end(), uint8_t{0});
    CO_RETURN_IF_ERROR(co_await file->ReadAt(0, bytes));
    if (!std::equal(wanted.begin(), wanted.end(), bytes.begin())) {
      co_return Status(Code::kCorrupt, "other bytes came back");
    }
    pages = CachedPages(path, kBytes);
  }
  co_return Status::Ok();
}

TEST_P(DiskTest, LargeReadsFillThePageCacheOnlyWhenRepeated) {
  std::array<size_t, 2> cached{};
  const Status status = RunBlocking(*group_, ReadTwice(directory_ + "/file", &cached));
  EXPECT_TRUE(status.ok()) << status.ToString();
  EXPECT_EQ(cached[0], 0U);
  EXPECT_EQ(cached[1], 16U);
}

TEST(RecentReadsTest, RemembersTheLatestAndForgetsTheOldest) {
  RecentReads recent(1024);
  EXPECT_FALSE(recent.SeenBefore(1, 0));
  EXPECT_TRUE(recent.SeenBefore(1, 0));
  EXPECT_TRUE(recent.SeenBefore(1, 65'535));
  EXPECT_FALSE(recent.SeenBefore(1, 65'536));
  EXPECT_FALSE(recent.SeenBefore(2, 0));
  size_t again = 0;
  for (uint64_t unit = 0; unit < 100'000; ++unit) {
    again += recent.SeenBefore(3, unit * 65'536) ? 1U : 0U;
  }
  EXPECT_LT(again, 10U);
  EXPECT_FALSE(recent.SeenBefore(1, 0));
}

INSTANTIATE_TEST_SUITE_P(Adapters, DiskTest, testing::Values("uring", "blocking"));

}  // namespace
}  // namespace ashlar
