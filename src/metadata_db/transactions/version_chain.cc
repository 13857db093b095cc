#include "metadata_db/transactions/version_chain.h"

#include <utility>
#include <vector>

#include "base/seeded_bug.h"
#include "metadata_db/transactions/decisions.h"
#include "metadata_db/transactions/schema.h"

namespace ashlar::metadata_db {
namespace {

constexpr char kPlaceInline = 0;
constexpr char kPlaceApart = 1;
constexpr char kNullVersion[] = "null";

// Cheap upper bound of the manifest's encoding; most objects have one part of one slice.
size_t ManifestBytesMax(const std::vector<model::Part>& parts) {
  size_t bytes = 8;
  for (const model::Part& part : parts) {
    bytes += 24 + part.checksum_value.size() + part.slices.size() * 36;
  }
  return bytes;
}

bool IsNull(const model::ObjectVersion& version) { return version.version_id == kNullVersion; }
bool IsMarker(const model::ObjectVersion& version) {
  return version.kind == model::ObjectKind::kDeleteMarker;
}

std::string EncodeVersionRow(const model::ObjectVersion& version, bool apart) {
  if (!apart) return kPlaceInline + model::EncodeObjectVersion(version);
  model::ObjectVersion thin = version;
  thin.parts.clear();
  return kPlaceApart + model::EncodeObjectVersion(thin);
}

std::optional<model::Slice> FirstSlice(const std::vector<model::Part>& parts) {
  for (const model::Part& part : parts) {
    if (!part.slices.empty()) return part.slices.front();
  }
  return std::nullopt;
}

// Newest row of the key in 'v' that is older than `below`.
Result<std::optional<StoredVersion>> ReadNewestInHistory(View& view, BucketId bucket,
                                                         const std::string& key,
                                                         std::optional<Sequence> below) {
  const std::string prefix = ObjectKey(Table::kVersion, bucket, key);
  std::string from = prefix;
  if (below) from = VersionKey(Table::kVersion, bucket, key, *below) + '\0';
  const auto cursor = view.NewCursor();
  cursor->Seek(from);
  if (!cursor->Valid()) {
    RETURN_IF_ERROR(cursor->status());
    return std::optional<StoredVersion>();
  }
  if (!cursor->key().starts_with(prefix)) return std::optional<StoredVersion>();
  ASSIGN_OR_RETURN(StoredVersion stored, DecodeVersionRow(cursor->value()));
  RETURN_IF_ERROR(LoadManifest(view, bucket, key, &stored));
  return std::optional<StoredVersion>(std::move(stored));
}

Result<std::optional<StoredVersion>> ReadHistoryAt(View& view, BucketId bucket,
                                                   const std::string& key, Sequence sequence) {
  ASSIGN_OR_RETURN(const auto row, view.Get(VersionKey(Table::kVersion, bucket, key, sequence)));
  if (!row) return std::optional<StoredVersion>();
  ASSIGN_OR_RETURN(StoredVersion stored, DecodeVersionRow(*row));
  RETURN_IF_ERROR(LoadManifest(view, bucket, key, &stored));
  return std::optional<StoredVersion>(std::move(stored));
}

Result<std::optional<StoredVersion>> ReadCurrent(View& view, BucketId bucket,
                                                 const std::string& key) {
  ASSIGN_OR_RETURN(const auto row, view.Get(ObjectKey(Table::kCurrent, bucket, key)));
  if (!row) return std::optional<StoredVersion>();
  ASSIGN_OR_RETURN(StoredVersion stored, DecodeVersionRow(*row));
  RETURN_IF_ERROR(LoadManifest(view, bucket, key, &stored));
  return std::optional<StoredVersion>(std::move(stored));
}

// The null version, when it lies in 'v'.
Result<std::optional<StoredVersion>> ReadNullInHistory(View& view, BucketId bucket,
                                                       const std::string& key) {
  ASSIGN_OR_RETURN(const auto row, view.Get(ObjectKey(Table::kNullVersion, bucket, key)));
  if (!row) return std::optional<StoredVersion>();
  const auto sequence = ReadBigEndian64(*row);
  if (!sequence) return Status(Code::kCorrupt, "null version pointer");
  ASSIGN_OR_RETURN(auto stored, ReadHistoryAt(view, bucket, key, Sequence{*sequence}));
  if (!stored) return Status(Code::kCorrupt, "null version pointer to nowhere");
  return stored;
}

// ---- writes; nothing below can fail

void PutVersionRow(Change& change, Table table, BucketId bucket, const std::string& key,
                   const StoredVersion& stored) {
  const std::string row = EncodeVersionRow(stored.version, stored.manifest_apart);
  if (table == Table::kCurrent) {
    change.rows().Put(ObjectKey(table, bucket, key), row);
    return;
  }
  change.rows().Put(VersionKey(table, bucket, key, stored.version.sequence), row);
  if (IsNull(stored.version)) {
    change.rows().Put(ObjectKey(Table::kNullVersion, bucket, key),
                      BigEndian64(stored.version.sequence.value));
  }
}

// True: the manifest went into 'm'.
bool PutManifestIfLong(Change& change, BucketId bucket, const std::string& key,
                       const model::ObjectVersion& version) {
  if (ManifestBytesMax(version.parts) <= kInlineManifestMax) return false;
  const std::string manifest = model::EncodeManifest(version.parts);
  if (manifest.size() <= kInlineManifestMax) return false;
  change.rows().Put(VersionKey(Table::kManifest, bucket, key, version.sequence), manifest);
  return true;
}

void DeleteHistoryRow(Change& change, BucketId bucket, const std::string& key,
                      const model::ObjectVersion& version) {
  change.rows().Delete(VersionKey(Table::kVersion, bucket, key, version.sequence));
  if (IsNull(version)) change.rows().Delete(ObjectKey(Table::kNullVersion, bucket, key));
}

// Gives up what a version holds; its row is the caller's matter.
void DropContent(Change& change, BucketId bucket, const std::string& key,
                 const StoredVersion& stored, model::ReclaimCause cause) {
  change.ledger().Drop(stored.version.parts, VersionReferrer(bucket, key, stored.version.sequence),
                       cause);
  if (stored.manifest_apart) {
    change.rows().Delete(VersionKey(Table::kManifest, bucket, key, stored.version.sequence));
  }
}

void EmitDeleted(Change& change, BucketId bucket, const std::string& key, Sequence sequence,
                 const model::ObjectVersion& version) {
  change.Emit({.sequence = sequence,
               .type = model::EventType::kObjectDeleted,
               .bucket = bucket,
               .key = key,
               .version_id = version.version_id,
               .version_sequence = version.sequence,
               .size = 0,
               .etag = {},
               .time_ms = change.now_ms(),
               .first_slice = {}});
}

// kLocked: a retention or legal hold keeps the version.
Status CheckUnlocked(const Change& change, const model::ObjectVersion& version,
                     bool bypass_governance) {
  if (SeededBug("lock.ignore") ||
      !model::IsLocked(version.extras.lock, change.now_ms(), bypass_governance)) {
    return Status::Ok();
  }
  return Status(Code::kLocked, "the version is locked");
}

// Puts a delete marker on top (versioning enabled or suspended).
Result<DeleteOutcome> PutMarker(Change& change, const model::Bucket& bucket, const std::string& key,
                                const KeyState& state) {
  const bool suspended = bucket.versioning == model::Versioning::kSuspended;
  std::optional<StoredVersion> old_null;
  if (suspended) {
    ASSIGN_OR_RETURN(old_null, ReadNullInHistory(change.rows(), bucket.id, key));
    if (old_null) {
      RETURN_IF_ERROR(CheckUnlocked(change, old_null->version, false));
      RETURN_IF_ERROR(change.ledger().PrepareDrop(old_null->version.parts));
    }
    if (state.current && IsNull(state.current->version)) {
      RETURN_IF_ERROR(CheckUnlocked(change, state.current->version, false));
    }
  }
  if (state.current) RETURN_IF_ERROR(change.ledger().PrepareDrop(state.current->version.parts));

  if (old_null) {
    DropContent(change, bucket.id, key, *old_null, model::ReclaimCause::kOverwritten);
    DeleteHistoryRow(change, bucket.id, key, old_null->version);
  }
  if (state.current) {
    if (suspended && IsNull(state.current->version)) {
      DropContent(change, bucket.id, key, *state.current, model::ReclaimCause::kDeleted);
    } else {
      PutVersionRow(change, Table::kVersion, bucket.id, key, *state.current);
    }
    change.rows().Delete(ObjectKey(Table::kCurrent, bucket.id, key));
  }
  const Sequence sequence = change.NextSequence();
  StoredVersion marker;
  marker.version.sequence = sequence;
  marker.version.kind = model::ObjectKind::kDeleteMarker;
  marker.version.last_modified_ms = NextLastModified(change.now_ms(), state.newest_modified_ms());
  if (!suspended) {
    marker.version.version_id = MakeVersionId(sequence, change.random().Next64());
  }
  PutVersionRow(change, Table::kVersion, bucket.id, key, marker);
  EmitDeleted(change, bucket.id, key, sequence, marker.version);
  change.TellCurrent(bucket.id, key, nullptr);
  return DeleteOutcome{.existed = state.current.has_value(),
                       .created_delete_marker = true,
                       .version_id = marker.version.version_id};
}

// Removes one version for good; `newest` is the newest one of the key. A version below it may
// become the current one.
Status RemoveVersion(Change& change, const model::Bucket& bucket, const std::string& key,
                     Sequence newest, const FoundVersion& target) {
  const model::ObjectVersion& version = target.stored.version;
  std::optional<StoredVersion> promoted;
  const bool was_newest = version.sequence == newest;
  if (was_newest && bucket.versioning != model::Versioning::kNever &&
      !SeededBug("versions.promote_none")) {
    ASSIGN_OR_RETURN(promoted,
                     ReadNewestInHistory(change.rows(), bucket.id, key, version.sequence));
    if (promoted && IsMarker(promoted->version)) promoted.reset();
  }
  RETURN_IF_ERROR(change.ledger().PrepareDrop(version.parts));

  DropContent(change, bucket.id, key, target.stored, model::ReclaimCause::kDeleted);
  if (target.is_current) {
    change.rows().Delete(ObjectKey(Table::kCurrent, bucket.id, key));
  } else {
    DeleteHistoryRow(change, bucket.id, key, version);
  }
  if (promoted) {
    DeleteHistoryRow(change, bucket.id, key, promoted->version);
    PutVersionRow(change, Table::kCurrent, bucket.id, key, *promoted);
  }
  EmitDeleted(change, bucket.id, key, change.NextSequence(), version);
  if (was_newest) {
    change.TellCurrent(
        bucket.id, key,
        promoted ? std::make_shared<const model::ObjectVersion>(promoted->version) : nullptr);
  }
  return Status::Ok();
}

}  // namespace

Result<StoredVersion> DecodeVersionRow(std::string_view row) {
  if (row.empty() || (row[0] != kPlaceInline && row[0] != kPlaceApart)) {
    return Status(Code::kCorrupt, "version row: place of the manifest");
  }
  ASSIGN_OR_RETURN(model::ObjectVersion version, model::DecodeObjectVersion(row.substr(1)));
  return StoredVersion{.version = std::move(version), .manifest_apart = row[0] == kPlaceApart};
}

Status LoadManifest(View& view, BucketId bucket, std::string_view key, StoredVersion* stored) {
  if (!stored->manifest_apart) return Status::Ok();
  ASSIGN_OR_RETURN(const auto row,
                   view.Get(VersionKey(Table::kManifest, bucket, key, stored->version.sequence)));
  if (!row) return Status(Code::kCorrupt, "the manifest of a version is missing");
  ASSIGN_OR_RETURN(stored->version.parts, model::DecodeManifest(*row));
  return Status::Ok();
}

Result<model::ObjectVersion> DecodeVersionSummary(std::string_view row) {
  if (row.empty()) return Status(Code::kCorrupt, "version row: empty");
  return model::DecodeObjectVersionSummary(row.substr(1));
}

Sequence KeyState::newest() const {
  if (current) return current->version.sequence;
  return marker ? marker->version.sequence : Sequence{0};
}

std::optional<int64_t> KeyState::newest_modified_ms() const {
  if (current) return current->version.last_modified_ms;
  return marker ? std::optional(marker->version.last_modified_ms) : std::nullopt;
}

Result<KeyState> ReadKey(View& view, const model::Bucket& bucket, const std::string& key) {
  if (bucket.versioning != model::Versioning::kNever)
    return ReadKeyOfAnyBucket(view, bucket.id, key);
  KeyState state;
  ASSIGN_OR_RETURN(state.current, ReadCurrent(view, bucket.id, key));
  return state;
}

Result<KeyState> ReadKeyOfAnyBucket(View& view, BucketId bucket, const std::string& key) {
  KeyState state;
  ASSIGN_OR_RETURN(state.current, ReadCurrent(view, bucket, key));
  if (state.current) return state;
  ASSIGN_OR_RETURN(state.marker, ReadNewestInHistory(view, bucket, key, std::nullopt));
  return state;
}

Result<std::optional<FoundVersion>> FindVersionBySequence(View& view, BucketId bucket,
                                                          const std::string& key,
                                                          Sequence sequence) {
  ASSIGN_OR_RETURN(auto current, ReadCurrent(view, bucket, key));
  if (current && current->version.sequence == sequence) {
    return std::optional(FoundVersion{.stored = std::move(*current), .is_current = true});
  }
  ASSIGN_OR_RETURN(auto old, ReadHistoryAt(view, bucket, key, sequence));
  if (!old) return std::optional<FoundVersion>();
  return std::optional(FoundVersion{.stored = std::move(*old), .is_current = false});
}

Result<std::optional<FoundVersion>> FindVersion(View& view, BucketId bucket, const std::string& key,
                                                const std::string& version_id) {
  if (version_id == kNullVersion) {
    ASSIGN_OR_RETURN(auto current, ReadCurrent(view, bucket, key));
    if (current && IsNull(current->version)) {
      return std::optional(FoundVersion{.stored = std::move(*current), .is_current = true});
    }
    ASSIGN_OR_RETURN(auto old, ReadNullInHistory(view, bucket, key));
    if (!old) return std::optional<FoundVersion>();
    return std::optional(FoundVersion{.stored = std::move(*old), .is_current = false});
  }
  const auto sequence = SequenceOfVersionId(version_id);
  if (!sequence) return std::optional<FoundVersion>();
  ASSIGN_OR_RETURN(auto found, FindVersionBySequence(view, bucket, key, *sequence));
  if (found && found->stored.version.version_id != version_id) found.reset();
  return found;
}

Status TakeSlices(View& view, const MetadataDb::CopySource& source, std::span<model::Part> parts) {
  ASSIGN_OR_RETURN(const auto found,
                   FindVersionBySequence(view, source.bucket, source.key, source.sequence));
  if (!found) return Status(Code::kNotFound, "the source of the copy has gone");
  const model::ObjectVersion& version = found->stored.version;
  uint64_t offset = source.offset;
  for (model::Part& part : parts) {
    if (offset > version.size || part.size > version.size - offset) {
      return Status(Code::kInvalidArgument, "the source of the copy is shorter");
    }
    part.slices = model::SlicesOfRange(version.parts, offset, part.size);
    offset += part.size;
  }
  return Status::Ok();
}

Result<PutPlan> PreparePut(Change& change, std::shared_ptr<const model::Bucket> bucket,
                           const std::string& key, const std::vector<model::Part>& parts) {
  PutPlan plan{.bucket = std::move(bucket), .key = key, .state = {}, .old_null = {}};
  ASSIGN_OR_RETURN(plan.state, ReadKey(change.rows(), *plan.bucket, key));
  if (plan.bucket->versioning == model::Versioning::kSuspended) {
    ASSIGN_OR_RETURN(plan.old_null, ReadNullInHistory(change.rows(), plan.bucket->id, key));
  }
  // Only under suspended versioning, which a bucket with object lock cannot have: a second lock on
  // the same door.
  const bool keeps_current = plan.bucket->versioning == model::Versioning::kEnabled ||
                             !plan.state.current || !IsNull(plan.state.current->version);
  if (!keeps_current) RETURN_IF_ERROR(CheckUnlocked(change, plan.state.current->version, false));
  if (plan.old_null) RETURN_IF_ERROR(CheckUnlocked(change, plan.old_null->version, false));
  RETURN_IF_ERROR(change.ledger().PrepareAdd(parts));
  if (plan.state.current) {
    RETURN_IF_ERROR(change.ledger().PrepareDrop(plan.state.current->version.parts));
  }
  if (plan.old_null) RETURN_IF_ERROR(change.ledger().PrepareDrop(plan.old_null->version.parts));
  return plan;
}

std::shared_ptr<const model::ObjectVersion> ApplyPut(Change& change, const PutPlan& plan,
                                                     model::ObjectVersion version) {
  const model::Bucket& bucket = *plan.bucket;
  const bool enabled = bucket.versioning == model::Versioning::kEnabled;
  if (plan.old_null) {
    DropContent(change, bucket.id, plan.key, *plan.old_null, model::ReclaimCause::kOverwritten);
    DeleteHistoryRow(change, bucket.id, plan.key, plan.old_null->version);
  }
  if (plan.state.current) {
    if (!enabled && IsNull(plan.state.current->version)) {
      DropContent(change, bucket.id, plan.key, *plan.state.current,
                  model::ReclaimCause::kOverwritten);
    } else {
      PutVersionRow(change, Table::kVersion, bucket.id, plan.key, *plan.state.current);
    }
  }
  version.sequence = change.NextSequence();
  version.kind = model::ObjectKind::kData;
  version.version_id =
      enabled ? MakeVersionId(version.sequence, change.random().Next64()) : kNullVersion;
  version.last_modified_ms = NextLastModified(change.now_ms(), plan.state.newest_modified_ms());
  version.extras.lock = model::LockOfNewVersion(bucket, version.extras.lock, change.now_ms());

  StoredVersion stored{.version = std::move(version), .manifest_apart = false};
  stored.manifest_apart = PutManifestIfLong(change, bucket.id, plan.key, stored.version);
  PutVersionRow(change, Table::kCurrent, bucket.id, plan.key, stored);
  change.ledger().Add(stored.version.parts,
                      VersionReferrer(bucket.id, plan.key, stored.version.sequence));
  change.Emit({.sequence = stored.version.sequence,
               .type = model::EventType::kObjectPut,
               .bucket = bucket.id,
               .key = plan.key,
               .version_id = stored.version.version_id,
               .version_sequence = stored.version.sequence,
               .size = stored.version.size,
               .etag = stored.version.etag,
               .time_ms = change.now_ms(),
               .first_slice = FirstSlice(stored.version.parts)});
  auto shared = std::make_shared<const model::ObjectVersion>(std::move(stored.version));
  change.TellCurrent(bucket.id, plan.key, shared);
  return shared;
}

void RewriteVersion(Change& change, BucketId bucket, const std::string& key, FoundVersion found,
                    model::EventType why) {
  StoredVersion& stored = found.stored;
  const bool was_apart = stored.manifest_apart;
  stored.manifest_apart = PutManifestIfLong(change, bucket, key, stored.version);
  if (was_apart && !stored.manifest_apart) {
    change.rows().Delete(VersionKey(Table::kManifest, bucket, key, stored.version.sequence));
  }
  PutVersionRow(change, found.is_current ? Table::kCurrent : Table::kVersion, bucket, key, stored);
  change.Emit({.sequence = change.NextSequence(),
               .type = why,
               .bucket = bucket,
               .key = key,
               .version_id = stored.version.version_id,
               .version_sequence = stored.version.sequence,
               .size = stored.version.size,
               .etag = stored.version.etag,
               .time_ms = change.now_ms(),
               .first_slice = why == model::EventType::kSlicesMoved
                                  ? FirstSlice(stored.version.parts)
                                  : std::nullopt});
  if (!found.is_current) return;
  change.TellCurrent(bucket, key,
                     std::make_shared<const model::ObjectVersion>(std::move(stored.version)));
}

void RewriteParts(Change& change, BucketId bucket, const std::string& key, FoundVersion found,
                  std::vector<model::Part> parts) {
  found.stored.version.parts = std::move(parts);
  RewriteVersion(change, bucket, key, std::move(found), model::EventType::kSlicesMoved);
}

void PlaceVersion(Change& change, BucketId bucket, const std::string& key,
                  model::ObjectVersion version, bool is_current) {
  StoredVersion stored{.version = std::move(version), .manifest_apart = false};
  stored.manifest_apart = PutManifestIfLong(change, bucket, key, stored.version);
  PutVersionRow(change, is_current ? Table::kCurrent : Table::kVersion, bucket, key, stored);
}

Result<DeleteOutcome> DeleteVersion(Change& change, const model::Bucket& bucket,
                                    const DeleteObjectChange& request) {
  ASSIGN_OR_RETURN(KeyState state, ReadKey(change.rows(), bucket, request.key));
  const Sequence newest = state.newest();
  const bool versioned = bucket.versioning != model::Versioning::kNever;
  std::optional<FoundVersion> target;
  if (request.version_id) {
    ASSIGN_OR_RETURN(target,
                     FindVersion(change.rows(), bucket.id, request.key, *request.version_id));
  }
  if (request.etag_match) {
    const WriteCondition condition{.must_not_exist = false, .etag_match = request.etag_match};
    const model::ObjectVersion* named = target ? &target->stored.version : nullptr;
    RETURN_IF_ERROR(
        EvaluateCondition(condition, request.version_id ? named : state.current_version()));
  }
  if (versioned && !request.version_id) return PutMarker(change, bucket, request.key, state);
  if (!request.version_id && state.current) {
    target = FoundVersion{.stored = std::move(*state.current), .is_current = true};
  }
  if (!target) return DeleteOutcome{};
  RETURN_IF_ERROR(CheckUnlocked(change, target->stored.version, request.bypass_governance));
  const bool is_marker = IsMarker(target->stored.version);
  RETURN_IF_ERROR(RemoveVersion(change, bucket, request.key, newest, *target));
  return DeleteOutcome{.existed = true,
                       .created_delete_marker = false,
                       .deleted_delete_marker = is_marker,
                       .version_id = versioned ? target->stored.version.version_id : std::string()};
}

}  // namespace ashlar::metadata_db
