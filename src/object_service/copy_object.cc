// CopyObject: a new version that shares the extents of the source, wherever compaction has moved
// its bytes by then. No byte is written; bytes are read only when the ETag or checksum of the copy
// cannot be taken over (multipart source, other algorithm).
#include "object_service/internal/content_digests.h"
#include "object_service/internal/service.h"

namespace ashlar::object_service {

Task<Result<VersionPtr>> ObjectService::CopyObject(CopyObjectRequest request) {
  const model::ObjectVersion& source = *request.source;
  model::ObjectVersion copy;
  copy.size = source.size;
  copy.etag = source.etag;
  copy.storage_class = request.attributes.storage_class;
  copy.system_headers =
      request.replace_metadata ? request.attributes.system_headers : source.system_headers;
  copy.user_metadata =
      request.replace_metadata ? request.attributes.user_metadata : source.user_metadata;
  copy.extras = request.attributes.extras;
  if (!request.replace_tags) copy.extras.tags = source.extras.tags;
  copy.checksum = source.checksum;
  model::Part part;
  part.size = source.size;
  copy.parts.push_back(std::move(part));

  const bool has_checksum = source.checksum.algorithm != model::ChecksumAlgorithm::kNone;
  const model::ChecksumAlgorithm algorithm = request.checksum_algorithm.value_or(
      has_checksum ? source.checksum.algorithm : model::ChecksumAlgorithm::kCrc64Nvme);
  if (source.is_multipart || algorithm != source.checksum.algorithm) {
    CO_ASSIGN_OR_RETURN(const ContentDigests digests,
                        co_await DigestContent(*this, request.source, 0, source.size, algorithm));
    copy.etag = HexEncode(digests.md5);
    copy.checksum.algorithm = algorithm;
    copy.checksum.type = model::ChecksumType::kFullObject;
    copy.checksum.value = digests.checksum;
  }

  metadata_db::MetadataDb::CopySource from;
  from.bucket = request.source_bucket->id;
  from.key = request.source_key;
  from.sequence = source.sequence;
  metadata_db::PutObjectChange change;
  change.bucket = request.bucket->id;
  change.key = request.key;
  change.version = std::move(copy);
  change.condition = std::move(request.condition);
  co_return co_await impl_->core.deps.metadata.CopyObject(std::move(from), std::move(change));
}

}  // namespace ashlar::object_service
