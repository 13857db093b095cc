// The healer's control loop: scan the repair orders, heal the most urgent, else move the sweeps on.
//
// How it fails: what cannot be done is left as it is, counted, and tried again; the metadata
// refusing a change ends the batch at hand, whose shards become orphans that the scrubber finds.
#include "cluster/healer.h"

#include <algorithm>

#include "base/log.h"
#include "cluster/healing/healer_impl.h"
#include "cluster/pacing/pass_failpoint.h"
#include "runtime/metrics.h"

namespace ashlar::cluster {

using metadata_db::ExtentPtr;
using metadata_db::ShardMove;
using model::RepairOrder;

namespace {

constexpr uint32_t kOrdersPerPage = 1024;
constexpr size_t kFailuresMax = 100'000;
constexpr uint64_t kBufferShare = 4;  // a fourth of the buffers is lent to healing at most
constexpr uint64_t kChunkBytesMax = 256 * 1024;
constexpr size_t kAlertsMax = 20;  // log lines until drives change

struct HealMetrics {
  prometheus::Counter& shards =
      MetricCounter("ashlar_heal_shards_total", "Shards made again or moved.");
  prometheus::Counter& bytes =
      MetricCounter("ashlar_heal_bytes_total", "Bytes of shards made again or moved.");
  prometheus::Counter& whole = MetricCounter("ashlar_heal_found_whole_total",
                                             "Shards that were to be healed and were found whole.");
  prometheus::Counter& failures = MetricCounter(
      "ashlar_heal_failures_total", "Attempts to heal an extent that failed; they are repeated.");
  prometheus::Gauge& unrecoverable = MetricGauge(
      "ashlar_heal_unrecoverable_extents", "Extents of which fewer than k shards can be read now.");
  prometheus::Gauge& orders =
      MetricGauge("ashlar_heal_orders", "Repair orders that the last scan found.");
  prometheus::Gauge& waiting_drive = MetricGauge(
      "ashlar_heal_waiting_extents", "Extents that cannot be healed now.", {{"for", "drive"}});
  prometheus::Gauge& waiting_replacement =
      MetricGauge("ashlar_heal_waiting_extents", "Extents that cannot be healed now.",
                  {{"for", "replacement"}});
};
HealMetrics& Metrics() {
  static HealMetrics metrics;
  return metrics;
}

uint64_t ShardBytes(const model::Extent& extent) {
  return model::ExtentLayout(extent.data_shards, extent.unit_bytes, extent.payload_bytes)
      .shard_bytes();
}

ShardMask MaskOfOrders(const std::vector<RepairOrder>& orders) {
  ShardMask mask = 0;
  for (const RepairOrder& order : orders) {
    if (order.shard.value < 64) mask |= MaskOf(order.shard.value);
  }
  return mask;
}

// Of a shard at a time: large pieces, as each waits for its drive once and then for the slowest of
// k drives; but two extents always fit into healing's share of the buffers.
size_t ChunkBytes(const Healer::Dependencies& deps) {
  const auto total = static_cast<uint64_t>(deps.encoder.code().total());
  const uint64_t share = deps.buffers.budget_bytes() / kBufferShare / 2 / total;
  const uint64_t chunk = std::clamp<uint64_t>(share, model::kLeafBytes, kChunkBytesMax);
  return static_cast<size_t>(chunk / model::kLeafBytes * model::kLeafBytes);
}

// What the treatment of a case borrows: k columns to read and those that are asked for.
uint64_t WorkingBytes(const Case& item, size_t chunk_bytes) {
  const uint64_t column = std::min<uint64_t>(ShardBytes(*item.extent), chunk_bytes);
  const int asked = __builtin_popcountll(item.ordered | item.suspect);
  return column * (item.extent->data_shards + static_cast<uint64_t>(asked));
}

model::RepairReason ReasonOf(Code code) {
  if (code == Code::kCorrupt) return model::RepairReason::kCorrupt;
  if (code == Code::kNotFound) return model::RepairReason::kMissing;
  return model::RepairReason::kUnreadable;
}

}  // namespace

Healer::Impl::Impl(Dependencies dependencies, HealerOptions settings)
    : deps(std::move(dependencies)),
      options(settings),
      pacer(deps.clock, options.bytes_per_second, deps.foreground_busy, options.busy_fraction),
      tools{deps.stores, deps.encoder, deps.buffers, pacer, scope},
      buffer_share(deps.buffers.budget_bytes() / kBufferShare),
      queue(options.queue_extents_max) {
  tools.chunk_bytes = ChunkBytes(deps);
  status.extents_by_remaining.assign(deps.encoder.code().parity_shards + size_t{1}, 0);
}

Healer::Healer(Dependencies dependencies, HealerOptions options)
    : impl_(std::make_unique<Impl>(std::move(dependencies), options)) {}

Healer::~Healer() = default;

void Healer::Start(std::vector<Executor*> executors) {
  CHECK(!executors.empty() && !impl_->started);
  impl_->started = true;
  impl_->executors = std::move(executors);
  impl_->scope.Spawn(*impl_->executors.front(), impl_->Run());
}

Task<void> Healer::Stop() {
  impl_->stopping.store(true, std::memory_order_relaxed);
  impl_->pacer.Stop();
  return impl_->scope.Join();
}

void Healer::SetRate(uint64_t bytes_per_second) { impl_->pacer.SetRate(bytes_per_second); }

HealStatus Healer::Status() const {
  HealStatus status;
  {
    const std::lock_guard lock(impl_->mutex);
    status = impl_->status;
  }
  status.bytes_per_second = impl_->pacer.Rate();
  if (status.bytes_per_second < 1) return status;
  if (status.orders > 0) {
    status.orders_eta_seconds = static_cast<double>(status.order_bytes) / status.bytes_per_second;
  }
  for (SweepStatus& sweep : status.sweeps) {
    const SweepProgress& progress = sweep.progress;
    if (progress.bytes_total == 0) continue;
    const uint64_t left =
        progress.bytes_total - std::min(progress.bytes_done, progress.bytes_total);
    sweep.eta_seconds = static_cast<double>(left) / status.bytes_per_second;
  }
  return status;
}

Task<void> Healer::Impl::Run() {
  while (!stopping.load(std::memory_order_relaxed)) {
    NoticeDrives();
    bool worked = false;
    if (Now() < metadata_retry_at_ns) {
      Sleep pause(options.tick);
      co_await pause;
      continue;
    }
    if (queue.empty() && Now() >= scan_at_ns) {
      const int64_t began = Now();
      const ashlar::Status scanned = co_await Scan();
      if (!scanned.ok()) {
        spdlog::warn("msg=\"cannot read the repair orders\" reason={}",
                     LogValue(scanned.ToString()));
      }
      const int64_t took = Now() - began;
      scan_at_ns = Now() + std::max<int64_t>(options.rescan_after.count(), 10 * took);
    }
    if (!queue.empty()) {
      worked = co_await HealQueued();
      // All of a full queue was healed: there may be more.
      if (queue.empty() && worked) scan_at_ns = 0;
    } else {
      worked = co_await SweepOnce();
    }
    {
      const std::lock_guard lock(mutex);
      status.idle = !worked && queue.empty();
    }
    if (worked) continue;
    Sleep pause(options.tick);
    co_await pause;
  }
}

// A drive that went or came changes what can be done: whatever failed is tried again.
void Healer::Impl::NoticeDrives() {
  drives = deps.drives.View();
  std::string signature;
  for (const DriveView& drive : drives) {
    signature.push_back(static_cast<char>('a' + static_cast<int>(drive.status.state)));
    signature.push_back(static_cast<char>('a' + static_cast<int>(drive.role)));
    signature.push_back(drive.overdue ? '!' : '.');
    signature += std::to_string(drive.change);
  }
  if (signature != drives_signature) {
    drives_signature = std::move(signature);
    retry_at_ns.clear();
    unrecoverable.clear();
    queue.Clear();
    scan_at_ns = 0;
  }
  UpdateSweeps();
}

Task<Status> Healer::Impl::Scan() {
  scanning = HealStatus();
  scanning.extents_by_remaining.assign(status.extents_by_remaining.size(), 0);
  std::optional<RepairOrder> after;
  while (!stopping.load(std::memory_order_relaxed)) {
    CO_ASSIGN_OR_RETURN(std::vector<RepairOrder> page,
                        co_await deps.catalog.ListRepairs(after, kOrdersPerPage));
    if (page.empty()) break;
    const bool last = page.size() < kOrdersPerPage;
    if (!last) {
      // The orders of the last extent may go on in the next page.
      const ExtentId cut = page.back().extent;
      while (page.front().extent != cut && page.back().extent == cut) page.pop_back();
    }
    after = page.back();
    CO_RETURN_IF_ERROR(co_await ScanPage(std::move(page)));
    if (last) break;
  }
  Metrics().orders.Set(static_cast<double>(scanning.orders));
  Metrics().unrecoverable.Set(static_cast<double>(scanning.unrecoverable_now));
  Metrics().waiting_drive.Set(static_cast<double>(scanning.waiting_for_drive));
  Metrics().waiting_replacement.Set(static_cast<double>(scanning.waiting_for_replacement));
  for (size_t i = 0; i < scanning.extents_by_remaining.size(); ++i) {
    MetricGauge("ashlar_heal_extents", "Extents with repair orders, by parities left.",
                {{"remaining", std::to_string(i)}})
        .Set(static_cast<double>(scanning.extents_by_remaining[i]));
  }
  const std::lock_guard lock(mutex);
  status.extents_by_remaining = scanning.extents_by_remaining;
  status.unrecoverable_now = scanning.unrecoverable_now;
  status.waiting_for_drive = scanning.waiting_for_drive;
  status.waiting_for_replacement = scanning.waiting_for_replacement;
  status.orders = scanning.orders;
  status.order_bytes = scanning.order_bytes;
  co_return ashlar::Status::Ok();
}

Task<Status> Healer::Impl::ScanPage(std::vector<RepairOrder> orders) {
  std::vector<std::vector<RepairOrder>> groups;
  std::vector<ExtentId> ids;
  for (RepairOrder& order : orders) {
    if (ids.empty() || ids.back() != order.extent) {
      ids.push_back(order.extent);
      groups.emplace_back();
    }
    groups.back().push_back(order);
  }
  CO_ASSIGN_OR_RETURN(const std::vector<ExtentPtr> extents,
                      co_await deps.catalog.GetLivingExtents(ids));
  std::vector<RepairOrder> pointless;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (extents[i] != nullptr) {
      Judge(extents[i], std::move(groups[i]));
    } else {
      pointless.insert(pointless.end(), groups[i].begin(), groups[i].end());
    }
  }
  if (pointless.empty()) co_return ashlar::Status::Ok();
  co_return co_await deps.catalog.DismissRepairs(std::move(pointless));
}

