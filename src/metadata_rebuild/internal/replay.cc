#include "metadata_rebuild/internal/replay.h"

#include <algorithm>
#include <map>

#include "base/bytes.h"
#include "metadata_rebuild/internal/scratch.h"

namespace ashlar::metadata_rebuild {
namespace {

using lifecycle_worker::JournaledEvent;
using lifecycle_worker::JournalSegment;
using lifecycle_worker::PieceName;
using metadata_db::Transaction;

constexpr char kNullVersion[] = "null";

bool IsWhole(const std::vector<PieceName>& parts) {
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].part != i || parts[i].last != (i + 1 == parts.size())) return false;
  }
  return !parts.empty();
}

std::string Range(Sequence after, Sequence through) {
  return "changes " + std::to_string(after.value + 1) + " to " + std::to_string(through.value);
}

// Other null versions of the key below `below` have been replaced.
Status DropReplaced(Transaction& rows, BucketId bucket, const std::string& key, Sequence below) {
  const std::string prefix = 'v' + KeyId(bucket, key);
  std::vector<std::string> replaced;
  {
    const auto cursor = rows.NewCursor();
    cursor->Seek(prefix);
    for (; cursor->Valid() && cursor->key().starts_with(prefix); cursor->Next()) {
      ASSIGN_OR_RETURN(const KeyVersion found, DecodeKeyVersion(cursor->value()));
      if (found.version.version_id != kNullVersion || found.version.sequence >= below) continue;
      replaced.emplace_back(cursor->key());
    }
    RETURN_IF_ERROR(cursor->status());
  }
  for (const std::string& row : replaced) rows.Delete(row);
  return Status::Ok();
}

void MarkKnown(Transaction& rows, const std::string& key_id, const model::ObjectVersion& version) {
  for (const model::Part& part : version.parts) {
    for (const model::Slice& slice : part.slices) {
      rows.Put(ExtentKey('k', slice.extent), "");
      if (version.is_multipart) rows.Put(SliceKey(slice), key_id);
    }
  }
}

Status NoteChange(Transaction& rows, BucketId bucket, const std::string& key, int64_t time_ms) {
  const std::string row = 't' + KeyId(bucket, key);
  ASSIGN_OR_RETURN(const auto before, rows.Get(row));
  const auto time = static_cast<uint64_t>(std::max<int64_t>(time_ms, 0));
  if (!before || ReadBig(*before) < time) rows.Put(row, Big64(time));
  return Status::Ok();
}

Status ApplyObjectEvent(Transaction& rows, const JournaledEvent& item) {
  const model::OutboxEvent& event = item.event;
  if (event.type != model::EventType::kSlicesMoved &&
      event.type != model::EventType::kExtrasChanged) {
    RETURN_IF_ERROR(NoteChange(rows, event.bucket, event.key, event.time_ms));
  }
  if (event.first_slice) {
    rows.Put(ExtentKey('k', event.first_slice->extent), "");
    rows.Put(SliceKey(*event.first_slice), KeyId(event.bucket, event.key));
  }
  const bool removes =
      event.type == model::EventType::kObjectDeleted && event.sequence != event.version_sequence;
  if (removes) {
    rows.Delete(VersionKey(event.bucket, event.key, event.version_sequence));
    return Status::Ok();
  }
  if (event.version_id == kNullVersion) {
    RETURN_IF_ERROR(DropReplaced(rows, event.bucket, event.key, event.version_sequence));
  }
  if (!item.version) return Status::Ok();  // replaced or deleted by an event behind this one
  return ApplyVersion(rows, event.bucket, event.key, *item.version);
}

void ApplyEventOfBucket(Transaction& rows, const model::OutboxEvent& event) {
  // A bucket that was created or changed has its row among the buckets of the segment.
  if (event.type != model::EventType::kBucketDeleted) return;
  rows.Delete('b' + Big64(event.bucket.value));
  rows.Put('d' + event.key, Big64(static_cast<uint64_t>(std::max<int64_t>(event.time_ms, 0))));
}

