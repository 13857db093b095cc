// UploadPartCopy: a part that shares the extents of a range of another object. The range is read
// once for the part's ETag and checksum; nothing is written but metadata.
#include "object_service/checksums.h"
#include "object_service/internal/content_digests.h"
#include "object_service/internal/service.h"

namespace ashlar::object_service {

Task<Result<model::UploadPart>> ObjectService::UploadPartCopy(UploadPartCopyRequest request) {
  metadata_db::MetadataDb& metadata = impl_->core.deps.metadata;
  metadata_db::MetadataDb::PutPartChange change;
  change.bucket = request.bucket->id;
  change.key = request.upload.key;
  change.upload_id = request.upload.id;
  change.began = metadata.ReserveSequence();

  const bool null_mode = request.upload.checksum_algorithm == model::ChecksumAlgorithm::kNone;
  const model::ChecksumAlgorithm algorithm =
      null_mode ? model::ChecksumAlgorithm::kCrc64Nvme : request.upload.checksum_algorithm;
  CO_ASSIGN_OR_RETURN(
      const ContentDigests digests,
      co_await DigestContent(*this, request.source, request.offset, request.length, algorithm));
  change.part.etag = HexEncode(digests.md5);
  change.part.checksum.algorithm = algorithm;
  change.part.checksum.value = digests.checksum;
  change.part.part.number = request.part_number;
  change.part.part.size = request.length;
  change.part.part.checksum_value = EncodeCrc64(digests.crc64);

  metadata_db::MetadataDb::CopySource from;
  from.bucket = request.source_bucket->id;
  from.key = request.source_key;
  from.sequence = request.source->sequence;
  from.offset = request.offset;
  change.source = std::move(from);
  std::vector<metadata_db::MetadataDb::PutPartChange> changes;
  changes.push_back(std::move(change));
  auto results = co_await metadata.PutParts(metadata_db::NewExtents(), std::move(changes));
  co_return std::move(results.front());
}

}  // namespace ashlar::object_service
