#include "history.h"

#include <deque>
#include <memory>
#include <optional>
#include <utility>

#include "checkers/no_leak.h"
#include "checkers/no_live_shard_deleted.h"
#include "checkers/no_lost_object.h"
#include "checkers/settled.h"
#include "checkers/shard_count.h"
#include "faults.h"
#include "process.h"
#include "rebuild.h"
#include "reference/reference_model.h"
#include "workload/http_access.h"
#include "workload/service_access.h"
#include "workload/workload.h"

namespace ashlar::sim {
namespace {

const std::vector<std::string> kBuckets = {"first", "second"};
const std::vector<std::string> kKeys = {"a",        "a/",       "a/b",          "a/c/1", "b",
                                        "photos/1", "photos/2", "photos/old/1", "x",     "z"};
// More steps than any incarnation needs to come to its end.
constexpr uint64_t kStepsMax = 20'000'000;

// At 500 ms: behind every grace and trash period, a scrub round and a healer's second try.
constexpr int kSettleCycles = 60;
constexpr int kReplaceAttempts = 20;

// Of duties: a life of the process lasts for some tenths of a second.
Duration AnyPause(SimRandom& random, bool often) {
  const uint64_t bound = often ? 2'000'000ULL << random.Below(8) : 500'000'000ULL;
  return Duration(static_cast<int64_t>(random.Below(bound)));
}

class History {
 public:
  History(const Settings& settings, uint64_t seed, uint64_t operations, FILE* trace)
      : settings_(settings),
        world_(settings, seed),
        random_(world_.random.Draw()),
        duty_random_(seed + 0x300000000),
        judge_(world_.executor, trace),
        model_(judge_, kBuckets, kKeys),
        faults_(world_, judge_),
        workload_(world_, model_, judge_, operations) {
    result_.seed = seed;
  }

  HistoryResult Run();

 private:
  // One incarnation of the process, from its start to its end.
  void Live(bool last);
  void RunClients(Process& process);
  void Crash(Process& process);
  void Shutdown(Process& process);
  void Check(Process& process, bool last);
  void Rebuild();
  static Task<bool> Start(Process* process);
  static Task<bool> Stop(Process* process);
  static Task<bool> CheckAll(History* history, Process* process, bool last);
  static Task<bool> Settle(History* history, Process* process);
  static Task<bool> Nemesis(History* history, Process* process);
  static Task<bool> Duties(History* history, Process* process);
  static Task<Status> OneDuty(History* history, Process* process);
  static Task<bool> Journal(History* history, Process* process);
  static Task<bool> ReplaceLost(History* history, Process* process);
  static Task<bool> CheckRebuilt(History* history, Process* process);

  void Launch(Task<bool> task);
  bool AllDone() const;
  // Steps until everything launched is done. False: it took more than `steps_max`, or a checker has
  // complained.
  bool Step(uint64_t steps_max);
  // As above, whatever checkers say.
  void Drain();