Status ApplyEvent(Transaction& rows, const JournaledEvent& item) {
  switch (item.event.type) {
    case model::EventType::kBucketCreated:
    case model::EventType::kBucketChanged:
    case model::EventType::kBucketDeleted: ApplyEventOfBucket(rows, item.event); break;
    case model::EventType::kObjectPut:
    case model::EventType::kSlicesMoved:
    case model::EventType::kExtrasChanged:
    case model::EventType::kObjectDeleted: return ApplyObjectEvent(rows, item);
    case model::EventType::kPartMoved:
      if (item.event.first_slice) rows.Put(ExtentKey('k', item.event.first_slice->extent), "");
      break;
  }
  return Status::Ok();
}

}  // namespace

ReplayPlan PlanReplay(std::vector<PieceName> pieces) {
  ReplayPlan plan;
  std::map<std::pair<Sequence, UniqueId>, std::vector<PieceName>> checkpoints;
  for (const PieceName& piece : pieces) {
    if (piece.checkpoint) checkpoints[{piece.through, piece.id}].push_back(piece);
  }
  for (auto at = checkpoints.rbegin(); at != checkpoints.rend(); ++at) {
    std::sort(at->second.begin(), at->second.end(),
              [](const PieceName& a, const PieceName& b) { return a.part < b.part; });
    if (!IsWhole(at->second)) continue;
    plan.checkpoint = at->second;
    break;
  }
  for (const PieceName& piece : pieces) {
    if (piece.checkpoint) continue;
    if (plan.checkpoint.empty() || !lifecycle_worker::IsCoveredBy(piece, plan.checkpoint.front())) {
      plan.updates.push_back(piece);
    }
  }
  std::sort(plan.updates.begin(), plan.updates.end(), lifecycle_worker::ComesBefore);
  Sequence covered;
  if (!plan.checkpoint.empty()) {
    covered = plan.checkpoint.front().through;
  } else if (!pieces.empty()) {
    plan.problems.emplace_back("no checkpoint of the journal is whole");
  }
  for (const PieceName& update : plan.updates) {
    if (update.after > covered) {
      plan.problems.push_back(Range(covered, update.after) + " are missing from the journal");
    }
    covered = std::max(covered, update.through);
  }
  return plan;
}

Status ApplyVersion(Transaction& rows, BucketId bucket, const std::string& key,
                    const model::ObjectVersion& version) {
  if (version.version_id == kNullVersion) {
    RETURN_IF_ERROR(DropReplaced(rows, bucket, key, version.sequence));
  }
  RETURN_IF_ERROR(NoteChange(rows, bucket, key, version.last_modified_ms));
  rows.Put(VersionKey(bucket, key, version.sequence), EncodeKeyVersion(key, version));
  MarkKnown(rows, KeyId(bucket, key), version);
  return Status::Ok();
}

Status ApplySegment(Transaction& rows, const JournalSegment& segment, Sequence covered) {
  for (const auto& [name, value] : segment.settings) rows.Put('s' + name, value);
  for (const ExtentId& extent : segment.extents) rows.Put(ExtentKey('c', extent), "");
  for (const auto& item : segment.versions) {
    RETURN_IF_ERROR(ApplyVersion(rows, item.bucket, item.key, item.version));
  }
  for (const model::Upload& upload : segment.uploads) {
    rows.Put(ExtentKey('u', upload.id), model::EncodeUpload(upload));
  }
  for (const auto& item : segment.parts) {
    std::string row;
    Encoder(&row).Varint(item.began.value);
    rows.Put(ExtentKey('p', item.upload) + Big32(item.part.part.number),
             row + model::EncodeUploadPart(item.part));
  }
  // Rows before events: a bucket that was deleted again has its event in here.
  for (const model::Bucket& bucket : segment.buckets) {
    rows.Put('b' + Big64(bucket.id.value), model::EncodeBucket(bucket));
  }
  for (const JournaledEvent& item : segment.events) {
    if (item.event.sequence <= covered) continue;
    RETURN_IF_ERROR(ApplyEvent(rows, item));
  }
  return Status::Ok();
}

Sequence HighestSequence(const JournalSegment& segment) {
  Sequence highest = segment.name.through;
  for (const auto& item : segment.versions) highest = std::max(highest, item.version.sequence);
  for (const auto& item : segment.parts) {
    highest = std::max({highest, item.began, item.part.sequence});
  }
  for (const model::Bucket& bucket : segment.buckets) {
    highest = std::max(highest, Sequence{bucket.id.value});
  }
  for (const JournaledEvent& item : segment.events) {
    highest = std::max(highest, item.event.sequence);
  }
  return highest;
}

}  // namespace ashlar::metadata_rebuild
