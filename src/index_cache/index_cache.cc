// IndexCache: the in-process adapter.
//
// Protocol. An entry of the map is a value, or the loading marker of one read that is under way;
// and it counts the changes of its key that are on their way into a commit. All steps on one key
// are made under the mutex of its shard, which is never held across co_await.
//   read:   a change is on its way -> ask the database, touch nothing. Value that is young enough
//           -> hit. Marker -> join its waiters. Nothing -> put a marker of one's own, leave the
//           mutex, read the database, take the mutex again: when the marker in the map is still
//           one's own, replace it by what was read (or take it away, for an error or "not found");
//           else leave the map alone. Answer all who joined, either way.
//   write:  the commit thread, before the commit, counts the change; after it is durable and before
//           anyone is told, it puts the new value over whatever is there (value or marker), or
//           removes it (deletion), and counts the change off. Without a commit it only counts off.
// Why no answer is stale: a fill stores only what was read after its marker was put, and only when
// no commit of the key came in between, as each commit takes the marker away. So the map never
// holds less than the last commit that was told of. From the moment at which a commit can be seen
// in the database (by a listing, say) until it is told, its keys count as changing, so that every
// read that begins then sees it too. A reader that joined a marker, or whose marker was taken, may
// get the value from before that commit; it asked before the commit could be seen, so both are
// concurrent and the order "read, then write" is true. One that asks later finds no marker to join
// and reads anew, or finds the new value.
//
// Invariants
//  1. The commit thread calls the observer in commit order, so the last write-through is the
//     newest.
//  2. Values count towards the capacity of their shard and go by least use; markers are not counted
//     and go with their read, changes go with their commit. "Not found" is never kept.
//  3. An entry is older than the TTL: it is a miss. This bounds the harm of a bug, nothing relies
//     on it.
// How it fails: an error of the database is the answer of all who waited for it, and is not kept.
#include "index_cache/index_cache.h"

#include <array>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/seeded_bug.h"
#include "runtime/memory_metrics.h"
#include "runtime/pooled.h"
#include "runtime/sync.h"

namespace ashlar::index_cache {
namespace {

enum class Kind : uint8_t { kObject = 0, kBucket = 1, kExtent = 2 };
constexpr int kKinds = 3;
constexpr size_t kShards = 16;
// Of a map node, a list node and the key, roughly.
constexpr uint64_t kEntryOverheadBytes = 160;

using Value = std::shared_ptr<const void>;

// One read of the database, and who waits for it. Its fields are guarded by the shard's mutex.
struct Flight {
  std::vector<OneShot<Result<Value>>*> waiters;
};

uint64_t SizeOf(const model::HeaderList& headers) {
  uint64_t bytes = 0;
  for (const auto& [name, value] : headers) bytes += 64 + name.size() + value.size();
  return bytes;
}
uint64_t SizeOf(const model::ObjectVersion& version) {
  uint64_t bytes = sizeof(version) + SizeOf(version.system_headers) +
                   SizeOf(version.user_metadata) + SizeOf(version.extras.tags) +
                   version.extras.acl.size() + version.checksum.value.size() + version.etag.size() +
                   version.version_id.size();
  for (const model::Part& part : version.parts) {
    bytes += sizeof(part) + part.checksum_value.size() + part.slices.size() * sizeof(model::Slice);
  }
  return bytes;
}
uint64_t SizeOf(const model::Extent& extent) {
  return sizeof(extent) + extent.locations.size() * sizeof(model::ShardLocation) +
         extent.roots.size() * sizeof(Sha256Digest);
}
uint64_t SizeOf(const model::Bucket& bucket) {
  return sizeof(bucket) + bucket.name.size() + bucket.owner.size() + bucket.region.size();
}

// Names of entries: the kind, then what names the thing.
PooledString ObjectName(BucketId bucket, std::string_view key) {
  PooledString name;
  name.reserve(1 + sizeof(bucket.value) + key.size());
  name.push_back(static_cast<char>(Kind::kObject));
  name.append(reinterpret_cast<const char*>(&bucket.value), sizeof(bucket.value));
  name.append(key);
  return name;
}
PooledString BucketName(std::string_view bucket) {
  PooledString name(1, static_cast<char>(Kind::kBucket));
  name.append(bucket);
  return name;
}
PooledString ExtentName(const ExtentId& id) {
  PooledString name(1, static_cast<char>(Kind::kExtent));
  name.append(id.View());
  return name;
}

// Extents are not: what a reader does with an old location, the drive refuses or finds there.
bool IsCounted(std::string_view name) { return static_cast<Kind>(name[0]) != Kind::kExtent; }

struct KindMetrics {
  explicit KindMetrics(const char* kind)
      : hits(MetricCounter("ashlar_index_cache_hits_total", "Answers from memory",
                           {{"kind", kind}})),
        misses(MetricCounter("ashlar_index_cache_misses_total",
                             "Answers that needed the database, joined reads among them",
                             {{"kind", kind}})),
        evictions(MetricCounter("ashlar_index_cache_evictions_total",
                                "Entries that went for want of room or by age", {{"kind", kind}})) {
  }
  prometheus::Counter& hits;
  prometheus::Counter& misses;
  prometheus::Counter& evictions;
};

struct Metrics {
  std::array<KindMetrics, kKinds> kinds{KindMetrics("object"), KindMetrics("bucket"),
                                        KindMetrics("extent")};
  prometheus::Gauge& entries =
      MetricGauge("ashlar_index_cache_entries", "Entries in the index cache");
  prometheus::Gauge& bytes = MetricGauge("ashlar_index_cache_bytes", "Bytes in the index cache");
  prometheus::Gauge& held = MemoryGauge("index_cache");
  KindMetrics& Of(std::string_view name) { return kinds[static_cast<uint8_t>(name[0])]; }
};

class Shard {
 public:
  // What a reader found: a value, or a flight; `leads`: it is the reader's own. Nothing: the thing
  // is changing, and only the database knows.
  struct Found {
    Value value;
    std::shared_ptr<Flight> flight;
    bool leads = false;
  };

