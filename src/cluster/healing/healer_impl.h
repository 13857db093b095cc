// What stands behind Healer. Private to the component.
//
// The control task owns everything here but the status (mutex_) and the batch at hand, whose cases
// are shared out among workers on all executors.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "cluster/healer.h"
#include "cluster/healing/repair_queue.h"
#include "cluster/healing/treatment.h"
#include "cluster/pacing/byte_share.h"
#include "cluster/pacing/pacer.h"
#include "runtime/sync.h"

namespace ashlar::cluster {

struct TreatedCase {
  Case item;
  std::vector<model::RepairOrder> orders;
  CaseResult result;
};

struct Healer::Impl {
  Impl(Dependencies dependencies, HealerOptions settings);

  // A drive that is being filled or emptied by a pass over all extents.
  struct Sweep {
    SweepStatus::Kind kind = SweepStatus::Kind::kRefill;
    uint64_t change = 0;
    SweepProgress progress;
    // Of a drain: shards found on the drive in this pass. A pass that was begun by an earlier
    // process does not know.
    uint64_t found = 0;
    bool made_any = false;
    int64_t not_before_ns = 0;
    bool over = false;  // of an evacuation: all extents were seen
  };

  // ---- healer.cc: life cycle, repair orders, batches
  Task<void> Run();
  void NoticeDrives();
  Task<ashlar::Status> Scan();
  Task<ashlar::Status> ScanPage(std::vector<model::RepairOrder> orders);
  void Judge(const metadata_db::ExtentPtr& extent, std::vector<model::RepairOrder> orders);
  Task<bool> HealQueued();
  // Treats the cases on all executors and makes the moves durable. Not ok: the metadata refuses.
  Task<ashlar::Status> TreatBatch(std::vector<TreatedCase>* cases);
  Task<ashlar::Status> Work(std::vector<TreatedCase>* cases, std::atomic<size_t>* next,
                            Executor* executor);
  Task<ashlar::Status> Move(std::vector<TreatedCase>* cases);
  Task<ashlar::Status> NoteFindings(const std::vector<TreatedCase>& cases);
  void Account(const TreatedCase& treated);
  void ReportFailure(const ExtentId& extent, const CaseResult& result);

  // ---- sweep.cc: replaced, draining and long-gone drives
  void UpdateSweeps();
  Task<bool> SweepOnce();
  Task<bool> FinishPass(DriveId drive, Sweep* sweep);
  Task<ashlar::Status> SettleSweepPage(const std::vector<TreatedCase>& cases, ExtentId last);
  void CountSwept(const TreatedCase& treated);
  ShardMask SuspectShards(const model::Extent& extent) const;
  Task<void> CountShards();

  // Of cases treated together; one while the metadata refuses changes.
  size_t BatchSize() const { return metadata_trouble ? 1 : options.batch_extents; }
  int64_t Now() const { return deps.clock.MonotonicNanoseconds(); }

  const Dependencies deps;
  const HealerOptions options;
  Pacer pacer;
  TaskScope scope;
  RebuildTools tools;
  ByteShare buffer_share;  // of the extents that are treated at one time
  std::vector<Executor*> executors;
  std::atomic<bool> stopping{false};
  bool started = false;

  std::vector<DriveView> drives;
  std::string drives_signature;
  RepairQueue queue;
  int64_t scan_at_ns = 0;
  HealStatus scanning;                      // counts of the scan at hand
  std::map<ExtentId, int64_t> retry_at_ns;  // what failed; bounded
  std::set<ExtentId> unrecoverable;         // of those; bounded
  std::map<DriveId, Sweep> sweeps;
  bool counting = false;
  bool metadata_trouble = false;
  int64_t metadata_retry_at_ns = 0;

  mutable std::mutex mutex;
  HealStatus status;
};

}  // namespace ashlar::cluster
