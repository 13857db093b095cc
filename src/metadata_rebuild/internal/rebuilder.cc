#include "metadata_rebuild/internal/rebuilder.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/bytes.h"
#include "base/log.h"
#include "metadata_rebuild/internal/replay.h"

namespace ashlar::metadata_rebuild {
namespace {

using lifecycle_worker::JournalSegment;
using lifecycle_worker::kJournalBucket;
using lifecycle_worker::PieceName;

constexpr uint64_t kRowsBetweenProgress = 500;
// Numbers that the lost database may have given out without leaving a trace: none of them is given
// again, so that version ids stay unique.
constexpr uint64_t kSequenceMargin = 1'000'000;

// What is known of a part in a directory (rows 'y').
constexpr char kPartCompleted = 'c';  // a version has its bytes
constexpr char kPartDecided = 'd';    // it was in the books of the journal, which say the rest
constexpr char kPartNew = 'n';

// Rows of 'r' of one extent -> the extent; nullopt when no record is of use.
class ExtentBuilder {
 public:
  void Take(const model::ShardRecordHeader& header, DriveId drive) {
    if (extent_.locations.empty()) {
      extent_.id = header.extent;
      extent_.data_shards = header.data_shards;
      extent_.parity_shards = header.parity_shards;
      extent_.tier = header.tier;
      extent_.unit_bytes = header.unit_bytes;
      extent_.payload_bytes = header.payload_bytes;
      extent_.directory_bytes = header.directory_bytes;
      const auto shards = static_cast<size_t>(header.data_shards) + header.parity_shards;
      extent_.locations.resize(shards);
      extent_.roots.resize(shards);
    }
    if (header.shard_index >= extent_.locations.size() ||
        header.payload_bytes != extent_.payload_bytes ||
        header.data_shards != extent_.data_shards) {
      return;
    }
    model::ShardLocation& location = extent_.locations[header.shard_index];
    if (location.present) return;  // rows come newest generation first
    location = {.drive = drive,
                .present = true,
                .generation = header.generation,
                .volume = header.volume,
                .offset = header.own_offset};
    extent_.roots[header.shard_index] = header.root;
  }

  // Shards that were not found belong on drives that hold none of the extent.
  model::Extent Finish(size_t drives) {
    std::set<DriveId> used;
    for (const model::ShardLocation& location : extent_.locations) {
      if (location.present) used.insert(location.drive);
    }
    DriveId next;
    for (model::ShardLocation& location : extent_.locations) {
      if (location.present) continue;
      while (next.value + 1u < drives && used.contains(next)) ++next.value;
      location.drive = next;
      used.insert(next);
    }
    return std::move(extent_);
  }

  bool empty() const { return extent_.locations.empty(); }
  const ExtentId& id() const { return extent_.id; }

