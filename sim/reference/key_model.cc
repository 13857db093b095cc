#include "reference/key_model.h"

#include <algorithm>

namespace ashlar::sim {
namespace {

constexpr size_t kCompletedKept = 12;
constexpr char kNullId[] = "null";

std::string EtagOf(const ContentPtr& content) { return content ? content->etag : std::string(); }

Seen See(const VersionState& version) {
  Seen seen;
  seen.marker = version.content == nullptr;
  if (version.content) {
    seen.etag = version.content->etag;
    seen.size = version.content->size;
    seen.tag = version.content->tag;
  }
  if (!version.id.empty()) seen.id = version.id;
  seen.creator = version.creator;
  return seen;
}

Effect Answer(const KeyStatePtr& state, Code code) {
  Effect effect;
  effect.outcome.code = code;
  effect.next = state;
  return effect;
}

Code EvaluateCondition(const Op& op, const VersionState* current) {
  if (op.must_not_exist && current != nullptr) return Code::kPreconditionFailed;
  if (op.etag_match) {
    if (current == nullptr) return Code::kNotFound;
    if (*op.etag_match != "*" && *op.etag_match != EtagOf(current->content)) {
      return Code::kPreconditionFailed;
    }
  }
  return Code::kOk;
}

// Puts a version or marker on top.
VersionState PushVersion(KeyState* state, uint64_t creator, ContentPtr content) {
  VersionState version{.creator = creator, .id = kNullId, .content = std::move(content)};
  if (state->versioning == model::Versioning::kNever) state->chain.clear();
  if (state->versioning == model::Versioning::kEnabled) version.id.clear();
  if (state->versioning == model::Versioning::kSuspended) {
    std::erase_if(state->chain, [](const VersionState& old) { return old.id == kNullId; });
  }
  state->chain.insert(state->chain.begin(), version);
  return version;
}

Effect Put(const KeyStatePtr& state, const Op& op) {
  if (!state->bucket_exists) return Answer(state, Code::kNotFound);
  const Code condition = EvaluateCondition(op, state->Current());
  if (condition != Code::kOk) return Answer(state, condition);
  KeyState next = *state;
  Effect effect;
  effect.outcome.seen.push_back(See(PushVersion(&next, op.number, op.content)));
  effect.next = std::make_shared<const KeyState>(std::move(next));
  return effect;
}

Effect Delete(const KeyStatePtr& state, const Op& op) {
  if (!state->bucket_exists) return Answer(state, Code::kNotFound);
  const bool versioned = state->versioning != model::Versioning::kNever;
  const VersionState* target = state->Current();
  if (op.version_id) {
    const auto found =
        std::find_if(state->chain.begin(), state->chain.end(),
                     [&](const VersionState& version) { return version.id == *op.version_id; });
    target = found == state->chain.end() ? nullptr : &*found;
  }
  const Code condition = EvaluateCondition(op, target);
  if (condition != Code::kOk) return Answer(state, condition);
  KeyState next = *state;
  Effect effect;
  effect.outcome.existed = false;
  effect.outcome.created_marker = false;
  effect.outcome.deleted_marker = false;
  if (versioned && !op.version_id) {
    effect.outcome.existed = target != nullptr;
    effect.outcome.created_marker = true;
    effect.outcome.seen.push_back(See(PushVersion(&next, op.number, nullptr)));
  } else if (target != nullptr) {
    effect.outcome.existed = true;
    effect.outcome.deleted_marker = target->content == nullptr;
    std::erase_if(next.chain, [creator = target->creator](const VersionState& version) {
      return version.creator == creator;
    });
  }
  effect.next = std::make_shared<const KeyState>(std::move(next));
  return effect;
}

const UploadState* FindUpload(const KeyState& state, const std::string& id) {
  const auto found = std::find_if(state.uploads.begin(), state.uploads.end(),
                                  [&](const UploadState& upload) { return upload.id == id; });
  return found == state.uploads.end() ? nullptr : &*found;
}

void RemoveUpload(KeyState* state, const std::string& id) {
  std::erase_if(state->uploads, [&](const UploadState& upload) { return upload.id == id; });
}

Effect CreateUpload(const KeyStatePtr& state, const Op& op) {
  if (!state->bucket_exists) return Answer(state, Code::kNotFound);
  KeyState next = *state;
  UploadState upload;
  upload.creator = op.number;
  upload.tag = op.tag;
  if (!state->chain.empty()) upload.newest_at_start = state->chain.front().creator;
  next.uploads.push_back(std::move(upload));
  Effect effect;
  Seen seen;
  seen.creator = op.number;
  effect.outcome.seen.push_back(std::move(seen));
  effect.next = std::make_shared<const KeyState>(std::move(next));
  return effect;
}

Effect PutPart(const KeyStatePtr& state, const Op& op) {
  const UploadState* upload = FindUpload(*state, op.upload_id);
  if (upload == nullptr) return Answer(state, Code::kNotFound);
  const auto old = upload->parts.find(op.part_number);
  // Of two uploads of one part the one that began later stays.
  if (old != upload->parts.end() && op.began < old->second.began) return Answer(state, Code::kOk);
  KeyState next = *state;
  for (UploadState& open : next.uploads) {
    if (open.id == op.upload_id) open.parts[op.part_number] = {op.content, op.began};
  }
  Effect effect;
  effect.next = std::make_shared<const KeyState>(std::move(next));
  return effect;
}

Effect Complete(const KeyStatePtr& state, const Op& op) {
  const UploadState* upload = FindUpload(*state, op.upload_id);
  if (upload == nullptr) {
    for (const CompletedState& completed : state->completed) {
      if (completed.upload_id != op.upload_id || completed.parts != op.parts) continue;
      Effect effect = Answer(state, Code::kOk);
      effect.outcome.seen.push_back(See(completed.version));
      return effect;
    }
    return Answer(state, Code::kNotFound);
  }
  std::vector<ContentPtr> parts;
  for (const auto& [number, etag] : op.parts) {
    const auto part = upload->parts.find(number);
    if (part == upload->parts.end() || part->second.content->etag != etag) {
      return Answer(state, Code::kInvalidArgument);
    }
    parts.push_back(part->second.content);
  }
  for (size_t i = 0; i + 1 < parts.size(); ++i) {
    if (parts[i]->size < kPartBytesMin) return Answer(state, Code::kInvalidArgument);
  }
  const Code condition = EvaluateCondition(op, state->Current());
  if (condition != Code::kOk) return Answer(state, condition);
  const uint64_t newest = state->chain.empty() ? 0 : state->chain.front().creator;
  if ((op.must_not_exist || op.etag_match) && newest != upload->newest_at_start) {
    return Answer(state, Code::kConflict);
  }
  KeyState next = *state;
  Effect effect;
  const VersionState version = PushVersion(&next, op.number, JoinParts(parts, upload->tag));
  effect.outcome.seen.push_back(See(version));
  RemoveUpload(&next, op.upload_id);
  next.completed.push_back({op.upload_id, op.parts, version});
  if (next.completed.size() > kCompletedKept) next.completed.erase(next.completed.begin());
  effect.next = std::make_shared<const KeyState>(std::move(next));
  return effect;
}

Effect Abort(const KeyStatePtr& state, const Op& op) {
  if (FindUpload(*state, op.upload_id) == nullptr) return Answer(state, Code::kNotFound);
  KeyState next = *state;
  RemoveUpload(&next, op.upload_id);
  Effect effect;
  effect.next = std::make_shared<const KeyState>(std::move(next));
  return effect;
}

Effect Read(const KeyStatePtr& state, const Op& op) {
  const VersionState* version = state->Current();
  if (op.version_id) {
    version = nullptr;
    for (const VersionState& one : state->chain) {
      if (one.id == *op.version_id) version = &one;
    }
  }
  if (version == nullptr) return Answer(state, Code::kNotFound);
  Effect effect = Answer(state, Code::kOk);
  effect.outcome.seen.push_back(See(*version));
  return effect;
}

Effect ReadMany(const KeyStatePtr& state, const Op& op) {
  if (op.kind != OpKind::kReadParts && !state->bucket_exists) return Answer(state, Code::kNotFound);
  Effect effect = Answer(state, Code::kOk);
  if (op.kind == OpKind::kReadBucket) {
    effect.outcome = SeeBucket(state->versioning);
    return effect;
  }
  std::vector<Seen>& seen = effect.outcome.seen;
  if (op.kind == OpKind::kListed) {
    if (state->Current() != nullptr) seen.push_back(See(*state->Current()));
    return effect;
  }
  if (op.kind == OpKind::kReadChain) {
    for (const VersionState& version : state->chain) seen.push_back(See(version));
    return effect;
  }
  if (op.kind == OpKind::kReadUploads) {
    for (const UploadState& upload : state->uploads) {
      Seen one;
      one.tag = upload.tag;
      if (!upload.id.empty()) one.id = upload.id;
      one.creator = upload.creator;
      seen.push_back(std::move(one));
    }
    SortByTag(&seen);
    return effect;
  }
  const UploadState* upload = FindUpload(*state, op.upload_id);
  if (upload == nullptr) return Answer(state, Code::kNotFound);
  for (const auto& [number, part] : upload->parts) {
    Seen one;
    one.etag = part.content->etag;
    one.size = part.content->size;
    one.id = std::to_string(number);
    seen.push_back(std::move(one));
  }
  return effect;
}

std::vector<Effect> OnBucket(const KeyStatePtr& state, const Op& op) {
  if (op.kind == OpKind::kCreateBucket) {
    if (state->bucket_exists) return {Answer(state, Code::kAlreadyExists)};
    KeyState next;
    next.bucket_exists = true;
    return {{.outcome = {}, .next = std::make_shared<const KeyState>(std::move(next))}};
  }
  if (!state->bucket_exists) return {Answer(state, Code::kNotFound)};
  if (op.kind == OpKind::kSetVersioning) {
    KeyState next = *state;
    next.versioning = op.versioning;
    return {{.outcome = {}, .next = std::make_shared<const KeyState>(std::move(next))}};
  }
  if (!state->chain.empty()) return {Answer(state, Code::kConflict)};
  // This key is no reason to refuse; another one may be.
  return {Answer(state, Code::kConflict),
          {.outcome = {}, .next = std::make_shared<const KeyState>()}};
}

template <typename T>
bool SameOrUnknown(const std::optional<T>& a, const std::optional<T>& b) {
  return !a || !b || *a == *b;
}

}  // namespace

Outcome SeeBucket(model::Versioning versioning) {
  Outcome outcome;
  Seen seen;
  seen.id = std::to_string(static_cast<int>(versioning));
  outcome.seen.push_back(std::move(seen));
  return outcome;
}

void SortByTag(std::vector<Seen>* seen) {
  std::sort(seen->begin(), seen->end(), [](const Seen& a, const Seen& b) { return a.tag < b.tag; });
}

bool VersionState::operator==(const VersionState& other) const {
  return creator == other.creator && id == other.id && EtagOf(content) == EtagOf(other.content);
}

bool PartState::operator==(const PartState& other) const {
  return began == other.began && EtagOf(content) == EtagOf(other.content);
}

const VersionState* KeyState::Current() const {
  return chain.empty() || chain.front().content == nullptr ? nullptr : &chain.front();
}

bool KeyState::LooksLike(const KeyState& other) const {
  const bool same_versions =
      std::equal(chain.begin(), chain.end(), other.chain.begin(), other.chain.end(),
                 [](const VersionState& a, const VersionState& b) {
                   return a.id == b.id && See(a).ToString() == See(b).ToString();
                 });
  if (bucket_exists != other.bucket_exists || versioning != other.versioning || !same_versions ||
      uploads.size() != other.uploads.size()) {
    return false;
  }
  for (const UploadState& upload : uploads) {
    const UploadState* twin = FindUpload(other, upload.id);
    if (twin == nullptr || twin->parts.size() != upload.parts.size()) return false;
    for (const auto& [number, part] : upload.parts) {
      const auto found = twin->parts.find(number);
      if (found == twin->parts.end() || EtagOf(found->second.content) != EtagOf(part.content)) {
        return false;
      }
    }
  }
  return true;
}

std::vector<Effect> Apply(const KeyStatePtr& state, const Op& op) {
  switch (op.kind) {
    case OpKind::kCreateBucket:
    case OpKind::kDeleteBucket:
    case OpKind::kSetVersioning: return OnBucket(state, op);
    case OpKind::kPut: return {Put(state, op)};
    case OpKind::kDelete: return {Delete(state, op)};
    case OpKind::kCreateUpload: return {CreateUpload(state, op)};
    case OpKind::kPutPart: return {PutPart(state, op)};
    case OpKind::kComplete: return {Complete(state, op)};
    case OpKind::kAbort: return {Abort(state, op)};
    case OpKind::kRead: return {Read(state, op)};
    case OpKind::kListed:
    case OpKind::kReadChain:
    case OpKind::kReadParts:
    case OpKind::kReadUploads:
    case OpKind::kReadBucket: return {ReadMany(state, op)};
  }
  return {};
}

bool Agrees(const Outcome& predicted, const Outcome& answer) {
  if (predicted.code != answer.code) return false;
  if (predicted.code != Code::kOk) return true;
  if (!SameOrUnknown(predicted.existed, answer.existed) ||
      !SameOrUnknown(predicted.created_marker, answer.created_marker) ||
      !SameOrUnknown(predicted.deleted_marker, answer.deleted_marker)) {
    return false;
  }
  // An answer that does not tell whether there is a marker does not show it either.
  if (predicted.created_marker && !answer.created_marker) return true;
  if (predicted.seen.size() != answer.seen.size()) return false;
  for (size_t i = 0; i < predicted.seen.size(); ++i) {
    const Seen& a = predicted.seen[i];
    const Seen& b = answer.seen[i];
    if (a.marker != b.marker || a.etag != b.etag || a.size != b.size ||
        !SameOrUnknown(a.tag, b.tag) || !SameOrUnknown(a.id, b.id)) {
      return false;
    }
  }
  return true;
}

KeyStatePtr LearnIds(const KeyStatePtr& state, const Outcome& predicted, const Outcome& answer) {
  KeyStatePtr learned = state;
  for (size_t i = 0; i < predicted.seen.size() && i < answer.seen.size(); ++i) {
    const Seen& seen = predicted.seen[i];
    if (seen.id || !answer.seen[i].id || seen.creator == 0) continue;
    KeyState next = *learned;
    for (VersionState& version : next.chain) {
      if (version.creator == seen.creator) version.id = *answer.seen[i].id;
    }
    for (UploadState& upload : next.uploads) {
      if (upload.creator == seen.creator) upload.id = *answer.seen[i].id;
    }
    for (CompletedState& completed : next.completed) {
      if (completed.version.creator == seen.creator) completed.version.id = *answer.seen[i].id;
    }
    learned = std::make_shared<const KeyState>(std::move(next));
  }
  return learned;
}

const char* OpName(OpKind kind) {
  switch (kind) {
    case OpKind::kCreateBucket: return "CreateBucket";
    case OpKind::kDeleteBucket: return "DeleteBucket";
    case OpKind::kSetVersioning: return "SetVersioning";
    case OpKind::kPut: return "Put";
    case OpKind::kDelete: return "Delete";
    case OpKind::kCreateUpload: return "CreateUpload";
    case OpKind::kPutPart: return "PutPart";
    case OpKind::kComplete: return "Complete";
    case OpKind::kAbort: return "Abort";
    case OpKind::kRead: return "Read";
    case OpKind::kListed: return "Listed";
    case OpKind::kReadChain: return "ReadChain";
    case OpKind::kReadParts: return "ReadParts";
    case OpKind::kReadUploads: return "ReadUploads";
    case OpKind::kReadBucket: return "ReadBucket";
  }
  return "?";
}

std::string Op::ToString() const {
  std::string text = "#" + std::to_string(number) + " " + OpName(kind);
  if (content) text += " etag=" + content->etag + " size=" + std::to_string(content->size);
  if (kind == OpKind::kSetVersioning) {
    text += versioning == model::Versioning::kEnabled ? " enabled" : " suspended";
  }
  if (must_not_exist) text += " if-none-match=*";
  if (etag_match) text += " if-match=" + *etag_match;
  if (version_id) text += " version=" + *version_id;
  if (!upload_id.empty()) text += " upload=" + upload_id;
  if (part_number != 0) text += " part=" + std::to_string(part_number);
  if (!parts.empty()) text += " parts=" + std::to_string(parts.size());
  return text;
}

std::string Seen::ToString() const {
  if (marker) return "marker" + (id ? "@" + *id : std::string());
  return etag + "/" + std::to_string(size) + (tag ? "/" + *tag : std::string()) +
         (id ? "@" + *id : std::string());
}

std::string Outcome::ToString() const {
  std::string text(CodeName(code));
  if (existed.value_or(false)) text += " existed";
  if (created_marker.value_or(false)) text += " made-marker";
  if (deleted_marker.value_or(false)) text += " removed-marker";
  for (const Seen& one : seen) text += " " + one.ToString();
  return text;
}

std::string KeyState::ToString() const {
  if (!bucket_exists) return "{no bucket}";
  static constexpr const char* kModes[] = {"never", "enabled", "suspended"};
  std::string text = std::string("{") + kModes[static_cast<int>(versioning)];
  for (const VersionState& version : chain) {
    text += " #" + std::to_string(version.creator) + ":" + See(version).ToString();
  }
  for (const UploadState& upload : uploads) {
    text += " upload " + upload.id + "(";
    for (const auto& [number, part] : upload.parts) {
      text += " " + std::to_string(number) + ":" + EtagOf(part.content);
    }
    text += " )";
  }
  return text + "}";
}

}  // namespace ashlar::sim
