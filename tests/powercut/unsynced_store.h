// Files and folders in memory, twice: as programs see them, and as a disk would show them after the
// power has gone.
//
// 1. Bytes, size and allocation of a file become durable by SyncFile of it, and by nothing else.
// 2. A name (created, removed, renamed) becomes durable by SyncDirectory of its folder, and by
//    nothing else: a file that was synced in a folder that was not is gone.
// 3. Cut makes the durable state the only one. With chance, some of what was not synced survives:
//    single pages of a file, its new size or the old one, the first few changes of a folder.
//
// Stricter than ext4 or XFS, which happen to write more; not stricter than POSIX. Not thread-safe.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace ashlar::powercut {

using Inode = uint64_t;
inline constexpr Inode kNoInode = 0;
inline constexpr Inode kRoot = 1;
inline constexpr uint64_t kPageBytes = 4096;

struct CutReport {
  uint64_t pages_lost = 0;
  uint64_t pages_kept = 0;  // by chance
  uint64_t names_lost = 0;  // changes of folders
  uint64_t names_kept = 0;
};

// Syncs that succeed and do nothing.
struct Lies {
  bool about_files = false;
  bool about_folders = false;
};

class UnsyncedStore {
 public:
  explicit UnsyncedStore(Lies lies = {}) : lies_(lies) { MakeRoot(); }

  bool Exists(Inode inode) const { return nodes_.contains(inode); }
  bool IsDirectory(Inode inode) const { return At(inode).is_directory; }
  uint64_t Size(Inode inode) const { return At(inode).now.size; }
  uint64_t AllocatedBytes(Inode inode) const { return At(inode).now.pages.size() * kPageBytes; }
  mode_t Mode(Inode inode) const { return At(inode).mode; }
  void SetMode(Inode inode, mode_t mode) { At(inode).mode = mode; }

  // kNoInode when there is none.
  Inode Lookup(Inode directory, const std::string& name) const;
  const std::map<std::string, Inode>& Names(Inode directory) const { return At(directory).names; }
  // Requires that the name is free.
  Inode Create(Inode directory, const std::string& name, mode_t mode, bool is_directory);
  // Require that the name is there. What it stood for stays readable for who has it open.
  void Remove(Inode directory, const std::string& name);
  void Rename(Inode from, const std::string& old_name, Inode to, const std::string& new_name);

  std::string Read(Inode inode, uint64_t offset, uint64_t size) const;
  void Write(Inode inode, uint64_t offset, std::string_view data);
  void Resize(Inode inode, uint64_t size);
  // Zeros, and the pages that lie in it wholly are given back. The size stays.
  void Punch(Inode inode, uint64_t offset, uint64_t size);
  // The first byte from `offset` on that lies in a page that was written (or in a hole); the file's
  // size when there is none.
  uint64_t NextData(Inode inode, uint64_t offset) const;
  uint64_t NextHole(Inode inode, uint64_t offset) const;

  void SyncFile(Inode inode);
  void SyncDirectory(Inode inode);

  // With `by_chance` some of what was not synced survives. Nothing may be open.
  CutReport Cut(bool by_chance, uint64_t seed);

 private:
  using Page = std::array<char, kPageBytes>;
  struct Contents {
    uint64_t size = 0;
    std::map<uint64_t, std::shared_ptr<Page>> pages;  // a page that is not there is zeros
  };
  // One change of a folder: a name is removed, another given; either may be empty. A rename is one.
  struct NameChange {
    std::string removed;
    std::string given;
    Inode inode = kNoInode;
  };
  struct Node {
    bool is_directory = false;
    mode_t mode = 0;
    Contents now;
    Contents durable;  // shares pages with `now` until those are written
    std::set<uint64_t> unsynced_pages;
    std::map<std::string, Inode> names;
    std::map<std::string, Inode> durable_names;
    std::vector<NameChange> unsynced_names;
  };

  void MakeRoot();
  Node& At(Inode inode) { return nodes_.at(inode); }
  const Node& At(Inode inode) const { return nodes_.at(inode); }
  // The page, for writing.
  static Page& Own(Node& node, uint64_t index);
  static void Change(Node& directory, NameChange change);
  static void Apply(const NameChange& change, std::map<std::string, Inode>* names);
  static void CopyPage(Node& node, uint64_t index);
  void CutFile(Node& node, double survival, std::mt19937_64& dice, CutReport* report);
  static void CutDirectory(Node& node, bool by_chance, std::mt19937_64& dice, CutReport* report);
  void DropUnreachable();

  const Lies lies_;
  std::unordered_map<Inode, Node> nodes_;
  Inode last_ = kRoot;
};

}  // namespace ashlar::powercut
