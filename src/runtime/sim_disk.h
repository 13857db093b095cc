// SimDisk: a disk in memory that keeps apart what was written and what is durable.
//
//   file content   bytes become durable by a Sync that began after their WriteAt returned
//   names          creations, renames and removals become durable by SyncDirectory of their folder
//   Crash()        gives the disk as it is found afterwards; the old one answers errors from then
//                  on. Power loss: of everything not yet durable each piece (a write, cut at
//                  512-byte sectors; an allocation; a name) is kept, dropped or torn by chance.
//                  Process kill: what had returned is kept, and stays as volatile as it was.
//
// A directory itself is durable at once. Operations take a random short time of the SimExecutor, so
// that those of concurrent tasks interleave. Faults can be ordered: errors by chance or by count,
// no space, slowness, a drive that vanished, syncs that lie, writes that land elsewhere, bits that
// flip. Single-threaded, everything from one seed.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "runtime/disk.h"
#include "runtime/sim_executor.h"

namespace ashlar {

class SimDisk final : public Disk {
 public:
  enum class Operation {
    kRead,
    kWrite,
    kPunch,
    kSync,
    kAllocate,
    kOpen,
    kCreate,
    kRename,
    kRemove,
    kSyncDirectory,
  };
  enum class Ending { kPowerLoss, kProcessKill };
  struct Options {
    uint64_t capacity_bytes = 1ULL << 40;
    int64_t delay_nanoseconds_max = 100'000;
    // A sync that says ok and does nothing.
    bool sync_does_nothing = false;
    bool sync_directory_does_nothing = false;
    // Of writes that land at another place of the file (and are reported as done).
    double misdirected_writes = 0;
    // Not there: no path is found, open files answer errors. The content comes back with it.
    bool vanished = false;
  };

  SimDisk(SimExecutor& executor, uint64_t seed, Options options);
  SimDisk(SimExecutor& executor, uint64_t seed);

  Task<Result<std::unique_ptr<DiskFile>>> Open(std::string path, OpenMode mode) override;
  Task<Status> CreateDirectory(std::string path) override;
  Task<Status> SyncDirectory(std::string path) override;
  Task<Result<std::vector<std::string>>> List(std::string path) override;
  Task<Status> Remove(std::string path) override;
  Task<Status> Rename(std::string from, std::string to) override;
  Task<Result<SpaceInfo>> Space(std::string path) override;

  // The disk after a power failure, or the end of the process alone, now. `options` may change with
  // it. Once for a disk: the content moves over.
  std::unique_ptr<SimDisk> Crash(Options options, Ending ending = Ending::kPowerLoss);
  // The disk after all was written back: a clean end.
  std::unique_ptr<SimDisk> CleanCopy();

  // Asked before each operation; an error is answered instead. Empty: never.
  std::function<Status(Operation, const std::string& path)> fault;
  Options& options() { return options_; }
  // Flips a random bit that was ever written, of a file whose path ends in `suffix`. The file, or
  // empty: there was none.
  std::string FlipBit(const std::string& suffix);

  // Content as a reader sees it, for tests that look or damage. Null when there is no such file.
  std::vector<uint8_t>* Content(const std::string& path);
  void PutFile(const std::string& path, std::vector<uint8_t> content);
  void RemoveTree(const std::string& path);
  std::vector<std::string> Files() const;
  uint64_t syncs() const { return syncs_; }
  uint64_t bytes_read() const { return bytes_read_; }
  uint64_t bytes_used() const;

 private:
  friend class SimFile;
  struct Piece {  // a write, or the growth of the file by an allocation or truncation
    uint64_t offset = 0;
    std::vector<uint8_t> bytes;
    uint64_t size = 0;  // of the file, when `bytes` is empty
    bool hole = false;  // zeros that are no data
    bool returned = false;
  };
  using PiecePtr = std::shared_ptr<Piece>;
  struct Node {
    std::vector<uint8_t> content;  // what a reader sees
    std::vector<uint8_t> durable;
    std::vector<PiecePtr> pending;
    std::vector<PiecePtr> forgotten;  // by a failed sync: seen, but never written back
    uint64_t written_end = 0;         // end of the last byte ever written
    uint64_t durable_end = 0;         // the same of what is durable
  };
  using NodePtr = std::shared_ptr<Node>;
  struct NameChange {
    std::string path;
    NodePtr node;  // null: gone
  };

  Task<Status> Begin(Operation operation, std::string path);
  Task<void> Pause();
  // Not ok: the process is dead, or the drive is not there.
  Status Alive() const;
  static void Apply(const Piece& piece, std::vector<uint8_t>* to);
  static void MakeDurable(const Piece& piece, Node* node);
  void ChangeName(const std::string& path, NodePtr node);
  void LosePower(Node* node, int keep_percent);
  void Tear(const Piece& piece, Node* node);
  bool Percent(int percent) { return random_.Below(100) < static_cast<uint64_t>(percent); }
  static std::string FolderOf(const std::string& path);

  SimExecutor& executor_;
  SimRandom random_;
  Options options_;
  bool dead_ = false;
  uint64_t syncs_ = 0;
  uint64_t bytes_read_ = 0;
  std::set<std::string> folders_;
  std::map<std::string, NodePtr> names_;
  std::map<std::string, NodePtr> durable_names_;
  std::map<std::string, std::vector<NameChange>> pending_names_;  // by folder
};

}  // namespace ashlar
