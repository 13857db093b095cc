#include "object_service/extents/extent_reader.h"

#include <algorithm>
#include <vector>

#include "base/log.h"
#include "object_service/internal/gathering.h"
#include "runtime/metrics.h"

namespace ashlar::object_service {
namespace {

// How long a read waits for its last candidates before it answers kUnavailable.
constexpr Duration kLastHopePatience = std::chrono::seconds(10);

struct ReadMetrics {
  prometheus::Counter& degraded = MetricCounter(
      "ashlar_degraded_reads_total", "Stripe reads that had to rebuild at least one shard.");
  prometheus::Counter& hedged = MetricCounter(
      "ashlar_hedged_reads_total", "Stripe reads that stopped waiting for a slow shard.");
  prometheus::Counter& unreadable = MetricCounter(
      "ashlar_unreadable_stripes_total", "Stripe reads with fewer than k readable shards.");
};
ReadMetrics& Metrics() {
  static ReadMetrics metrics;
  return metrics;
}

Task<Status> ReadShard(chunk_server::ChunkStore* store, chunk_server::ShardAddress address,
                       uint64_t offset, MutableByteSpan out, SharedBuffer buffer) {
  (void)buffer;  // an abandoned read still has its memory
  co_return co_await store->ReadShard(address, offset, out);
}

// One stripe being read.
class StripeRead {
 public:
  StripeRead(Core& core, std::shared_ptr<const model::Extent> extent)
      : core_(core),
        extent_(std::move(extent)),
        layout_(extent_->data_shards, extent_->unit_bytes, extent_->payload_bytes),
        gathering_(Gathering<Status>::Create(core.background)) {}

  Task<Result<ExtentBytes>> Read(uint64_t offset, uint64_t length) {
    CO_ASSIGN_OR_RETURN(SharedBuffer buffer, co_await Acquire(length));
    bytes_.buffers.push_back(buffer);
    StartDirectReads(offset, length, buffer);
    auto never = [] { return false; };
    co_await gathering_->Wait(never, core_.options.read_hedge_after);
    if (!gathering_->AllDone()) Metrics().hedged.Increment();
    if (SettleDirectReads()) co_return std::move(bytes_);
    Metrics().degraded.Increment();
    CO_RETURN_IF_ERROR(co_await Rebuild());
    co_return std::move(bytes_);
  }

 private:
  // A run of bytes of one data shard, and the read that should bring it.
  struct Run {
    uint8_t shard = 0;
    uint64_t shard_offset = 0;
    uint64_t length = 0;
    size_t piece = 0;
    std::optional<size_t> read;  // index in the gathering; none: known to be gone
    bool good = false;
  };
  // A whole range of one shard for rebuilding.
  struct Column {
    uint8_t shard = 0;
    const uint8_t* bytes = nullptr;
    std::optional<size_t> read;
    bool failed = false;
  };

  Task<Result<SharedBuffer>> Acquire(uint64_t size) {
    co_return core_.Share(co_await core_.deps.buffers.Acquire(static_cast<size_t>(size),
                                                              core_.options.buffer_patience));
  }

  // Worth asking? A drive that is offline answers at once anyway, but costs a slot.
  bool SeemsReadable(uint8_t shard) const {
    const model::ShardLocation& location = extent_->locations[shard];
    return location.present && location.drive.value < core_.deps.stores.size();
  }

  size_t Start(uint8_t shard, uint64_t offset, MutableByteSpan out, SharedBuffer buffer) {
    chunk_server::ShardAddress address;
    address.extent = extent_->id;
    address.shard_index = shard;
    address.body_bytes = layout_.shard_bytes();
    address.location = extent_->locations[shard];
    address.root = extent_->roots[shard];
    chunk_server::ChunkStore* store = core_.deps.stores[address.location.drive.value];
    return gathering_->Start(ReadShard(store, address, offset, out, std::move(buffer)));
  }

  void StartDirectReads(uint64_t offset, uint64_t length, const SharedBuffer& buffer) {
    uint8_t* to = buffer->data();
    while (length > 0) {
      const model::ExtentLayout::Run located = layout_.Locate(offset, length);
      Run run;
      run.shard = static_cast<uint8_t>(located.shard);
      run.shard_offset = located.shard_offset;
      run.length = located.length;
      run.piece = bytes_.pieces.size();
      bytes_.pieces.emplace_back(to, run.length);
      if (SeemsReadable(run.shard)) {
        run.read = Start(run.shard, run.shard_offset, MutableByteSpan(to, run.length), buffer);
      }
      runs_.push_back(run);
      to += run.length;
      offset += run.length;
      length -= run.length;
    }
  }

