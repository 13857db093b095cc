#include "lifecycle_worker/metadata_journal.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <map>
#include <set>
#include <utility>

#include "base/log.h"
#include "lifecycle_worker/journal_segment.h"
#include "lifecycle_worker/reclaiming/step.h"
#include "metadata_db/archive.h"
#include "metadata_db/extent_catalog.h"
#include "runtime/metrics.h"
#include "runtime/sync.h"

namespace ashlar::lifecycle_worker {
namespace {

using object_service::BucketPtr;
using Segment = JournalSegment;

constexpr char kStateSetting[] = "metadata_journal";
constexpr uint8_t kStateFormat = 1;
// What a segment costs beside its bytes: headers of its shards, its rows.
constexpr uint64_t kSegmentOverheadBytes = 4096;
constexpr auto kStopTick = std::chrono::milliseconds(50);
// A write that failed is found among the extents that are no older than this.
constexpr int64_t kFailedWriteAgeMs = 30'000;
// Buckets and settings are compared at least every so many rounds: some changes leave no event.
constexpr int kRoundsBetweenComparisons = 10;
constexpr uint32_t kPageRows = 1000;

// What the journal has to remember, a setting of the metadata database. Without it the journal
// begins with a checkpoint: a new store, one of a version without journal, or a rebuilt one.
struct State {
  Sequence through;
  uint64_t checkpoint_bytes = 0;
  uint64_t update_bytes = 0;
};

std::string EncodeState(const State& state) {
  std::string row;
  Encoder out(&row);
  out.U8(kStateFormat);
  out.Varint(state.through.value);
  out.Varint(state.checkpoint_bytes);
  out.Varint(state.update_bytes);
  return row;
}

Result<State> DecodeState(std::string_view row) {
  Decoder in(row);
  State state;
  const bool known = in.U8() == kStateFormat;
  state.through.value = in.Varint();
  state.checkpoint_bytes = in.Varint();
  state.update_bytes = in.Varint();
  if (!known || !in.ok() || !in.AtEnd()) return Status(Code::kCorrupt, "state of the journal");
  return state;
}

// The smallest id of a time.
UniqueId IdOfTime(int64_t time_ms) {
  UniqueId id;
  const uint64_t big = __builtin_bswap64(static_cast<uint64_t>(time_ms) << 16);
  std::memcpy(id.bytes.data(), &big, 6);
  return id;
}

// Did the event make or change a version: data, or a delete marker?
bool MadeVersion(const model::OutboxEvent& event) {
  return event.type == model::EventType::kObjectPut ||
         event.type == model::EventType::kSlicesMoved ||
         event.type == model::EventType::kExtrasChanged ||
         (event.type == model::EventType::kObjectDeleted &&
          event.sequence == event.version_sequence);
}

// A segment on its way into the store.
class SegmentBody final : public object_service::BodySource {
 public:
  explicit SegmentBody(std::string_view bytes) : bytes_(bytes) {}
  uint64_t size() const override { return bytes_.size(); }
  Task<Result<size_t>> Read(MutableByteSpan out) override {
    const size_t count = std::min(out.size(), bytes_.size() - given_);
    if (count > 0) std::memcpy(out.data(), bytes_.data() + given_, count);
    given_ += count;
    co_return count;
  }
  Md5Digest Md5() const override { return ashlar::Md5(AsBytes(bytes_)); }
  model::Checksum Checksum() const override { return {}; }
  model::ChecksumAlgorithm checksum_algorithm() const override {
    return model::ChecksumAlgorithm::kNone;
  }
  uint64_t Crc64Nvme() const override { return ashlar::Crc64Nvme(0, AsBytes(bytes_)); }

