#include "faults.h"

#include <utility>

namespace ashlar::sim {
namespace {

constexpr char kVolumeSuffix[] = ".ashlar";

}  // namespace

FaultPlan::FaultPlan(World& world, Judge& judge)
    : world_(world), judge_(judge), random_(world.random.Draw()) {
  for (const std::string& kind : AllFaults()) {
    // Drawn for every kind, so that switching one off leaves the others as they were.
    const bool wanted = random_.Below(3) != 0;
    if (wanted && world.settings.Fault(kind)) enabled_.insert(kind);
  }
  const auto parity = static_cast<uint64_t>(world.settings.parity_shards);
  const uint64_t bad = world.settings.Fault("beyond") ? parity + 1 : random_.Below(parity + 1);
  while (bad_.size() < bad) bad_.insert(random_.Below(world.disks.size()));
}

void FaultPlan::Act(Process* process) {
  const bool on_metadata = random_.Below(6) == 0;
  if (on_metadata || bad_.empty()) {
    ActOnMetadata(process);
    return;
  }
  auto drive = bad_.begin();
  std::advance(drive, static_cast<ptrdiff_t>(random_.Below(bad_.size())));
  ActOnDrive(*drive);
  Apply(*drive);
}

void FaultPlan::ActOnMetadata(Process* process) {
  const uint64_t choice = random_.Below(8);
  if (choice == 0 && Enabled("metadata-error")) {
    process->store().FailNextCommit();
    judge_.Trace("fault: the next commit of the metadata fails");
    ++injected_;
    return;
  }
  const bool full = !metadata_full_ && choice == 1 && Enabled("metadata-full");
  if (full == metadata_full_) return;
  metadata_full_ = full;
  process->store().SetFull(metadata_full_);
  judge_.Trace(metadata_full_ ? "fault: metadata full" : "metadata has room");
  if (metadata_full_) ++injected_;
}

void FaultPlan::ActOnDrive(size_t drive) {
  Trouble& trouble = troubles_[drive];
  const uint64_t choice = random_.Below(12);
  const bool was_gone = trouble.vanished;
  std::string what = "behaves";
  if (choice >= 8) {
    trouble = Trouble();  // as often well as ill, or nothing would ever be written
  } else if (choice == 0 && Enabled("slow")) {
    trouble.delay_nanoseconds_max = 1'000'000LL << random_.Below(12);
    what = "is slow";
  } else if (choice == 1 && Enabled("read-error")) {
    trouble.read_errors = random_.Below(2) == 0 ? 0.05 : 0.5;
    what = "fails reads";
  } else if (choice == 2 && Enabled("write-error")) {
    trouble.write_errors = random_.Below(2) == 0 ? 0.02 : 0.3;
    what = "fails writes and syncs";
  } else if (choice == 3 && Enabled("misdirect")) {
    trouble.misdirected = 0.1;
    liars_.insert(drive);
    what = "misdirects writes";
  } else if (choice == 4 && Enabled("lie")) {
    trouble.lies = true;
    liars_.insert(drive);
    what = "lies about syncs";
  } else if (choice == 5 && Enabled("full")) {
    trouble.full = true;
    what = "is full";
  } else if (choice == 6 && Enabled("vanish")) {
    trouble.vanished = true;
    what = "vanishes";
  } else if (choice == 7 && Enabled("flip")) {
    const uint64_t flips = 1 + random_.Below(20);
    liars_.insert(drive);
    for (uint64_t i = 0; i < flips; ++i) (void)world_.disks[drive]->FlipBit(kVolumeSuffix);
    what = "flips " + std::to_string(flips) + " bits";
  } else {
    return;
  }
  if (was_gone && !trouble.vanished) what += ", is back";
  if (choice < 8) ++injected_;
  judge_.Trace("fault: drive " + std::to_string(drive) + " " + what);
}

void FaultPlan::Apply(size_t drive) {
  const Trouble trouble = troubles_[drive];
  SimDisk& disk = *world_.disks[drive];
  SimDisk::Options options = world_.disk_options;
  options.sync_does_nothing = trouble.lies;
  options.sync_directory_does_nothing = trouble.lies;
  options.misdirected_writes = trouble.misdirected;
  options.vanished = trouble.vanished;
  if (trouble.full) options.capacity_bytes = disk.bytes_used();
  if (trouble.delay_nanoseconds_max > 0) {
    options.delay_nanoseconds_max = trouble.delay_nanoseconds_max;
  }
  disk.options() = options;
  disk.fault = nullptr;
  if (trouble.read_errors == 0 && trouble.write_errors == 0) return;
  disk.fault = [this, trouble](SimDisk::Operation operation, const std::string&) {
    const bool read =
        operation == SimDisk::Operation::kRead || operation == SimDisk::Operation::kOpen;
    if (random_.Chance(read ? trouble.read_errors : trouble.write_errors)) {
      return Status(Code::kIoError, "simulated");
    }
    return Status::Ok();
  };
}

std::optional<size_t> FaultPlan::LoseDisk(SimRandom& random) {
  if (bad_.empty()) return std::nullopt;
  auto chosen = bad_.begin();
  std::advance(chosen, static_cast<ptrdiff_t>(random.Below(bad_.size())));
  const size_t drive = *chosen;
  judge_.Trace("fault: the disk of drive " + std::to_string(drive) + " is lost");
  PutEmptyDisk(drive, random);
  liars_.insert(drive);
  lost_.insert(drive);
  troubles_.erase(drive);
  ++injected_;
  return drive;
}

void FaultPlan::PutEmptyDisk(size_t drive, SimRandom& random) {
  std::unique_ptr<SimDisk>& disk = world_.disks[drive];
  disk->options().vanished = true;
  world_.retired.push_back(std::move(disk));
  disk = std::make_unique<SimDisk>(world_.executor, random.Draw(), world_.disk_options);
}

void FaultPlan::Calm() {
  troubles_.clear();
  metadata_full_ = false;
  for (const size_t drive : bad_) Apply(drive);
}

void FaultPlan::Reapply() {
  metadata_full_ = false;
  for (const size_t drive : bad_) Apply(drive);
}

}  // namespace ashlar::sim
