// Survey: counts what is in the store: objects and bytes of each bucket, and how many extents can
// lose how many further shards. It reads all of the metadata: a moment for a small store, minutes
// for ten million objects. So it runs in the background, one at a time, and its last result is
// kept. Thread-safe.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "cluster/drive_states.h"
#include "cluster/risk.h"
#include "metadata_db/extent_catalog.h"
#include "metadata_db/metadata_db.h"
#include "runtime/clock.h"
#include "runtime/sync.h"

namespace ashlar::admin {

struct BucketUsage {
  std::string name;
  bool internal = false;  // the store's own: its name begins with a dot
  uint64_t objects = 0;   // keys with a current object
  uint64_t bytes = 0;     // of those
  uint64_t versions = 0;  // all of them, the current ones too, delete markers not
  uint64_t version_bytes = 0;
};

struct SurveyResult {
  int64_t began_ms = 0;
  int64_t ended_ms = 0;
  std::vector<BucketUsage> buckets;
  cluster::RiskReport risk;
};

class Survey {
 public:
  Survey(metadata_db::MetadataDb& metadata, metadata_db::ExtentCatalog& catalog,
         cluster::DriveStates& drives, Clock& clock);

  // Begins one on `executor`, if none runs.
  void Start(Executor& executor);
  struct View {
    bool running = false;
    uint64_t versions_seen = 0;  // by the one that runs
    std::string error;           // of the last one; empty: it went through
    std::optional<SurveyResult> last;
  };
  View Look() const;
  // Ends the one that runs. Nothing may be started after it.
  Task<void> Shutdown();

 private:
  Task<void> Run();
  Task<Result<SurveyResult>> Count();
  Task<Result<BucketUsage>> CountBucket(model::Bucket bucket);

  metadata_db::MetadataDb& metadata_;
  metadata_db::ExtentCatalog& catalog_;
  cluster::DriveStates& drives_;
  Clock& clock_;
  TaskScope scope_;
  std::atomic<bool> stopping_{false};
  mutable std::mutex mutex_;
  View view_;
};

}  // namespace ashlar::admin