  Found Look(std::string_view name, int64_t now_ns, int64_t ttl_ns, OneShot<Result<Value>>* waiter,
             Metrics& metrics) {
    const std::lock_guard lock(mutex_);
    const auto at = entries_.find(name);
    if (at != entries_.end()) {
      Entry& entry = at->second;
      if (entry.changes > 0 && !(SeededBug("cache.trust_while_changing") && entry.value)) return {};
      if (entry.flight) {
        entry.flight->waiters.push_back(waiter);
        return {.value = {}, .flight = entry.flight, .leads = false};
      }
      if (now_ns - entry.filled_ns < ttl_ns) {
        used_.splice(used_.begin(), used_, entry.used);
        return {.value = entry.value, .flight = {}, .leads = false};
      }
      metrics.Of(name).evictions.Increment();
      DropValue(entry, metrics);
    }
    auto flight = std::make_shared<Flight>();
    Make(name)->second.flight = flight;
    return {.value = {}, .flight = std::move(flight), .leads = true};
  }

  // The end of a flight. `value` null: nothing to keep. Gives back who joined.
  std::vector<OneShot<Result<Value>>*> Land(std::string_view name,
                                            const std::shared_ptr<Flight>& flight, Value value,
                                            uint64_t bytes, int64_t now_ns, uint64_t capacity,
                                            Metrics& metrics) {
    const std::lock_guard lock(mutex_);
    const auto at = entries_.find(name);
    // Only over one's own marker: a write-through may have come in between.
    if (at != entries_.end() && at->second.flight == flight) {
      at->second.flight.reset();
      Keep(at, std::move(value), bytes, now_ns, capacity, metrics);
    }
    return std::move(flight->waiters);
  }

  // A change of the thing is on its way; Put or CountOff ends it.
  void CountChange(std::string_view name) {
    const std::lock_guard lock(mutex_);
    ++Make(name)->second.changes;
  }
  void CountOff(std::string_view name) {
    const std::lock_guard lock(mutex_);
    const auto at = entries_.find(name);
    CountOff(at);
    RemoveIfEmpty(at);
  }

