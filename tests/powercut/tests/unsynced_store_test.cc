#include "powercut/unsynced_store.h"

#include <gtest/gtest.h>

namespace ashlar::powercut {
namespace {

TEST(UnsyncedStoreTest, ReadsWhatWasWritten) {
  UnsyncedStore store;
  const Inode file = store.Create(kRoot, "f", 0600, false);
  store.Write(file, 4090, "0123456789");
  EXPECT_EQ(store.Size(file), 4100);
  EXPECT_EQ(store.Read(file, 4088, 100), std::string("\0\0", 2) + "0123456789");
  store.Resize(file, 4095);
  store.Resize(file, 4100);
  EXPECT_EQ(store.Read(file, 4090, 10), std::string("01234\0\0\0\0\0", 10));
}

TEST(UnsyncedStoreTest, HolesAreFound) {
  UnsyncedStore store;
  const Inode file = store.Create(kRoot, "f", 0600, false);
  store.Write(file, 0, std::string(4 * kPageBytes, 'x'));
  store.Punch(file, 100, 2 * kPageBytes);
  EXPECT_EQ(store.Size(file), 4 * kPageBytes);
  EXPECT_EQ(store.Read(file, 99, 2), std::string("x\0", 2));
  EXPECT_EQ(store.NextHole(file, 0), kPageBytes);
  EXPECT_EQ(store.NextData(file, kPageBytes), 2 * kPageBytes);
  EXPECT_EQ(store.NextHole(file, 2 * kPageBytes), 4 * kPageBytes);
  EXPECT_EQ(store.Read(file, 2 * kPageBytes + 99, 2), std::string("\0x", 2));
}

TEST(UnsyncedStoreTest, ACutLeavesWhatWasSynced) {
  UnsyncedStore store;
  const Inode file = store.Create(kRoot, "f", 0600, false);
  store.Write(file, 0, "old");
  store.SyncFile(file);
  store.SyncDirectory(kRoot);
  store.Write(file, 0, "new and longer");
  store.Write(file, 10 * kPageBytes, "far");
  const CutReport report = store.Cut(false, 0);
  EXPECT_EQ(report.pages_lost, 2);
  EXPECT_EQ(store.Read(file, 0, 100), "old");
  EXPECT_EQ(store.Size(file), 3);
}

TEST(UnsyncedStoreTest, AHoleThatWasNotSyncedIsNoHole) {
  UnsyncedStore store;
  const Inode file = store.Create(kRoot, "f", 0600, false);
  store.Write(file, 0, std::string(kPageBytes, 'x'));
  store.SyncFile(file);
  store.SyncDirectory(kRoot);
  store.Punch(file, 0, kPageBytes);
  (void)store.Cut(false, 0);
  EXPECT_EQ(store.Read(file, 5, 1), "x");
  store.Punch(file, 0, kPageBytes);
  store.SyncFile(file);
  (void)store.Cut(false, 0);
  EXPECT_EQ(store.Read(file, 5, 1), std::string(1, '\0'));
}

TEST(UnsyncedStoreTest, ANameIsLostWithoutASyncOfItsFolder) {
  UnsyncedStore store;
  const Inode folder = store.Create(kRoot, "d", 0700, true);
  const Inode file = store.Create(folder, "f", 0600, false);
  store.SyncFile(file);
  store.SyncDirectory(kRoot);
  (void)store.Cut(false, 0);
  EXPECT_EQ(store.Lookup(kRoot, "d"), folder);
  EXPECT_EQ(store.Lookup(folder, "f"), kNoInode);
  EXPECT_FALSE(store.Exists(file));
}

TEST(UnsyncedStoreTest, ARenameIsOldOrNew) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    UnsyncedStore store;
    const Inode before = store.Create(kRoot, "f", 0600, false);
    const Inode after = store.Create(kRoot, "f.new", 0600, false);
    store.SyncDirectory(kRoot);
    store.Rename(kRoot, "f.new", kRoot, "f");
    const CutReport report = store.Cut(true, seed);
    EXPECT_EQ(report.names_lost + report.names_kept, 1);
    EXPECT_EQ(store.Lookup(kRoot, "f"), report.names_kept == 1 ? after : before);
    EXPECT_EQ(store.Lookup(kRoot, "f.new"), report.names_kept == 1 ? kNoInode : after);
  }
}

TEST(UnsyncedStoreTest, ChanceKeepsSomePages) {
  UnsyncedStore store;
  const Inode file = store.Create(kRoot, "f", 0600, false);
  store.Resize(file, 100 * kPageBytes);
  store.SyncFile(file);
  store.SyncDirectory(kRoot);
  uint64_t kept = 0;
  uint64_t lost = 0;
  for (uint64_t seed = 1; seed < 10; ++seed) {
    store.Write(file, 0, std::string(100 * kPageBytes, 'x'));
    const CutReport report = store.Cut(true, seed);
    EXPECT_EQ(report.pages_kept + report.pages_lost, 100);
    kept += report.pages_kept;
    lost += report.pages_lost;
  }
  EXPECT_GT(kept, 0);
  EXPECT_GT(lost, 0);
}

TEST(UnsyncedStoreTest, OneThatLiesKeepsNothing) {
  for (const Lies lies : {Lies{true, false}, Lies{false, true}}) {
    UnsyncedStore store(lies);
    const Inode file = store.Create(kRoot, "f", 0600, false);
    store.Write(file, 0, "bytes");
    store.SyncFile(file);
    store.SyncDirectory(kRoot);
    (void)store.Cut(false, 0);
    EXPECT_EQ(store.Lookup(kRoot, "f"), lies.about_folders ? kNoInode : file);
    if (lies.about_folders) continue;
    EXPECT_EQ(store.Size(file), 0);
  }
}

}  // namespace
}  // namespace ashlar::powercut
