#include "object_service/internal/repair_notes.h"

#include "base/log.h"
#include "runtime/metrics.h"

namespace ashlar::object_service {
namespace {

prometheus::Counter& DamageCounter(const char* reason) {
  return MetricCounter("ashlar_damaged_shards_total", "Damaged shards met by reads.",
                       {{"reason", reason}});
}

}  // namespace

void RepairNotes::Note(const ExtentId& extent, uint8_t shard, Code code) {
  static prometheus::Counter& corrupt = DamageCounter("corrupt");
  static prometheus::Counter& missing = DamageCounter("missing");
  static prometheus::Counter& unreadable = DamageCounter("unreadable");
  static prometheus::Counter& dropped = DamageCounter("note_dropped");
  model::RepairOrder order;
  order.extent = extent;
  order.shard = ShardIndex{shard};
  switch (code) {
    case Code::kCorrupt: order.reason = model::RepairReason::kCorrupt; break;
    case Code::kNotFound: order.reason = model::RepairReason::kMissing; break;
    case Code::kIoError: order.reason = model::RepairReason::kUnreadable; break;
    default: return;
  }
  order.noted_ms = clock_.WallMilliseconds();
  {
    const std::lock_guard lock(mutex_);
    if (known_.size() >= kRememberedMax) known_.clear();
    if (!known_.emplace(extent, shard).second) return;
    if (pending_.size() >= kPendingMax) {
      dropped.Increment();
      return;
    }
    pending_.push_back(order);
    (code == Code::kCorrupt ? corrupt : code == Code::kNotFound ? missing : unreadable).Increment();
    if (flushing_) return;
    flushing_ = true;
  }
  spdlog::warn("msg=\"damaged shard\" extent={} shard={} code={}", extent.ToHex(), shard,
               CodeName(code));
  background_.Spawn(*Executor::Current(), Flush());
}

Task<void> RepairNotes::Flush() {
  while (true) {
    std::vector<model::RepairOrder> orders;
    {
      const std::lock_guard lock(mutex_);
      orders.swap(pending_);
      if (orders.empty()) {
        flushing_ = false;
        co_return;
      }
    }
    const Status status = co_await metadata_.RecordRepairs(std::move(orders));
    if (!status.ok()) {
      spdlog::warn("msg=\"cannot record repair orders\" reason={}", LogValue(status.ToString()));
      const std::lock_guard lock(mutex_);
      known_.clear();  // so that the next read notes them again
    }
  }
}

}  // namespace ashlar::object_service
