// What is at risk: how many extents can lose how many further shards, now and with one drive gone.
// Counted over all extents from what is known: rows, repair orders, states of drives.
#pragma once

#include <cstdint>
#include <vector>

#include "cluster/drive_states.h"
#include "metadata_db/extent_catalog.h"

namespace ashlar::cluster {

// Extents by the further shards that they can lose.
struct RiskCounts {
  uint64_t unreadable = 0;             // more than m are gone
  std::vector<uint64_t> by_remaining;  // 0 .. m
  void Add(int remaining);
};

struct DriveRisk {
  DriveId drive;
  uint64_t shards = 0;  // that rows name on it
  uint64_t bytes = 0;
  RiskCounts without;  // all extents, if the drive were pulled now
};

struct RiskReport {
  uint64_t extents = 0;
  RiskCounts now;
  std::vector<DriveRisk> drives;
};

// Takes about a minute for ten million extents; reads the metadata only.
Task<Result<RiskReport>> AssessRisk(metadata_db::ExtentCatalog& catalog,
                                    std::vector<DriveView> drives);

}  // namespace ashlar::cluster
