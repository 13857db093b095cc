// Pieces of the multipart transactions that others need.
#pragma once

#include "base/status.h"
#include "metadata_db/transactions/change.h"

namespace ashlar::metadata_db {

// Gives up uploads of the bucket, at most `parts_max` parts (at least one upload). True: none is
// left. An upload with more parts than that loses them first and its own row last.
[[nodiscard]] Result<bool> AbortSomeUploads(Change& change, BucketId bucket, size_t parts_max);

}  // namespace ashlar::metadata_db