// Counts an extent with repair orders; puts it in the queue when something can be done.
void Healer::Impl::Judge(const ExtentPtr& extent, std::vector<RepairOrder> orders) {
  const Case item{extent, MaskOfOrders(orders), 0};
  const int remaining = AssessExtent(*extent, item.ordered, drives).remaining;
  scanning.orders += orders.size();
  scanning.order_bytes += orders.size() * ShardBytes(*extent);
  if (remaining >= 0) {
    ++scanning.extents_by_remaining[std::min(static_cast<size_t>(remaining),
                                             scanning.extents_by_remaining.size() - 1)];
  }
  if (remaining < 0 || unrecoverable.contains(extent->id)) ++scanning.unrecoverable_now;
  switch (Foresee(item, deps.drives.placement(), drives)) {
    case Verdict::kWaitingForDrive: ++scanning.waiting_for_drive; return;
    case Verdict::kWaitingForReplacement: ++scanning.waiting_for_replacement; return;
    default: break;
  }
  const auto retry = retry_at_ns.find(extent->id);
  if (retry != retry_at_ns.end() && retry->second > Now()) return;
  queue.Push(remaining, extent->id, std::move(orders));
}

Task<bool> Healer::Impl::HealQueued() {
  std::vector<std::vector<RepairOrder>> taken = queue.Take(BatchSize());
  std::vector<ExtentId> ids;
  for (const auto& orders : taken) ids.push_back(orders.front().extent);
  const auto extents = co_await deps.catalog.GetLivingExtents(ids);
  if (!extents.ok()) co_return false;
  std::vector<TreatedCase> cases;
  for (size_t i = 0; i < taken.size(); ++i) {
    if ((*extents)[i] == nullptr) continue;  // the next scan dismisses its orders
    TreatedCase treated;
    treated.item.extent = (*extents)[i];
    treated.item.ordered = MaskOfOrders(taken[i]);
    treated.orders = std::move(taken[i]);
    cases.push_back(std::move(treated));
  }
  co_return (co_await TreatBatch(&cases)).ok();
}