 private:
  model::Extent extent_;
};

size_t PresentShards(const model::Extent& extent) {
  return static_cast<size_t>(
      std::count_if(extent.locations.begin(), extent.locations.end(),
                    [](const model::ShardLocation& location) { return location.present; }));
}

}  // namespace

Task<Result<bool>> Rebuilder::Has(std::string row) {
  CO_ASSIGN_OR_RETURN(const auto found, co_await scratch_.Get(std::move(row)));
  co_return found.has_value();
}

Task<Result<model::Extent>> Rebuilder::LoadExtent(ExtentId id) {
  CO_ASSIGN_OR_RETURN(const auto row, co_await scratch_.Get(ExtentKey('x', id)));
  if (!row) co_return Status(Code::kNotFound, "no shard of extent " + id.ToHex());
  co_return model::DecodeExtent(*row);
}

// ---- what the drives hold

Task<Status> Rebuilder::ReadDirectory(const model::Extent& extent, RowWriter* writer) {
  const Result<std::string> bytes =
      co_await drives_.ReadPayload(extent, extent.data_bytes(), extent.directory_bytes);
  const auto entries = bytes.ok() ? model::DecodeDirectory(*bytes)
                                  : Result<std::vector<model::DirectoryEntry>>(bytes.status());
  if (!entries.ok()) {
    co_return co_await writer->Put(ExtentKey('n', extent.id), "");
  }
  for (const model::DirectoryEntry& entry : *entries) {
    if (entry.extent_offset > extent.data_bytes() ||
        entry.length > extent.data_bytes() - entry.extent_offset) {
      continue;
    }
    if (entry.bucket == kJournalBucket) journal_writes_[entry.key] = entry.write_id;
    const std::vector<model::DirectoryEntry> alone(1, entry);
    std::string row = ExtentKey('w', entry.write_id) + Big64(entry.object_offset);
    row += extent.id.View();
    CO_RETURN_IF_ERROR(co_await writer->Put(std::move(row), model::EncodeDirectory(alone)));
  }
  co_return Status::Ok();
}

Task<Status> Rebuilder::AddExtent(model::Extent extent, RowWriter* writer) {
  ++report_.extents;
  report_.shards_missing += extent.locations.size() - PresentShards(extent);
  if (report_.code.empty()) {
    report_.code = std::to_string(extent.data_shards) + "+" + std::to_string(extent.parity_shards);
  }
  CO_RETURN_IF_ERROR(co_await writer->Put(ExtentKey('x', extent.id), model::EncodeExtent(extent)));
  if (extent.directory_bytes > 0) CO_RETURN_IF_ERROR(co_await ReadDirectory(extent, writer));
  co_return Status::Ok();
}

Task<Status> Rebuilder::AssembleExtents() {
  RowWriter writer(scratch_);
  ExtentBuilder builder;
  TableWalk walk(scratch_, 'r');
  uint64_t rows = 0;
  for (; walk.Valid(); walk.Next()) {
    const std::string_view key = walk.key();
    CO_ASSIGN_OR_RETURN(const model::ShardRecordHeader header,
                        model::DecodeShardRecordHeader(AsBytes(walk.value())));
    if (!builder.empty() && builder.id() != header.extent) {
      CO_RETURN_IF_ERROR(co_await AddExtent(builder.Finish(drives_.uuids().size()), &writer));
      builder = ExtentBuilder();
    }
    // extent (16) | shard (1) | ~generation (4) | drive (2) | ...
    builder.Take(header, DriveId{static_cast<uint16_t>(ReadBig(key.substr(21, 2)))});
    if (++rows % kRowsBetweenProgress == 0) Tell("directories", rows, report_.records);
  }
  CO_RETURN_IF_ERROR(walk.status());
  if (!builder.empty()) {
    CO_RETURN_IF_ERROR(co_await AddExtent(builder.Finish(drives_.uuids().size()), &writer));
  }
  co_return co_await writer.Flush();
}

Task<Result<Write>> Rebuilder::LoadWrite(UniqueId write_id) {
  std::vector<std::pair<ExtentId, model::DirectoryEntry>> entries;
  TableWalk walk(scratch_, 'w', write_id.View());
  for (; walk.Valid(); walk.Next()) {
    CO_ASSIGN_OR_RETURN(auto directory, model::DecodeDirectory(walk.value()));
    entries.emplace_back(UniqueId::FromView(walk.key().substr(24)), std::move(directory.front()));
  }
  CO_RETURN_IF_ERROR(walk.status());
  if (entries.empty()) co_return Status(Code::kNotFound, "no such write");
  co_return JoinEntries(std::move(entries));
}

// ---- what the journal says

Task<Result<JournalSegment>> Rebuilder::ReadPiece(PieceName name) {
  const std::string key = lifecycle_worker::FormatPieceName(name);
  CO_ASSIGN_OR_RETURN(const Write write, co_await LoadWrite(journal_writes_.at(key)));
  if (!write.complete) co_return Status(Code::kUnavailable, key + " is not all there");
  std::string bytes;
  for (const model::Slice& slice : write.slices) {
    CO_ASSIGN_OR_RETURN(const model::Extent extent, co_await LoadExtent(slice.extent));
    CO_ASSIGN_OR_RETURN(const std::string piece,
                        co_await drives_.ReadPayload(extent, slice.offset, slice.length));
    bytes += piece;
  }
  CO_ASSIGN_OR_RETURN(JournalSegment segment, lifecycle_worker::DecodeJournalSegment(bytes));
  if (segment.name != name) co_return Status(Code::kCorrupt, key + " holds another segment");
  co_return segment;
}

Task<bool> Rebuilder::CanRead(std::vector<PieceName> parts) {
  for (const PieceName& part : parts) {
    const auto segment = co_await ReadPiece(part);
    if (segment.ok()) continue;
    report_.journal_problems.push_back("a part of a checkpoint cannot be read: " +
                                       segment.status().message());
    co_return false;
  }
  co_return true;
}

Task<Status> Rebuilder::ApplyPiece(PieceName name, Sequence covered) {
  const std::string key = lifecycle_worker::FormatPieceName(name);
  const auto segment = co_await ReadPiece(name);
  if (!segment.ok()) {
    report_.journal_problems.push_back(key + ": " + segment.status().message());
    co_return Status::Ok();
  }
  last_sequence_ = std::max(last_sequence_, HighestSequence(*segment));
  journal_until_ms_ = std::max(journal_until_ms_.value_or(0), segment->written_ms);
  journal_used_[key] = true;
  ++report_.journal_segments;
  metadata_db::TransactionBody body = [&](metadata_db::Transaction& rows) {
    return ApplySegment(rows, *segment, covered);
  };
  co_return co_await Change(scratch_, std::move(body));
}

Task<Status> Rebuilder::ReplayJournal() {
  std::vector<PieceName> pieces;
  for (const auto& [key, write_id] : journal_writes_) {
    if (const auto name = lifecycle_worker::ParsePieceName(key)) pieces.push_back(*name);
  }
  ReplayPlan plan = PlanReplay(pieces);
  while (!plan.checkpoint.empty()) {
    if (co_await CanRead(plan.checkpoint)) break;
    // An older one may still lie there.
    const UniqueId bad = plan.checkpoint.front().id;
    std::erase_if(pieces,
                  [bad](const PieceName& piece) { return piece.checkpoint && piece.id == bad; });
    plan = PlanReplay(pieces);
  }
  for (std::string& problem : plan.problems) {
    report_.journal_problems.push_back(std::move(problem));
  }
  Sequence covered;
  if (!plan.checkpoint.empty()) covered = plan.checkpoint.front().through;
  uint64_t done = 0;
  const uint64_t total = plan.checkpoint.size() + plan.updates.size();
  for (const PieceName& part : plan.checkpoint) {
    CO_RETURN_IF_ERROR(co_await ApplyPiece(part, covered));
    Tell("journal", ++done, total);
  }
  for (const PieceName& update : plan.updates) {
    CO_RETURN_IF_ERROR(co_await ApplyPiece(update, covered));
    Tell("journal", ++done, total);
  }
  report_.journal_found = journal_until_ms_.has_value();
  report_.journal_until_ms = journal_until_ms_.value_or(0);
  last_sequence_.value += kSequenceMargin;
  co_return co_await LoadBuckets();
}

Task<Status> Rebuilder::LoadBuckets() {
  TableWalk buckets(scratch_, 'b');
  for (; buckets.Valid(); buckets.Next()) {
    CO_ASSIGN_OR_RETURN(model::Bucket bucket, model::DecodeBucket(buckets.value()));
    bucket_names_[bucket.name] = bucket.id;
    buckets_[bucket.id] = std::move(bucket);
  }
  CO_RETURN_IF_ERROR(buckets.status());
  TableWalk settings(scratch_, 's');
  for (; settings.Valid(); settings.Next()) {
    report_.settings.emplace_back(settings.key(), settings.value());
  }
  co_return settings.status();
}

// ---- what the directories tell beyond it

const model::Bucket* Rebuilder::FindBucket(const std::string& name) const {
  const auto id = bucket_names_.find(name);
  return id == bucket_names_.end() ? nullptr : &buckets_.at(id->second);
}

const model::Bucket& Rebuilder::BucketNamed(const Write& write) {
  if (const model::Bucket* bucket = FindBucket(write.entry.bucket)) return *bucket;
  model::Bucket bucket;
  if (!buckets_.empty()) {
    // One operator, one region: the best that can be said.
    bucket.owner = buckets_.begin()->second.owner;
    bucket.region = buckets_.begin()->second.region;
  }
  bucket.id = BucketId{NextSequence().value};
  bucket.name = write.entry.bucket;
  bucket.created_ms = write.entry.time_ms;
  if (bucket.name != kJournalBucket) {
    report_.buckets_made_up.Add(bucket.name, options_.names_max);
  }
  bucket_names_[bucket.name] = bucket.id;
  return buckets_[bucket.id] = std::move(bucket);
}

Task<Status> Rebuilder::LeaveAlone(const Write& write, const char* why, RowWriter* writer) {
  report_.refused.Add(write.Name() + ": " + why, options_.names_max);
  for (const model::Slice& slice : write.slices) {
    CO_RETURN_IF_ERROR(co_await writer->Put(ExtentKey('n', slice.extent), ""));
  }
  co_return Status::Ok();
}

Task<Status> Rebuilder::Restore(const Write& write, UniqueId write_id, RowWriter* writer) {
  const auto time = static_cast<uint64_t>(TimeOf(write.newest_extent));
  std::string order = 'q' + Big64(time) + std::string(write.newest_extent.View());
  order += Big64(write.slices.front().offset);
  return writer->Put(order + std::string(write_id.View()), "");
}

Task<Result<WriteContext>> Rebuilder::ContextOf(const Write& write) {
  WriteContext context;
  context.journal_until_ms = journal_until_ms_;
  for (const ExtentId& extent : write.extents) {
    for (const char table : {'k', 'c'}) {
      CO_ASSIGN_OR_RETURN(const bool known, co_await Has(ExtentKey(table, extent)));
      context.extent_known |= known;
    }
  }
  CO_ASSIGN_OR_RETURN(const auto deleted, co_await scratch_.Get('d' + write.entry.bucket));
  if (deleted) context.bucket_deleted_ms = static_cast<int64_t>(ReadBig(*deleted));
  const model::Bucket* const bucket = FindBucket(write.entry.bucket);
  if (bucket == nullptr) co_return context;
  context.keeps_versions = bucket->versioning == model::Versioning::kEnabled;
  CO_ASSIGN_OR_RETURN(const auto changed,
                      co_await scratch_.Get('t' + KeyId(bucket->id, write.entry.key)));
  if (changed) context.key_changed_ms = static_cast<int64_t>(ReadBig(*changed));
  co_return context;
}

Task<Status> Rebuilder::NotePart(const Write& write, UniqueId write_id, RowWriter* writer) {
  char fate = kPartNew;
  const model::Bucket* const bucket = FindBucket(write.entry.bucket);
  for (const model::Slice& slice : write.slices) {
    CO_ASSIGN_OR_RETURN(const auto owner, co_await scratch_.Get(SliceKey(slice)));
    if (owner && bucket != nullptr && *owner == KeyId(bucket->id, write.entry.key)) {
      fate = kPartCompleted;
      break;
    }
    CO_ASSIGN_OR_RETURN(const bool listed, co_await Has(ExtentKey('c', slice.extent)));
    if (listed) fate = kPartDecided;
  }
  if (fate == kPartNew && !write.complete) {
    co_return co_await LeaveAlone(write, "a part that is not all there", writer);
  }
  const std::string row = ExtentKey('y', write.entry.upload_id) + Big32(write.entry.part_number) +
                          std::string(write.newest_extent.View()) + std::string(write_id.View());
  co_return co_await writer->Put(row, std::string(1, fate));
}

Task<Status> Rebuilder::DecideWrite(Write write, UniqueId write_id, RowWriter* writer) {
  if (write.entry.bucket == kJournalBucket) {
    // Kept as objects until the next checkpoint of the journal; the others are superseded.
    const bool used = journal_used_.contains(write.entry.key);
    if (used) co_return co_await Restore(write, write_id, writer);
    co_return Status::Ok();
  }
  if (write.IsPart()) co_return co_await NotePart(write, write_id, writer);
  CO_ASSIGN_OR_RETURN(const WriteContext context, co_await ContextOf(write));
  const Fate fate = DecideFate(write, context);
  switch (fate) {
    case Fate::kRestored: co_return co_await Restore(write, write_id, writer);
    case Fate::kIncomplete: co_return co_await LeaveAlone(write, "it is not all there", writer);
    case Fate::kTooOld:
      co_return co_await LeaveAlone(write, "the journal should know it, but does not", writer);
    default: break;
  }
  CHECK(IsDecided(fate));
  co_return Status::Ok();
}

Task<Status> Rebuilder::DecideWrites() {
  RowWriter writer(scratch_);
  std::optional<UniqueId> before;
  uint64_t writes = 0;
  TableWalk walk(scratch_, 'w');
  for (; walk.Valid(); walk.Next()) {
    const UniqueId write_id = UniqueId::FromView(walk.key().substr(0, 16));
    if (before && *before == write_id) continue;
    before = write_id;
    CO_ASSIGN_OR_RETURN(Write write, co_await LoadWrite(write_id));
    CO_RETURN_IF_ERROR(co_await DecideWrite(std::move(write), write_id, &writer));
    if (++writes % kRowsBetweenProgress == 0) Tell("writes", writes, 0);
  }
  CO_RETURN_IF_ERROR(walk.status());
  co_return co_await writer.Flush();
}

// The PUTs that no journal knows, in the order of time.
Task<Status> Rebuilder::RestoreWrites() {
  TableWalk walk(scratch_, 'q');
  for (; walk.Valid(); walk.Next()) {
    const UniqueId write_id = UniqueId::FromView(walk.key().substr(32));
    CO_ASSIGN_OR_RETURN(const Write write, co_await LoadWrite(write_id));
    const model::Bucket& bucket = BucketNamed(write);
    model::ObjectVersion version = VersionOf(write);
    version.sequence = NextSequence();
    version.extras.lock =
        model::LockOfNewVersion(bucket, version.extras.lock, version.last_modified_ms);
    if (bucket.versioning == model::Versioning::kEnabled) {
      // As MetadataDb makes them: the sequence, then what cannot be guessed.
      version.version_id =
          HexEncode(AsBytes(Big64(version.sequence.value))) + write_id.ToHex().substr(16);
    }
    const BucketId bucket_id = bucket.id;
    if (bucket.name != kJournalBucket) {
      report_.from_directories.Add(write.Name(), options_.names_max);
    }
    metadata_db::TransactionBody body = [&](metadata_db::Transaction& rows) {
      return ApplyVersion(rows, bucket_id, write.entry.key, version);
    };
    CO_RETURN_IF_ERROR(co_await Change(scratch_, std::move(body)));
  }
  co_return walk.status();
}

Task<Status> Rebuilder::RestoreUpload(UniqueId upload_id, std::vector<FoundPart> parts) {
  const bool completed = std::any_of(parts.begin(), parts.end(), [](const FoundPart& part) {
    return part.fate == kPartCompleted;
  });
  CO_ASSIGN_OR_RETURN(const bool listed, co_await Has(ExtentKey('u', upload_id)));
  std::erase_if(parts, [](const FoundPart& part) { return part.fate != kPartNew; });
  RowWriter writer(scratch_);
  if (completed) {
    CO_RETURN_IF_ERROR(co_await writer.Put(ExtentKey('f', upload_id), ""));
    co_return co_await writer.Flush();
  }
  bool has_row = listed;
  for (const FoundPart& found : parts) {
    CO_ASSIGN_OR_RETURN(const Write write, co_await LoadWrite(found.write_id));
    if (!has_row) {
      model::Upload upload = UploadOf(write);
      const model::Bucket& bucket = BucketNamed(write);
      upload.bucket = bucket.id;
      upload.owner = bucket.owner;
      report_.uploads_made_up.Add(write.Name(), options_.names_max);
      CO_RETURN_IF_ERROR(
          co_await writer.Put(ExtentKey('u', upload_id), model::EncodeUpload(upload)));
      has_row = true;
    }
    model::UploadPart part = PartOf(write);
    part.sequence = NextSequence();
    std::string row;
    Encoder(&row).Varint(part.sequence.value);
    CO_RETURN_IF_ERROR(
        co_await writer.Put(ExtentKey('p', upload_id) + Big32(write.entry.part_number),
                            row + model::EncodeUploadPart(part)));
  }
  co_return co_await writer.Flush();
}

Task<Status> Rebuilder::RestoreParts() {
  std::optional<UniqueId> upload;
  std::vector<FoundPart> parts;
  TableWalk walk(scratch_, 'y');
  for (; walk.Valid(); walk.Next()) {
    const UniqueId id = UniqueId::FromView(walk.key().substr(0, 16));
    if (upload && *upload != id) {
      CO_RETURN_IF_ERROR(co_await RestoreUpload(*upload, std::move(parts)));
      parts.clear();
    }
    upload = id;
    // Of two uploads of one number the later extent comes later, and its row replaces the other's.
    parts.push_back(
        {.write_id = UniqueId::FromView(walk.key().substr(36)), .fate = walk.value().front()});
  }
  CO_RETURN_IF_ERROR(walk.status());
  if (upload) CO_RETURN_IF_ERROR(co_await RestoreUpload(*upload, std::move(parts)));
  co_return Status::Ok();
}

Task<Status> Rebuilder::Run() {
  CO_RETURN_IF_ERROR(co_await drives_.Identify(options_.drives));
  report_.cluster_id = drives_.cluster_id();
  report_.drive_uuids = drives_.uuids();
  report_.drives_found = drives_.count();
  CO_RETURN_IF_ERROR(co_await drives_.Scan(scratch_, options_, &report_.records));
  CO_RETURN_IF_ERROR(co_await AssembleExtents());
  CO_RETURN_IF_ERROR(co_await ReplayJournal());
  CO_RETURN_IF_ERROR(co_await DecideWrites());
  CO_RETURN_IF_ERROR(co_await RestoreWrites());
  co_return co_await RestoreParts();
}

}  // namespace ashlar::metadata_rebuild
