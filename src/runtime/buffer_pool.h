// BufferPool: the byte budget for data in flight, and the blocks it lends.
//
// Invariants
//  1. Bytes lent never exceed the budget: who gets none within its patience is told kOverloaded,
//     before any work, and the client sees 503 SlowDown. Memory does not grow with load.
//  2. Waiters are served in order.
// Thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "runtime/block_arena.h"
#include "runtime/executor.h"
#include "runtime/sync.h"

namespace ashlar {

class BufferPool;

// A lent block; goes back when destroyed. Content is undefined.
class PooledBuffer {
 public:
  PooledBuffer() = default;
  PooledBuffer(PooledBuffer&& other) noexcept { *this = std::move(other); }
  PooledBuffer& operator=(PooledBuffer&& other) noexcept;
  ~PooledBuffer() { Release(); }
  uint8_t* data() const { return data_; }
  size_t size() const { return size_; }
  MutableByteSpan span() const { return {data_, size_}; }
  explicit operator bool() const { return data_ != nullptr; }
  void Release();

 private:
  friend class BufferPool;
  BufferPool* pool_ = nullptr;
  uint8_t* data_ = nullptr;
  size_t size_ = 0;
  size_t size_class_ = 0;
};

using SharedBuffer = std::shared_ptr<PooledBuffer>;

class BufferPool {
 public:
  explicit BufferPool(uint64_t budget_bytes);
  ~BufferPool();
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;

  // A block of at least `size` bytes, 4 KiB-aligned. Waits up to `patience`, then kOverloaded.
  Task<Result<PooledBuffer>> Acquire(size_t size, Duration patience);
  uint64_t budget_bytes() const { return budget_bytes_; }
  uint64_t bytes_lent() const;

 private:
  friend class PooledBuffer;
  struct Waiter;
  bool TryTake(size_t size_class, PooledBuffer* out);  // holds mutex_
  void Return(uint8_t* data, size_t size_class);
  // Memory from the system and back, one block at a time, so that the gauge knows all of it.
  uint8_t* MapBlock(size_t size_class);
  void UnmapBlock(uint8_t* data, size_t size_class);

  const uint64_t budget_bytes_;
  mutable std::mutex mutex_;
  uint64_t lent_ = 0;
  std::deque<std::shared_ptr<Waiter>> waiters_;
  std::vector<std::vector<uint8_t*>> free_;          // by size class
  std::vector<std::unique_ptr<BlockArena>> arenas_;  // of large blocks, by size class
};

}  // namespace ashlar
