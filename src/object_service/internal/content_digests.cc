#include "object_service/internal/content_digests.h"

#include <algorithm>

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

std::vector<model::Slice> SliceRange(const model::ObjectVersion& version, uint64_t offset,
                                     uint64_t length) {
  std::vector<model::Slice> slices;
  for (const model::Part& part : version.parts) {
    for (const model::Slice& slice : part.slices) {
      if (length == 0) return slices;
      if (offset >= slice.length) {
        offset -= slice.length;
        continue;
      }
      const uint64_t run = std::min(slice.length - offset, length);
      slices.push_back(model::Slice{slice.extent, slice.offset + offset, run});
      offset = 0;
      length -= run;
    }
  }
  CHECK(length == 0);
  return slices;
}

}  // namespace ashlar::object_service