Task<Status> Healer::Impl::Work(std::vector<TreatedCase>* cases, std::atomic<size_t>* next,
                                Executor* executor) {
  SwitchTo there(*executor);
  co_await there;
  while (!stopping.load(std::memory_order_relaxed)) {
    const size_t index = next->fetch_add(1, std::memory_order_relaxed);
    if (index >= cases->size()) break;
    TreatedCase& treated = (*cases)[index];
    const ByteShare::Hold hold =
        co_await buffer_share.Take(WorkingBytes(treated.item, tools.chunk_bytes));
    if (stopping.load(std::memory_order_relaxed)) break;  // it may have waited
    const uint64_t exchanges_seen = deps.catalog.drive_exchanges();
    treated.result = co_await Treat(tools, deps.drives.placement(), drives, treated.item);
    for (ShardMove& move : treated.result.moves) move.exchanges_seen = exchanges_seen;
  }
  co_return ashlar::Status::Ok();
}

Task<Status> Healer::Impl::TreatBatch(std::vector<TreatedCase>* cases) {
  std::atomic<size_t> next{0};
  std::vector<Task<ashlar::Status>> workers;
  const size_t count = std::min(options.extents_in_flight, cases->size());
  for (size_t i = 0; i < count; ++i) {
    workers.push_back(Work(cases, &next, executors[i % executors.size()]));
  }
  (void)co_await WhenAll(std::move(workers));
  ashlar::Status done = co_await Move(cases);
  for (const TreatedCase& treated : *cases) Account(treated);
  if (done.ok()) done = co_await NoteFindings(*cases);
  metadata_trouble = !done.ok();
  if (done.ok()) co_return done;
  // Shards that were made in vain fill the drives: slowly, and one at a time, until it works again.
  metadata_retry_at_ns = Now() + options.retry_after.count();
  queue.Clear();
  spdlog::warn("msg=\"healing cannot change the metadata\" reason={}", LogValue(done.ToString()));
  co_return done;
}

