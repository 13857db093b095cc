#include "runtime/frame_pool.h"

#include <array>
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

// Without a destructor, so that frames which end after the thread's other objects may still come.
struct ThreadFrames {
  std::array<FreeList, kPooledFrameBytesMax / kFrameGranularity + 1> lists;
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

size_t SizeClass(size_t size) { return (size + kFrameGranularity - 1) / kFrameGranularity; }

}  // namespace

void* AllocateFrame(size_t size) {
  if (size > kPooledFrameBytesMax) return ::operator new(size);
  const size_t size_class = SizeClass(size);
  FreeList& list = frames.lists[size_class];
  if (list.first == nullptr) return ::operator new(size_class* kFrameGranularity);
  FreeFrameLink* const link = list.first;
  list.first = link->next;
  --list.count;
  return link;
}

void FreeFrame(void* frame, size_t size) noexcept {
  const size_t size_class = SizeClass(size);
  if (size > kPooledFrameBytesMax || frames.closed) {
    ::operator delete(frame);
    return;
  }
  FreeList& list = frames.lists[size_class];
  if (list.count * size_class * kFrameGranularity >= kFramesKeptBytes) {
    ::operator delete(frame);
    return;
  }
  thread_local const Closer closer;
  (void)closer.armed;
  list.first = ::new (frame) FreeFrameLink{list.first};
  ++list.count;
}

#endif

}  // namespace ashlar::internal
