// Digests of bytes that are stored already, for copies whose ETag or checksum cannot be taken over.
#pragma once

#include "base/digest.h"
#include "object_service/object_service.h"

namespace ashlar::object_service {

struct ContentDigests {
  Md5Digest md5{};
  uint64_t crc64 = 0;
  std::string checksum;  // base64, of the algorithm asked for
};
// Reads [offset, offset + length) of the version once.
Task<Result<ContentDigests>> DigestContent(ObjectService& service, VersionPtr version,
                                           uint64_t offset, uint64_t length,
                                           model::ChecksumAlgorithm algorithm);

}  // namespace ashlar::object_service