  const Settings& settings_;
  World world_;
  SimRandom random_;
  SimRandom duty_random_;
  Judge judge_;
  ReferenceModel model_;
  FaultPlan faults_;
  Workload workload_;
  NoLiveShardDeleted deleted_;
  std::deque<std::optional<bool>> tasks_;
  bool ended_ = false;             // the process: nobody hears it any more
  bool stopping_ = false;          // it is told to stop
  uint64_t journal_failures_ = 0;  // rounds that may have left a segment that nobody knows
  uint64_t crash_at_ = 0;          // operations; a clean restart does not put it off
  HistoryResult result_;
};

void History::Launch(Task<bool> task) {
  tasks_.emplace_back();
  world_.executor.Start(std::move(task), &tasks_.back());
}

bool History::AllDone() const {
  for (const auto& task : tasks_) {
    if (!task.has_value()) return false;
  }
  return true;
}

bool History::Step(uint64_t steps_max) {
  for (uint64_t steps = 0; !AllDone(); ++steps) {
    if (steps >= steps_max || judge_.failed()) return false;
    CHECK(world_.executor.Step());
  }
  return true;
}

void History::Drain() {
  for (uint64_t steps = 0; !AllDone(); ++steps) {
    CHECK(steps < kStepsMax);
    CHECK(world_.executor.Step());
  }
  tasks_.clear();
}

Task<bool> History::Start(Process* process) {
  const Status status = co_await process->Start();
  co_return status.ok();
}

Task<bool> History::Stop(Process* process) {
  co_await process->Stop();
  co_return true;
}

Task<bool> History::Nemesis(History* history, Process* process) {
  SimRandom& random = history->random_;
  while (true) {
    Sleep pause{Duration(static_cast<int64_t>(random.Below(1'000'000ULL << random.Below(9))))};
    co_await pause;
    if (history->ended_ || history->stopping_) co_return true;
    if (random.Below(10) != 0) {
      history->faults_.Act(process);
      continue;
    }
    Task<Status> probe = process->service().Probe();
    const Status status = co_await probe;
    history->judge_.Trace("probe: " + std::string(CodeName(status.code())));
    if (history->ended_) co_return true;
  }
}

Task<bool> History::Duties(History* history, Process* process) {
  SimRandom& random = history->duty_random_;
  process->StartDuties();
  while (true) {
    Sleep pause{AnyPause(random, !history->settings_.also.empty())};
    co_await pause;
    if (history->ended_ || history->stopping_) co_return true;
    Task<Status> duty = OneDuty(history, process);
    (void)co_await duty;
    if (history->ended_) co_return true;
  }
}

Task<Status> History::OneDuty(History* history, Process* process) {
  SimRandom& random = history->duty_random_;
  const Settings& settings = history->settings_;
  FaultPlan& faults = history->faults_;
  BackgroundDuties& duties = *process->duties();
  const uint64_t choice = random.Below(24);
  const DriveId any{static_cast<uint16_t>(random.Below(history->world_.disks.size()))};
  std::string what = "reclaim";
  Status status;
  if (choice < 3) {
    what = "scrub";
    status = co_await duties.ScrubRound();
  } else if (choice == 3 && settings.Duty("replace") && !faults.bad_drives().empty()) {
    // A replacement that did not come to its end is as likely to be tried again.
    const auto& lost = faults.lost();
    const bool again = !lost.empty() && random.Below(2) == 0;
    const size_t drive = again ? *lost.begin() : *faults.LoseDisk(random);
    what = "replace drive " + std::to_string(drive);
    status = co_await process->ReplaceDrive(drive);
  } else if (choice == 4 && settings.Duty("drain")) {
    what = "drain drive " + std::to_string(any.value);
    status = co_await duties.Drain(any);
  } else if (choice == 5 && settings.Duty("drain")) {
    what = "keep drive " + std::to_string(any.value);
    status = co_await duties.Activate(any);
  } else {
    status = co_await duties.ReclaimCycle();
  }
  history->judge_.Trace(what + ": " + status.ToString());
  co_return status;
}

Task<bool> History::Journal(History* history, Process* process) {
  SimRandom& random = history->duty_random_;
  while (!history->ended_) {
    const bool last = history->stopping_;
    Task<Status> round = process->duties()->JournalRound();
    const Status status = co_await round;
    if (!status.ok()) {
      ++history->journal_failures_;
      history->judge_.Trace("journal: " + status.ToString());
    }
    if (last) co_return true;
    Sleep pause{AnyPause(random, !history->settings_.also.empty())};
    co_await pause;
  }
  co_return true;
}

// An operator does not rest until each lost drive has been replaced. One that had lied about syncs
// may have kept a part of what it held, without what says whose it is: nobody makes a drive over
// that, so another disk is put there.
Task<bool> History::ReplaceLost(History* history, Process* process) {
  for (const size_t drive : history->faults_.lost()) {
    Status status;
    for (int attempt = 0; attempt < kReplaceAttempts; ++attempt) {
      if (process->duties()->Drives()[drive].online()) break;
      status = co_await process->ReplaceDrive(drive);
      history->judge_.Trace("replace drive " + std::to_string(drive) + ": " + status.ToString());
      if (status.code() == Code::kConflict) {
        history->faults_.PutEmptyDisk(drive, history->duty_random_);
      }
      Sleep pause{std::chrono::milliseconds(500)};
      co_await pause;
    }
    if (process->duties()->Drives()[drive].online()) continue;
    history->judge_.Report(
        "settled", "drive " + std::to_string(drive) + " cannot be replaced: " + status.ToString());
  }
  co_return true;
}

// All drives behave again: healing and reclaiming come to their end.
Task<bool> History::Settle(History* history, Process* process) {
  process->StartDuties();
  BackgroundDuties& duties = *process->duties();
  (void)co_await ReplaceLost(history, process);
  const Status scrub = co_await duties.ScrubRound();
  if (!scrub.ok()) history->judge_.Report("no_leak", "no scrub round: " + scrub.ToString());
  for (int cycle = 0; cycle < kSettleCycles; ++cycle) {
    Sleep pause{std::chrono::milliseconds(500)};
    co_await pause;
    const Status status = co_await duties.ReclaimCycle();
    if (!status.ok()) history->judge_.Report("no_leak", "reclaim cycle: " + status.ToString());
    if (!history->settings_.Duty("journal")) continue;
    const Status journaled = co_await duties.JournalRound();
    if (!journaled.ok()) history->judge_.Report("rebuilt", "journal: " + journaled.ToString());
  }
  history->judge_.Trace("settled");
  co_return true;
}

Task<bool> History::CheckAll(History* history, Process* process, bool last) {
  Judge* judge = &history->judge_;
  World* world = &history->world_;
  const bool* ended = &history->ended_;
  if (!co_await CheckAllObjects(process, &history->model_, judge, /*with_uploads=*/true, ended)) {
    co_return false;
  }
  StorageView view;
  if (!co_await CollectStorage(process, judge, ended, &view)) co_return false;
  const FaultPlan& faults = history->faults_;
  CheckShardCount(*world, view, faults, /*deep=*/last, judge);
  if (last && history->settings_.duties) CheckSettled(*world, view, faults.liars(), judge);
  history->deleted_.Check(*world, view, faults.liars(), judge);
  const WorkloadCounts& counts = history->workload_.counts();
  const uint64_t cut_off =
      counts.refused + counts.unknown + history->journal_failures_ +
      history->result_.crashes * static_cast<uint64_t>(history->settings_.clients);
  if (last || history->random_.Below(8) == 0) {
    co_await CheckNoLeak(world, process, &view, cut_off, judge);
  }
  ++history->result_.checks;
  co_return true;
}

void History::Check(Process& process, bool last) {
  judge_.Trace("check");
  Launch(CheckAll(this, &process, last));
  (void)Step(kStepsMax);
}

void History::Crash(Process& process) {
  ++result_.crashes;
  const bool power = settings_.Fault("power") && random_.Below(3) != 0;
  judge_.Trace(power ? "CRASH: power loss" : "CRASH: process killed");
  judge_.Mix(world_.executor.steps());
  ended_ = true;
  std::vector<std::unique_ptr<SimDisk>> old_disks;
  for (auto& disk : world_.disks) {
    auto after = disk->Crash(disk->options(),
                             power ? SimDisk::Ending::kPowerLoss : SimDisk::Ending::kProcessKill);
    old_disks.push_back(std::exchange(disk, std::move(after)));
  }
  process.store().Crash();
  workload_.Crash();
  faults_.Reapply();
  Drain();
  Launch(Stop(&process));
  Drain();
  if (process.duties() != nullptr) result_.duties += process.duties()->Counts();
}

void History::Shutdown(Process& process) {
  judge_.Trace("shutdown");
  ++result_.restarts;
  stopping_ = true;
  workload_.Stop();
  Drain();
  ended_ = true;
  Launch(Stop(&process));
  Drain();
  if (process.duties() != nullptr) result_.duties += process.duties()->Counts();
  workload_.Crash();  // outcomes that were unknown settle now
}

void History::RunClients(Process& process) {
  workload_.BeginLife();
  ServiceAccess access(process, model_, judge_);
  std::deque<HttpAccess> connections;
  for (int i = 0; i < settings_.clients; ++i) {
    Access* chosen = &access;
    if (random_.Chance(settings_.gateway_share)) {
      chosen = &connections.emplace_back(world_, process, model_, judge_);
    }
    Launch(workload_.Client(&process, chosen));
  }
  Launch(Nemesis(this, &process));
  if (settings_.duties) Launch(Duties(this, &process));
  if (settings_.Duty("journal")) Launch(Journal(this, &process));
  const uint64_t begun = workload_.counts().started;
  if (crash_at_ <= begun) {
    const double mean = settings_.crash_rate > 0 ? 1000 / settings_.crash_rate : 1e9;
    crash_at_ = begun + 1 + random_.Below(static_cast<uint64_t>(2 * mean));
  }
  uint64_t clean_at = UINT64_MAX;
  if (settings_.Fault("restart") && random_.Below(5) == 0) clean_at = begun + random_.Below(100);
  while (!judge_.failed() && !workload_.Done()) {
    CHECK(world_.executor.Step());
    const uint64_t started = workload_.counts().started;
    // Nothing is written any more until the database is opened again.
    if (process.store().failed() || model_.overgrown()) clean_at = std::min(clean_at, started + 5);
    if (started >= clean_at) {
      Shutdown(process);
      return;
    }
    if (started < crash_at_) continue;
    (void)Step(random_.Below(500));
    Crash(process);
    return;
  }
  if (judge_.failed()) {
    Crash(process);
  } else {
    Shutdown(process);
  }
}

void History::Live(bool last) {
  ended_ = false;
  stopping_ = false;
  Process process(world_);
  judge_.Trace("start");
  Launch(Start(&process));
  const bool crash_early = !last && settings_.crash_rate > 0 && random_.Below(15) == 0;
  if (!Step(crash_early ? random_.Below(600) : kStepsMax)) {
    Crash(process);
    return;
  }
  if (last && settings_.duties) {
    Launch(Settle(this, &process));
    (void)Step(kStepsMax);
  }
  if (last || random_.Below(2) == 0) Check(process, last);
  if (judge_.failed()) {
    Crash(process);
  } else if (last) {
    Shutdown(process);
  } else {
    RunClients(process);
  }
}

// Deletes, versions, buckets, bytes. An open upload leaves nothing behind until a part is there.
Task<bool> History::CheckRebuilt(History* history, Process* process) {
  co_return co_await CheckAllObjects(process, &history->model_, &history->judge_,
                                     /*with_uploads=*/false, &history->ended_);
}

// After a clean end the drives say all that there was.
void History::Rebuild() {
  judge_.Trace("the metadata are lost");
  ended_ = false;
  stopping_ = false;
  ++result_.rebuilds;
  Launch(RebuildFromDrives(&world_, &judge_));
  Drain();
  if (judge_.failed()) return;
  Process process(world_);
  Launch(Start(&process));
  Drain();
  Launch(CheckRebuilt(this, &process));
  Drain();
  Shutdown(process);
}

HistoryResult History::Run() {
  while (!judge_.failed() && !workload_.Done()) Live(/*last=*/false);
  faults_.Calm();
  if (!judge_.failed()) Live(/*last=*/true);
  if (!judge_.failed() && settings_.Duty("journal")) Rebuild();
  const WorkloadCounts& counts = workload_.counts();
  result_.operations = counts.started;
  result_.ok = counts.ok;
  result_.turned_down = counts.turned_down;
  result_.refused = counts.refused;
  result_.unknown = counts.unknown;
  result_.faults = faults_.injected();
  result_.steps = world_.executor.steps();
  result_.worlds_max = model_.worlds_max();
  result_.virtual_seconds = static_cast<double>(world_.executor.MonotonicNanoseconds()) / 1e9;
  result_.violations = judge_.violations();
  result_.last_lines.assign(judge_.last_lines().begin(), judge_.last_lines().end());
  judge_.Mix(counts.ok);
  result_.hash = world_.executor.hash().value();
  return result_;
}

}  // namespace

HistoryResult RunHistory(const Settings& settings, uint64_t seed, uint64_t operations,
                         FILE* trace) {
  History history(settings, seed, operations, trace);
  return history.Run();
}

}  // namespace ashlar::sim
