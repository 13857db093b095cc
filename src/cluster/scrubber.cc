// Rounds: which volumes are due, how fast, and what is remembered.
//
// How it fails: a drive that goes away in the middle of a group leaves the group undone; what the
// metadata refuses is tried again. A round that was cut short by a restart goes on.
#include "cluster/scrubber.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "cluster/scrubbing/scrubber_impl.h"
#include "runtime/metrics.h"

namespace ashlar::cluster {

using chunk_server::VolumeInfo;

namespace {

constexpr char kRoundSetting[] = "scrub.round";
constexpr int kTicksWhenIdle = 40;

std::string DriveSetting(DriveId drive) { return "scrub.drive." + std::to_string(drive.value); }

double Seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

ScrubFindings& ScrubFindings::operator+=(const ScrubFindings& other) {
  records += other.records;
  whole += other.whole;
  corrupt += other.corrupt;
  missing += other.missing;
  stale += other.stale;
  duplicate += other.duplicate;
  misplaced += other.misplaced;
  orphans += other.orphans;
  young_strays += other.young_strays;
  damaged_bytes += other.damaged_bytes;
  unreadable_bytes += other.unreadable_bytes;
  return *this;
}

Scrubber::Impl::Impl(Dependencies dependencies, ScrubberOptions settings)
    : deps(std::move(dependencies)),
      options(settings),
      pacer(deps.clock, options.bytes_per_second_min, deps.foreground_busy, options.busy_fraction),
      tools{deps.stores, deps.encoder, deps.buffers, pacer, scope} {}

Scrubber::Scrubber(Dependencies dependencies, ScrubberOptions options)
    : impl_(std::make_unique<Impl>(std::move(dependencies), options)) {}

Scrubber::~Scrubber() = default;

void Scrubber::Start(Executor& executor) {
  CHECK(!impl_->started);
  impl_->started = true;
  impl_->scope.Spawn(executor, impl_->Run());
}

Task<void> Scrubber::Stop() {
  impl_->stopping.store(true, std::memory_order_relaxed);
  impl_->pacer.Stop();
  return impl_->scope.Join();
}

ScrubRound Scrubber::Impl::Round() const {
  const std::lock_guard lock(mutex);
  return round;
}

bool Scrubber::Impl::Overtaken(const Group& group) const {
  return stopping.load(std::memory_order_relaxed) || Round().began_ms != group.round_began_ms;
}

// What is in memory decides at once; the row follows. `change` may refuse by false.
Task<Status> Scrubber::Impl::ChangeRound(std::function<bool(ScrubRound*)> change) {
  ScrubRound next;
  {
    const std::lock_guard lock(mutex);
    const int64_t began_ms = round.began_ms;
    if (!change(&round)) co_return Status::Ok();
    if (round.began_ms != began_ms) {
      shown.findings = ScrubFindings();
      shown.bytes_done = 0;
      shown.running = false;
    }
    next = round;
  }
  poked.store(true, std::memory_order_relaxed);
  std::vector<std::pair<std::string, std::string>> settings;
  settings.emplace_back(kRoundSetting, EncodeScrubRound(next));
  co_return co_await deps.metadata.PutSettings(std::move(settings));
}

Task<Status> Scrubber::StartRound() {
  return impl_->ChangeRound([now_ms = impl_->deps.clock.WallMilliseconds()](ScrubRound* round) {
    round->began_ms = std::max(now_ms, round->began_ms + 1);
    round->ended_ms = 0;
    round->full_speed = true;
    return true;
  });
}

Task<Status> Scrubber::Pause() {
  return impl_->ChangeRound([](ScrubRound* round) {
    round->paused = true;
    return true;
  });
}

Task<Status> Scrubber::Resume() {
  return impl_->ChangeRound([](ScrubRound* round) {
    round->paused = false;
    return true;
  });
}

ScrubStatus Scrubber::GetStatus() const {
  ScrubStatus status;
  {
    const std::lock_guard lock(impl_->mutex);
    status = impl_->shown;
    if (status.running) {
      status.findings += impl_->group_findings;
      status.bytes_done += impl_->group_bytes;
    }
    status.paused = impl_->round.paused;
    status.round_began_ms = impl_->round.began_ms;
    status.round_ended_ms = impl_->round.ended_ms;
  }
  status.bytes_per_second = impl_->pacer.Rate();
  if (status.running && status.bytes_per_second >= 1) {
    const uint64_t left = status.bytes_total - std::min(status.bytes_done, status.bytes_total);
    status.eta_seconds = static_cast<double>(left) / status.bytes_per_second;
  }
  return status;
}

Task<void> Scrubber::Impl::Idle() {
  for (int i = 0; i < kTicksWhenIdle; ++i) {
    if (stopping.load(std::memory_order_relaxed)) co_return;
    if (poked.exchange(false, std::memory_order_relaxed)) co_return;
    Sleep pause(options.tick);
    co_await pause;
  }
}

Task<void> Scrubber::Impl::WaitWhilePaused() {
  while (Round().paused && !stopping.load(std::memory_order_relaxed)) {
    Sleep pause(options.tick);
    co_await pause;
  }
}

Task<Status> Scrubber::Impl::Load() {
  const Result<std::string> row = co_await deps.metadata.GetSetting(kRoundSetting);
  if (row.ok()) {
    CO_ASSIGN_OR_RETURN(const ScrubRound stored, DecodeScrubRound(*row));
    const std::lock_guard lock(mutex);
    round = stored;
  } else if (row.code() != Code::kNotFound) {
    co_return row.status();
  }
  for (const DriveView& drive : deps.drives.View()) {
    const Result<std::string> volumes =
        co_await deps.metadata.GetSetting(DriveSetting(drive.drive));
    if (volumes.ok()) {
      CO_ASSIGN_OR_RETURN(verified[drive.drive], DecodeVerifiedVolumes(*volumes));
    } else if (volumes.code() != Code::kNotFound) {
      co_return volumes.status();
    }
  }
  co_return Status::Ok();
}

Task<void> Scrubber::Impl::Run() {
  bool loaded = false;
  while (!stopping.load(std::memory_order_relaxed)) {
    co_await WaitWhilePaused();
    Status status;
    if (loaded) {
      status = co_await RunRound();
    } else {
      status = co_await Load();
      loaded = status.ok();
      if (loaded) continue;
    }
    if (!status.ok() && !stopping.load(std::memory_order_relaxed)) {
      spdlog::warn("msg=\"scrubbing was interrupted\" reason={}", LogValue(status.ToString()));
    }
    co_await Idle();
  }
}

// Every drive was walked in the round, and none was left out. Before the round counts as ended:
// what the metadata refuse now is tried again.
Task<Status> Scrubber::Impl::SaveCompleted(int64_t wall_ms) {
  std::vector<std::pair<std::string, std::string>> settings;
  settings.emplace_back(metadata_db::kScanCompletedSetting, std::to_string(wall_ms));
  co_return co_await deps.metadata.PutSettings(std::move(settings));
}

// Groups until none is due. Returns when there is nothing to do for now.
Task<Status> Scrubber::Impl::RunRound() {
  while (!stopping.load(std::memory_order_relaxed)) {
    co_await WaitWhilePaused();
    const int64_t wall_ms = deps.clock.WallMilliseconds();
    const int64_t round_ms =
        std::chrono::duration_cast<std::chrono::milliseconds>(options.round).count();
    CO_RETURN_IF_ERROR(co_await ChangeRound([wall_ms, round_ms](ScrubRound* round) {
      const int64_t age_ms = wall_ms - round->began_ms;
      // One from the future: the clock was wrong when it began.
      if (round->began_ms != 0 && age_ms < round_ms && age_ms > -round_ms) return false;
      round->began_ms = wall_ms;
      round->ended_ms = 0;
      round->full_speed = false;
      return true;
    }));
    Group group;
    bool found = false;
    bool skipped = false;
    const int64_t began_ms = Round().began_ms;
    CO_RETURN_IF_ERROR(co_await ChooseGroup(&group, &found, &skipped));
    if (!found && skipped) co_return Status::Ok();
    if (!found) {
      if (Round().ended_ms == 0) CO_RETURN_IF_ERROR(co_await SaveCompleted(wall_ms));
      co_return co_await ChangeRound([wall_ms, began_ms](ScrubRound* round) {
        if (round->began_ms != began_ms || round->ended_ms != 0) return false;
        round->ended_ms = wall_ms;
        return true;
      });
    }
    CO_RETURN_IF_ERROR(co_await ScrubGroup(&group));
    if (Overtaken(group)) continue;
    CO_RETURN_IF_ERROR(co_await EndGroup(group));
  }
  co_return Status::Ok();
}

// What is due on the drive of `due`, and how it looks from outside. Not ok: it cannot be asked.
Task<Status> Scrubber::Impl::SurveyDrive(const ScrubRound& now, Group* due,
                                         ScrubDriveStatus* status) {
  chunk_server::ChunkStore& store = *deps.stores[due->drive.drive.value];
  CO_ASSIGN_OR_RETURN(const std::vector<VolumeInfo> volumes, co_await store.ListVolumes());
  VerifiedVolumes& known = verified[due->drive.drive];
  if (known.change != due->drive.change) known = VerifiedVolumes{due->drive.change, {}};
  // Volumes that were made after the drive's last group wait for the next round.
  const bool done = known.SinceMs(VerifiedVolumes::kRest) >= now.began_ms;
  status->volumes = volumes.size();
  status->oldest_verified_ms = known.SinceMs(VerifiedVolumes::kRest);
  for (const VolumeInfo& volume : volumes) {
    const int64_t since_ms = known.SinceMs(volume.number);
    status->oldest_verified_ms = std::min(status->oldest_verified_ms, since_ms);
    due->listed.push_back(volume.number);
    if (since_ms >= now.began_ms) {
      ++status->volumes_verified;
    } else if (!done) {
      due->volumes.push_back(volume);
    }
  }
  due->round_began_ms = done ? 0 : now.began_ms;
  co_return Status::Ok();
}

// The drives in turn; tells what is left of the round. `skipped`: some drive could not be asked.
Task<Status> Scrubber::Impl::ChooseGroup(Group* group, bool* found, bool* skipped) {
  const ScrubRound now = Round();
  std::vector<ScrubDriveStatus> drives;
  uint64_t due_bytes = 0;
  uint64_t all_bytes = 0;
  int64_t oldest_ms = INT64_MAX;
  for (const DriveView& drive : deps.drives.View()) {
    if (drive.role == DriveRole::kRemoved) continue;
    ScrubDriveStatus status;
    status.drive = drive.drive;
    Group due;
    due.drive = drive;
    // A drive that is being filled again has a healer that looks at every extent of it.
    status.skipped = !drive.readable() || drive.refilling;
    if (!status.skipped) {
      const Status surveyed = co_await SurveyDrive(now, &due, &status);
      status.skipped = !surveyed.ok();
    }
    *skipped |= status.skipped;
    oldest_ms = std::min(oldest_ms, status.oldest_verified_ms);
    for (const VolumeInfo& volume : due.volumes) due_bytes += volume.file_bytes;
    all_bytes += drive.status.space.total_bytes - drive.status.space.available_bytes;
    drives.push_back(status);
    if (*found || status.skipped || due.round_began_ms == 0 || now.ended_ms != 0) continue;
    *found = true;
    *group = std::move(due);
  }
  const auto steady =
      static_cast<uint64_t>(static_cast<double>(all_bytes) * 1.25 / Seconds(options.round));
  pacer.SetRate(now.full_speed ? options.bytes_per_second_max
                               : std::max(options.bytes_per_second_min, steady));
  static prometheus::Gauge& oldest =
      MetricGauge("ashlar_scrub_oldest_verified_timestamp_seconds",
                  "Since when every shard on the drives has been verified; 0: some never were.");
  if (oldest_ms == INT64_MAX) oldest_ms = 0;
  oldest.Set(static_cast<double>(oldest_ms) / 1000);
  const std::lock_guard lock(mutex);
  shown.running = *found;
  shown.drives = std::move(drives);
  shown.oldest_verified_ms = oldest_ms;
  shown.bytes_total = shown.bytes_done + due_bytes;
  co_return Status::Ok();
}

Task<Status> Scrubber::Impl::EndGroup(const Group& group) {
  {
    const std::lock_guard lock(mutex);
    shown.findings += std::exchange(group_findings, {});
    shown.bytes_done += std::exchange(group_bytes, 0);
  }
  VerifiedVolumes& known = verified[group.drive.drive];
  if (known.change != group.drive.change) co_return Status::Ok();
  for (const uint32_t volume : group.walked) known.since_ms[volume] = group.began_ms;
  if (group.last) {
    known.since_ms[VerifiedVolumes::kRest] = group.began_ms;
    std::erase_if(known.since_ms, [&](const auto& entry) {
      return entry.first != VerifiedVolumes::kRest &&
             !std::binary_search(group.listed.begin(), group.listed.end(), entry.first);
    });
  }
  std::vector<std::pair<std::string, std::string>> settings;
  settings.emplace_back(DriveSetting(group.drive.drive), EncodeVerifiedVolumes(known));
  co_return co_await deps.metadata.PutSettings(std::move(settings));
}

}  // namespace ashlar::cluster
