// Multipart uploads. A part's extents are referred to by its row; Complete hands the references
// over to the object version in one transaction, without touching a byte.
//
// Invariants
//  1. An upload is in exactly one state: open ('u' row), completed ('c' row, for a week), gone. The
//     transaction that completes or aborts it removes all its part rows and drops their references.
//  2. Of two uploads of one part the one that began later stays, whichever ends first.
//  3. A Complete that is repeated with the same parts gives the same answer for a week and changes
//     nothing.
//
// Row of 'c': format (1 byte = 1) | bucket id (varint) | key (text) | fingerprint of the requested
// parts (text) | the version, without its parts (text). Rows older than a week are removed a few at
// a time by the transactions that create and complete uploads.
#include "metadata_db/transactions/uploads.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "metadata_db/transactions/decisions.h"
#include "metadata_db/transactions/impl.h"
#include "metadata_db/transactions/schema.h"
#include "metadata_db/transactions/version_chain.h"

namespace ashlar::metadata_db {
namespace {

using SharedVersion = std::shared_ptr<const model::ObjectVersion>;

constexpr uint8_t kCompletedFormat = 1;
constexpr int64_t kCompletedKeptMs = 7LL * 24 * 3600 * 1000;
constexpr int kTrimmedPerTransactionMax = 16;

Status NoSuchUpload() { return Status(Code::kNotFound, "no such upload"); }

// ---- rows

std::string EncodeStoredPart(const StoredPart& stored) {
  std::string row;
  Encoder(&row).Varint(stored.began.value);
  return row + model::EncodeUploadPart(stored.part);
}

Result<std::optional<model::Upload>> ReadUpload(View& view, BucketId bucket, const std::string& key,
                                                const UniqueId& id) {
  ASSIGN_OR_RETURN(const auto row, view.Get(UploadKey(bucket, key, id)));
  if (!row) return std::optional<model::Upload>();
  ASSIGN_OR_RETURN(model::Upload upload, model::DecodeUpload(*row));
  return std::optional(std::move(upload));
}

// Parts with numbers above `after`, ascending, at most `max`; `more` (may be null): others follow.
Result<std::vector<model::UploadPart>> ReadParts(View& view, const UniqueId& upload, uint32_t after,
                                                 size_t max, bool* more) {
  std::vector<model::UploadPart> parts;
  if (more != nullptr) *more = false;
  if (after == UINT32_MAX) return parts;
  const std::string prefix = TableKey(Table::kPart, upload.View());
  const auto cursor = view.NewCursor();
  cursor->Seek(PartKey(upload, after + 1));
  for (; cursor->Valid() && cursor->key().starts_with(prefix); cursor->Next()) {
    if (parts.size() >= max) {
      if (more != nullptr) *more = true;
      return parts;
    }
    ASSIGN_OR_RETURN(StoredPart stored, DecodeStoredPart(cursor->value()));
    parts.push_back(std::move(stored.part));
  }
  RETURN_IF_ERROR(cursor->status());
  return parts;
}

// ---- parts

Result<model::UploadPart> PutOnePart(Change& change, MetadataDb::PutPartChange& put) {
  ASSIGN_OR_RETURN(const auto upload,
                   ReadUpload(change.rows(), put.bucket, put.key, put.upload_id));
  if (!upload) return NoSuchUpload();
  if (put.source) {
    RETURN_IF_ERROR(TakeSlices(change.rows(), *put.source, {&put.part.part, 1}));
  }
  const std::span<const model::Part> content(&put.part.part, 1);
  ASSIGN_OR_RETURN(const auto old, ReadPart(change.rows(), put.upload_id, put.part.part.number));
  if (old) RETURN_IF_ERROR(change.ledger().PrepareDrop({&old->part.part, 1}));
  RETURN_IF_ERROR(change.ledger().PrepareAdd(content));

  StoredPart stored{.began = put.began, .part = put.part};
  stored.part.sequence = change.NextSequence();
  stored.part.last_modified_ms = NextLastModified(
      change.now_ms(), old ? std::optional(old->part.last_modified_ms) : std::nullopt);
  // Who did not reserve a sequence began now.
  if (stored.began.value == 0) stored.began = stored.part.sequence;
  if (old && !PartReplaces(stored.began, old->began)) return stored.part;
  const std::string referrer = PartReferrer(put.upload_id, put.part.part.number);
  if (old) change.ledger().Drop({&old->part.part, 1}, referrer, model::ReclaimCause::kReplacedPart);
  change.ledger().Add(content, referrer);
  WritePart(change, put.upload_id, stored);
  return stored.part;
}

Status PutPartsBody(Change& change, const NewExtents& extents,
                    std::vector<MetadataDb::PutPartChange>& puts,
                    std::vector<Result<model::UploadPart>>* results) {
  results->clear();
  RETURN_IF_ERROR(change.AddExtents(extents));
  for (auto& put : puts) results->push_back(PutOnePart(change, put));
  return change.Finish();
}

// ---- the end of an upload

// Removes the rows of parts and drops their references; all must have been prepared.
void DropParts(Change& change, const UniqueId& upload, const std::vector<model::UploadPart>& parts,
               model::ReclaimCause cause) {
  for (const model::UploadPart& part : parts) {
    change.ledger().Drop({&part.part, 1}, PartReferrer(upload, part.part.number), cause);
    change.rows().Delete(PartKey(upload, part.part.number));
  }
}

Status PrepareDropParts(Change& change, const std::vector<model::UploadPart>& parts) {
  for (const model::UploadPart& part : parts) {
    RETURN_IF_ERROR(change.ledger().PrepareDrop({&part.part, 1}));
  }
  return Status::Ok();
}

Status AbortUploadBody(Change& change, BucketId bucket, const std::string& key,
                       const UniqueId& id) {
  ASSIGN_OR_RETURN(const auto upload, ReadUpload(change.rows(), bucket, key, id));
  if (!upload) return NoSuchUpload();
  ASSIGN_OR_RETURN(const auto parts, ReadParts(change.rows(), id, 0, SIZE_MAX, nullptr));
  RETURN_IF_ERROR(PrepareDropParts(change, parts));
  DropParts(change, id, parts, model::ReclaimCause::kAborted);
  change.rows().Delete(UploadKey(bucket, key, id));
  return change.Finish();
}

// Forgets a few completed uploads that are older than a week.
Status TrimCompleted(Change& change) {
  std::vector<std::string> old;
  {
    const std::string prefix = TableKey(Table::kCompletedAge);
    const auto cursor = change.rows().NewCursor();
    cursor->Seek(prefix);
    for (; cursor->Valid() && cursor->key().starts_with(prefix); cursor->Next()) {
      const auto completed_ms = ReadBigEndian64(cursor->key().substr(1, 8));
      if (!completed_ms) return Status(Code::kCorrupt, "row of a completed upload's age");
      if (static_cast<int64_t>(*completed_ms) > change.now_ms() - kCompletedKeptMs) break;
      old.emplace_back(cursor->key());
      if (old.size() >= kTrimmedPerTransactionMax) break;
    }
    RETURN_IF_ERROR(cursor->status());
  }
  for (const std::string& row_key : old) {
    change.rows().Delete(TableKey(Table::kCompleted, std::string_view(row_key).substr(9)));
    change.rows().Delete(row_key);
  }
  return Status::Ok();
}

void RememberCompleted(Change& change, const CompleteUploadChange& complete,
                       const model::ObjectVersion& version) {
  model::ObjectVersion thin = version;
  thin.parts.clear();
  std::string row;
  Encoder out(&row);
  out.U8(kCompletedFormat);
  out.Varint(complete.bucket.value);
  out.Text(complete.key);
  out.Text(FingerprintOfParts(complete.parts));
  out.Text(model::EncodeObjectVersion(thin));
  change.rows().Put(TableKey(Table::kCompleted, complete.upload_id.View()), row);
  std::string age = TableKey(Table::kCompletedAge);
  AppendBigEndian64(&age, static_cast<uint64_t>(change.now_ms()));
  age.append(complete.upload_id.View());
  change.rows().Put(age, "");
}

// Answer to a Complete of an upload that is not open any more.
Result<SharedVersion> ReplayCompleted(View& view, const CompleteUploadChange& complete) {
  ASSIGN_OR_RETURN(const auto row,
                   view.Get(TableKey(Table::kCompleted, complete.upload_id.View())));
  if (!row) return NoSuchUpload();
  Decoder in(*row);
  const bool known = in.U8() == kCompletedFormat;
  const BucketId bucket{in.Varint()};
  const std::string_view key = in.Text();
  const std::string_view fingerprint = in.Text();
  const std::string_view version_row = in.Text();
  if (!known || !in.ok() || !in.AtEnd()) return Status(Code::kCorrupt, "completed upload row");
  if (bucket != complete.bucket || key != complete.key ||
      fingerprint != FingerprintOfParts(complete.parts)) {
    return NoSuchUpload();
  }
  ASSIGN_OR_RETURN(model::ObjectVersion version, model::DecodeObjectVersion(version_row));
  return std::make_shared<const model::ObjectVersion>(std::move(version));
}

Status CompleteUploadBody(Change& change, const CompleteUploadChange& complete,
                          SharedVersion* result) {
  ASSIGN_OR_RETURN(const auto upload,
                   ReadUpload(change.rows(), complete.bucket, complete.key, complete.upload_id));
  if (!upload) {
    ASSIGN_OR_RETURN(*result, ReplayCompleted(change.rows(), complete));
    return Status::Ok();
  }
  ASSIGN_OR_RETURN(auto bucket, change.FindBucket(complete.bucket));
  ASSIGN_OR_RETURN(const auto stored,
                   ReadParts(change.rows(), complete.upload_id, 0, SIZE_MAX, nullptr));
  ASSIGN_OR_RETURN(const auto chosen, ChooseParts(complete.parts, stored));
  ASSIGN_OR_RETURN(model::ObjectVersion version, complete.assemble(*upload, chosen));
  ASSIGN_OR_RETURN(const PutPlan plan,
                   PreparePut(change, std::move(bucket), complete.key, version.parts));
  RETURN_IF_ERROR(EvaluateCompleteCondition(complete.condition, plan.state.current_version(),
                                            plan.state.newest(), upload->key_sequence));
  RETURN_IF_ERROR(PrepareDropParts(change, stored));

  *result = ApplyPut(change, plan, std::move(version));
  DropParts(change, complete.upload_id, stored, model::ReclaimCause::kReplacedPart);
  change.rows().Delete(UploadKey(complete.bucket, complete.key, complete.upload_id));
  RememberCompleted(change, complete, **result);
  RETURN_IF_ERROR(TrimCompleted(change));
  return change.Finish();
}

Status CreateUploadBody(Change& change, model::Upload* upload) {
  ASSIGN_OR_RETURN(const auto bucket, change.FindBucket(upload->bucket));
  ASSIGN_OR_RETURN(const KeyState state, ReadKey(change.rows(), *bucket, upload->key));
  upload->key_sequence = state.newest();
  upload->initiated_ms = change.now_ms();
  change.rows().Put(UploadKey(upload->bucket, upload->key, upload->id),
                    model::EncodeUpload(*upload));
  RETURN_IF_ERROR(TrimCompleted(change));
  return change.Finish();
}

}  // namespace

Result<StoredPart> DecodeStoredPart(std::string_view row) {
  Decoder in(row);
  StoredPart stored;
  stored.began.value = in.Varint();
  if (!in.ok()) return Status(Code::kCorrupt, "uploaded part: length");
  ASSIGN_OR_RETURN(stored.part, model::DecodeUploadPart(row.substr(row.size() - in.remaining())));
  return stored;
}

Result<std::optional<StoredPart>> ReadPart(View& view, const UniqueId& upload, uint32_t number) {
  ASSIGN_OR_RETURN(const auto row, view.Get(PartKey(upload, number)));
  if (!row) return std::optional<StoredPart>();
  ASSIGN_OR_RETURN(StoredPart stored, DecodeStoredPart(*row));
  return std::optional(std::move(stored));
}

void WritePart(Change& change, const UniqueId& upload, const StoredPart& stored) {
  change.rows().Put(PartKey(upload, stored.part.part.number), EncodeStoredPart(stored));
}

Result<bool> AbortSomeUploads(Change& change, BucketId bucket, size_t parts_max) {
  const std::string prefix = BucketKey(Table::kUpload, bucket);
  std::vector<std::pair<std::string, UniqueId>> uploads;
  bool all = true;
  {
    const auto cursor = change.rows().NewCursor();
    cursor->Seek(prefix);
    for (; cursor->Valid() && cursor->key().starts_with(prefix); cursor->Next()) {
      all = uploads.size() < parts_max;
      if (!all) break;
      const std::string_view row_key = cursor->key();
      if (row_key.size() < 16) return Status(Code::kCorrupt, "key of an upload row");
      uploads.emplace_back(row_key, UniqueId::FromView(row_key.substr(row_key.size() - 16)));
    }
    RETURN_IF_ERROR(cursor->status());
  }
  for (const auto& [row_key, id] : uploads) {
    bool more = false;
    ASSIGN_OR_RETURN(const auto parts, ReadParts(change.rows(), id, 0, parts_max, &more));
    RETURN_IF_ERROR(PrepareDropParts(change, parts));
    DropParts(change, id, parts, model::ReclaimCause::kAborted);
    if (more) return false;
    change.rows().Delete(row_key);
    // An upload counts like a part, so that many empty ones are bounded as well.
    parts_max -= std::min(parts_max, parts.size() + 1);
    if (parts_max == 0) return all && row_key == uploads.back().first;
  }
  return all;
}

Task<Result<model::Upload>> MetadataDb::CreateUpload(model::Upload upload) {
  upload.id = NewUniqueId(impl_->clock, impl_->random);
  TransactionBody body = [&](Transaction& transaction) {
    Change change(*impl_, transaction);
    return CreateUploadBody(change, &upload);
  };
  CO_RETURN_IF_ERROR(co_await impl_->Submit(std::move(body)));
  co_return upload;
}

Task<Result<model::Upload>> MetadataDb::GetUpload(BucketId bucket, std::string key,
                                                  UniqueId upload_id) {
  CO_ASSIGN_OR_RETURN(const auto row, co_await impl_->store.Get(UploadKey(bucket, key, upload_id)));
  if (!row) co_return NoSuchUpload();
  co_return model::DecodeUpload(*row);
}

Task<std::vector<Result<model::UploadPart>>> MetadataDb::PutParts(
    NewExtents extents, std::vector<PutPartChange> changes) {
  std::vector<Result<model::UploadPart>> results;
  TransactionBody body = [&](Transaction& transaction) {
    Change change(*impl_, transaction);
    return PutPartsBody(change, extents, changes, &results);
  };
  const Status status = co_await impl_->Submit(std::move(body));
  if (!status.ok()) results.assign(changes.size(), Result<model::UploadPart>(status));
  co_return results;
}

Task<Result<MetadataDb::PartsPage>> MetadataDb::ListParts(BucketId bucket, std::string key,
                                                          UniqueId upload_id, uint32_t after_number,
                                                          uint32_t max_parts) {
  PartsPage page;
  ReadBody body = [&](Snapshot& snapshot) -> Status {
    ASSIGN_OR_RETURN(auto upload, ReadUpload(snapshot, bucket, key, upload_id));
    if (!upload) return NoSuchUpload();
    page.upload = std::move(*upload);
    ASSIGN_OR_RETURN(page.parts,
                     ReadParts(snapshot, upload_id, after_number, max_parts, &page.truncated));
    return Status::Ok();
  };
  CO_RETURN_IF_ERROR(co_await impl_->store.Read(std::move(body)));
  co_return page;
}

Task<Result<SharedVersion>> MetadataDb::CompleteUpload(CompleteUploadChange change) {
  SharedVersion version;
  TransactionBody body = [&](Transaction& transaction) {
    Change completion(*impl_, transaction);
    return CompleteUploadBody(completion, change, &version);
  };
  CO_RETURN_IF_ERROR(co_await impl_->Submit(std::move(body)));
  co_return version;
}

Task<Status> MetadataDb::AbortUpload(BucketId bucket, std::string key, UniqueId upload_id) {
  TransactionBody body = [&](Transaction& transaction) {
    Change change(*impl_, transaction);
    return AbortUploadBody(change, bucket, key, upload_id);
  };
  co_return co_await impl_->Submit(std::move(body));
}

}  // namespace ashlar::metadata_db