// All moves of the batch in one commit. An extent that has died meanwhile needs nothing any more.
Task<Status> Healer::Impl::Move(std::vector<TreatedCase>* cases) {
  std::vector<ShardMove> moves;
  std::vector<TreatedCase*> of;
  for (TreatedCase& treated : *cases) {
    for (const ShardMove& move : treated.result.moves) {
      moves.push_back(move);
      of.push_back(&treated);
    }
    treated.result.moves.clear();
  }
  if (moves.empty()) co_return ashlar::Status::Ok();
  CO_RETURN_IF_ERROR(co_await PassFailpoint("heal.before_move"));
  const std::vector<ashlar::Status> statuses = co_await deps.catalog.MoveShards(moves);
  if (FailpointsArmed()) co_await DelayAtFailpoint("heal.after_move");
  ashlar::Status trouble;
  for (size_t i = 0; i < moves.size(); ++i) {
    CaseResult& result = of[i]->result;
    switch (statuses[i].code()) {
      case Code::kOk: result.moves.push_back(moves[i]); break;
      // The extent has died meanwhile: its orders are pointless.
      case Code::kNotFound: result.whole |= of[i]->item.ordered | of[i]->item.suspect; break;
      // Somebody was there first; looked at again, but not at once: each attempt writes a record.
      case Code::kConflict:
        result.verdict = Verdict::kFailed;
        result.why = statuses[i].ToString();
        break;
      default: trouble = statuses[i]; break;
    }
  }
  co_return trouble;
}