  // True when all runs are good. Notes the damage met.
  bool SettleDirectReads() {
    bool all_good = true;
    for (Run& run : runs_) {
      const Status* result = run.read ? gathering_->result(*run.read) : nullptr;
      run.good = result != nullptr && result->ok();
      if (run.good) continue;
      all_good = false;
      if (result != nullptr) core_.repair_notes.Note(extent_->id, run.shard, result->code());
    }
    return all_good;
  }

  Task<Status> Rebuild() {
    uint64_t begin = UINT64_MAX;
    uint64_t end = 0;
    for (const Run& run : runs_) {
      if (run.good) continue;
      begin = std::min(begin, run.shard_offset);
      end = std::max(end, run.shard_offset + run.length);
    }
    const auto k = static_cast<size_t>(extent_->data_shards);
    std::vector<Column> columns;
    CO_RETURN_IF_ERROR(co_await GatherColumns(begin, end - begin, k, &columns));
    co_return co_await Decode(begin, end - begin, columns);
  }

  // k verified columns [begin, begin + size), ascending by shard.
  Task<Status> GatherColumns(uint64_t begin, uint64_t size, size_t k, std::vector<Column>* good) {
    std::vector<Column> columns = ReusableColumns(begin, size);
    std::vector<uint8_t> candidates = Candidates(columns);
    size_t next = 0;
    while (true) {
      const size_t usable = CountUsable(columns);
      for (size_t i = usable; i < k && next < candidates.size(); ++i, ++next) {
        CO_ASSIGN_OR_RETURN(SharedBuffer buffer, co_await Acquire(size));
        Column column;
        column.shard = candidates[next];
        column.bytes = buffer->data();
        column.read = Start(column.shard, begin, MutableByteSpan(buffer->data(), size), buffer);
        bytes_.buffers.push_back(std::move(buffer));
        columns.push_back(column);
      }
      if (co_await WaitForColumns(&columns, k, next < candidates.size())) break;
      if (CountUsable(columns) < k && next >= candidates.size()) {
        Metrics().unreadable.Increment();
        co_return Status(Code::kUnavailable, "extent " + extent_->id.ToHex() + ": fewer than " +
                                                 std::to_string(k) +
                                                 " of its shards can be read now");
      }
    }
    for (const Column& column : columns) {
      if (IsGood(column) && good->size() < k) good->push_back(column);
    }
    std::sort(good->begin(), good->end(),
              [](const Column& a, const Column& b) { return a.shard < b.shard; });
    co_return Status::Ok();
  }

  // Runs that have brought exactly the range already.
  std::vector<Column> ReusableColumns(uint64_t begin, uint64_t size) const {
    std::vector<Column> columns;
    for (const Run& run : runs_) {
      if (!run.good || run.shard_offset != begin || run.length != size) continue;
      Column column;
      column.shard = run.shard;
      column.bytes = bytes_.pieces[run.piece].data();
      columns.push_back(column);
    }
    return columns;
  }

  // Shards to ask, best first: not known to be bad; slow ones come last.
  std::vector<uint8_t> Candidates(const std::vector<Column>& have) const {
    std::vector<uint8_t> candidates;
    std::vector<uint8_t> slow;
    for (size_t i = 0; i < extent_->locations.size(); ++i) {
      const auto shard = static_cast<uint8_t>(i);
      if (!SeemsReadable(shard)) continue;
      const bool reused = std::any_of(have.begin(), have.end(),
                                      [&](const Column& column) { return column.shard == shard; });
      if (reused) continue;
      const auto run =
          std::find_if(runs_.begin(), runs_.end(), [&](const Run& r) { return r.shard == shard; });
      if (run == runs_.end() || run->good) {
        candidates.push_back(shard);
      } else if (run->read && gathering_->result(*run->read) == nullptr) {
        slow.push_back(shard);
      }
    }
    candidates.insert(candidates.end(), slow.begin(), slow.end());
    return candidates;
  }

