// RepairNotes: damage that reads have found, written to the metadata database in the background.
//
// A note that cannot be written is dropped and counted: the scrubber finds the damage again. Reads
// never wait for it. Bounded; the same shard is noted once while it is in memory. Thread-safe.
#pragma once

#include <mutex>
#include <set>
#include <utility>
#include <vector>

#include "metadata_db/metadata_db.h"
#include "model/object_version.h"
#include "runtime/clock.h"
#include "runtime/sync.h"

namespace ashlar::object_service {

class RepairNotes {
 public:
  RepairNotes(metadata_db::MetadataDb& metadata, Clock& clock, TaskScope& background)
      : metadata_(metadata), clock_(clock), background_(background) {}

  // For a ReadShard that failed with `code`. Drives that are gone as a whole (kUnavailable) and
  // slow ones are not noted shard by shard.
  void Note(const ExtentId& extent, uint8_t shard, Code code);

 private:
  Task<void> Flush();

  static constexpr size_t kRememberedMax = 100'000;
  static constexpr size_t kPendingMax = 10'000;

  metadata_db::MetadataDb& metadata_;
  Clock& clock_;
  TaskScope& background_;
  std::mutex mutex_;
  std::set<std::pair<ExtentId, uint8_t>> known_;
  std::vector<model::RepairOrder> pending_;
  bool flushing_ = false;
};

}  // namespace ashlar::object_service