Task<Status> Healer::Impl::NoteFindings(const std::vector<TreatedCase>& cases) {
  std::vector<RepairOrder> whole;
  std::vector<RepairOrder> damaged;
  for (const TreatedCase& treated : cases) {
    for (const RepairOrder& order : treated.orders) {
      if ((treated.result.whole & MaskOf(order.shard.value)) != 0) whole.push_back(order);
    }
    for (const DamagedShard& found : treated.result.damaged) {
      RepairOrder order;
      order.extent = treated.item.extent->id;
      order.shard = ShardIndex{found.shard};
      order.reason = ReasonOf(found.code);
      order.noted_ms = deps.clock.WallMilliseconds();
      damaged.push_back(order);
    }
  }
  if (!whole.empty()) CO_RETURN_IF_ERROR(co_await deps.catalog.DismissRepairs(std::move(whole)));
  if (!damaged.empty()) {
    CO_RETURN_IF_ERROR(co_await deps.metadata.RecordRepairs(std::move(damaged)));
  }
  co_return ashlar::Status::Ok();
}

void Healer::Impl::Account(const TreatedCase& treated) {
  const ExtentId& id = treated.item.extent->id;
  const CaseResult& result = treated.result;
  const uint64_t bytes = result.moves.size() * ShardBytes(*treated.item.extent);
  const auto whole = static_cast<uint64_t>(__builtin_popcountll(result.whole));
  Metrics().shards.Increment(static_cast<double>(result.moves.size()));
  Metrics().bytes.Increment(static_cast<double>(bytes));
  Metrics().whole.Increment(static_cast<double>(whole));
  const bool failed =
      result.verdict == Verdict::kFailed || result.verdict == Verdict::kUnrecoverable;
  if (failed) {
    ReportFailure(id, result);
  } else if (result.waiting != 0) {
    retry_at_ns[id] = Now() + options.rescan_after.count();
  } else {
    retry_at_ns.erase(id);
    unrecoverable.erase(id);
  }
  const std::lock_guard lock(mutex);
  status.shards_made += result.moves.size();
  status.bytes_made += bytes;
  status.shards_found_whole += whole;
  if (!failed) return;
  ++status.failures;
  status.last_failure = "extent " + id.ToHex() + ": " + result.why;
}

void Healer::Impl::ReportFailure(const ExtentId& extent, const CaseResult& result) {
  Metrics().failures.Increment();
  if (retry_at_ns.size() >= kFailuresMax) {
    retry_at_ns.clear();
    unrecoverable.clear();
  }
  const bool new_failure = !retry_at_ns.contains(extent);
  retry_at_ns[extent] = Now() + options.retry_after.count();
  if (result.verdict == Verdict::kUnrecoverable) unrecoverable.insert(extent);
  if (!new_failure || retry_at_ns.size() > kAlertsMax) return;
  if (result.verdict == Verdict::kUnrecoverable) {
    spdlog::error("msg=\"extent cannot be rebuilt now; nothing was changed\" extent={} reason={}",
                  extent.ToHex(), LogValue(result.why));
  } else {
    spdlog::warn("msg=\"extent could not be healed; it is tried again\" extent={} reason={}",
                 extent.ToHex(), LogValue(result.why));
  }
}

}  // namespace ashlar::cluster
