#include "runtime/block_arena.h"

#include <sys/mman.h>

#include <memory>

#include "base/check.h"

namespace ashlar {
namespace {

constexpr size_t kHugePageBytes = 2 * 1024 * 1024;

}  // namespace

BlockArena::BlockArena(size_t block_bytes, size_t blocks_max)
    : block_bytes_(block_bytes), mapped_bytes_(block_bytes * blocks_max + kHugePageBytes) {
  CHECK(block_bytes > 0 && block_bytes % 4096 == 0);
  void* begin = mmap(nullptr, mapped_bytes_, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (begin == MAP_FAILED) {
    mapped_ = next_ = end_ = nullptr;
    return;
  }
  mapped_ = static_cast<uint8_t*>(begin);
  size_t room = mapped_bytes_;
  begin = std::align(kHugePageBytes, block_bytes * blocks_max, begin, room);
  next_ = static_cast<uint8_t*>(begin);
  end_ = next_ + block_bytes * blocks_max;
  (void)madvise(next_, block_bytes * blocks_max, MADV_HUGEPAGE);
}

BlockArena::~BlockArena() {
  if (mapped_ != nullptr) munmap(mapped_, mapped_bytes_);
}

uint8_t* BlockArena::Take() {
  if (!free_.empty()) {
    uint8_t* const block = free_.back();
    free_.pop_back();
    return block;
  }
  if (next_ == end_) return nullptr;
  uint8_t* const block = next_;
  next_ += block_bytes_;
  return block;
}

void BlockArena::Give(uint8_t* block) {
  CHECK(madvise(block, block_bytes_, MADV_DONTNEED) == 0);
  free_.push_back(block);
}

}  // namespace ashlar