  // Write-through. Null: the thing is gone.
  void Put(std::string_view name, Value value, uint64_t bytes, int64_t now_ns, uint64_t capacity,
           Metrics& metrics) {
    const std::lock_guard lock(mutex_);
    const auto at = Make(name);
    if (IsCounted(name)) CountOff(at);
    at->second.flight.reset();
    DropValue(at->second, metrics);
    Keep(at, std::move(value), bytes, now_ns, capacity, metrics);
  }

 private:
  struct Entry {
    Value value;
    std::shared_ptr<Flight> flight;  // set: a loading marker, without value
    uint32_t changes = 0;            // on their way
    uint64_t bytes = 0;
    int64_t filled_ns = 0;
    std::list<const std::string*>::iterator used;
  };
  using Map = std::unordered_map<std::string, Entry, TextHash, std::equal_to<>>;

  // The entry of this name, empty when it is new.
  Map::iterator Make(std::string_view name) {
    const auto at = entries_.find(name);
    return at != entries_.end() ? at : entries_.try_emplace(std::string(name)).first;
  }

  // Into an entry that has neither value nor marker. Null: nothing to keep.
  void Keep(Map::iterator at, Value value, uint64_t bytes, int64_t now_ns, uint64_t capacity,
            Metrics& metrics) {
    bytes += kEntryOverheadBytes + 2 * at->first.size();
    if (!value || bytes > capacity) {
      RemoveIfEmpty(at);
      return;
    }
    used_.push_front(&at->first);
    Entry& entry = at->second;
    entry.value = std::move(value);
    entry.bytes = bytes;
    entry.filled_ns = now_ns;
    entry.used = used_.begin();
    bytes_ += bytes;
    metrics.entries.Increment();
    metrics.bytes.Increment(static_cast<double>(bytes));
    while (bytes_ > capacity) {
      const auto last = entries_.find(*used_.back());
      CHECK(last != entries_.end());
      metrics.Of(last->first).evictions.Increment();
      DropValue(last->second, metrics);
      RemoveIfEmpty(last);
    }
  }

  void DropValue(Entry& entry, Metrics& metrics) {
    if (!entry.value) return;
    used_.erase(entry.used);
    bytes_ -= entry.bytes;
    metrics.entries.Decrement();
    metrics.bytes.Decrement(static_cast<double>(entry.bytes));
    entry.value.reset();
  }

  void CountOff(Map::iterator at) {
    CHECK(at != entries_.end() && at->second.changes > 0);
    --at->second.changes;
  }

  void RemoveIfEmpty(Map::iterator at) {
    const Entry& entry = at->second;
    if (!entry.value && !entry.flight && entry.changes == 0) entries_.erase(at);
  }

  std::mutex mutex_;
  Map entries_;
  std::list<const std::string*> used_;  // most recently used first
  uint64_t bytes_ = 0;
};

}  // namespace

struct IndexCache::Impl {
  Impl(Clock& clock, IndexCacheOptions options) : clock(clock), options(options) {
    MemoryLimitGauge("index_cache").Set(static_cast<double>(options.capacity_bytes));
  }

  Shard& ShardOf(std::string_view name) {
    return shards[std::hash<std::string_view>()(name) % kShards];
  }
  uint64_t ShardCapacity() const { return options.capacity_bytes / kShards; }
  int64_t Now() { return clock.MonotonicNanoseconds(); }

  void Put(std::string_view name, Value value, uint64_t bytes) {
    ShardOf(name).Put(name, std::move(value), bytes, Now(), ShardCapacity(), metrics);
  }

  void CountChange(std::string_view name) { ShardOf(name).CountChange(name); }
  void CountOff(std::string_view name) { ShardOf(name).CountOff(name); }

  // `read` makes the task that reads the database; it is called when this reader leads.
  template <typename T, typename Read>
  Task<Result<std::shared_ptr<const T>>> Lookup(PooledString name, Read read);