  bool IsGood(const Column& column) const {
    if (!column.read) return true;
    const Status* result = gathering_->result(*column.read);
    return result != nullptr && result->ok();
  }
  // Good, or still running.
  size_t CountUsable(const std::vector<Column>& columns) const {
    return static_cast<size_t>(
        std::count_if(columns.begin(), columns.end(), [](const Column& c) { return !c.failed; }));
  }

  // True once k columns are good. While there are others to ask, returns as soon as one failed or
  // the hedge time is over; what is late then counts as failed, but its late success is still
  // taken. With no others left it waits for every column.
  Task<bool> WaitForColumns(std::vector<Column>* columns, size_t k, bool others_left) {
    auto good_count = [this, columns] {
      return static_cast<size_t>(std::count_if(columns->begin(), columns->end(),
                                               [this](const Column& c) { return IsGood(c); }));
    };
    auto result_of = [this](const Column& column) {
      return column.read ? gathering_->result(*column.read) : nullptr;
    };
    auto newly_failed = [columns, result_of] {
      return std::any_of(columns->begin(), columns->end(), [result_of](const Column& c) {
        const Status* result = result_of(c);
        return !c.failed && result != nullptr && !result->ok();
      });
    };
    auto all_answered = [columns, result_of] {
      return std::all_of(columns->begin(), columns->end(), [result_of](const Column& c) {
        return !c.read || result_of(c) != nullptr;
      });
    };
    auto enough = [&] {
      return good_count() >= k || (others_left ? newly_failed() : all_answered());
    };
    const Duration patience = others_left ? core_.options.read_hedge_after : kLastHopePatience;
    co_await gathering_->Wait(enough, patience);
    if (good_count() >= k) co_return true;
    for (Column& column : *columns) {
      const Status* result = result_of(column);
      if (column.failed || !column.read || (result != nullptr && result->ok())) continue;
      if (result != nullptr) core_.repair_notes.Note(extent_->id, column.shard, result->code());
      column.failed = true;
    }
    co_return false;
  }

  Task<Status> Decode(uint64_t begin, uint64_t size, const std::vector<Column>& columns) {
    std::vector<uint8_t> present_index;
    std::vector<const uint8_t*> present;
    for (const Column& column : columns) {
      present_index.push_back(column.shard);
      present.push_back(column.bytes);
    }
    for (const Run& run : runs_) {
      if (run.good) continue;
      // A slow shard may have answered meanwhile and be among the columns.
      const auto found = std::find(present_index.begin(), present_index.end(), run.shard);
      if (found != present_index.end()) {
        const auto place = static_cast<size_t>(found - present_index.begin());
        bytes_.pieces[run.piece] = {present[place] + (run.shard_offset - begin), run.length};
        continue;
      }
      CO_ASSIGN_OR_RETURN(SharedBuffer out, co_await Acquire(size));
      uint8_t* const target = out->data();
      CO_RETURN_IF_ERROR(core_.deps.encoder.Reconstruct(
          present_index, present, std::span<const uint8_t>(&run.shard, 1),
          std::span<uint8_t* const>(&target, 1), static_cast<size_t>(size)));
      bytes_.pieces[run.piece] = {target + (run.shard_offset - begin), run.length};
      bytes_.buffers.push_back(std::move(out));
    }
    co_return Status::Ok();
  }

  Core& core_;
  std::shared_ptr<const model::Extent> extent_;
  model::ExtentLayout layout_;
  std::shared_ptr<Gathering<Status>> gathering_;
  PooledVector<Run> runs_;
  ExtentBytes bytes_;
};

}  // namespace

Task<Result<ExtentBytes>> ReadExtent(Core& core, std::shared_ptr<const model::Extent> extent,
                                     uint64_t offset, uint64_t length) {
  CHECK(length > 0);
  StripeRead read(core, std::move(extent));
  co_return co_await read.Read(offset, length);
}

uint64_t StripeRun(const model::Extent& extent, uint64_t offset, uint64_t length) {
  const model::ExtentLayout layout(extent.data_shards, extent.unit_bytes, extent.payload_bytes);
  return std::min(length, layout.stripe_bytes() - offset % layout.stripe_bytes());
}

}  // namespace ashlar::object_service
