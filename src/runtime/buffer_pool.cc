#include "runtime/buffer_pool.h"

#include <sys/mman.h>

#include <algorithm>

#include "runtime/memory_metrics.h"

namespace ashlar {
namespace {

constexpr size_t kClassBytes = 16 * 1024;
// Blocks from here on lie in huge pages, and their classes are further apart, so that few arenas
// have a page that is used in part.
constexpr size_t kLargeBytes = 512 * 1024;
constexpr size_t kLargeClassBytes = 128 * 1024;

bool IsLarge(size_t size_class) { return size_class * kClassBytes >= kLargeBytes; }

size_t SizeClass(size_t size) {
  const size_t step = size >= kLargeBytes ? kLargeClassBytes : kClassBytes;
  return (std::max<size_t>(size, 1) + step - 1) / step * (step / kClassBytes);
}

struct PoolMetrics {
  prometheus::Gauge& lent =
      MetricGauge("ashlar_buffer_bytes", "Bytes of the data buffer budget now lent.");
  prometheus::Gauge& held = MemoryGauge("buffers");  // lent and idle
  prometheus::Gauge& limit = MemoryLimitGauge("buffers");
  prometheus::Counter& waits = MetricCounter(
      "ashlar_buffer_waits_total", "Requests that had to wait for the data buffer budget.");
  prometheus::Counter& refusals = MetricCounter(
      "ashlar_buffer_refusals_total", "Requests refused because the budget stayed used up.");
};
PoolMetrics& Metrics() {
  static PoolMetrics metrics;
  return metrics;
}

}  // namespace

struct BufferPool::Waiter {
  size_t size_class = 0;
  OneShot<Result<PooledBuffer>> result;
};

PooledBuffer& PooledBuffer::operator=(PooledBuffer&& other) noexcept {
  if (this != &other) {
    Release();
    pool_ = std::exchange(other.pool_, nullptr);
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
    size_class_ = std::exchange(other.size_class_, 0);
  }
  return *this;
}

void PooledBuffer::Release() {
  if (data_ != nullptr) pool_->Return(std::exchange(data_, nullptr), size_class_);
  size_ = 0;
}

BufferPool::BufferPool(uint64_t budget_bytes) : budget_bytes_(budget_bytes) {
  Metrics().limit.Set(static_cast<double>(budget_bytes));
}

BufferPool::~BufferPool() {
  CHECK(lent_ == 0);
  for (size_t size_class = 0; size_class < free_.size(); ++size_class) {
    for (uint8_t* data : free_[size_class]) UnmapBlock(data, size_class);
  }
}

uint64_t BufferPool::bytes_lent() const {
  const std::lock_guard lock(mutex_);
  return lent_;
}

uint8_t* BufferPool::MapBlock(size_t size_class) {
  const size_t bytes = size_class * kClassBytes;
  uint8_t* block = nullptr;
  if (IsLarge(size_class)) {
    if (arenas_.size() <= size_class) arenas_.resize(size_class + 1);
    std::unique_ptr<BlockArena>& arena = arenas_[size_class];
    if (arena == nullptr) arena = std::make_unique<BlockArena>(bytes, budget_bytes_ / bytes);
    block = arena->Take();
  } else {
    void* mapped = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped != MAP_FAILED) block = static_cast<uint8_t*>(mapped);
  }
  if (block != nullptr) Metrics().held.Increment(static_cast<double>(bytes));
  return block;
}

void BufferPool::UnmapBlock(uint8_t* data, size_t size_class) {
  const size_t bytes = size_class * kClassBytes;
  if (IsLarge(size_class)) {
    arenas_[size_class]->Give(data);
  } else {
    munmap(data, bytes);
  }
  Metrics().held.Decrement(static_cast<double>(bytes));
}

bool BufferPool::TryTake(size_t size_class, PooledBuffer* out) {
  const uint64_t bytes = size_class * kClassBytes;
  if (lent_ + bytes > budget_bytes_) return false;
  if (free_.size() <= size_class) free_.resize(size_class + 1);
  uint8_t* data = nullptr;
  if (!free_[size_class].empty()) {
    data = free_[size_class].back();
    free_[size_class].pop_back();
  } else {
    // Idle blocks of other sizes make room first, so that lent and idle together keep the budget.
    uint64_t idle = 0;
    for (size_t i = 0; i < free_.size(); ++i) idle += free_[i].size() * i * kClassBytes;
    for (size_t i = free_.size(); i-- > 0 && lent_ + idle + bytes > budget_bytes_;) {
      while (!free_[i].empty() && lent_ + idle + bytes > budget_bytes_) {
        UnmapBlock(free_[i].back(), i);
        free_[i].pop_back();
        idle -= i * kClassBytes;
      }
    }
    data = MapBlock(size_class);
    if (data == nullptr) return false;
  }
  lent_ += bytes;
  Metrics().lent.Set(static_cast<double>(lent_));
  out->pool_ = this;
  out->data_ = data;
  out->size_ = bytes;
  out->size_class_ = size_class;
  return true;
}

void BufferPool::Return(uint8_t* data, size_t size_class) {
  std::vector<std::pair<std::shared_ptr<Waiter>, PooledBuffer>> served;
  {
    const std::lock_guard lock(mutex_);
    lent_ -= size_class * kClassBytes;
    free_[size_class].push_back(data);
    while (!waiters_.empty()) {
      PooledBuffer buffer;
      if (!TryTake(waiters_.front()->size_class, &buffer)) break;
      served.emplace_back(std::move(waiters_.front()), std::move(buffer));
      waiters_.pop_front();
    }
    Metrics().lent.Set(static_cast<double>(lent_));
  }
  for (auto& [waiter, buffer] : served) waiter->result.Set(std::move(buffer));
}

Task<Result<PooledBuffer>> BufferPool::Acquire(size_t size, Duration patience) {
  const size_t size_class = SizeClass(size);
  if (size_class * kClassBytes > budget_bytes_) {
    co_return Status(Code::kOverloaded, "the buffer is larger than the whole memory budget");
  }
  std::shared_ptr<Waiter> waiter;
  {
    const std::lock_guard lock(mutex_);
    PooledBuffer buffer;
    if (waiters_.empty() && TryTake(size_class, &buffer)) co_return buffer;
    waiter = std::make_shared<Waiter>();
    waiter->size_class = size_class;
    waiters_.push_back(waiter);
  }
  Metrics().waits.Increment();
  Executor::Current()->PostFunctionAfter(patience, [this, weak = std::weak_ptr(waiter)] {
    const std::shared_ptr<Waiter> late = weak.lock();
    if (late == nullptr) return;  // served and gone
    {
      const std::lock_guard lock(mutex_);
      const auto place = std::find(waiters_.begin(), waiters_.end(), late);
      if (place == waiters_.end()) return;
      waiters_.erase(place);
    }
    Metrics().refusals.Increment();
    late->result.Set(Status(Code::kOverloaded, "the memory budget for data is used up"));
  });
  co_return co_await waiter->result;
}

}  // namespace ashlar
