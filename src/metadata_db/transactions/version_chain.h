// The versions of one key: how they are read, put and deleted under each versioning state.
//
// Invariants
//  1. 'o' holds the newest version when that is data; when the newest is a delete marker, 'o' is
//     absent and the marker is the first row of the key in 'v'.
//  2. At most one null version; 'z' points to it exactly when it lies in 'v'.
//  3. A change is prepared (read, checked) in full before its first row is written, so that one
//     that fails leaves no trace among the others of its transaction.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "metadata_db/transactions/change.h"

namespace ashlar::metadata_db {

struct StoredVersion {
  model::ObjectVersion version;
  bool manifest_apart = false;  // it has a row in 'm'
};

// A row of 'o' or 'v'. With `parts`: the manifest is read too, wherever it is.
[[nodiscard]] Result<StoredVersion> DecodeVersionRow(std::string_view row);
// Fills in the manifest when it lies apart. kCorrupt when it is not there.
Status LoadManifest(View& view, BucketId bucket, std::string_view key, StoredVersion* stored);
// Without the manifest.
[[nodiscard]] Result<model::ObjectVersion> DecodeVersionSummary(std::string_view row);

struct KeyState {
  std::optional<StoredVersion> current;
  std::optional<StoredVersion> marker;  // the newest version, when it is a delete marker
  // Sequence{0}: no version at all.
  Sequence newest() const;
  std::optional<int64_t> newest_modified_ms() const;
  const model::ObjectVersion* current_version() const {
    return current ? &current->version : nullptr;
  }
};
[[nodiscard]] Result<KeyState> ReadKey(View& view, const model::Bucket& bucket,
                                       const std::string& key);

// The same, whatever the bucket's versioning.
[[nodiscard]] Result<KeyState> ReadKeyOfAnyBucket(View& view, BucketId bucket,
                                                  const std::string& key);

struct FoundVersion {
  StoredVersion stored;
  bool is_current = false;
};
// By the id that clients see; nullopt when there is none.
[[nodiscard]] Result<std::optional<FoundVersion>> FindVersion(View& view, BucketId bucket,
                                                              const std::string& key,
                                                              const std::string& version_id);
[[nodiscard]] Result<std::optional<FoundVersion>> FindVersionBySequence(View& view, BucketId bucket,
                                                                        const std::string& key,
                                                                        Sequence sequence);

// For a copy: the parts get the slices that hold the bytes of its source now. kNotFound: the source
// has gone; kInvalidArgument: it has no such range.
Status TakeSlices(View& view, const MetadataDb::CopySource& source, std::span<model::Part> parts);

// A put that has passed all checks.
struct PutPlan {
  std::shared_ptr<const model::Bucket> bucket;
  std::string key;
  KeyState state;
  std::optional<StoredVersion> old_null;  // in 'v', replaced by a put into a suspended bucket
};
// `parts`: of the version to be put; their references are prepared.
[[nodiscard]] Result<PutPlan> PreparePut(Change& change,
                                         std::shared_ptr<const model::Bucket> bucket,
                                         const std::string& key,
                                         const std::vector<model::Part>& parts);
// Writes the version, its references and its event.
std::shared_ptr<const model::ObjectVersion> ApplyPut(Change& change, const PutPlan& plan,
                                                     model::ObjectVersion version);

// Writes a version again where it lies, with its manifest, and an event of it: other extras, or
// other parts of the same content, whose references are the caller's matter.
void RewriteVersion(Change& change, BucketId bucket, const std::string& key, FoundVersion found,
                    model::EventType why);
// The same with other parts (kSlicesMoved).
void RewriteParts(Change& change, BucketId bucket, const std::string& key, FoundVersion found,
                  std::vector<model::Part> parts);

// Writes the rows of a version that comes from elsewhere, as it is (archive.h). Its references are
// the caller's matter.
void PlaceVersion(Change& change, BucketId bucket, const std::string& key,
                  model::ObjectVersion version, bool is_current);

// Deletes as S3 does under the bucket's versioning. Prepares and applies in one call; an error has
// written nothing.
[[nodiscard]] Result<DeleteOutcome> DeleteVersion(Change& change, const model::Bucket& bucket,
                                                  const DeleteObjectChange& request);

}  // namespace ashlar::metadata_db
