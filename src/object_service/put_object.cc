// PutObject: body -> durable extents -> one metadata commit.
#include "object_service/extents/body_store.h"
#include "object_service/internal/patience.h"
#include "object_service/internal/service.h"
#include "runtime/failpoint.h"

namespace ashlar::object_service {
namespace {

// Everything but slices, ETag and what the database sets.
model::ObjectVersion DraftVersion(const ObjectAttributes& attributes, BodySource& body) {
  model::ObjectVersion version;
  version.size = body.size();
  version.storage_class = attributes.storage_class;
  version.system_headers = attributes.system_headers;
  version.user_metadata = attributes.user_metadata;
  version.extras = attributes.extras;
  version.checksum = body.Checksum();
  model::Part part;
  part.size = version.size;
  version.parts.push_back(std::move(part));
  return version;
}

}  // namespace

Task<Result<VersionPtr>> ObjectService::PutObject(PutObjectRequest request, BodySource& body) {
  Core& core = impl_->core;
  model::DirectoryEntry entry =
      NewDirectoryEntry(core, request.bucket->name, request.key, request.attributes, body);
  metadata_db::PutObjectChange change;
  change.bucket = request.bucket->id;
  change.key = request.key;
  change.condition = std::move(request.condition);

  if (body.size() <= core.packed_bytes_max()) {
    CO_ASSIGN_OR_RETURN(const SmallBody small, co_await ReadSmallBody(core, body));
    change.version = DraftVersion(request.attributes, body);
    entry.checksum = body.Checksum();
    if (request.alone) {
      co_return co_await impl_->object_packer.StoreAlone(small, std::move(entry), std::move(change),
                                                         request.patience);
    }
    co_return co_await impl_->object_packer.Store(small, std::move(entry), std::move(change));
  }

  const Patience patience(core.deps.clock, request.patience);
  CO_ASSIGN_OR_RETURN(StoredExtents stored,
                      co_await StoreLargeBody(core, body, std::move(entry), request.patience));
  change.version = DraftVersion(request.attributes, body);
  change.version.etag = HexEncode(body.Md5());
  change.version.parts.front().slices = std::move(stored.slices);
  std::vector<metadata_db::PutObjectChange> changes;
  changes.push_back(std::move(change));
  auto results = co_await core.deps.metadata.PutObjects(std::move(stored.extents),
                                                        std::move(changes), patience.Left());
  if (FailpointsArmed()) co_await DelayAtFailpoint("put.metadata_committed");
  co_return std::move(results.front());
}

}  // namespace ashlar::object_service
