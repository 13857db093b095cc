// StoreFacts: what is known of a store at one moment, as plain values: the answers of the API and
// the findings of the doctor are made from it and from nothing else.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cluster/drive_states.h"
#include "cluster/healer.h"
#include "cluster/risk.h"
#include "cluster/scrubber.h"
#include "lifecycle_worker/reclaimer.h"

namespace ashlar::admin {

// What lies at the path of a drive that is not online.
enum class PathFinding : uint8_t { kNotAsked, kMissing, kEmpty, kForeign, kOtherDrive, kItself };

struct DriveFacts {
  cluster::DriveView view;
  std::string path;
  PathFinding at_path = PathFinding::kNotAsked;
  std::string path_detail;  // for people
};

struct HostFacts {
  bool runs_as_root = false;
  uint64_t open_files_limit = 0;
  bool token_readable_by_others = false;
  std::optional<int64_t> certificate_seconds_left;  // none: no TLS, or it cannot be read
};

struct StoreFacts {
  int64_t now_ms = 0;
  int data_shards = 0;
  int parity_shards = 0;
  std::vector<DriveFacts> drives;
  cluster::HealStatus heal;
  bool repairs_pending = false;  // asked right now; the healer's counts are those of its last scan
  cluster::ScrubStatus scrub;
  int64_t scrub_round_ms = 0;  // in this time everything should be read once
  lifecycle_worker::ReclaimStatus reclaim;
  std::optional<cluster::RiskReport> risk;  // of a survey that is recent enough
  double journal_lag_seconds = 0;
  double memory_refusals = 0;  // requests since the start
  SpaceInfo metadata_space;
  HostFacts host;
};

}  // namespace ashlar::admin
