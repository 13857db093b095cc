// Packer: small objects that arrive in one commit tick share an extent and a metadata commit.
//
// There is no timer. While one batch is on its way, everything that arrives forms the next: the
// device sets the pace, and a lone writer waits for nobody. A full batch (one stripe) does not wait
// for the one before it, up to kBatchesInFlightMax. Who wants to be alone is a batch beside these:
// nobody waits for it, and it for nobody.
//
// Life of a batch: MD5s that were left, all at once -> payloads one after the other, then the
// directory -> one stripe -> k+m records written and synced -> one metadata commit for all -> every
// caller gets its own result. A failed batch fails all its callers and leaves nothing visible.
//
// `Change` is PutObjectChange (objects) or PutPartChange (parts). Thread-safe.
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "model/object_version.h"
#include "object_service/extents/body_store.h"
#include "object_service/internal/core.h"
#include "runtime/sync.h"

namespace ashlar::object_service {

template <typename Change, typename Outcome>
class Packer {
 public:
  struct Item {
    ByteSpan payload;  // valid until the result is there
    std::optional<Md5Digest> md5;
    model::DirectoryEntry entry;
    Change change;
    OneShot<Result<Outcome>> result;
  };

  explicit Packer(Core& core) : core_(core) {}

  // Stores the payload and commits the change; returns when both are durable. MD5 and ETag are
  // filled in here.
  Task<Result<Outcome>> Store(const SmallBody& body, model::DirectoryEntry entry, Change change);
  // The same in an extent that is shared with nobody.
  Task<Result<Outcome>> StoreAlone(const SmallBody& body, model::DirectoryEntry entry,
                                   Change change, Duration patience);

 private:
  using Batch = std::vector<Item*>;

  Task<void> Run();
  Batch TakeBatch();  // holds mutex_
  static void FillInDigests(const Batch& batch);
  Task<void> Commit(Batch batch, Duration patience = Duration::zero());
  static Task<Status> WriteExtent(Core& core, const Batch& batch, Duration patience,
                                  metadata_db::NewExtents* extents);

  static constexpr int kBatchesInFlightMax = 4;
  static constexpr size_t kBatchItemsMax = 512;

  Core& core_;
  std::mutex mutex_;
  std::deque<Item*> queue_;
  uint64_t queued_bytes_ = 0;
  int in_flight_ = 0;
};

using ObjectPacker = Packer<metadata_db::PutObjectChange, VersionPtr>;
using PartPacker = Packer<metadata_db::MetadataDb::PutPartChange, model::UploadPart>;

extern template class Packer<metadata_db::PutObjectChange, VersionPtr>;
extern template class Packer<metadata_db::MetadataDb::PutPartChange, model::UploadPart>;

}  // namespace ashlar::object_service
