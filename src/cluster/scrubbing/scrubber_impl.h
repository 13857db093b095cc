// What stands behind Scrubber. Private to the component.
//
// The control task owns everything but what mutex guards: the round, and what is shown.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <vector>

#include "cluster/healing/extent_rebuild.h"
#include "cluster/pacing/pacer.h"
#include "cluster/scrubber.h"
#include "cluster/scrubbing/round_state.h"
#include "cluster/scrubbing/seen_places.h"
#include "runtime/sync.h"

namespace ashlar::cluster {

struct Scrubber::Impl {
  Impl(Dependencies dependencies, ScrubberOptions settings);

  // Volumes of one drive that are compared together.
  struct Group {
    DriveView drive;
    int64_t round_began_ms = 0;
    int64_t began_ms = 0;
    std::vector<chunk_server::VolumeInfo> volumes;  // that are due, ascending
    std::vector<uint32_t> listed;                   // all of the drive, ascending
    std::vector<uint32_t> walked;
    SeenPlaces seen;
    bool last = false;  // no volume of the drive is due behind this group
  };

  // ---- scrubber.cc: rounds, state
  Task<void> Run();
  Task<Status> Load();
  Task<Status> RunRound();
  Task<Status> ChangeRound(std::function<bool(ScrubRound*)> change);
  Task<Status> SaveCompleted(int64_t wall_ms);
  Task<Status> ChooseGroup(Group* group, bool* found, bool* skipped);
  Task<Status> SurveyDrive(const ScrubRound& now, Group* due, ScrubDriveStatus* status);
  Task<Status> EndGroup(const Group& group);
  ScrubRound Round() const;
  bool Overtaken(const Group& group) const;
  Task<void> WaitWhilePaused();
  Task<void> Idle();

  // ---- scrub_group.cc: one group
  Task<Status> ScrubGroup(Group* group);
  Task<Status> WalkOne(Group* group, const chunk_server::VolumeInfo& volume);
  Task<Status> ComparePage(Group* group, const chunk_server::WalkPage& page);
  Task<Status> CompareRows(Group* group);
  Task<Status> CompareRow(Group* group, const metadata_db::ExtentPtr& extent,
                          const std::vector<DriveView>& drives,
                          std::vector<model::RepairOrder>* orders);
  Task<Status> LookAgain(Group* group, metadata_db::ExtentPtr extent, uint8_t shard,
                         std::vector<model::RepairOrder>* orders);
  void Count(uint64_t ScrubFindings::*what, const char* kind, uint64_t by = 1);
  model::RepairOrder OrderFor(const ExtentId& extent, size_t shard,
                              model::RepairReason reason) const;

  const Dependencies deps;
  const ScrubberOptions options;
  Pacer pacer;
  TaskScope scope;
  RebuildTools tools;
  std::atomic<bool> stopping{false};
  std::atomic<bool> poked{false};
  bool started = false;
  std::map<DriveId, VerifiedVolumes> verified;

  mutable std::mutex mutex;
  ScrubRound round;
  ScrubStatus shown;
  // Of the group at hand; part of `shown` when the group comes to its end.
  ScrubFindings group_findings;
  uint64_t group_bytes = 0;
};

}  // namespace ashlar::cluster