 private:
  const std::string_view bytes_;
  size_t given_ = 0;
};

struct Metrics {
  prometheus::Gauge& lag =
      MetricGauge("ashlar_journal_lag_seconds",
                  "Age of the oldest change that is not in the metadata journal yet; 0: all are.");
  prometheus::Counter& failures = MetricCounter(
      "ashlar_journal_failures_total", "Rounds of the metadata journal that could not be written.");
  prometheus::Counter& updates =
      MetricCounter("ashlar_journal_updates_total", "Updates written by the metadata journal.");
  prometheus::Counter& checkpoints = MetricCounter("ashlar_journal_checkpoints_total",
                                                   "Checkpoints written by the metadata journal.");
  prometheus::Counter& bytes =
      MetricCounter("ashlar_journal_bytes_total", "Bytes written by the metadata journal.");
};

}  // namespace

struct MetadataJournal::Impl {
  Impl(Dependencies services, MetadataJournalOptions settings)
      : deps(services), options(std::move(settings)), catalog(deps.metadata) {}

  Task<void> Run();
  Task<Status> CatchUp();
  Task<void> MeasureLag();
  Task<Status> Prepare();
  // For the syncs of clients; nobody who stops the server waits for them.
  Duration Patience() const;
  Task<Status> Put(Segment segment, uint64_t* bytes);
  Task<Status> SaveState(State next);

  Task<Status> WriteCheckpoint();
  Task<Status> RemoveCovered(PieceName checkpoint);

  Task<Result<bool>> WriteUpdate();
  // The events of `events` whose versions fit in one segment.
  Task<Result<std::vector<JournaledEvent>>> LookUpVersions(std::vector<model::OutboxEvent> events);
  // Buckets and settings that differ from what was journaled last.
  Task<Status> CollectChangedRows(Segment* segment);
  Task<Status> CollectFailedWrites(Segment* segment);
  void NoteJournaled(const Segment& segment);

  const Dependencies deps;
  const MetadataJournalOptions options;
  metadata_db::ExtentCatalog catalog;
  Metrics metrics;
  TaskScope scope;
  std::atomic<bool> stopping{false};

