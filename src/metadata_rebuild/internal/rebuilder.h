// Rebuilder: the steps of a rebuild, in their order; each leaves its result in the scratch
// database. The import of the result into the new database lies in importer.h.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lifecycle_worker/journal_segment.h"
#include "metadata_db/ordered_store.h"
#include "metadata_rebuild/internal/drives.h"
#include "metadata_rebuild/internal/scratch.h"
#include "metadata_rebuild/internal/writes.h"
#include "metadata_rebuild/metadata_rebuild.h"

namespace ashlar::metadata_rebuild {

class Rebuilder {
 public:
  Rebuilder(Disk& disk, metadata_db::OrderedStore& scratch, const RebuildOptions& options,
            RebuildReport& report)
      : scratch_(scratch), options_(options), report_(report), drives_(disk) {}

  Task<Status> Run();

  const std::map<BucketId, model::Bucket>& buckets() const { return buckets_; }
  // The highest sequence in use, and then some.
  Sequence last_sequence() const { return last_sequence_; }

 private:
  // ---- what the drives hold
  Task<Status> AssembleExtents();
  Task<Status> AddExtent(model::Extent extent, RowWriter* writer);
  Task<Status> ReadDirectory(const model::Extent& extent, RowWriter* writer);
  Task<Result<Write>> LoadWrite(UniqueId write_id);
  Task<Result<model::Extent>> LoadExtent(ExtentId id);
  Task<Result<bool>> Has(std::string row);

  // ---- what the journal says
  Task<Status> ReplayJournal();
  Task<Result<lifecycle_worker::JournalSegment>> ReadPiece(lifecycle_worker::PieceName name);
  Task<bool> CanRead(std::vector<lifecycle_worker::PieceName> parts);
  Task<Status> ApplyPiece(lifecycle_worker::PieceName name, Sequence covered);
  Task<Status> LoadBuckets();

  // ---- what the directories tell beyond it
  Task<Status> DecideWrites();
  Task<Status> DecideWrite(Write write, UniqueId write_id, RowWriter* writer);
  Task<Result<WriteContext>> ContextOf(const Write& write);
  Task<Status> Restore(const Write& write, UniqueId write_id, RowWriter* writer);
  Task<Status> LeaveAlone(const Write& write, const char* why, RowWriter* writer);
  Task<Status> NotePart(const Write& write, UniqueId write_id, RowWriter* writer);
  Task<Status> RestoreWrites();
  Task<Status> RestoreParts();
  struct FoundPart {
    UniqueId write_id;
    char fate = 0;
  };
  Task<Status> RestoreUpload(UniqueId upload_id, std::vector<FoundPart> parts);
  // The bucket of a name; made up when nothing tells of it.
  const model::Bucket& BucketNamed(const Write& write);
  const model::Bucket* FindBucket(const std::string& name) const;

  void Tell(const char* phase, uint64_t done, uint64_t total) {
    if (options_.progress) options_.progress({phase, done, total});
  }
  Sequence NextSequence() { return Sequence{++last_sequence_.value}; }

  metadata_db::OrderedStore& scratch_;
  const RebuildOptions& options_;
  RebuildReport& report_;
  Drives drives_;
  std::map<std::string, UniqueId> journal_writes_;  // object key of a segment -> its write
  std::map<std::string, bool> journal_used_;        // segments that were replayed
  std::map<BucketId, model::Bucket> buckets_;
  std::map<std::string, BucketId> bucket_names_;
  std::optional<int64_t> journal_until_ms_;
  Sequence last_sequence_;
};

}  // namespace ashlar::metadata_rebuild
