#include "metadata_db/transactions/decisions.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/digest.h"
#include "base/seeded_bug.h"
#include "metadata_db/transactions/schema.h"

namespace ashlar::metadata_db {
namespace {

char Lower(char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c; }

bool SameEtag(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return Lower(x) == Lower(y); });
}

}  // namespace

Status EvaluateCondition(const WriteCondition& condition, const model::ObjectVersion* current) {
  if (condition.must_not_exist && current != nullptr && !SeededBug("condition.ignore_none_match")) {
    return Status(Code::kPreconditionFailed, "the object exists");
  }
  if (condition.etag_match) {
    if (current == nullptr) return Status(Code::kNotFound, "no current object to match");
    if (*condition.etag_match != "*" && !SameEtag(*condition.etag_match, current->etag)) {
      return Status(Code::kPreconditionFailed, "the ETag differs");
    }
  }
  return Status::Ok();
}

Status EvaluateCompleteCondition(const WriteCondition& condition,
                                 const model::ObjectVersion* current, Sequence newest,
                                 Sequence newest_at_start) {
  if (!condition.must_not_exist && !condition.etag_match) return Status::Ok();
  RETURN_IF_ERROR(EvaluateCondition(condition, current));
  // The condition holds, but for another state of the key than the one the upload began with.
  if (newest != newest_at_start) {
    return Status(Code::kConflict, "the key was changed since the upload began");
  }
  return Status::Ok();
}

Status CheckBucketChange(const model::Bucket& before, const model::Bucket& after) {
  if (after.id != before.id || after.name != before.name || after.owner != before.owner ||
      after.region != before.region || after.created_ms != before.created_ms) {
    return Status(Code::kInvalidArgument, "a bucket keeps its name, owner and region");
  }
  if (after.versioning == model::Versioning::kNever && before.versioning != after.versioning) {
    return Status(Code::kInvalidArgument, "versioning can be suspended, not taken back");
  }
  if (before.object_lock && !after.object_lock) {
    return Status(Code::kInvalidArgument, "object lock cannot be turned off");
  }
  if (after.object_lock && after.versioning != model::Versioning::kEnabled) {
    return Status(Code::kInvalidArgument, "object lock needs versioning");
  }
  return Status::Ok();
}

int64_t NextLastModified(int64_t now_ms, std::optional<int64_t> previous_ms) {
  return previous_ms ? std::max(now_ms, *previous_ms + 1) : now_ms;
}

bool PartReplaces(Sequence began, Sequence stored) { return began >= stored; }

Result<std::vector<model::UploadPart>> ChooseParts(
    const std::vector<CompleteUploadChange::RequestedPart>& requested,
    const std::vector<model::UploadPart>& stored) {
  std::vector<model::UploadPart> chosen;
  chosen.reserve(requested.size());
  auto at = stored.begin();
  uint32_t previous = 0;
  for (const auto& part : requested) {
    if (part.number <= previous) {
      return Status(Code::kInvalidArgument, "part numbers do not ascend");
    }
    previous = part.number;
    while (at != stored.end() && at->part.number < part.number) ++at;
    if (at == stored.end() || at->part.number != part.number) {
      return Status(Code::kInvalidArgument, "part " + std::to_string(part.number) + " is missing");
    }
    if (!SameEtag(at->etag, part.etag)) {
      return Status(Code::kInvalidArgument,
                    "the ETag of part " + std::to_string(part.number) + " differs");
    }
    chosen.push_back(*at);
  }
  return chosen;
}

std::string FingerprintOfParts(const std::vector<CompleteUploadChange::RequestedPart>& requested) {
  std::string text;
  Encoder out(&text);
  for (const auto& part : requested) {
    out.Varint(part.number);
    std::string etag = part.etag;
    std::transform(etag.begin(), etag.end(), etag.begin(), Lower);
    out.Text(etag);
  }
  const Sha256Digest digest = Sha256(AsBytes(text));
  return std::string(AsText(digest));
}

std::string MakeVersionId(Sequence sequence, uint64_t random) {
  std::string bytes = BigEndian64(sequence.value);
  AppendBigEndian64(&bytes, random);
  return HexEncode(AsBytes(bytes));
}

std::optional<Sequence> SequenceOfVersionId(std::string_view version_id) {
  std::string bytes;
  if (version_id.size() != 32 || !HexDecode(version_id, &bytes)) return std::nullopt;
  return Sequence{*ReadBigEndian64(std::string_view(bytes).substr(0, 8))};
}

std::optional<std::string> CommonPrefixOf(std::string_view key, std::string_view prefix,
                                          std::string_view delimiter) {
  if (delimiter.empty()) return std::nullopt;
  const size_t at = key.find(delimiter, prefix.size());
  if (at == std::string_view::npos) return std::nullopt;
  return std::string(key.substr(0, at + delimiter.size()));
}

}  // namespace ashlar::metadata_db