  Clock& clock;
  const IndexCacheOptions options;
  metadata_db::MetadataDb* database = nullptr;
  Metrics metrics;
  std::array<Shard, kShards> shards;
  const MetricsRefresh refresh{[this] { metrics.held.Set(metrics.bytes.Value()); }};
};

template <typename T, typename Read>
Task<Result<std::shared_ptr<const T>>> IndexCache::Impl::Lookup(PooledString name, Read read) {
  CHECK(database != nullptr);
  Shard& shard = ShardOf(name);
  OneShot<Result<Value>> joined;
  Shard::Found found =
      shard.Look(name, Now(), options.ttl_seconds * 1'000'000'000, &joined, metrics);
  if (found.value) {
    metrics.Of(name).hits.Increment();
    co_return std::static_pointer_cast<const T>(found.value);
  }
  metrics.Of(name).misses.Increment();
  if (!found.flight) {
    Task<Result<std::shared_ptr<const T>>> past_the_cache = read();
    co_return co_await past_the_cache;
  }
  if (!found.leads) {
    Result<Value> answer = co_await joined;
    if (!answer.ok()) co_return answer.status();
    co_return std::static_pointer_cast<const T>(*answer);
  }
  Task<Result<std::shared_ptr<const T>>> task = read();
  Result<std::shared_ptr<const T>> loaded = co_await task;
  const uint64_t bytes = loaded.ok() ? SizeOf(**loaded) : 0;
  const auto waiters = shard.Land(name, found.flight, loaded.ok() ? Value(*loaded) : Value(), bytes,
                                  Now(), ShardCapacity(), metrics);
  for (OneShot<Result<Value>>* waiter : waiters) {
    waiter->Set(loaded.ok() ? Result<Value>(Value(*loaded)) : Result<Value>(loaded.status()));
  }
  co_return loaded;
}

IndexCache::IndexCache(Clock& clock, IndexCacheOptions options)
    : impl_(std::make_unique<Impl>(clock, options)) {}
IndexCache::~IndexCache() = default;

void IndexCache::SetDatabase(metadata_db::MetadataDb* database) { impl_->database = database; }

Task<Result<std::shared_ptr<const model::Bucket>>> IndexCache::GetBucket(std::string_view name) {
  const auto read = [impl = impl_.get(), name] {
    return impl->database->GetBucket(std::string(name));
  };
  return impl_->Lookup<model::Bucket>(BucketName(name), read);
}

Task<Result<std::shared_ptr<const model::ObjectVersion>>> IndexCache::GetCurrent(
    BucketId bucket, std::string_view key) {
  const auto read = [impl = impl_.get(), bucket, key] {
    return impl->database->GetCurrent(bucket, std::string(key));
  };
  return impl_->Lookup<model::ObjectVersion>(ObjectName(bucket, key), read);
}

Task<Result<std::shared_ptr<const model::Extent>>> IndexCache::GetExtent(ExtentId id) {
  const auto read = [impl = impl_.get(), id] { return impl->database->GetExtent(id); };
  return impl_->Lookup<model::Extent>(ExtentName(id), read);
}

void IndexCache::OnCurrentChanged(BucketId bucket, const std::string& key,
                                  std::shared_ptr<const model::ObjectVersion> current) {
  if (SeededBug("cache.skip_write_through")) return OnCurrentUnchanged(bucket, key);
  const uint64_t bytes = current ? SizeOf(*current) : 0;
  impl_->Put(ObjectName(bucket, key), std::move(current), bytes);
}

void IndexCache::OnCurrentChanging(BucketId bucket, const std::string& key) {
  impl_->CountChange(ObjectName(bucket, key));
}

void IndexCache::OnCurrentUnchanged(BucketId bucket, const std::string& key) {
  impl_->CountOff(ObjectName(bucket, key));
}

void IndexCache::OnBucketChanging(const std::string& name) { impl_->CountChange(BucketName(name)); }

void IndexCache::OnBucketUnchanged(const std::string& name) { impl_->CountOff(BucketName(name)); }

void IndexCache::OnExtentAdded(std::shared_ptr<const model::Extent> extent) {
  const uint64_t bytes = SizeOf(*extent);
  const PooledString name = ExtentName(extent->id);
  impl_->Put(name, std::move(extent), bytes);
}

void IndexCache::OnExtentChanged(const ExtentId& extent) {
  impl_->Put(ExtentName(extent), nullptr, 0);
}

void IndexCache::OnBucketChanged(const std::string& name,
                                 std::shared_ptr<const model::Bucket> bucket) {
  const uint64_t bytes = bucket ? SizeOf(*bucket) : 0;
  impl_->Put(BucketName(name), std::move(bucket), bytes);
}

}  // namespace ashlar::index_cache
