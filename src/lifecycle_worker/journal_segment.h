// JournalSegment: a piece of the metadata journal, the copy of the metadata that lies on the drives
// (see metadata_journal.h), as a value with its codec.
//
// An update says what one stretch of commits changed; the parts of a checkpoint together say all
// that there was at one commit. Replay: the newest checkpoint that is whole, then the updates
// behind it in the order of NewerPiece.
//
// Encoding, little-endian:
//   offset size
//        0    1  format (1)
//        1    4  CRC32C of bytes 5..end
//        5    *  name as FormatPieceName gives it (text): a segment under a foreign name is refused
//                written_ms (varint), then each list as its length (varint) and its items:
//                settings (name, value) | buckets (row) | events (row, version row or empty) |
//                versions (bucket id, key, row) | uploads (row) | parts (upload id (16), began,
//                row) | extents (16 each)
// Texts and rows carry a varint length; rows are those of model/object_version.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "metadata_db/archive.h"
#include "model/object_version.h"

namespace ashlar::lifecycle_worker {

// No client can name it: the names of S3 buckets begin with a letter or digit.
inline constexpr char kJournalBucket[] = ".ashlar-journal";

// The object key of a segment tells its place, so that a replay can choose before it reads.
struct PieceName {
  bool checkpoint = false;
  // Covers the commits (after, through]; a checkpoint all up to `through`.
  Sequence after;
  Sequence through;
  UniqueId id;        // of an update: its own; the parts of a checkpoint share one
  uint32_t part = 0;  // of a checkpoint, from 0
  bool last = false;  // of a checkpoint: no part follows
  bool operator==(const PieceName&) const = default;
};
[[nodiscard]] std::string FormatPieceName(const PieceName& name);
// nullopt: not the key of a segment.
[[nodiscard]] std::optional<PieceName> ParsePieceName(std::string_view key);
// Order of replay among updates.
[[nodiscard]] bool ComesBefore(const PieceName& a, const PieceName& b);
// Says the checkpoint all that `piece` could say? Then `piece` must not be replayed.
[[nodiscard]] bool IsCoveredBy(const PieceName& piece, const PieceName& checkpoint);

// A change, and the version that it made, unless that had gone when the journal was written.
struct JournaledEvent {
  model::OutboxEvent event;
  std::optional<model::ObjectVersion> version;
  bool operator==(const JournaledEvent&) const = default;
};

struct JournalSegment {
  PieceName name;
  int64_t written_ms = 0;
  std::vector<std::pair<std::string, std::string>> settings;
  std::vector<model::Bucket> buckets;
  std::vector<JournaledEvent> events;
  std::vector<metadata_db::ArchivedVersion> versions;
  std::vector<model::Upload> uploads;
  std::vector<metadata_db::ArchivedPart> parts;
  // Extents of which the journal says all there is to say: a write in their directories that no
  // version refers to had been deleted, or was never acknowledged.
  std::vector<ExtentId> extents;
  bool operator==(const JournalSegment&) const = default;
};

[[nodiscard]] std::string EncodeJournalSegment(const JournalSegment& segment);
[[nodiscard]] Result<JournalSegment> DecodeJournalSegment(std::string_view bytes);

}  // namespace ashlar::lifecycle_worker
