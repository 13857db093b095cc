#include "runtime/frame_pool.h"

#include <array>
#include <bit>
#include <cstdint>
#include <new>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define ASHLAR_HEAP_FRAMES
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ASHLAR_HEAP_FRAMES
#endif

namespace ashlar::internal {

#ifdef ASHLAR_HEAP_FRAMES

void* AllocateFrame(size_t size) { return ::operator new(size); }
void FreeFrame(void* frame, size_t) noexcept { ::operator delete(frame); }

#else

namespace {

struct FreeFrameLink {
  FreeFrameLink* next;
};
struct FreeList {
  FreeFrameLink* first;
  uint32_t count;
};

constexpr size_t kSmallClasses = kPooledFrameBytesMax / kFrameGranularity + 1;
constexpr size_t kLargeClasses = std::bit_width(kLargeBlockBytesMax / kPooledFrameBytesMax) - 1;
constexpr size_t kNotPooled = kSmallClasses + kLargeClasses;

// Without a destructor, so that frames which end after the thread's other objects may still come.
struct ThreadFrames {
  std::array<FreeList, kSmallClasses + kLargeClasses> lists;
  size_t large_kept_bytes;
  bool closed;
};
constinit thread_local ThreadFrames frames{};

// Gives everything back when the thread ends.
struct Closer {
  bool armed = true;
  ~Closer() {
    frames.closed = true;
    for (FreeList& list : frames.lists) {
      while (list.first != nullptr) {
        FreeFrameLink* const link = list.first;
        list.first = link->next;
        ::operator delete(link);
      }
    }
  }
};

// The list that blocks of this size are kept in; kNotPooled: none.
size_t SizeClass(size_t size) {
  if (size <= kPooledFrameBytesMax) return (size + kFrameGranularity - 1) / kFrameGranularity;
  if (size > kLargeBlockBytesMax) return kNotPooled;
  return kSmallClasses + std::bit_width((size - 1) / kPooledFrameBytesMax) - 1;
}

size_t BlockBytes(size_t size_class) {
  if (size_class < kSmallClasses) return size_class * kFrameGranularity;
  return kPooledFrameBytesMax << (size_class - kSmallClasses + 1);
}

}  // namespace

void* AllocateFrame(size_t size) {
  const size_t size_class = SizeClass(size);
  if (size_class == kNotPooled) return ::operator new(size);
  FreeList& list = frames.lists[size_class];
  if (list.first == nullptr) return ::operator new(BlockBytes(size_class));
  FreeFrameLink* const link = list.first;
  list.first = link->next;
  --list.count;
  if (size_class >= kSmallClasses) frames.large_kept_bytes -= BlockBytes(size_class);
  return link;
}

void FreeFrame(void* frame, size_t size) noexcept {
  const size_t size_class = SizeClass(size);
  if (size_class == kNotPooled || frames.closed) {
    ::operator delete(frame);
    return;
  }
  FreeList& list = frames.lists[size_class];
  const size_t block_bytes = BlockBytes(size_class);
  const bool full = size_class < kSmallClasses
                        ? list.count * block_bytes >= kFramesKeptBytes
                        : frames.large_kept_bytes + block_bytes > kLargeKeptBytes;
  if (full) {
    ::operator delete(frame);
    return;
  }
  thread_local const Closer closer;
  (void)closer.armed;
  list.first = ::new (frame) FreeFrameLink{list.first};
  ++list.count;
  if (size_class >= kSmallClasses) frames.large_kept_bytes += block_bytes;
}

#endif

}  // namespace ashlar::internal
