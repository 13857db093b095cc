#include "metadata_rebuild/internal/writes.h"

#include <algorithm>

#include "base/bytes.h"

namespace ashlar::metadata_rebuild {
namespace {

// Directories are written before the checksum is known when the body ends early; then its text is
// padding.
model::Checksum ChecksumOf(const model::DirectoryEntry& entry) {
  model::Checksum checksum = entry.checksum;
  const bool padding = checksum.value.find_first_not_of('=') == std::string::npos;
  return padding ? model::Checksum{} : checksum;
}

}  // namespace

int64_t TimeOf(const UniqueId& id) {
  int64_t time = 0;
  for (size_t i = 0; i < 6; ++i) time = time << 8 | id.bytes[i];
  return time;
}

Write JoinEntries(std::vector<std::pair<ExtentId, model::DirectoryEntry>> entries) {
  CHECK(!entries.empty());
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) {
    if (a.second.object_offset != b.second.object_offset) {
      return a.second.object_offset < b.second.object_offset;
    }
    return a.first > b.first;
  });
  Write write;
  uint64_t end = 0;
  bool whole = true;
  for (const auto& [extent, entry] : entries) write.extents.push_back(extent);
  for (auto& [extent, entry] : entries) {
    if (!write.slices.empty() && entry.object_offset < end) continue;  // the same piece again
    whole = whole && entry.object_offset == end;
    end = entry.object_offset + entry.length;
    write.slices.push_back({extent, entry.extent_offset, entry.length});
    write.newest_extent = std::max(write.newest_extent, extent);
    write.begun_ms = std::max(write.begun_ms, entry.moved ? entry.time_ms : TimeOf(extent));
    const bool last = entry.last;
    write.entry = std::move(entry);
    write.complete = whole && last && end == write.entry.object_size;
    if (last) break;
  }
  return write;
}

bool IsDecided(Fate fate) {
  return fate == Fate::kKnown || fate == Fate::kBucketDeleted || fate == Fate::kOverwritten;
}

Fate DecideFate(const Write& write, const WriteContext& context) {
  if (context.extent_known) return Fate::kKnown;
  if (!write.complete) return Fate::kIncomplete;
  const int64_t begun_ms = write.begun_ms;
  if (context.journal_until_ms && begun_ms < *context.journal_until_ms - kUndecidedAgeMsMax) {
    return Fate::kTooOld;
  }
  if (context.bucket_deleted_ms && begun_ms < *context.bucket_deleted_ms) {
    return Fate::kBucketDeleted;
  }
  if (!context.keeps_versions && context.key_changed_ms && begun_ms < *context.key_changed_ms) {
    return Fate::kOverwritten;
  }
  return Fate::kRestored;
}

model::ObjectVersion VersionOf(const Write& write) {
  model::ObjectVersion version;
  version.size = write.entry.object_size;
  version.etag = HexEncode(write.entry.md5);
  version.last_modified_ms = write.entry.time_ms;
  version.storage_class = write.entry.storage_class;
  version.system_headers = write.entry.system_headers;
  version.user_metadata = write.entry.user_metadata;
  version.extras = write.entry.extras;
  version.checksum = ChecksumOf(write.entry);
  model::Part part;
  part.size = version.size;
  part.slices = write.slices;
  version.parts.push_back(std::move(part));
  return version;
}

model::UploadPart PartOf(const Write& write) {
  model::UploadPart part;
  part.etag = HexEncode(write.entry.md5);
  part.last_modified_ms = write.entry.time_ms;
  part.checksum = ChecksumOf(write.entry);
  part.part.number = write.entry.part_number;
  part.part.size = write.entry.object_size;
  // What Complete combines when the upload named no algorithm.
  if (part.checksum.algorithm == model::ChecksumAlgorithm::kCrc64Nvme) {
    part.part.checksum_value = part.checksum.value;
  }
  part.part.slices = write.slices;
  return part;
}

model::Upload UploadOf(const Write& write) {
  model::Upload upload;
  upload.id = write.entry.upload_id;
  upload.key = write.entry.key;
  upload.initiated_ms = TimeOf(write.entry.upload_id);
  upload.storage_class = write.entry.storage_class;
  upload.system_headers = write.entry.system_headers;
  upload.user_metadata = write.entry.user_metadata;
  upload.extras = write.entry.extras;
  const model::ChecksumAlgorithm algorithm = ChecksumOf(write.entry).algorithm;
  // CRC64NVME is what parts carry when the upload named none; both are completed alike.
  if (algorithm == model::ChecksumAlgorithm::kCrc64Nvme) return upload;
  upload.checksum_algorithm = algorithm;
  // The default of each algorithm; the directory does not say.
  upload.checksum_type = algorithm == model::ChecksumAlgorithm::kNone
                             ? model::ChecksumType::kFullObject
                             : model::ChecksumType::kComposite;
  return upload;
}

}  // namespace ashlar::metadata_rebuild