  BucketPtr bucket;
  std::optional<State> state;
  Sequence trimmed;  // the outbox is empty up to here
  int rounds_to_comparison = 0;
  std::map<std::string, std::string> settings_journaled;
  std::map<BucketId, model::Bucket> buckets_journaled;
  std::set<ExtentId> failed_journaled;
  bool failing = false;
};

// ---- segments

Duration MetadataJournal::Impl::Patience() const {
  return stopping.load() ? Duration::zero() : std::min(options.patience, options.period / 4);
}

Task<Status> MetadataJournal::Impl::Put(Segment segment, uint64_t* bytes) {
  segment.written_ms = deps.clock.WallMilliseconds();
  const std::string encoded = EncodeJournalSegment(segment);
  object_service::PutObjectRequest request;
  request.bucket = bucket;
  request.key = FormatPieceName(segment.name);
  // No event tells of segments. In an extent with one, a write that was refused would look like one
  // of the last moments (CollectFailedWrites finds only extents that nobody refers to).
  request.alone = true;
  // What comes behind the first piece of a large checkpoint would take longer than it is worth.
  if (segment.name.part == 0) request.patience = Patience();
  SegmentBody body(encoded);
  const auto stored = co_await deps.objects.PutObject(std::move(request), body);
  if (!stored.ok()) co_return stored.status();
  *bytes += encoded.size() + kSegmentOverheadBytes;
  metrics.bytes.Increment(static_cast<double>(encoded.size()));
  co_return co_await PassStep("journal.segment_written");
}

Task<Status> MetadataJournal::Impl::SaveState(State next) {
  std::vector<std::pair<std::string, std::string>> settings;
  settings.emplace_back(kStateSetting, EncodeState(next));
  CO_RETURN_IF_ERROR(co_await deps.metadata.PutSettings(std::move(settings), Patience()));
  state = next;
  CO_RETURN_IF_ERROR(co_await PassStep("journal.state_saved"));
  CO_RETURN_IF_ERROR(co_await deps.metadata.TrimOutbox(next.through, Patience()));
  trimmed = std::max(trimmed, next.through);
  co_return Status::Ok();
}

Task<Status> MetadataJournal::Impl::Prepare() {
  if (bucket == nullptr) {
    auto found = co_await deps.objects.GetBucket(kJournalBucket);
    if (!found.ok() && found.code() != Code::kNotFound) co_return found.status();
    if (found.ok()) {
      bucket = std::move(*found);
    } else {
      CO_ASSIGN_OR_RETURN(model::Bucket made,
                          co_await deps.objects.CreateBucket(kJournalBucket, "", ""));
      bucket = std::make_shared<const model::Bucket>(std::move(made));
    }
  }
  if (state) co_return Status::Ok();
  const Result<std::string> row = co_await deps.metadata.GetSetting(kStateSetting);
  if (!row.ok()) co_return row.code() == Code::kNotFound ? Status::Ok() : row.status();
  CO_ASSIGN_OR_RETURN(state, DecodeState(*row));
  // The process may have died before it trimmed.
  CO_RETURN_IF_ERROR(co_await deps.metadata.TrimOutbox(state->through));
  trimmed = state->through;
  co_return Status::Ok();
}

void MetadataJournal::Impl::NoteJournaled(const Segment& segment) {
  for (const auto& [name, value] : segment.settings) settings_journaled[name] = value;
  for (const model::Bucket& each : segment.buckets) buckets_journaled[each.id] = each;
  failed_journaled.insert(segment.extents.begin(), segment.extents.end());
}

// ---- checkpoints

Task<Status> MetadataJournal::Impl::WriteCheckpoint() {
  metadata_db::MetadataExport rows(deps.rows);
  PieceName name;
  name.checkpoint = true;
  name.id = NewUniqueId(deps.clock, deps.random);
  CO_ASSIGN_OR_RETURN(name.through, co_await rows.Through());
  State next;
  next.through = name.through;
  for (bool at_end = false; !at_end; ++name.part) {
    // Nobody who stops the server waits for a large one: it is begun anew.
    if (stopping.load() && name.part > 0) {
      co_return Status(Code::kCancelled, "the checkpoint was broken off");
    }
    CO_ASSIGN_OR_RETURN(metadata_db::MetadataExport::Page page,
                        co_await rows.Next(options.piece_bytes_max, bucket->id));
    at_end = page.at_end;
    Segment segment;
    segment.name = name;
    segment.name.last = at_end;
    segment.buckets = std::move(page.buckets);
    segment.versions = std::move(page.versions);
    segment.uploads = std::move(page.uploads);
    segment.parts = std::move(page.parts);
    segment.extents = std::move(page.extents);
    CO_RETURN_IF_ERROR(co_await Put(std::move(segment), &next.checkpoint_bytes));
  }
  // Settings and buckets go into the first update again, whatever was journaled before.
  settings_journaled.clear();
  buckets_journaled.clear();
  rounds_to_comparison = 0;
  CO_RETURN_IF_ERROR(co_await SaveState(next));
  metrics.checkpoints.Increment();
  spdlog::info("msg=\"metadata checkpoint written\" through={} parts={} bytes={}",
               next.through.value, name.part, next.checkpoint_bytes);
  co_return co_await RemoveCovered(name);
}

Task<Status> MetadataJournal::Impl::RemoveCovered(PieceName checkpoint) {
  metadata_db::ListRequest request;
  request.bucket = bucket->id;
  request.max_entries = kPageRows;
  for (bool more = true; more;) {
    CO_ASSIGN_OR_RETURN(const metadata_db::ListPage page, co_await deps.objects.List(request));
    std::vector<metadata_db::DeleteObjectChange> covered;
    for (const metadata_db::ListEntry& entry : page.objects) {
      const auto name = ParsePieceName(entry.key);
      if (name && IsCoveredBy(*name, checkpoint))
        covered.push_back({.key = entry.key, .version_id = {}, .etag_match = {}});
    }
    for (const auto& deleted : co_await deps.objects.DeleteObjects(bucket, std::move(covered))) {
      if (!deleted.ok()) co_return deleted.status();
    }
    request.start_after = page.next_after;
    more = page.truncated;
  }
  co_return Status::Ok();
}

// ---- updates

Task<Result<std::vector<JournaledEvent>>> MetadataJournal::Impl::LookUpVersions(
    std::vector<model::OutboxEvent> events) {
  std::vector<metadata_db::VersionName> names;
  for (const model::OutboxEvent& event : events) {
    if (MadeVersion(event)) names.push_back({event.bucket, event.key, event.version_sequence});
  }
  const size_t wanted = names.size();
  CO_ASSIGN_OR_RETURN(auto versions, co_await metadata_db::ReadVersions(deps.rows, std::move(names),
                                                                        options.piece_bytes_max));
  const bool all = versions.size() == wanted;
  std::vector<JournaledEvent> result;
  size_t next = 0;
  for (model::OutboxEvent& event : events) {
    JournaledEvent item;
    if (MadeVersion(event)) {
      if (!all && next == versions.size()) break;
      item.version = std::move(versions[next++]);
    }
    item.event = std::move(event);
    result.push_back(std::move(item));
  }
  co_return result;
}

Task<Status> MetadataJournal::Impl::CollectChangedRows(Segment* segment) {
  for (const std::string& name : options.settings) {
    Result<std::string> value = co_await deps.metadata.GetSetting(name);
    if (value.code() == Code::kNotFound) continue;
    if (!value.ok()) co_return value.status();
    const auto journaled = settings_journaled.find(name);
    if (journaled != settings_journaled.end() && journaled->second == *value) continue;
    segment->settings.emplace_back(name, std::move(*value));
  }
  std::string after;
  while (true) {
    CO_ASSIGN_OR_RETURN(const std::vector<model::Bucket> page,
                        co_await deps.metadata.ListBuckets("", after, kPageRows));
    for (const model::Bucket& each : page) {
      if (each.id == bucket->id) continue;
      const auto journaled = buckets_journaled.find(each.id);
      if (journaled != buckets_journaled.end() && journaled->second == each) continue;
      segment->buckets.push_back(each);
    }
    if (page.size() < kPageRows) co_return Status::Ok();
    after = page.back().name;
  }
}

// Writes that were refused or broke off leave extents of which no event tells. Without this a
// rebuild would take them for writes of the last second.
Task<Status> MetadataJournal::Impl::CollectFailedWrites(Segment* segment) {
  const int64_t begin_ms = deps.clock.WallMilliseconds() - kFailedWriteAgeMs;
  ExtentId after = IdOfTime(std::max<int64_t>(begin_ms, 0));
  failed_journaled.erase(failed_journaled.begin(), failed_journaled.lower_bound(after));
  while (true) {
    CO_ASSIGN_OR_RETURN(const std::vector<model::ReclaimRecord> page,
                        co_await catalog.ListReclaims(after, kPageRows));
    for (const model::ReclaimRecord& record : page) {
      if (record.cause != model::ReclaimCause::kFailedWrite) continue;
      if (!failed_journaled.contains(record.extent)) segment->extents.push_back(record.extent);
    }
    if (page.size() < kPageRows) co_return Status::Ok();
    after = page.back().extent;
  }
}

// False: nothing is left to be journaled now.
Task<Result<bool>> MetadataJournal::Impl::WriteUpdate() {
  CO_ASSIGN_OR_RETURN(std::vector<model::OutboxEvent> events,
                      co_await deps.metadata.ListOutbox(trimmed, options.events_max));
  bool more = events.size() == options.events_max;
  const Sequence last = events.empty() ? trimmed : events.back().sequence;
  const BucketId own = bucket->id;
  std::erase_if(events, [own](const model::OutboxEvent& event) { return event.bucket == own; });
  const bool of_buckets = std::any_of(events.begin(), events.end(), [](const auto& event) {
    return event.type == model::EventType::kBucketCreated ||
           event.type == model::EventType::kBucketChanged;
  });
  Segment segment;
  const size_t listed = events.size();
  CO_ASSIGN_OR_RETURN(segment.events, co_await LookUpVersions(std::move(events)));
  const bool cut = segment.events.size() < listed;
  if (of_buckets || --rounds_to_comparison <= 0) {
    CO_RETURN_IF_ERROR(co_await CollectChangedRows(&segment));
    rounds_to_comparison = kRoundsBetweenComparisons;
  }
  CO_RETURN_IF_ERROR(co_await CollectFailedWrites(&segment));

  if (segment.events.empty() && segment.buckets.empty() && segment.settings.empty() &&
      segment.extents.empty()) {
    // Our own events alone: nothing tells of them.
    if (last > trimmed) CO_RETURN_IF_ERROR(co_await deps.metadata.TrimOutbox(last, Patience()));
    trimmed = last;
    co_return more;
  }
  State next = *state;
  segment.name.after = next.through;
  segment.name.through = cut ? segment.events.back().event.sequence : std::max(last, next.through);
  segment.name.id = NewUniqueId(deps.clock, deps.random);
  next.through = segment.name.through;
  CO_RETURN_IF_ERROR(co_await Put(segment, &next.update_bytes));
  NoteJournaled(segment);
  CO_RETURN_IF_ERROR(co_await SaveState(next));
  metrics.updates.Increment();
  co_return more || cut;
}

// ---- rounds

Task<Status> MetadataJournal::Impl::CatchUp() {
  CO_RETURN_IF_ERROR(co_await Prepare());
  if (!state ||
      state->update_bytes > std::max(options.checkpoint_bytes_min, state->checkpoint_bytes)) {
    CO_RETURN_IF_ERROR(co_await WriteCheckpoint());
  }
  for (bool more = true; more;) {
    CO_ASSIGN_OR_RETURN(more, co_await WriteUpdate());
  }
  metrics.lag.Set(0);
  co_return Status::Ok();
}

// How old the oldest change is that waits for its segment.
Task<void> MetadataJournal::Impl::MeasureLag() {
  const auto events = co_await deps.metadata.ListOutbox(trimmed, kPageRows);
  if (!events.ok()) co_return;
  for (const model::OutboxEvent& event : *events) {
    if (bucket != nullptr && event.bucket == bucket->id) continue;
    const int64_t age_ms = deps.clock.WallMilliseconds() - event.time_ms;
    metrics.lag.Set(static_cast<double>(std::max<int64_t>(age_ms, 0)) / 1000.0);
    co_return;
  }
}

Task<void> MetadataJournal::Impl::Run() {
  // The bucket is made before anybody writes. What fails here fails in the first round, too.
  const Status ignored = co_await Prepare();
  static_cast<void>(ignored);
  for (bool last = false; !last;) {
    for (Duration waited{0}; waited < options.period && !stopping.load(); waited += kStopTick) {
      Sleep pause(std::min<Duration>(kStopTick, options.period));
      co_await pause;
    }
    last = stopping.load();
    const Status status = co_await CatchUp();
    if (!status.ok()) {
      metrics.failures.Increment();
      co_await MeasureLag();
    }
    if (!status.ok() && !failing) {
      spdlog::warn("msg=\"the metadata journal cannot be written; it is tried again\" reason={}",
                   LogValue(status.ToString()));
    } else if (status.ok() && failing) {
      spdlog::info("msg=\"the metadata journal is written again\"");
    }
    failing = !status.ok();
  }
}

MetadataJournal::MetadataJournal(Dependencies dependencies, MetadataJournalOptions options)
    : impl_(std::make_unique<Impl>(dependencies, std::move(options))) {}

MetadataJournal::~MetadataJournal() = default;

void MetadataJournal::Start(Executor& executor) { impl_->scope.Spawn(executor, impl_->Run()); }

Task<void> MetadataJournal::Stop() {
  impl_->stopping.store(true);
  return impl_->scope.Join();
}

Task<Status> MetadataJournal::CatchUp() { return impl_->CatchUp(); }

}  // namespace ashlar::lifecycle_worker
