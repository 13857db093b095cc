#include "workload/service_access.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "object_service/checksums.h"

namespace ashlar::sim {
namespace {

using object_service::BucketPtr;
using object_service::ObjectService;
using object_service::VersionPtr;

constexpr char kTagName[] = "sim";

// A body made from its content, as the gateway would hand it over after checking it.
class ContentBody final : public object_service::BodySource {
 public:
  ContentBody(ContentPtr content, uint64_t breaks_at)
      : content_(std::move(content)), breaks_at_(breaks_at) {}
  uint64_t size() const override { return content_->size; }
  Task<Result<size_t>> Read(MutableByteSpan out) override {
    if (given_ >= breaks_at_) co_return Status(Code::kCancelled, "the client went away");
    const size_t count = std::min<uint64_t>(out.size(), content_->size - given_);
    const MutableByteSpan now = out.first(count);
    FillContent(*content_, given_, now);
    given_ += count;
    crc_ = ashlar::Crc64Nvme(crc_, now);
    co_return count;
  }
  Md5Digest Md5() const override {
    Md5Digest digest;
    std::string raw;
    CHECK(HexDecode(content_->etag, &raw) && raw.size() == digest.size());
    std::memcpy(digest.data(), raw.data(), raw.size());
    return digest;
  }
  model::Checksum Checksum() const override {
    model::Checksum checksum;
    checksum.algorithm = model::ChecksumAlgorithm::kCrc64Nvme;
    checksum.value = object_service::EncodeCrc64(crc_);
    return checksum;
  }
  model::ChecksumAlgorithm checksum_algorithm() const override {
    return model::ChecksumAlgorithm::kCrc64Nvme;
  }
  uint64_t Crc64Nvme() const override { return crc_; }

