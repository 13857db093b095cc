// Decisions of MetadataDb as functions on values: no store, no clock, each with its own tests.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "metadata_db/metadata_db.h"
#include "model/object_version.h"

namespace ashlar::metadata_db {

// `current` null: the key has no current object. ETag "*" matches any object.
[[nodiscard]] Status EvaluateCondition(const WriteCondition& condition,
                                       const model::ObjectVersion* current);

// As above for CompleteMultipartUpload: kConflict when the key's newest version is not the one that
// was there when the upload began. An upload without conditions never conflicts.
[[nodiscard]] Status EvaluateCompleteCondition(const WriteCondition& condition,
                                               const model::ObjectVersion* current, Sequence newest,
                                               Sequence newest_at_start);

// Whether a bucket's row may change so: identity stays, versioning is never taken back, object lock
// never ends and needs versioning. kInvalidArgument.
[[nodiscard]] Status CheckBucketChange(const model::Bucket& before, const model::Bucket& after);

// Last-Modified of the next version of a key whose newest one has `previous_ms`.
[[nodiscard]] int64_t NextLastModified(int64_t now_ms, std::optional<int64_t> previous_ms);

// Whether a part whose request began at `began` may replace one whose request began at `stored`.
// The one that began later wins, whichever finishes first.
[[nodiscard]] bool PartReplaces(Sequence began, Sequence stored);

// The stored parts that the request names, in its order. kInvalidArgument: not ascending, one is
// missing, or its ETag differs (compared without regard to case). `stored` ascends by number.
[[nodiscard]] Result<std::vector<model::UploadPart>> ChooseParts(
    const std::vector<CompleteUploadChange::RequestedPart>& requested,
    const std::vector<model::UploadPart>& stored);

// Distinguishes a repeated Complete from a different one: SHA-256 over numbers and ETags.
[[nodiscard]] std::string FingerprintOfParts(
    const std::vector<CompleteUploadChange::RequestedPart>& requested);

// Version ids as clients see them: 32 hex digits, the first half the sequence (so that the row is
// found without a search), the second half random (so that ids cannot be guessed).
[[nodiscard]] std::string MakeVersionId(Sequence sequence, uint64_t random);
// nullopt: not an id of ours.
[[nodiscard]] std::optional<Sequence> SequenceOfVersionId(std::string_view version_id);

// The common prefix that `key` is rolled up into: up to and including the first delimiter behind
// `prefix`. nullopt: listed by itself. `key` begins with `prefix`.
[[nodiscard]] std::optional<std::string> CommonPrefixOf(std::string_view key,
                                                        std::string_view prefix,
                                                        std::string_view delimiter);

}  // namespace ashlar::metadata_db
