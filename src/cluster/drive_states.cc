// Rows in the settings: "drive.<n>" (role and change) and "drive.<n>.sweep" (progress, with the
// number of the change it belongs to). How it fails: a row that cannot be read stops the start; a
// change that cannot be committed leaves everything as it was.
#include "cluster/drive_states.h"

#include "base/log.h"
#include "runtime/metrics.h"

namespace ashlar::cluster {
namespace {

constexpr uint8_t kFormat = 1;

std::string DriveKey(DriveId drive) { return "drive." + std::to_string(drive.value); }
std::string SweepKey(DriveId drive) { return DriveKey(drive) + ".sweep"; }
std::string DriveName(DriveId drive) { return "drive " + std::to_string(drive.value + 1); }

std::string EncodeSweep(uint64_t change, const SweepProgress& sweep) {
  std::string row;
  Encoder out(&row);
  out.U8(kFormat);
  out.Varint(change);
  out.Raw(sweep.cursor.bytes);
  out.Varint(sweep.shards_total);
  out.Varint(sweep.bytes_total);
  out.Varint(sweep.shards_done);
  out.Varint(sweep.bytes_done);
  return row;
}

// Empty when the row is of another change: then the sweep begins anew.
Result<SweepProgress> DecodeSweep(std::string_view row, uint64_t change) {
  Decoder in(row);
  SweepProgress sweep;
  const uint8_t format = in.U8();
  const uint64_t of = in.Varint();
  sweep.cursor = UniqueId::FromView(in.Raw(16));
  sweep.shards_total = in.Varint();
  sweep.bytes_total = in.Varint();
  sweep.shards_done = in.Varint();
  sweep.bytes_done = in.Varint();
  if (!in.ok() || !in.AtEnd() || format != kFormat) {
    return Status(Code::kCorrupt, "the progress of a drive cannot be read");
  }
  return of == change ? sweep : SweepProgress();
}

}  // namespace

const char* DriveRoleName(DriveRole role) {
  switch (role) {
    case DriveRole::kActive: return "active";
    case DriveRole::kDraining: return "draining";
    case DriveRole::kRemoved: return "removed";
  }
  return "unknown";
}

// Whoever changes drives holds this; there is one at a time.
class DriveStates::Turn {
 public:
  explicit Turn(DriveStates& states) : states_(states) {
    const std::lock_guard lock(states_.mutex_);
    mine_ = !std::exchange(states_.changing_, true);
  }
  ~Turn() {
    if (!mine_) return;
    const std::lock_guard lock(states_.mutex_);
    states_.changing_ = false;
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  Status status() const {
    if (mine_) return Status::Ok();
    return {Code::kConflict, "another change of the drives is on its way; try again"};
  }

 private:
  DriveStates& states_;
  bool mine_ = false;
};

DriveStates::DriveStates(Dependencies dependencies, Duration transient_wait)
    : deps_(std::move(dependencies)),
      transient_wait_ns_(transient_wait.count()),
      entries_(deps_.stores.size()) {
  CHECK(deps_.targets.size() == deps_.stores.size());
}

std::string DriveStates::EncodeEntry(const Entry& entry) {
  std::string row;
  Encoder out(&row);
  out.U8(kFormat);
  out.U8(static_cast<uint8_t>(entry.role));
  out.U8(entry.refilling ? 1 : 0);
  out.Varint(entry.change);
  out.U64(static_cast<uint64_t>(entry.changed_ms));
  return row;
}

Task<Status> DriveStates::LoadDrive(size_t index) {
  const DriveId drive{static_cast<uint16_t>(index)};
  const Result<std::string> row = co_await deps_.metadata.GetSetting(DriveKey(drive));
  if (row.code() == Code::kNotFound) co_return Status::Ok();
  if (!row.ok()) co_return row.status();
  Decoder in(*row);
  Entry entry;
  const uint8_t format = in.U8();
  const uint8_t role = in.U8();
  entry.role = static_cast<DriveRole>(role);
  entry.refilling = in.U8() != 0;
  entry.change = in.Varint();
  entry.changed_ms = static_cast<int64_t>(in.U64());
  if (!in.ok() || !in.AtEnd() || format != kFormat ||
      role > static_cast<uint8_t>(DriveRole::kRemoved)) {
    co_return Status(Code::kCorrupt, "the state of " + DriveName(drive) + " cannot be read");
  }
  const Result<std::string> sweep = co_await deps_.metadata.GetSetting(SweepKey(drive));
  if (sweep.ok()) {
    CO_ASSIGN_OR_RETURN(entry.sweep, DecodeSweep(*sweep, entry.change));
  } else if (sweep.code() != Code::kNotFound) {
    co_return sweep.status();
  }
  const std::lock_guard lock(mutex_);
  entries_[index] = entry;
  co_return Status::Ok();
}

Task<Status> DriveStates::Load() {
  for (size_t i = 0; i < deps_.stores.size(); ++i) CO_RETURN_IF_ERROR(co_await LoadDrive(i));
  co_return SetPlacement();
}

size_t DriveStates::ActiveCount() const {
  const std::lock_guard lock(mutex_);
  size_t count = 0;
  for (const Entry& entry : entries_) count += entry.role == DriveRole::kActive ? 1 : 0;
  return count;
}

Status DriveStates::SetPlacement() {
  std::vector<PlacementTarget> targets;
  {
    const std::lock_guard lock(mutex_);
    for (size_t i = 0; i < entries_.size(); ++i) {
      if (entries_[i].role == DriveRole::kActive) targets.push_back(deps_.targets[i]);
    }
  }
  ASSIGN_OR_RETURN(const PlacementMap next,
                   PlacementMap::Create(std::move(targets), deps_.shards_per_extent));
  deps_.placement.Assign(next);
  return Status::Ok();
}

Result<DriveStates::Entry> DriveStates::Find(DriveId drive) const {
  if (drive.value >= deps_.stores.size()) {
    return Status(Code::kInvalidArgument, "there is no " + DriveName(drive));
  }
  const std::lock_guard lock(mutex_);
  return entries_[drive.value];
}

Task<Status> DriveStates::Save(DriveId drive, Entry entry) {
  Settings settings;
  settings.emplace_back(DriveKey(drive), EncodeEntry(entry));
  CO_RETURN_IF_ERROR(co_await deps_.metadata.PutSettings(std::move(settings)));
  {
    const std::lock_guard lock(mutex_);
    entry.offline_since_ns = entries_[drive.value].offline_since_ns;
    entries_[drive.value] = entry;
  }
  spdlog::info("msg=\"drive changed\" drive={} role={} refilling={}", drive.value + 1,
               DriveRoleName(entry.role), entry.refilling);
  co_return SetPlacement();
}

Task<Status> DriveStates::Replace(DriveId drive) {
  const Turn turn(*this);
  CO_RETURN_IF_ERROR(turn.status());
  CO_ASSIGN_OR_RETURN(Entry entry, Find(drive));
  // Looked at now: what is known may be half a second old.
  chunk_server::ChunkStore& store = *deps_.stores[drive.value];
  (void)co_await store.Probe();
  if (store.GetStatus().state != chunk_server::DriveState::kOffline) {
    co_return Status(Code::kConflict, DriveName(drive) +
                                          " is there and can be read. Drain it, or take it out "
                                          "before it is replaced");
  }
  entry.role = DriveRole::kActive;
  entry.refilling = true;
  ++entry.change;
  entry.changed_ms = deps_.clock.WallMilliseconds();
  Settings settings;
  settings.emplace_back(DriveKey(drive), EncodeEntry(entry));
  const Status made = co_await deps_.make_drive(drive, std::move(settings));
  // Before the refill begins: what is committed from now on says itself that it wants repair.
  const Status noted = co_await deps_.metadata.NoteDriveExchanged(drive);
  if (!noted.ok()) {
    spdlog::warn(
        "msg=\"writes under way may leave shards that scrubbing will find missing\" "
        "drive={} reason={}",
        drive.value + 1, LogValue(noted.ToString()));
  }
  // Whatever came of it: what counts is what was committed.
  CO_RETURN_IF_ERROR(co_await LoadDrive(drive.value));
  CO_RETURN_IF_ERROR(SetPlacement());
  if (made.ok()) {
    spdlog::info("msg=\"drive replaced; it is being filled again\" drive={}", drive.value + 1);
  }
  co_return made;
}

Task<Status> DriveStates::Drain(DriveId drive) {
  const Turn turn(*this);
  CO_RETURN_IF_ERROR(turn.status());
  CO_ASSIGN_OR_RETURN(Entry entry, Find(drive));
  if (entry.role != DriveRole::kActive) {
    co_return Status(Code::kConflict,
                     DriveName(drive) + " is " + DriveRoleName(entry.role) + " already");
  }
  const size_t left = ActiveCount() - 1;
  const auto needed = static_cast<size_t>(deps_.shards_per_extent);
  if (left < needed) {
    co_return Status(Code::kConflict, "without " + DriveName(drive) + " " + std::to_string(left) +
                                          " active drives are left, the code needs " +
                                          std::to_string(needed) + "; nothing was changed");
  }
  entry.role = DriveRole::kDraining;
  entry.sweep = SweepProgress();
  ++entry.change;
  entry.changed_ms = deps_.clock.WallMilliseconds();
  co_return co_await Save(drive, entry);
}

Task<Status> DriveStates::Activate(DriveId drive) {
  const Turn turn(*this);
  CO_RETURN_IF_ERROR(turn.status());
  CO_ASSIGN_OR_RETURN(Entry entry, Find(drive));
  if (entry.role != DriveRole::kDraining) {
    co_return Status(Code::kConflict, DriveName(drive) + " is " + DriveRoleName(entry.role) +
                                          ", only a draining one can be kept");
  }
  entry.role = DriveRole::kActive;
  entry.sweep = SweepProgress();
  ++entry.change;
  entry.changed_ms = deps_.clock.WallMilliseconds();
  co_return co_await Save(drive, entry);
}

Task<Status> DriveStates::SaveSweep(DriveId drive, uint64_t change, SweepProgress progress) {
  {
    const std::lock_guard lock(mutex_);
    Entry& entry = entries_[drive.value];
    if (entry.change != change) co_return Status(Code::kConflict, "the drive was changed");
    entry.sweep = progress;
  }
  Settings settings;
  settings.emplace_back(SweepKey(drive), EncodeSweep(change, progress));
  co_return co_await deps_.metadata.PutSettings(std::move(settings));
}

Task<Status> DriveStates::FinishSweep(DriveId drive, uint64_t change) {
  const Turn turn(*this);
  CO_RETURN_IF_ERROR(turn.status());
  CO_ASSIGN_OR_RETURN(Entry entry, Find(drive));
  if (entry.change != change) co_return Status(Code::kConflict, "the drive was changed");
  if (entry.role == DriveRole::kDraining) entry.role = DriveRole::kRemoved;
  entry.refilling = false;
  co_return co_await Save(drive, entry);
}

bool DriveStates::IsRemoved(DriveId drive) const {
  const std::lock_guard lock(mutex_);
  return entries_[drive.value].role == DriveRole::kRemoved;
}

std::vector<DriveView> DriveStates::View() {
  std::vector<DriveView> views(deps_.stores.size());
  for (size_t i = 0; i < views.size(); ++i) {
    views[i].drive = DriveId{static_cast<uint16_t>(i)};
    views[i].status = deps_.stores[i]->GetStatus();
  }
  const int64_t now = deps_.clock.MonotonicNanoseconds();
  const std::lock_guard lock(mutex_);
  for (size_t i = 0; i < views.size(); ++i) {
    Entry& entry = entries_[i];
    DriveView& view = views[i];
    view.role = entry.role;
    view.refilling = entry.refilling;
    view.change = entry.change;
    view.changed_ms = entry.changed_ms;
    view.sweep = entry.sweep;
    if (view.readable()) {
      entry.offline_since_ns = -1;
    } else if (entry.offline_since_ns < 0) {
      entry.offline_since_ns = now;
    }
    view.overdue = !view.readable() && now - entry.offline_since_ns >= transient_wait_ns_;
  }
  return views;
}

}  // namespace ashlar::cluster
