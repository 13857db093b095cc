// Memory of coroutine frames. A small request runs through dozens of coroutines, so frames are kept
// by size on the thread that freed them and taken from there again.
//
// What a thread keeps is bounded (kFramesKeptBytes of each size); more goes back to the heap, as
// does all of it when the thread ends. Builds with sanitizers use the heap alone, so that they see
// who touches a frame that is gone.
#pragma once

#include <cstddef>

namespace ashlar::internal {

inline constexpr size_t kFrameGranularity = 64;
inline constexpr size_t kPooledFrameBytesMax = 2048;
inline constexpr size_t kFramesKeptBytes = 64 * 1024;  // of each size, on each thread

[[nodiscard]] void* AllocateFrame(size_t size);
void FreeFrame(void* frame, size_t size) noexcept;

// Base of promises whose frames come from here.
struct PooledFrame {
  static void* operator new(size_t size) { return AllocateFrame(size); }
  static void operator delete(void* frame, size_t size) noexcept { FreeFrame(frame, size); }
};

}  // namespace ashlar::internal
