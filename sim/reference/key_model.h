// KeyModel: what S3 means for one key, executable. State, operation, and the pure function from one
// to the next. Written apart from the product; nothing here knows rows, extents or transactions.
//
// An operation on a bucket is seen by each of its keys as an operation of its own. That loses the
// bond between keys (a deletion of the bucket needs all of them empty), never truth.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "model/object_version.h"
#include "reference/content.h"

namespace ashlar::sim {

// Parts of a completed upload but the last must have this size.
inline constexpr uint64_t kPartBytesMin = 2000;

struct VersionState {
  uint64_t creator = 0;  // number of the operation that made it
  std::string id;        // empty: made, but nobody has been told its id yet
  ContentPtr content;    // null: a delete marker
  bool operator==(const VersionState& other) const;
};

struct PartState {
  ContentPtr content;
  uint64_t began = 0;
  bool operator==(const PartState& other) const;
};

struct UploadState {
  uint64_t creator = 0;
  std::string id;  // empty as above
  std::string tag;
  uint64_t newest_at_start = 0;  // creator of the key's newest version; 0: none
  std::map<uint32_t, PartState> parts;
  bool operator==(const UploadState&) const = default;
};

using NamedParts = std::vector<std::pair<uint32_t, std::string>>;  // number, ETag

struct CompletedState {
  std::string upload_id;
  NamedParts parts;
  VersionState version;
  bool operator==(const CompletedState&) const = default;
};

struct KeyState {
  bool bucket_exists = false;
  model::Versioning versioning = model::Versioning::kNever;
  std::vector<VersionState> chain;  // newest first
  std::vector<UploadState> uploads;
  std::vector<CompletedState> completed;  // the last few
  bool operator==(const KeyState&) const = default;

  // Null: no current object.
  const VersionState* Current() const;
  // No client can tell them apart by reading.
  bool LooksLike(const KeyState& other) const;
  std::string ToString() const;
};
using KeyStatePtr = std::shared_ptr<const KeyState>;

enum class OpKind : uint8_t {
  kCreateBucket,
  kDeleteBucket,
  kSetVersioning,
  kPut,  // also the target of a copy
  kDelete,
  kCreateUpload,
  kPutPart,
  kComplete,
  kAbort,
  // reads
  kRead,       // GET, HEAD
  kListed,     // one key of a listing of current versions
  kReadChain,  // one key of a listing of versions
  kReadParts,
  kReadUploads,  // one key of a listing of uploads
  kReadBucket,   // its versioning
};
inline bool IsRead(OpKind kind) { return kind >= OpKind::kRead; }
[[nodiscard]] const char* OpName(OpKind kind);

struct Op {
  uint64_t number = 0;  // unique, ascending
  OpKind kind = OpKind::kRead;
  model::Versioning versioning = model::Versioning::kNever;
  ContentPtr content;
  std::string tag;  // of an upload
  bool must_not_exist = false;
  std::optional<std::string> etag_match;
  std::optional<std::string> version_id;
  std::string upload_id;
  uint32_t part_number = 0;
  uint64_t began = 0;  // order in which part uploads began, set when the store is called
  NamedParts parts;
  uint64_t body_breaks_at = UINT64_MAX;  // the client goes away after so many bytes
  std::string ToString() const;
};
using OpPtr = std::shared_ptr<Op>;

// One version (or part, or upload) as an answer shows it.
struct Seen {
  bool marker = false;
  std::string etag;
  uint64_t size = 0;
  std::optional<std::string> tag;
  std::optional<std::string> id;  // version id, upload id, part number
  uint64_t creator = 0;           // known to the model only
  std::string ToString() const;
};

// Uploads have no order that a client could know.
void SortByTag(std::vector<Seen>* seen);

struct Outcome {
  Code code = Code::kOk;
  std::vector<Seen> seen;
  // Of deletions, as far as the answer tells.
  std::optional<bool> existed;
  std::optional<bool> created_marker;
  std::optional<bool> deleted_marker;
  std::string ToString() const;
};
// What a reader of the bucket itself sees.
[[nodiscard]] Outcome SeeBucket(model::Versioning versioning);

// What may happen when `op` takes effect on `state`; more than one thing only for operations on
// buckets, where other keys decide.
struct Effect {
  Outcome outcome;
  KeyStatePtr next;
};
[[nodiscard]] std::vector<Effect> Apply(const KeyStatePtr& state, const Op& op);

// Whether an answer may be what the model predicted.
[[nodiscard]] bool Agrees(const Outcome& predicted, const Outcome& answer);
// The state with the ids that the answer told.
[[nodiscard]] KeyStatePtr LearnIds(const KeyStatePtr& state, const Outcome& predicted,
                                   const Outcome& answer);

}  // namespace ashlar::sim
