// Replay: what the metadata journal says, brought into the scratch database.
//
// Each version is a fact under its own sequence, so a segment that is read twice does no harm; only
// the order matters, as a later event may take away what an earlier one brought.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "lifecycle_worker/journal_segment.h"
#include "metadata_db/ordered_store.h"

namespace ashlar::metadata_rebuild {

struct ReplayPlan {
  std::vector<lifecycle_worker::PieceName> checkpoint;  // its parts in order; empty: none is whole
  std::vector<lifecycle_worker::PieceName> updates;     // those behind it, in order
  std::vector<std::string> problems;                    // gaps, in words
};
// Chooses among all pieces that the drives hold. Pure.
[[nodiscard]] ReplayPlan PlanReplay(std::vector<lifecycle_worker::PieceName> pieces);

// Applies a segment. Events up to `covered` are left out: the checkpoint says what became of them.
Status ApplySegment(metadata_db::Transaction& rows, const lifecycle_worker::JournalSegment& segment,
                    Sequence covered);

// Puts a version into the scratch database and takes away what it replaces: a key has one null
// version at most.
Status ApplyVersion(metadata_db::Transaction& rows, BucketId bucket, const std::string& key,
                    const model::ObjectVersion& version);

// The highest sequence that the segment names.
[[nodiscard]] Sequence HighestSequence(const lifecycle_worker::JournalSegment& segment);

}  // namespace ashlar::metadata_rebuild
