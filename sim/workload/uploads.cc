// The part of the workload that is about multipart uploads.
#include <algorithm>
#include <utility>

#include "workload/workload.h"

namespace ashlar::sim {
namespace {

using object_service::VersionPtr;

constexpr size_t kUploadsKnownMax = 10;
constexpr uint32_t kPartNumberMax = 4;

}  // namespace

Task<void> Workload::OnUploads(Process* process, Access* access) {
  if (uploads_.empty() || (uploads_.size() < kUploadsKnownMax && random_.Below(4) == 0)) {
    co_await CreateUpload(access, AnyTarget());
    co_return;
  }
  const std::shared_ptr<KnownUpload> upload = uploads_[random_.Below(uploads_.size())];
  const uint64_t choice = random_.Below(20);
  if (choice < 9) {
    co_await UploadPart(access, upload);
  } else if (choice < 11) {
    co_await CopyPart(process, upload);
  } else if (choice < 16) {
    co_await Complete(access, upload);
  } else if (choice < 18) {
    co_await EndUpload(access, upload, OpKind::kReadParts);
  } else {
    co_await EndUpload(access, upload, OpKind::kAbort);
  }
  // The oldest are forgotten; those that are open stay as garbage until their bucket goes.
  if (uploads_.size() >= kUploadsKnownMax) uploads_.erase(uploads_.begin());
}

Task<void> Workload::CreateUpload(Access* access, Target target) {
  OpPtr op = model_.NewOp(OpKind::kCreateUpload);
  op->tag = std::to_string(op->number);
  const Outcome outcome = co_await Run(access, target, op, kWhole);
  if (outcome.code != Code::kOk) co_return;
  auto upload = std::make_shared<KnownUpload>();
  upload->bucket = target.bucket;
  upload->key = target.key;
  upload->id = *outcome.seen.front().id;
  upload->tag = op->tag;
  uploads_.push_back(std::move(upload));
}

Task<void> Workload::UploadPart(Access* access, std::shared_ptr<KnownUpload> upload) {
  OpPtr op = model_.NewOp(OpKind::kPutPart);
  op->upload_id = upload->id;
  op->part_number = static_cast<uint32_t>(1 + random_.Below(kPartNumberMax));
  uint64_t size = AnySize();
  if (size < kPartBytesMin && random_.Below(4) != 0) size += kPartBytesMin;
  op->content = NewContent(random_.Draw(), size, "");
  const Target target{upload->bucket, upload->key};
  const Outcome outcome = co_await Run(access, target, op, kWhole);
  if (outcome.code == Code::kOk) upload->parts[op->part_number] = op->content;
}

Task<void> Workload::CopyPart(Process* process, std::shared_ptr<KnownUpload> upload) {
  const uint64_t life = life_;
  ServiceAccess access(*process, model_, judge_);
  const Target from = AnyTarget();
  const Result<VersionPtr> found = co_await access.Find(from.bucket, from.key, std::nullopt);
  if (life != life_ || !found.ok() || (*found)->size == 0) co_return;
  const ContentPtr content = CheckHead(model_, "part copy source", SeeVersion(**found), &judge_);
  if (content == nullptr) co_return;
  CopyFrom source{from.bucket, from.key, *found, 0, 0};
  source.offset = random_.Below(3) == 0 ? random_.Below(content->size) : 0;
  source.length = content->size - source.offset;
  OpPtr op = model_.NewOp(OpKind::kPutPart);
  op->upload_id = upload->id;
  op->part_number = static_cast<uint32_t>(1 + random_.Below(kPartNumberMax));
  op->content = RangeOf(*content, source.offset, source.length, "");
  model_.Invoke(upload->bucket, upload->key, op);
  const Outcome outcome = co_await access.Copy(upload->bucket, upload->key, op, source);
  if (life != life_) co_return;
  End({upload->bucket, upload->key}, op, outcome);
  if (outcome.code == Code::kOk) upload->parts[op->part_number] = op->content;
}

Task<void> Workload::Complete(Access* access, std::shared_ptr<KnownUpload> upload) {
  OpPtr op = model_.NewOp(OpKind::kComplete);
  op->upload_id = upload->id;
  std::vector<ContentPtr> parts;
  if (!upload->completed.empty() && random_.Below(4) != 0) {
    op->parts = upload->completed;  // once more
  } else {
    for (const auto& [number, content] : upload->parts) {
      if (random_.Below(8) == 0) continue;
      op->parts.emplace_back(number, content->etag);
      parts.push_back(content);
    }
    if (parts.empty()) co_return;
    model_.Remember(JoinParts(parts, upload->tag));
    Condition({upload->bucket, upload->key}, op.get());
  }
  upload->completed = op->parts;
  const Target target{upload->bucket, upload->key};
  co_await Run(access, target, op, kWhole);
}

Task<void> Workload::EndUpload(Access* access, std::shared_ptr<KnownUpload> upload, OpKind kind) {
  OpPtr op = model_.NewOp(kind);
  op->upload_id = upload->id;
  const Target target{upload->bucket, upload->key};
  co_await Run(access, target, op, kWhole);
}

}  // namespace ashlar::sim
