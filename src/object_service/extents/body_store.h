// BodyStore: the bytes of one PUT or part, from the body to durable extents.
#pragma once

#include <optional>
#include <vector>

#include "model/object_version.h"
#include "object_service/extents/extent_writer.h"
#include "object_service/internal/core.h"

namespace ashlar::object_service {

// A small body, whole in memory. size() <= packed_object_bytes_max.
struct SmallBody {
  SharedBuffer buffer;  // null when empty
  size_t size = 0;
  std::optional<Md5Digest> md5;  // nothing: left to the packer
  ByteSpan bytes() const { return size == 0 ? ByteSpan() : ByteSpan(buffer->data(), size); }
};
Task<Result<SmallBody>> ReadSmallBody(Core& core, BodySource& body);

// Streams a large body into extents of its own, one stripe being received while the one before it
// is written. `entry` names bucket, key and attributes for the directories. On failure the extents
// that are complete already are recorded as abandoned. `patience`: of the shards of each extent.
Task<Result<StoredExtents>> StoreLargeBody(Core& core, BodySource& body,
                                           model::DirectoryEntry entry,
                                           Duration patience = Duration::zero());

// The directory entry that a PUT (zero upload id) or part of these attributes begins with. MD5 and
// checksum are filled in when the body has come; until then the checksum is as long as it will be.
model::DirectoryEntry NewDirectoryEntry(Core& core, const std::string& bucket,
                                        const std::string& key, const ObjectAttributes& attributes,
                                        const BodySource& body);

}  // namespace ashlar::object_service
