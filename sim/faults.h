// FaultPlan: which drives are bad, what they do wrong, and when.
//
// Invariants
//  1. At most m drives of a history are ever bad; the others only lose power with the machine. So
//     the code tolerates whatever happens, and checkers may insist on it. (`--faults beyond`: m+1,
//     and it does not.)
//  2. Only kinds that are enabled (--faults) happen, and each history leaves some of them out.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "judge.h"
#include "process.h"

namespace ashlar::sim {

class FaultPlan {
 public:
  FaultPlan(World& world, Judge& judge);

  // Changes something now.
  void Act(Process* process);
  // Makes all drives behave; what they have lost or damaged stays.
  void Calm();
  // The disk of one of the bad drives is lost with all that is on it, and an empty one stands in
  // its place; none when no drive is bad.
  std::optional<size_t> LoseDisk(SimRandom& random);
  // Of a drive that was lost.
  void PutEmptyDisk(size_t drive, SimRandom& random);
  // Drives whose disk was lost.
  const std::set<size_t>& lost() const { return lost_; }
  // After the disks were replaced by those after a crash.
  void Reapply();

  const std::set<size_t>& bad_drives() const { return bad_; }
  // Those of them that lied about syncs, flipped bits, misdirected writes or were lost: what they
  // said to be durable need not be there. The others owe every shard that they acknowledged.
  const std::set<size_t>& liars() const { return liars_; }
  uint64_t injected() const { return injected_; }

 private:
  struct Trouble {
    double read_errors = 0;
    double write_errors = 0;
    double misdirected = 0;
    int64_t delay_nanoseconds_max = 0;
    bool lies = false;
    bool full = false;
    bool vanished = false;
  };
  bool Enabled(const std::string& kind) const { return enabled_.contains(kind); }
  void ActOnDrive(size_t drive);
  void ActOnMetadata(Process* process);
  void Apply(size_t drive);

  World& world_;
  Judge& judge_;
  SimRandom random_;
  std::set<std::string> enabled_;
  std::set<size_t> bad_;
  std::set<size_t> liars_;
  std::set<size_t> lost_;
  std::map<size_t, Trouble> troubles_;
  bool metadata_full_ = false;
  uint64_t injected_ = 0;
};

}  // namespace ashlar::sim
