// SimStore: the metadata engine of the simulation, an OrderedStore with a log that takes time.
//
//   Submit -> queue -> one commit at a time: bodies over the map -> log append and sync (a pause)
//          -> visible -> hooks -> (a pause) -> answers
//
// Invariants
//  1. As ordered_store.h. Who submits while a commit is under way shares the next one; who has
//     patience wakes nobody until it is over.
//  2. Crash(): a commit whose log write had begun and was not finished is kept or lost by chance,
//     whole; nothing after it happens, no hook runs, and every later call fails.
//  3. A log write that fails (FailNextCommit) answers kOutcomeUnknown; then everything is refused
//     until the restart, where what was in doubt is kept or lost by chance.
// The rows live in `SimRows`, which survives the store as a disk would. Single-threaded.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "metadata_db/ordered_store.h"
#include "runtime/sim_executor.h"
#include "runtime/sync.h"

namespace ashlar::sim {

using SimRows = std::map<std::string, std::string, std::less<>>;
using SimWrites = std::map<std::string, std::optional<std::string>, std::less<>>;

class SimStore final : public metadata_db::OrderedStore {
 public:
  struct Options {
    int64_t delay_nanoseconds_max = 100'000;
    size_t batch_max = 64;
    // Readers see a commit for a while before its hooks have run.
    bool late_news = false;
  };
  SimStore(SimExecutor& executor, SimRows& rows, uint64_t seed, Options options);

  Task<std::vector<Status>> Submit(std::vector<metadata_db::TransactionBody> bodies,
                                   Duration patience) override;
  Task<Result<std::optional<std::string>>> Get(std::string key) override;
  std::unique_ptr<metadata_db::Snapshot> NewSnapshot() override;
  Task<Status> Read(metadata_db::ReadBody body) override;

  void Crash();
  void FailNextCommit() { fail_next_ = true; }
  // Commits are refused with kNoSpace, before anything happens.
  void SetFull(bool full) { full_ = full; }
  bool failed() const { return failed_; }
  uint64_t commits() const { return commits_; }
  // After Crash, or when nobody submits any more. Before the destructor.
  Task<void> Close();

 private:
  class RowsSnapshot;
  struct Request {
    std::vector<metadata_db::TransactionBody>* bodies = nullptr;
    std::vector<Status> results;
    OneShot<Unit> done;
  };

  // Starts the commits, unless they are under way.
  void Wake();
  Task<void> WakeAfter(Duration patience);
  Task<void> CommitAll();
  Task<void> CommitBatch(std::vector<Request*> batch);
  Task<void> Pause();
  void Keep(SimWrites writes);
  static Status FailAll(const std::vector<Request*>& batch);

  SimExecutor& executor_;
  SimRows& rows_;
  SimRandom random_;
  const Options options_;
  bool dead_ = false;
  bool failed_ = false;
  bool fail_next_ = false;
  bool full_ = false;
  bool committing_ = false;
  uint64_t commits_ = 0;
  std::deque<Request*> queue_;
  std::optional<SimWrites> in_doubt_;
  std::set<RowsSnapshot*> snapshots_;
  TaskScope scope_;
};

}  // namespace ashlar::sim
