// Pieces of the multipart transactions that others need.
#pragma once

#include <optional>
#include <string_view>

#include "base/ids.h"
#include "base/status.h"
#include "metadata_db/transactions/change.h"
#include "model/object_version.h"

namespace ashlar::metadata_db {

// Row of 'p'.
struct StoredPart {
  Sequence began;
  model::UploadPart part;
};
[[nodiscard]] Result<StoredPart> DecodeStoredPart(std::string_view row);
// nullopt: there is no such part, or its upload has ended.
[[nodiscard]] Result<std::optional<StoredPart>> ReadPart(View& view, const UniqueId& upload,
                                                         uint32_t number);
void WritePart(Change& change, const UniqueId& upload, const StoredPart& stored);

// Gives up uploads of the bucket, at most `parts_max` parts (at least one upload). True: none is
// left. An upload with more parts than that loses them first and its own row last.
[[nodiscard]] Result<bool> AbortSomeUploads(Change& change, BucketId bucket, size_t parts_max);

}  // namespace ashlar::metadata_db
