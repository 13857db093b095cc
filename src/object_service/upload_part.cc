// UploadPart: as PutObject, but the change is a part row. Of two uploads of one part number the one
// that began later wins, whichever ends first.
#include "object_service/checksums.h"
#include "object_service/extents/body_store.h"
#include "object_service/internal/service.h"

namespace ashlar::object_service {
namespace {

// Everything but slices and ETag.
model::UploadPart DraftPart(uint32_t number, BodySource& body) {
  model::UploadPart draft;
  draft.checksum = body.Checksum();
  draft.part.number = number;
  draft.part.size = body.size();
  draft.part.checksum_value = EncodeCrc64(body.Crc64Nvme());
  return draft;
}

}  // namespace

Task<Result<model::UploadPart>> ObjectService::UploadPart(UploadPartRequest request,
                                                          BodySource& body) {
  Core& core = impl_->core;
  metadata_db::MetadataDb::PutPartChange change;
  change.bucket = request.bucket->id;
  change.key = request.upload.key;
  change.upload_id = request.upload.id;
  change.began = core.deps.metadata.ReserveSequence();

  ObjectAttributes attributes;
  attributes.storage_class = request.upload.storage_class;
  attributes.system_headers = request.upload.system_headers;
  attributes.user_metadata = request.upload.user_metadata;
  attributes.extras = request.upload.extras;
  model::DirectoryEntry entry =
      NewDirectoryEntry(core, request.bucket->name, request.upload.key, attributes, body);
  entry.upload_id = request.upload.id;
  entry.part_number = request.part_number;

  if (body.size() <= core.packed_bytes_max()) {
    CO_ASSIGN_OR_RETURN(const SmallBody small, co_await ReadSmallBody(core, body));
    change.part = DraftPart(request.part_number, body);
    entry.checksum = body.Checksum();
    co_return co_await impl_->part_packer.Store(small, std::move(entry), std::move(change));
  }

  CO_ASSIGN_OR_RETURN(StoredExtents stored, co_await StoreLargeBody(core, body, std::move(entry)));
  change.part = DraftPart(request.part_number, body);
  change.part.etag = HexEncode(body.Md5());
  change.part.part.slices = std::move(stored.slices);
  std::vector<metadata_db::MetadataDb::PutPartChange> changes;
  changes.push_back(std::move(change));
  auto results =
      co_await core.deps.metadata.PutParts(std::move(stored.extents), std::move(changes));
  co_return std::move(results.front());
}

}  // namespace ashlar::object_service
