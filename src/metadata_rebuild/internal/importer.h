// Importer: the last step of a rebuild, from the scratch database into the new one.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "metadata_db/archive.h"
#include "metadata_db/ordered_store.h"
#include "metadata_rebuild/internal/scratch.h"
#include "metadata_rebuild/metadata_rebuild.h"
#include "runtime/clock.h"

namespace ashlar::metadata_rebuild {

class Importer {
 public:
  Importer(metadata_db::OrderedStore& scratch, metadata_db::OrderedStore& target, Clock& clock,
           const RebuildOptions& options, RebuildReport& report)
      : scratch_(scratch),
        clock_(clock),
        options_(options),
        report_(report),
        import_(target, clock) {}

  Task<Status> Run(std::map<BucketId, model::Bucket> buckets, Sequence last);

 private:
  // What one commit brings.
  struct Batch {
    std::map<ExtentId, model::Extent> extents;
    std::vector<metadata_db::MetadataImport::Key> keys;
    std::vector<metadata_db::MetadataImport::Upload> uploads;
    size_t rows = 0;
  };
  Task<Status> ImportVersions();
  Task<Status> ImportUploads();
  Task<Status> AddKey(metadata_db::MetadataImport::Key key);
  Task<Status> AddUpload(model::Upload upload);
  Task<Result<bool>> IsCompleted(const model::Upload& upload,
                                 const std::vector<metadata_db::ArchivedPart>& parts);
  // Brings the extents of the slices into the batch. False: one of them is not there, or too short.
  // `good_shards`: of the worst, less those needed.
  Task<Result<bool>> TakeExtents(const std::vector<model::Part>& parts, int* spare_shards);
  Task<Status> Commit();
  Task<Status> ImportDeadExtents();
  bool IsHidden(BucketId bucket) const;

  metadata_db::OrderedStore& scratch_;
  Clock& clock_;
  const RebuildOptions& options_;
  RebuildReport& report_;
  metadata_db::MetadataImport import_;
  std::map<BucketId, model::Bucket> buckets_;
  Batch batch_;
};

}  // namespace ashlar::metadata_rebuild
