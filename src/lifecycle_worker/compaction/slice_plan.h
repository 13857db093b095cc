// What of a sparse extent lives, and where its slices go: pure functions.
#pragma once

#include <vector>

#include "metadata_db/extent_catalog.h"
#include "model/object_version.h"

namespace ashlar::lifecycle_worker {

// The bytes that the referrers' slices cover, as disjoint ascending runs. Slices that overlap or
// touch (copies of ranges) share a run: shared bytes stay shared.
[[nodiscard]] std::vector<model::Slice> LiveRuns(
    const ExtentId& extent, const std::vector<metadata_db::ExtentReferrer>& referrers);

// Where `slice` lies when runs[i] has become moved[i]. It must lie in one of the runs.
[[nodiscard]] model::Slice MovedSlice(const model::Slice& slice,
                                      const std::vector<model::Slice>& runs,
                                      const std::vector<model::Slice>& moved);

}  // namespace ashlar::lifecycle_worker
