// CheckConsistency: do the books of a whole store balance? For tests and the simulator, after any
// history and any crash. (`ashlar fsck` shares no code with it, so that each can find the other's
// mistakes.)
//
// What is checked, on one snapshot:
//  1. Extents: every 'e' has an 'l' and the other way round; the data bytes in it are those of the
//     extent; live bytes are the sum of all slices of all versions and parts; each slice lies in
//     its extent.
//  2. Referrers: 'r' has a row exactly for each extent in which a version or a part has a slice.
//  3. Reclaiming: 'g' has a row exactly for each extent of which nothing lives.
//  4. Compaction: 'y' has a row exactly for each extent that is sparse.
//  5. Versions: 'z' points exactly to the null version in 'v', of which a key has one at most; a
//     manifest in 'm' belongs to a version that says so. Parts belong to an open upload.
//  6. Repair orders are for shards of extents that are there; rows of dead shards are at the key of
//     their place.
// Holds a few dozen bytes for each extent and slice in memory.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "metadata_db/ordered_store.h"

namespace ashlar::metadata_db {

// What does not add up, at most a hundred lines for people; empty: nothing. An error: a row could
// not be read or decoded.
[[nodiscard]] Result<std::vector<std::string>> CheckConsistency(View& view);

}  // namespace ashlar::metadata_db
