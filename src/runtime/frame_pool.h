// Memory of what lives as long as a request: coroutine frames, and through pooled.h strings,
// vectors and shared state. A small request makes dozens of them, so blocks are kept by size on the
// thread that freed them and taken from there again.
//
// What a thread keeps is bounded (kFramesKeptBytes of each small size, kLargeKeptBytes of all large
// ones); more goes back to the heap, as does all of it when the thread ends. Builds with sanitizers
// use the heap alone, so that they see who touches a block that is gone.
#pragma once

#include <cstddef>

namespace ashlar::internal {

inline constexpr size_t kFrameGranularity = 64;
inline constexpr size_t kPooledFrameBytesMax = 2048;        // small: multiples of the granularity
inline constexpr size_t kFramesKeptBytes = 64 * 1024;       // of each small size, on each thread
inline constexpr size_t kLargeBlockBytesMax = 64 * 1024;    // large: powers of two
inline constexpr size_t kLargeKeptBytes = 2 * 1024 * 1024;  // of all large sizes, on each thread

[[nodiscard]] void* AllocateFrame(size_t size);
void FreeFrame(void* frame, size_t size) noexcept;

// Base of what is made one by one and comes from here: promises of coroutines, and classes with a
// virtual destructor.
struct PooledFrame {
  static void* operator new(size_t size) { return AllocateFrame(size); }
  static void operator delete(void* frame, size_t size) noexcept { FreeFrame(frame, size); }
};

}  // namespace ashlar::internal
