// MetadataJournal: keeps a second copy of the metadata on the drives, erasure-coded like any
// object, so that `ashlar rebuild-metadata` can make a lost metadata folder anew.
//
// The directories inside the extents say what each PUT stored. What they cannot say (deletes, empty
// objects, copies, completed uploads, order and ids of versions, buckets) stands in the outbox. The
// journal reads the outbox every second, writes updates as objects of a hidden bucket, and trims
// the outbox behind them. Now and then it writes a checkpoint, all that there is, and removes what
// is older: at the first start, and when the updates since the last one weigh more than it does. So
// the journal is at most about three times as large as what it has to say.
//
// Invariants
//  1. An event leaves the outbox only after the segment that tells of it is durable.
//  2. Updates are a chain: each covers the commits (after, through], and begins where the one
//     before it ended. A gap shows that a piece is lost.
//  3. Segments are removed only when a later checkpoint is whole and durable.
//  4. What the journal writes itself is not journaled.
//  5. A segment shares its extent with nobody, but its syncs with the clients: it waits a little
//     for theirs (`patience`), and causes its own only when nobody writes. So do the rows of a
//     round.
// Lost with the metadata: what was committed since the last round, as far as no directory tells it:
// at most a period and the patience ago.
//
// How it fails: what cannot be written (drives full or gone) stays in the outbox and is tried
// again; ashlar_journal_lag_seconds tells how far behind the journal is. A crash between two steps
// leaves a segment that the next one repeats, which a replay takes as it is.
// One coroutine; Start once, Stop once.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "metadata_db/metadata_db.h"
#include "metadata_db/ordered_store.h"
#include "object_service/object_service.h"
#include "runtime/clock.h"
#include "runtime/executor.h"
#include "runtime/task.h"

namespace ashlar::lifecycle_worker {

struct MetadataJournalOptions {
  Duration period = std::chrono::seconds(1);
  // Never more than a quarter of the period.
  Duration patience = std::chrono::milliseconds(250);
  uint32_t events_max = 4096;                   // in one update
  uint64_t piece_bytes_max = 2ULL << 20;        // about; a version of many parts may be more
  uint64_t checkpoint_bytes_min = 64ULL << 20;  // of updates, before a checkpoint is worth it
  // Settings of the metadata database that a rebuilt one needs.
  std::vector<std::string> settings;
};

class MetadataJournal {
 public:
  struct Dependencies {
    metadata_db::OrderedStore& rows;
    metadata_db::MetadataDb& metadata;
    object_service::ObjectService& objects;
    Clock& clock;
    Random& random;
  };
  MetadataJournal(Dependencies dependencies, MetadataJournalOptions options);
  ~MetadataJournal();

  // From now on a round every period, on `executor`.
  void Start(Executor& executor);
  // Ends with a last round, so that a clean stop leaves nothing behind. Before destruction, if it
  // was started.
  Task<void> Stop();
  // One round: all that the outbox holds. Not while it is started.
  Task<Status> CatchUp();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ashlar::lifecycle_worker
