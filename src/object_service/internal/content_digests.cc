#include "object_service/internal/content_digests.h"

#include "object_service/checksums.h"

namespace ashlar::object_service {

Task<Result<ContentDigests>> DigestContent(ObjectService& service, VersionPtr version,
                                           uint64_t offset, uint64_t length,
                                           model::ChecksumAlgorithm algorithm) {
  ContentDigests digests;
  Md5Hasher md5;
  ChecksumHasher checksum(algorithm);
  if (length > 0) {
    const std::unique_ptr<ObjectReader> reader =
        service.OpenReader(std::move(version), offset, length);
    while (true) {
      CO_ASSIGN_OR_RETURN(const std::span<const ByteSpan> pieces, co_await reader->Next());
      if (pieces.empty()) break;
      for (const ByteSpan piece : pieces) {
        md5.Update(piece);
        checksum.Update(piece);
        digests.crc64 = Crc64Nvme(digests.crc64, piece);
      }
    }
  }
  digests.md5 = md5.Finish();
  digests.checksum = checksum.Finish();
  co_return digests;
}

}  // namespace ashlar::object_service
