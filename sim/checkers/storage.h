// What the checkers of the storage need: who refers to which extent. Collected through the public
// face of MetadataDb, while nothing else runs.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "judge.h"
#include "model/extent.h"
#include "process.h"
#include "runtime/task.h"

namespace ashlar::sim {

struct StorageView {
  // By extent: bytes of all slices that refer to it, and its row (null: there is none).
  struct Referred {
    uint64_t bytes = 0;
    std::shared_ptr<const model::Extent> row;
    std::string by;  // one of those who refer to it
  };
  std::map<ExtentId, Referred> live;
  std::map<ExtentId, uint64_t> live_bytes;  // as the database keeps them
  std::set<ExtentId> reclaims;
  std::set<std::pair<ExtentId, uint8_t>> repairs;
};

// False: the process ended meanwhile, or something could not be read (which is reported).
Task<bool> CollectStorage(Process* process, Judge* judge, const bool* process_ended,
                          StorageView* view);

}  // namespace ashlar::sim