 private:
  ContentPtr content_;
  const uint64_t breaks_at_;
  uint64_t given_ = 0;
  uint64_t crc_ = 0;
};

Outcome Failed(const Status& status) {
  Outcome outcome;
  outcome.code = status.code();
  return outcome;
}

Outcome Saw(Seen seen) {
  Outcome outcome;
  outcome.seen.push_back(std::move(seen));
  return outcome;
}

object_service::ObjectAttributes Attributes(const std::string& tag) {
  object_service::ObjectAttributes attributes;
  attributes.user_metadata.emplace_back(kTagName, tag);
  return attributes;
}

metadata_db::WriteCondition ConditionOf(const Op& op) {
  metadata_db::WriteCondition condition;
  condition.must_not_exist = op.must_not_exist;
  condition.etag_match = op.etag_match;
  return condition;
}

metadata_db::DeleteObjectChange DeletionOf(const std::string& key, const Op& op) {
  metadata_db::DeleteObjectChange change;
  change.key = key;
  change.version_id = op.version_id;
  change.etag_match = op.etag_match;
  return change;
}

Outcome OutcomeOf(const Result<metadata_db::DeleteOutcome>& result) {
  if (!result.ok()) return Failed(result.status());
  Outcome outcome;
  outcome.existed = result->existed;
  outcome.created_marker = result->created_delete_marker;
  outcome.deleted_marker = result->deleted_delete_marker;
  if (result->created_delete_marker) {
    Seen marker;
    marker.marker = true;
    marker.id = result->version_id;
    outcome.seen.push_back(std::move(marker));
  }
  return outcome;
}

UniqueId UploadIdOf(const Op& op) {
  std::string raw;
  CHECK(HexDecode(op.upload_id, &raw));
  return UniqueId::FromView(raw);
}

}  // namespace

Seen SeeVersion(const model::ObjectVersion& version) {
  Seen seen;
  seen.marker = version.kind == model::ObjectKind::kDeleteMarker;
  seen.id = version.version_id;
  if (seen.marker) return seen;
  seen.etag = version.etag;
  seen.size = version.size;
  for (const auto& [name, value] : version.user_metadata) {
    if (name == kTagName) seen.tag = value;
  }
  return seen;
}

Task<Outcome> ServiceAccess::Perform(std::string bucket, std::string key, OpPtr op, ReadHow how) {
  if (key.empty()) co_return co_await OnBucket(std::move(bucket), std::move(op));
  Result<BucketPtr> found = co_await process_.service().GetBucket(bucket);
  if (!found.ok()) co_return Failed(found.status());
  BucketPtr home = *found;
  switch (op->kind) {
    case OpKind::kPut: co_return co_await Put(home, key, op);
    case OpKind::kDelete: co_return co_await Delete(home, key, op);
    case OpKind::kRead: co_return co_await Read(home, key, op, how);
    case OpKind::kComplete: co_return co_await Complete(home, key, op);
    default: co_return co_await OnUpload(home, key, op);
  }
}

Task<Outcome> ServiceAccess::OnBucket(std::string bucket, OpPtr op) {
  if (op->kind == OpKind::kDeleteBucket) {
    co_return Failed(co_await process_.service().DeleteBucket(bucket));
  }
  if (op->kind == OpKind::kSetVersioning) {
    const auto set = co_await process_.metadata().SetVersioning(bucket, op->versioning);
    co_return Failed(set.status());
  }
  const auto made = co_await process_.service().CreateBucket(bucket, "owner", "region");
  co_return Failed(made.status());
}

Task<Outcome> ServiceAccess::Put(BucketPtr bucket, std::string key, OpPtr op) {
  object_service::PutObjectRequest request;
  request.bucket = bucket;
  request.key = key;
  request.attributes = Attributes(op->content->tag);
  request.condition = ConditionOf(*op);
  ContentBody body(op->content, op->body_breaks_at);
  const Result<VersionPtr> put = co_await process_.service().PutObject(std::move(request), body);
  if (!put.ok()) co_return Failed(put.status());
  co_return Saw(SeeVersion(**put));
}

Task<Outcome> ServiceAccess::Delete(BucketPtr bucket, std::string key, OpPtr op) {
  std::vector<metadata_db::DeleteObjectChange> changes;
  changes.push_back(DeletionOf(key, *op));
  const auto results = co_await process_.service().DeleteObjects(bucket, std::move(changes));
  co_return OutcomeOf(results.front());
}

Task<Result<VersionPtr>> ServiceAccess::Find(std::string bucket, std::string key,
                                             std::optional<std::string> version_id) {
  Result<BucketPtr> found = co_await process_.service().GetBucket(bucket);
  if (!found.ok()) co_return found.status();
  co_return co_await process_.service().FindVersion(*found, key, version_id);
}

Task<Status> ServiceAccess::ReadBody(VersionPtr version, uint64_t offset, uint64_t length) {
  const Seen seen = SeeVersion(*version);
  const ContentPtr content = CheckHead(model_, "GET", seen, &judge_);
  const auto reader = process_.service().OpenReader(version, offset, length);
  uint64_t given = 0;
  while (true) {
    CO_ASSIGN_OR_RETURN(const std::span<const ByteSpan> pieces, co_await reader->Next());
    if (pieces.empty()) break;
    for (const ByteSpan piece : pieces) {
      if (content != nullptr) CheckBytes(*content, "GET", offset + given, piece, &judge_);
      given += piece.size();
    }
  }
  if (given != length) {
    judge_.Report("atomic_visibility", "GET ended cleanly after " + std::to_string(given) + " of " +
                                           std::to_string(length) + " bytes");
  }
  co_return Status::Ok();
}

Task<Outcome> ServiceAccess::Read(BucketPtr bucket, std::string key, OpPtr op, ReadHow how) {
  const Result<VersionPtr> found =
      co_await process_.service().FindVersion(bucket, key, op->version_id);
  if (!found.ok()) co_return Failed(found.status());
  const VersionPtr version = *found;
  Outcome outcome = Saw(SeeVersion(*version));
  if (outcome.seen.front().marker) co_return outcome;
  if (how.head) {
    (void)CheckHead(model_, "HEAD", outcome.seen.front(), &judge_);
    co_return outcome;
  }
  uint64_t offset = 0;
  uint64_t length = version->size;
  if (how.ranged) {
    offset = version->size * how.from / 1000;
    length = std::min(how.length, version->size - offset);
  }
  const Status read = co_await ReadBody(version, offset, length);
  if (!read.ok()) outcome.code = read.code() == Code::kNotFound ? Code::kCorrupt : read.code();
  co_return outcome;
}

Task<Outcome> ServiceAccess::OnUpload(BucketPtr bucket, std::string key, OpPtr op) {
  ObjectService& service = process_.service();
  if (op->kind == OpKind::kCreateUpload) {
    object_service::CreateUploadRequest request;
    request.bucket = bucket;
    request.key = key;
    request.owner = "owner";
    request.attributes = Attributes(op->tag);
    const Result<model::Upload> upload = co_await service.CreateUpload(std::move(request));
    if (!upload.ok()) co_return Failed(upload.status());
    Seen seen;
    seen.id = upload->id.ToHex();
    co_return Saw(std::move(seen));
  }
  const UniqueId id = UploadIdOf(*op);
  if (op->kind == OpKind::kAbort) {
    co_return Failed(co_await service.AbortUpload(bucket, key, id));
  }
  if (op->kind == OpKind::kReadParts) {
    const auto page = co_await service.ListParts(bucket, key, id, 0, 1000);
    if (!page.ok()) co_return Failed(page.status());
    Outcome outcome;
    for (const model::UploadPart& part : page->parts) {
      Seen seen;
      seen.etag = part.etag;
      seen.size = part.part.size;
      seen.id = std::to_string(part.part.number);
      outcome.seen.push_back(std::move(seen));
    }
    co_return outcome;
  }
  object_service::UploadPartRequest request;
  request.bucket = bucket;
  request.part_number = op->part_number;
  Result<model::Upload> upload = co_await service.GetUpload(bucket, key, id);
  if (!upload.ok()) co_return Failed(upload.status());
  request.upload = std::move(*upload);
  ContentBody body(op->content, op->body_breaks_at);
  op->began = model_.NextBegan();
  const auto part = co_await service.UploadPart(std::move(request), body);
  co_return Failed(part.status());
}

Task<Outcome> ServiceAccess::Complete(BucketPtr bucket, std::string key, OpPtr op) {
  object_service::CompleteUploadRequest request;
  request.bucket = bucket;
  request.key = key;
  request.upload_id = UploadIdOf(*op);
  for (const auto& [number, etag] : op->parts) {
    object_service::CompletedPart part;
    part.number = number;
    part.etag = etag;
    request.parts.push_back(std::move(part));
  }
  request.condition = ConditionOf(*op);
  object_service::CompleteRefusal refusal;
  const Result<VersionPtr> done =
      co_await process_.service().CompleteUpload(std::move(request), &refusal);
  if (!done.ok()) co_return Failed(done.status());
  co_return Saw(SeeVersion(**done));
}

Task<Outcome> ServiceAccess::Copy(std::string bucket, std::string key, OpPtr op, CopyFrom from) {
  ObjectService& service = process_.service();
  Result<BucketPtr> home = co_await service.GetBucket(bucket);
  if (!home.ok()) co_return Failed(home.status());
  Result<BucketPtr> source = co_await service.GetBucket(from.bucket);
  if (!source.ok()) co_return Failed(Status(Code::kUnavailable, "the source has gone"));
  Code code = Code::kOk;
  Outcome outcome;
  if (op->kind == OpKind::kPut) {
    object_service::CopyObjectRequest request;
    request.source_bucket = *source;
    request.source_key = from.key;
    request.source = from.version;
    request.bucket = *home;
    request.key = key;
    request.replace_metadata = true;
    request.attributes = Attributes(op->content->tag);
    const Result<VersionPtr> copy = co_await service.CopyObject(std::move(request));
    code = copy.code();
    if (copy.ok()) outcome = Saw(SeeVersion(**copy));
  } else {
    Result<model::Upload> upload = co_await service.GetUpload(*home, key, UploadIdOf(*op));
    if (!upload.ok()) co_return Failed(upload.status());
    object_service::UploadPartCopyRequest request;
    request.bucket = *home;
    request.upload = std::move(*upload);
    request.part_number = op->part_number;
    request.source_bucket = *source;
    request.source_key = from.key;
    request.source = from.version;
    request.offset = from.offset;
    request.length = from.length;
    op->began = model_.NextBegan();
    const auto part = co_await service.UploadPartCopy(std::move(request));
    code = part.code();
  }
  // Of source or target: which one has gone is not told. Nothing happened either way.
  outcome.code = code == Code::kNotFound ? Code::kUnavailable : code;
  co_return outcome;
}

Task<std::vector<Outcome>> ServiceAccess::DeleteMany(std::string bucket,
                                                     std::vector<DeleteCall> calls) {
  const Result<BucketPtr> home = co_await process_.service().GetBucket(bucket);
  if (!home.ok()) co_return std::vector<Outcome>(calls.size(), Failed(home.status()));
  std::vector<metadata_db::DeleteObjectChange> changes;
  for (const DeleteCall& call : calls) changes.push_back(DeletionOf(call.key, *call.op));
  const auto results = co_await process_.service().DeleteObjects(*home, std::move(changes));
  std::vector<Outcome> outcomes;
  for (const auto& result : results) outcomes.push_back(OutcomeOf(result));
  co_return outcomes;
}

Task<ListAnswer> ServiceAccess::List(ListCall call) {
  ListAnswer answer;
  const Result<BucketPtr> home = co_await process_.service().GetBucket(call.bucket);
  if (!home.ok()) {
    answer.code = home.code();
    co_return answer;
  }
  metadata_db::ListRequest request;
  request.bucket = (*home)->id;
  request.prefix = call.prefix;
  request.delimiter = call.delimiter;
  request.start_after = call.after;
  request.max_entries = call.max_entries;
  const auto page = co_await process_.service().List(std::move(request));
  if (!page.ok()) {
    answer.code = page.code();
    co_return answer;
  }
  for (const metadata_db::ListEntry& entry : page->objects) {
    answer.objects.push_back({entry.key, SeeVersion(entry.version)});
  }
  answer.prefixes = page->common_prefixes;
  answer.truncated = page->truncated;
  answer.next = page->next_after;
  co_return answer;
}

}  // namespace ashlar::sim
