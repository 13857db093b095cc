#include "lifecycle_worker/compaction/slice_plan.h"

#include <algorithm>

#include "base/check.h"

namespace ashlar::lifecycle_worker {

using model::Slice;

std::vector<Slice> LiveRuns(const ExtentId& extent,
                            const std::vector<metadata_db::ExtentReferrer>& referrers) {
  std::vector<Slice> slices;
  for (const metadata_db::ExtentReferrer& referrer : referrers) {
    for (const Slice& slice : referrer.slices) {
      if (slice.extent == extent && slice.length > 0) slices.push_back(slice);
    }
  }
  std::sort(slices.begin(), slices.end(),
            [](const Slice& a, const Slice& b) { return a.offset < b.offset; });
  std::vector<Slice> runs;
  for (const Slice& slice : slices) {
    if (runs.empty() || slice.offset > runs.back().offset + runs.back().length) {
      runs.push_back(slice);
      continue;
    }
    Slice& run = runs.back();
    run.length = std::max(run.length, slice.offset + slice.length - run.offset);
  }
  return runs;
}

Slice MovedSlice(const Slice& slice, const std::vector<Slice>& runs,
                 const std::vector<Slice>& moved) {
  CHECK(runs.size() == moved.size());
  for (size_t i = 0; i < runs.size(); ++i) {
    const Slice& run = runs[i];
    if (run.extent != slice.extent || slice.offset < run.offset ||
        slice.offset + slice.length > run.offset + run.length) {
      continue;
    }
    return Slice{moved[i].extent, moved[i].offset + (slice.offset - run.offset), slice.length};
  }
  CHECK(false);
  return slice;
}

}  // namespace ashlar::lifecycle_worker
