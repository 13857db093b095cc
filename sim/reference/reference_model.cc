#include "reference/reference_model.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace ashlar::sim {
namespace {

constexpr size_t kWorldsEnough = 100;

}  // namespace

Verdict VerdictOf(Code code) {
  switch (code) {
    case Code::kOk:
    case Code::kNotFound:
    case Code::kAlreadyExists:
    case Code::kPreconditionFailed:
    case Code::kConflict:
    case Code::kInvalidArgument: return Verdict::kDefinite;
    case Code::kOutcomeUnknown: return Verdict::kUnknown;
    default: return Verdict::kRefused;
  }
}

ReferenceModel::ReferenceModel(Judge& judge, std::vector<std::string> buckets,
                               std::vector<std::string> keys)
    : judge_(judge), buckets_(std::move(buckets)), keys_(std::move(keys)) {
  for (const std::string& bucket : buckets_) {
    for (const std::string& key : keys_) histories_[bucket].try_emplace(key);
  }
}

KeyHistory& ReferenceModel::Of(const std::string& bucket, const std::string& key) {
  return histories_.at(bucket).at(key);
}

OpPtr ReferenceModel::NewOp(OpKind kind) {
  auto op = std::make_shared<Op>();
  op->number = next_number_++;
  op->kind = kind;
  return op;
}

void ReferenceModel::Invoke(const std::string& bucket, const std::string& key, const OpPtr& op) {
  Of(bucket, key).Invoke(op);
}

void ReferenceModel::End(const std::string& bucket, const std::string& key, const OpPtr& op,
                         const Outcome& answer, std::string_view checker) {
  KeyHistory& history = Of(bucket, key);
  std::string why;
  bool explained = true;
  switch (VerdictOf(answer.code)) {
    case Verdict::kDefinite: explained = history.Return(op->number, answer, &why); break;
    case Verdict::kRefused:
      if (IsRead(op->kind)) {
        history.Unknown(op->number);
      } else {
        explained = history.Refused(op->number, &why);
      }
      break;
    case Verdict::kUnknown: history.Unknown(op->number); break;
  }
  if (!explained) judge_.Report(std::string(checker), bucket + "/" + key + ": " + why);
  Count(history);
}

void ReferenceModel::Count(const KeyHistory& history) {
  worlds_max_ = std::max<uint64_t>(worlds_max_, history.worlds());
  if (history.worlds() > kWorldsEnough) overgrown_ = true;
}

void ReferenceModel::Forget(const std::string& bucket, const std::string& key, const OpPtr& op) {
  CHECK(IsRead(op->kind));
  Of(bucket, key).Unknown(op->number);
}

void ReferenceModel::InvokeBucket(const std::string& bucket, const OpPtr& op) {
  for (const std::string& key : keys_) Invoke(bucket, key, op);
}

void ReferenceModel::EndBucket(const std::string& bucket, const OpPtr& op, const Outcome& answer,
                               std::string_view checker) {
  for (const std::string& key : keys_) End(bucket, key, op, answer, checker);
}

void ReferenceModel::Crash() {
  overgrown_ = false;
  for (auto& [bucket, keys] : histories_) {
    for (auto& [key, history] : keys) {
      history.Crash();
      Count(history);
    }
  }
}

void ReferenceModel::Remember(const ContentPtr& content) {
  contents_[{content->tag, content->etag}] = content;
}

ContentPtr ReferenceModel::Find(const std::string& tag, const std::string& etag) const {
  const auto found = contents_.find({tag, etag});
  return found == contents_.end() ? nullptr : found->second;
}

}  // namespace ashlar::sim
